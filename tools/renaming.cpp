// SPDX-License-Identifier: Apache-2.0
#include "renaming.hpp"

#include <varscope/error.hpp>

#include <regex>
#include <set>
#include <utility>

namespace varscope::tools {

namespace {

// std::regex recurses for each character; with longer names it could use up the stack.
constexpr std::size_t kMaxBytesForExpressions = 1024;

}  // namespace

struct Renaming::Rule {
  enum class Kind { name, prefix, expression };
  Kind kind = Kind::name;
  std::string from;
  std::string to;
  std::regex expression = {};
  bool used = false;

  static const char* option(Kind kind) noexcept {
    return kind == Kind::name ? "--map" : kind == Kind::prefix ? "--prefix" : "--regex";
  }

  Rule(Kind rule_kind, const std::string& text) : kind(rule_kind) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw InvalidArgumentError(std::string(option(kind)) + " '" + text +
                                 "' is no rule; write OLD=NEW, e.g. " + option(kind) +
                                 (kind == Kind::name     ? " conv1/w=conv1/weights"
                                  : kind == Kind::prefix ? " model/=image_filters/"
                                                         : " 'layer([0-9]+)=block$1'"));
    }
    from = text.substr(0, equals);
    to = text.substr(equals + 1);
    if (kind != Kind::expression) return;
    try {
      expression.assign(from);
    } catch (const std::regex_error& error) {
      throw InvalidArgumentError("--regex '" + from + "' is no regular expression: " + error.what());
    }
  }

  bool apply(const std::string& name, std::string& renamed) const {
    switch (kind) {
      case Kind::name:
        renamed = to;
        return name == from;
      case Kind::prefix:
        if (!name.starts_with(from)) return false;
        renamed = to + name.substr(from.size());
        return true;
      case Kind::expression:
        if (name.size() > kMaxBytesForExpressions) {
          throw InvalidArgumentError(
              "a name of " + std::to_string(name.size()) + " bytes is too long for --regex '" + from +
              "', which takes 1024; use --map or --prefix for '" + name.substr(0, 60) + "...'");
        }
        if (!std::regex_search(name, expression)) return false;
        renamed = std::regex_replace(name, expression, to);
        return true;
    }
    return false;
  }
};

Renaming::Renaming(const std::vector<std::string>& names, const std::vector<std::string>& prefixes,
                   const std::vector<std::string>& expressions) {
  std::set<std::string> known;
  for (const std::string& text : names) {
    const Rule& rule = rules_.emplace_back(Rule::Kind::name, text);
    if (!known.insert(rule.from).second)
      throw InvalidArgumentError("--map is given twice for '" + rule.from + "'");
  }
  for (const std::string& text : prefixes) rules_.emplace_back(Rule::Kind::prefix, text);
  for (const std::string& text : expressions) rules_.emplace_back(Rule::Kind::expression, text);
}

Renaming::~Renaming() = default;

std::string Renaming::operator()(const std::string& name) {
  std::string renamed;
  for (Rule& rule : rules_) {
    if (!rule.apply(name, renamed)) continue;
    rule.used = true;
    return renamed;
  }
  return name;
}

std::vector<Renaming::UnusedRule> Renaming::unused() const {
  std::vector<UnusedRule> unused;
  for (const Rule& rule : rules_) {
    if (!rule.used) unused.push_back({Rule::option(rule.kind), rule.from});
  }
  return unused;
}

}  // namespace varscope::tools
