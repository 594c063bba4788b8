// SPDX-License-Identifier: Apache-2.0
#include "scope_program.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace varscope::tools {

namespace {

using Kind = ScopeStatement::Kind;
using NameKind = ScopeStatement::NameKind;

// Deeper programs would only exhaust the stack of whoever runs them.
constexpr std::size_t kDeepestNesting = 100;

// What stands between a keyword and its options.
enum class Operand {
  none,
  scope_name,  // NAME, none or @ID
  name,        // NAME, an identifier, or the kind of an op
  identifiers,
  shape,
  option,          // the value of the option that is the statement's first
  option_or_none,  // the same, or none
};

struct Form {
  std::string_view keyword;
  Kind kind;
  std::string_view operand_text;  // as the manual writes it
  std::array<Operand, 2> operands;
  std::vector<std::string_view> options;
  bool block = false;
};

const std::vector<Form>& forms() {
  using enum Operand;
  static const std::vector<std::string_view> variable_options = {"initializer",
                                                                 "initial_value",
                                                                 "initial_value_function",
                                                                 "regularizer",
                                                                 "constraint",
                                                                 "partitioner",
                                                                 "dtype",
                                                                 "trainable",
                                                                 "collections",
                                                                 "custom_getter",
                                                                 "as"};
  static const std::vector<Form> list = {
      {"graph", Kind::graph, "", {none, none}, {}},
      {"variable_scope",
       Kind::variable_scope,
       "NAME|@ID|none",
       {scope_name, none},
       {"default", "reuse", "initializer", "regularizer", "constraint", "partitioner", "custom_getter",
        "dtype", "auxiliary_name_scope", "as"},
       true},
      {"scope_object", Kind::scope_object, "NAME", {name, none}, {"reuse", "as"}},
      {"name_scope", Kind::name_scope, "NAME|@ID|none", {scope_name, none}, {"default"}, true},
      {"variable_creator_scope", Kind::variable_creator_scope, "SUFFIX", {name, none}, {"trainable"}, true},
      {"reuse_variables", Kind::reuse_variables, "", {none, none}, {}},
      {"set_initializer", Kind::set_initializer, "C", {option, none}, {"initializer"}},
      {"set_dtype", Kind::set_dtype, "T", {option, none}, {"dtype"}},
      {"set_regularizer", Kind::set_regularizer, "R|none", {option, none}, {"regularizer"}},
      {"set_partitioner", Kind::set_partitioner, "P|none", {option_or_none, none}, {"partitioner"}},
      {"set_custom_getter",
       Kind::set_custom_getter,
       "SUFFIX|none",
       {option_or_none, none},
       {"custom_getter"}},
      {"get_variable", Kind::get_variable, "NAME SHAPE", {name, shape}, variable_options},
      {"get_local_variable", Kind::get_local_variable, "NAME SHAPE", {name, shape}, variable_options},
      {"variable", Kind::variable, "V", {option, none}, {"initial_value", "name", "trainable", "as"}},
      {"create_partitioned_variables",
       Kind::create_partitioned_variables,
       "SHAPE SLICING",
       {shape, option},
       {"partitioner", "initializer", "dtype", "trainable", "collections", "name", "reuse"}},
      {"partition_info", Kind::partition_info, "SHAPE OFFSET", {shape, option}, {"partitioner", "part"}},
      {"op", Kind::op, "KIND [ID...]", {name, identifiers}, {"name", "as"}},
      {"run", Kind::run, "ID", {name, none}, {}},
      {"current", Kind::current, "", {none, none}, {}},
      {"value", Kind::value, "ID", {name, none}, {}},
      {"collection", Kind::collection, "NAME", {name, none}, {"scope"}},
      {"unique_name", Kind::unique_name, "NAME", {name, none}, {"mark_as_used"}},
      {"strip_name_scope", Kind::strip_name_scope, "NAME", {name, none}, {"scope"}},
      {"prepend_name_scope", Kind::prepend_name_scope, "NAME", {name, none}, {"scope"}},
      {"template",
       Kind::make_template,
       "NAME",
       {name, none},
       {"unique_name", "create_scope_now", "as"},
       true},
      {"call", Kind::call, "ID", {name, none}, {}},
      {"raise", Kind::raise, "", {none, none}, {}},
      {"thread", Kind::thread, "", {none, none}, {}, true},
      {"with_graph", Kind::with_graph, "", {none, none}, {}, true},
  };
  return list;
}

struct OpForm {
  std::string_view kind;
  std::size_t arguments;
};
constexpr std::array<OpForm, 14> kOps = {{{"constant", 0},
                                          {"placeholder", 0},
                                          {"identity", 1},
                                          {"add", 2},
                                          {"relu", 1},
                                          {"matmul", 2},
                                          {"conv2d", 2},
                                          {"bias_add", 2},
                                          {"max_pool", 1},
                                          {"assign", 2},
                                          {"assign_add", 2},
                                          {"assign_sub", 2},
                                          {"global_variables_initializer", 0},
                                          {"local_variables_initializer", 0}}};

std::string in_quotes(std::string_view word) {
  return "'" + std::string(word) + "'";
}

std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view blanks = " \t\r";
  std::vector<std::string_view> words;
  for (;;) {
    const auto begin = line.find_first_not_of(blanks);
    if (begin == std::string_view::npos || line[begin] == '#') return words;
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(blanks), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

std::vector<std::string_view> split_at(char separator, std::string_view text) {
  std::vector<std::string_view> parts;
  if (text.empty()) return parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// The empty string is written "".
std::string name_of(std::string_view word) {
  return word == "\"\"" ? std::string() : std::string(word);
}

// Where a name may be left out, and none means the same.
std::string name_or_nothing(std::string_view word) {
  return word == "none" ? std::string() : name_of(word);
}

std::string usage_of(const Form& form) {
  std::string usage(form.keyword);
  if (!form.operand_text.empty()) usage += " " + std::string(form.operand_text);
  const bool operand_is_option = std::any_of(form.operands.begin(), form.operands.end(), [](Operand operand) {
    return operand == Operand::option || operand == Operand::option_or_none;
  });
  for (const std::string_view option : form.options)
    if (!operand_is_option || option != form.options.front()) usage += " [" + std::string(option) + "=...]";
  return usage;
}

// One statement's words: knows where they stand, so that every complaint says it.
class StatementLine {
 public:
  StatementLine(const std::string& file, int line, std::vector<std::string_view> words)
      : file_(file), line_(line), words_(std::move(words)) {}

  std::string_view keyword() const { return words_.front(); }

  [[noreturn]] void fail(const std::string& what) const {
    throw InvalidArgumentError(file_ + ":" + std::to_string(line_) + ": " + what);
  }

  void require_alone() const {
    if (words_.size() > 1)
      fail(in_quotes(words_[1]) + " follows '" + std::string(keyword()) + "', which stands alone");
  }

  const Form& form() const {
    const auto found = std::find_if(forms().begin(), forms().end(),
                                    [this](const Form& form) { return form.keyword == keyword(); });
    if (found != forms().end()) return *found;
    std::string known;
    for (const Form& form : forms()) known += std::string(form.keyword) + ", ";
    fail("no statement is called " + in_quotes(keyword()) + "; there are " + known + "and end");
  }

  ScopeStatement statement(const Form& form) const {
    ScopeStatement statement;
    statement.kind = form.kind;
    statement.line = line_;
    std::size_t next = 1;
    for (const Operand operand : form.operands) {
      if (operand == Operand::none) continue;
      if (operand == Operand::identifiers) {
        while (next < words_.size() && words_[next].find('=') == std::string_view::npos)
          statement.arguments.emplace_back(words_[next++]);
        continue;
      }
      if (next == words_.size()) fail(in_quotes(keyword()) + " lacks a word: " + usage_of(form));
      read_operand(form, operand, words_[next++], statement);
    }
    for (; next < words_.size(); ++next) read_option(form, words_[next], statement.options);
    const ScopeOptions& options = statement.options;
    if (int{options.initializer.has_value()} + int{options.initial_value.has_value()} +
            int{options.initial_value_function.has_value()} >
        1)
      fail(
          "initializer=, initial_value= and initial_value_function= all say how the variable starts: give "
          "one "
          "of them");
    if (!options.dtype_of.empty() && form.kind != Kind::get_variable && form.kind != Kind::get_local_variable)
      fail("only get_variable and get_local_variable take the dtype of another variable");
    if (form.kind == Kind::op) check_op(statement);
    if (form.kind == Kind::make_template && statement.options.as.empty())
      fail("a template without as=ID could never be called: " + usage_of(form));
    return statement;
  }

 private:
  void read_operand(const Form& form, Operand operand, std::string_view word,
                    ScopeStatement& statement) const {
    switch (operand) {
      case Operand::scope_name:
        if (word == "none") {
          statement.name_kind = NameKind::none;
        } else if (word.front() == '@') {
          statement.name_kind = NameKind::identifier;
          statement.name = word.substr(1);
        } else {
          statement.name = name_of(word);
        }
        return;
      case Operand::name:
        statement.name = name_of(word);
        return;
      case Operand::shape:
        statement.shape = shape_of(word);
        return;
      case Operand::option_or_none:
        if (word == "none") {
          statement.name_kind = NameKind::none;
          return;
        }
        [[fallthrough]];
      case Operand::option:
        set_option(form.options.front(), word, statement.options);
        return;
      case Operand::none:
      case Operand::identifiers:
        return;
    }
  }

  void read_option(const Form& form, std::string_view word, ScopeOptions& options) const {
    const auto equals = word.find('=');
    const std::string_view option = word.substr(0, equals);
    const auto allowed = std::find(form.options.begin(), form.options.end(), option) != form.options.end();
    if (equals == std::string_view::npos || !allowed)
      fail("the word " + in_quotes(word) + " does not belong here: " + usage_of(form));
    const auto same = [&](std::string_view other) { return other.substr(0, other.find('=')) == option; };
    if (std::count_if(words_.begin() + 1, words_.end(), same) > 1)
      fail(std::string(option) + "= is given twice");
    set_option(option, word.substr(equals + 1), options);
  }

  void set_option(std::string_view option, std::string_view text, ScopeOptions& options) const {
    if (option == "as") {
      if (text.empty()) fail("as= needs an identifier");
      options.as = text;
    } else if (option == "name") {
      options.name = name_or_nothing(text);
    } else if (option == "default") {
      options.default_name = name_or_nothing(text);
    } else if (option == "unique_name") {
      options.unique_name = name_of(text);
    } else if (option == "scope") {
      options.collection_scope = name_of(text);
    } else if (option == "reuse") {
      options.reuse = text == "auto" ? AUTO_REUSE : Reuse(flag_of(option, text, "true, false or auto"));
    } else if (option == "initializer") {
      options.initializer = number_of(text);
    } else if (option == "initial_value") {
      options.initial_value = value_of(text);
    } else if (option == "initial_value_function") {
      options.initial_value_function = value_of(text);
    } else if (option == "regularizer") {
      options.regularizer = text == "none" ? ScopeRegularizer{} : ScopeRegularizer{number_of(text)};
    } else if (option == "partitioner") {
      options.partitioner = partitioner_of(text);
    } else if (option == "part") {
      options.part = shape_of(text);
    } else if (option == "custom_getter") {
      options.custom_getter = name_of(text);
    } else if (option == "constraint") {
      options.constraint = name_of(text);
    } else if (option == "dtype") {
      if (text.starts_with('@')) {
        options.dtype_of = text.substr(1);
      } else {
        options.dtype = dtype_of_word(text);
      }
    } else if (option == "collections") {
      const auto parts = split_at(',', text);
      options.collections.emplace(parts.begin(), parts.end());
    } else if (option == "auxiliary_name_scope") {
      options.auxiliary_name_scope = flag_of(option, text);
    } else if (option == "trainable") {
      options.trainable = flag_of(option, text);
    } else if (option == "create_scope_now") {
      options.create_scope_now = flag_of(option, text);
    } else if (option == "mark_as_used") {
      options.mark_as_used = flag_of(option, text);
    }
  }

  bool flag_of(std::string_view option, std::string_view text, const char* allowed = "true or false") const {
    if (text != "true" && text != "false")
      fail(std::string(option) + "= must be " + allowed + ", not " + in_quotes(text));
    return text == "true";
  }

  double number_of(std::string_view text) const {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
      fail(in_quotes(text) + " is not a number such as 4, 1.5 or 1e-3");
    return number;
  }

  std::int64_t integer_of(std::string_view text) const {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
      fail(in_quotes(text) + " is not a whole number");
    return number;
  }

  ScopePartitioner partitioner_of(std::string_view text) const {
    ScopePartitioner partitioner;
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) {
      for (const std::string_view part : split_at(',', text)) partitioner.numbers.push_back(integer_of(part));
      return partitioner;
    }
    partitioner.stock = text.substr(0, colon);
    for (const std::string_view part : split_at(':', text.substr(colon + 1)))
      partitioner.numbers.push_back(integer_of(part));
    if (partitioner.stock != "fixed_size" && partitioner.stock != "variable_axis_size" &&
        partitioner.stock != "min_max")
      fail("no partitioner is called " + in_quotes(partitioner.stock) +
           "; there are fixed_size, variable_axis_size and min_max");
    const std::size_t most = partitioner.stock == "fixed_size" ? 2 : 3;
    if (partitioner.numbers.empty() || partitioner.numbers.size() > most)
      fail(partitioner.stock + " takes 1 to " + std::to_string(most) + " numbers");
    return partitioner;
  }

  // What stands between brackets.
  std::string_view inside_brackets(std::string_view text, const char* wanted) const {
    if (text.size() < 2 || text.front() != '[' || text.back() != ']')
      fail(in_quotes(text) + " is not " + wanted);
    return text.substr(1, text.size() - 2);
  }

  std::optional<Shape> shape_of(std::string_view text) const {
    if (text == "none") return std::nullopt;
    std::vector<std::int64_t> dimensions;
    for (const std::string_view part :
         split_at(',', inside_brackets(text, "a shape such as [5,5,32,32], [] or none"))) {
      const std::int64_t dimension = part == "?" ? unknown_dimension : integer_of(part);
      if (dimension < unknown_dimension) fail(in_quotes(text) + " has a dimension below 0");
      dimensions.push_back(dimension);
    }
    return Shape(std::move(dimensions));
  }

  ScopeValue value_of(std::string_view text) const {
    ScopeValue value;
    value.list = text.starts_with('[');
    const auto parts = value.list ? split_at(',', inside_brackets(text, "a list such as [1.0,2.0]"))
                                  : std::vector<std::string_view>{text};
    value.integral = !parts.empty();
    for (const std::string_view part : parts) {
      value.numbers.push_back(number_of(part));
      value.integral = value.integral && part.find_first_not_of("-0123456789") == std::string_view::npos;
    }
    return value;
  }

  DType dtype_of_word(std::string_view text) const {
    try {
      return dtype_from_name(text);
    } catch (const Error& error) {
      fail(error.what());
    }
  }

  void check_op(const ScopeStatement& statement) const {
    std::string known;
    for (const OpForm& op : kOps) {
      if (op.kind == statement.name) {
        if (op.arguments != statement.arguments.size())
          fail("op " + statement.name + " has " + std::to_string(op.arguments) + " argument" +
               (op.arguments == 1 ? "" : "s") + ", not " + std::to_string(statement.arguments.size()));
        return;
      }
      known += (known.empty() ? "" : ", ") + std::string(op.kind);
    }
    fail("no op is called " + in_quotes(statement.name) + "; there are " + known);
  }

  const std::string& file_;
  int line_;
  std::vector<std::string_view> words_;
};

}  // namespace

ScopeProgram parse_scope_program(std::string file, std::string_view text, int first_line) {
  ScopeProgram program{std::move(file), {}};
  std::vector<ScopeStatement> open;  // blocks that wait for their `end`, the innermost last
  const auto add = [&](ScopeStatement statement) {
    (open.empty() ? program.statements : open.back().body).push_back(std::move(statement));
  };
  for (int line = first_line; !text.empty(); ++line) {
    const auto length = std::min(text.find('\n'), text.size());
    const std::vector<std::string_view> words = words_of(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
    if (words.empty()) continue;
    const StatementLine statement_line(program.file, line, words);
    if (statement_line.keyword() == "end") {
      statement_line.require_alone();
      if (open.empty()) statement_line.fail("'end' closes nothing: no block is open");
      ScopeStatement block = std::move(open.back());
      open.pop_back();
      add(std::move(block));
      continue;
    }
    const Form& form = statement_line.form();
    if (!form.block) {
      add(statement_line.statement(form));
      continue;
    }
    if (open.size() == kDeepestNesting)
      statement_line.fail("more than " + std::to_string(kDeepestNesting) + " blocks are inside each other");
    open.push_back(statement_line.statement(form));
  }
  if (!open.empty())
    throw InvalidArgumentError(program.file + ":" + std::to_string(open.back().line) +
                               ": this block has no 'end'");
  return program;
}

}  // namespace varscope::tools
