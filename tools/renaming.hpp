// SPDX-License-Identifier: Apache-2.0
// Renaming: new names for variables, by whole names, by beginnings and by regular expressions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::tools {

/// Of the rules that fit a name one is used: that for the whole name, else the first prefix, else the first
/// regular expression. A name that none fits stays.
class Renaming {
 public:
  /// Each rule is "OLD=NEW", cut at its first '='. Throws InvalidArgumentError for a rule without '=', with
  /// an empty OLD, for a name with two rules, and for a regular expression that is none.
  Renaming(const std::vector<std::string>& names, const std::vector<std::string>& prefixes,
           const std::vector<std::string>& expressions);
  ~Renaming();
  Renaming(const Renaming&) = delete;
  Renaming& operator=(const Renaming&) = delete;

  /// The new name. Throws InvalidArgumentError for a name that is too long for a regular expression.
  std::string operator()(const std::string& name);

  /// Rules that have not fitted any name.
  struct UnusedRule {
    std::string option;  // "--map"
    std::string old_name;
  };
  std::vector<UnusedRule> unused() const;

 private:
  struct Rule;
  std::vector<Rule> rules_;
};

}  // namespace varscope::tools
