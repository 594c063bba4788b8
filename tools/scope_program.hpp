// SPDX-License-Identifier: Apache-2.0
// Scope programs: small texts that open scopes and ask for variables, as nested statements. The language:
// docs/scope_programs.md.
#pragma once

#include <varscope/dtype.hpp>
#include <varscope/reuse.hpp>
#include <varscope/shape.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::tools {

/// A value as a program writes it: 4, 1.5 or [1.0,2.0].
struct ScopeValue {
  std::vector<double> numbers;
  bool list = false;
  bool integral = true;  // no number has a fraction or an exponent
};

/// An L2 scale, or the regularizer that adds nothing.
struct ScopeRegularizer {
  std::optional<double> scale;
};

/// A partitioner that always gives the numbers, or one of the library's, which is told them.
struct ScopePartitioner {
  std::string stock;  // fixed_size, variable_axis_size or min_max
  std::vector<std::int64_t> numbers;
};

/// Everything that some statement can be told by `option=value`; unset: not told.
struct ScopeOptions {
  std::string as;    // an identifier
  std::string name;  // of an op or a variable that nobody shares
  std::string default_name;
  std::string unique_name;
  std::string collection_scope;
  std::optional<Reuse> reuse;
  std::optional<double> initializer;
  std::optional<ScopeValue> initial_value;
  std::optional<ScopeValue> initial_value_function;  // what it gives
  std::optional<ScopeRegularizer> regularizer;
  std::optional<ScopePartitioner> partitioner;
  std::optional<Shape> part;
  std::optional<std::string> custom_getter;
  std::optional<std::string> constraint;
  std::optional<DType> dtype;
  std::string dtype_of;  // an identifier
  std::optional<std::vector<std::string>> collections;
  std::optional<bool> auxiliary_name_scope;
  bool trainable = true;
  bool create_scope_now = false;
  bool mark_as_used = true;
};

struct ScopeStatement {
  enum class Kind {
    graph,
    variable_scope,
    scope_object,
    name_scope,
    variable_creator_scope,
    reuse_variables,
    set_initializer,
    set_dtype,
    set_regularizer,
    set_partitioner,
    set_custom_getter,
    get_variable,
    get_local_variable,
    variable,
    create_partitioned_variables,
    partition_info,
    op,
    run,
    current,
    value,
    collection,
    unique_name,
    strip_name_scope,
    prepend_name_scope,
    make_template,
    call,
    raise,
    thread,
    with_graph,
  };
  /// How `name` is meant.
  enum class NameKind { text, none, identifier };

  Kind kind = Kind::graph;
  int line = 0;
  std::string name;  // NAME, ID or KIND
  NameKind name_kind = NameKind::text;
  std::optional<Shape> shape;
  std::vector<std::string> arguments;  // identifiers
  ScopeOptions options;
  std::vector<ScopeStatement> body;  // of a block, without its `end`
};

struct ScopeProgram {
  std::string file;
  std::vector<ScopeStatement> statements;
};

/// Reads a program. Throws InvalidArgumentError: "FILE:LINE: ", the word that is wrong, and what may stand
/// there. `first_line` is the number of the text's first line.
ScopeProgram parse_scope_program(std::string file, std::string_view text, int first_line = 1);

}  // namespace varscope::tools
