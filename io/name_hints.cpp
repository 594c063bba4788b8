// SPDX-License-Identifier: Apache-2.0
#include "name_hints.hpp"

#include <varscope/nearest_names.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace varscope {

namespace {

constexpr std::size_t kMaxNames = 3;
constexpr std::size_t kMaxComparisons = 300000;  // of one NameHints
constexpr std::size_t kMaxComparedBytes = 256;   // longer names are not compared: the work is quadratic

/// Levenshtein's distance: how many characters must be put in, left out or replaced.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t k = 0; k < row.size(); ++k) row[k] = k;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t k = 0; k < b.size(); ++k) {
      const std::size_t replaced = diagonal + (a[i] == b[k] ? 0 : 1);
      diagonal = row[k + 1];
      row[k + 1] = std::min({replaced, diagonal + 1, row[k] + 1});
    }
  }
  return row.back();
}

std::string_view leaf(std::string_view name) {
  return name.substr(name.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace

std::vector<std::string> nearest_names(std::string_view wanted, std::span<const std::string> names) {
  std::vector<std::pair<std::size_t, std::string_view>> near;
  for (const std::string& name : names) {
    if (name.size() > kMaxComparedBytes || wanted.size() > kMaxComparedBytes) continue;
    std::size_t distance = edit_distance(wanted, name);
    // The same variable under another scope is what restoring a renamed model looks for.
    if (leaf(wanted) == leaf(name)) distance = std::min<std::size_t>(distance, 1 + wanted.size() / 4);
    if (distance <= 1 + wanted.size() / 3) near.emplace_back(distance, name);
  }
  std::sort(near.begin(), near.end());
  if (near.size() > kMaxNames) near.resize(kMaxNames);
  std::vector<std::string> nearest;
  for (const auto& [distance, name] : near) nearest.emplace_back(name);
  return nearest;
}

namespace io {

std::vector<std::string> NameHints::nearest(std::string_view wanted) {
  if (comparisons_ > 0 && comparisons_ + names_.size() > kMaxComparisons) return {};
  comparisons_ += names_.size();
  return nearest_names(wanted, names_);
}

std::string NameHints::describe(std::string_view wanted) {
  return describe_nearest(nearest(wanted));
}

std::string NameHints::describe_nearest(std::vector<std::string> listed) const {
  if (names_.empty()) return "; it holds no variables at all";
  std::string text = listed.empty()       ? "; it holds "
                     : listed.size() == 1 ? "; the nearest is "
                                          : "; the nearest are ";
  const bool near = !listed.empty();
  if (!near)
    listed.assign(names_.begin(),
                  names_.begin() + static_cast<std::ptrdiff_t>(std::min(kMaxNames, names_.size())));
  for (std::size_t k = 0; k < listed.size(); ++k) {
    text += k > 0 ? ", '" : "'";
    text += listed[k];
    text += "'";
  }
  if (!near && names_.size() > listed.size()) text += ", ...";
  return text;
}

}  // namespace io

}  // namespace varscope
