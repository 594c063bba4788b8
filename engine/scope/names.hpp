// SPDX-License-Identifier: Apache-2.0
// The rules for names of operations, scopes and variables (SEMANTICS A1, B6), and what messages need of them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::detail {

/// Whether `name` matches [A-Za-z0-9.][A-Za-z0-9_.\-/]*: what an operation or variable may be called in full.
bool is_valid_op_name(std::string_view name) noexcept;

/// Whether `name` may be opened as a scope: below the root it must be a valid op name, inside another scope
/// the first character has no rule of its own (and the name may be empty).
bool is_valid_scope_name(std::string_view name, bool at_root) noexcept;

/// Throw ValueError that quotes the name and says what is allowed.
void require_valid_op_name(std::string_view name);
void require_valid_scope_name(std::string_view name, bool at_root);

/// The name in lower case (ASCII): names are unique without regard to case.
std::string lower_case(std::string_view name);

/// Insertions, deletions, replacements and swaps of neighbours that turn one name into the other (optimal
/// string alignment distance), or `limit + 1` if there are more than `limit`.
std::size_t edit_distance(std::string_view left, std::string_view right, std::size_t limit);

/// Collects the names nearest to a wanted one, for "did you mean" in messages.
class NearestNames {
 public:
  explicit NearestNames(std::string_view wanted);
  void consider(std::string_view candidate);
  /// At most three, nearest first; none that differs in more than a third of its characters, but for names
  /// that end in the same last component, which are always worth showing.
  std::vector<std::string> names() const;
  /// "Did you mean 'a/weights' or 'b/weights'?", or "" if there is nothing near.
  std::string question() const;

 private:
  struct Candidate {
    std::size_t distance;
    std::string name;
  };
  std::string wanted_;
  std::vector<Candidate> best_;
};

}  // namespace varscope::detail
