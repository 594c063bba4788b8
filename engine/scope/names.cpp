// SPDX-License-Identifier: Apache-2.0
#include "scope/names.hpp"

#include <varscope/error.hpp>
#include <varscope/variable_scope.hpp>

#include <algorithm>

namespace varscope::detail {

namespace {

bool is_letter_or_digit(char character) noexcept {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9');
}

bool is_name_character(char character) noexcept {
  return is_letter_or_digit(character) || character == '_' || character == '.' || character == '-' ||
         character == '/';
}

std::string_view last_component(std::string_view name) noexcept {
  return name.substr(name.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace

bool is_valid_op_name(std::string_view name) noexcept {
  return !name.empty() && (is_letter_or_digit(name.front()) || name.front() == '.') &&
         std::all_of(name.begin(), name.end(), is_name_character);
}

bool is_valid_scope_name(std::string_view name, bool at_root) noexcept {
  return at_root ? is_valid_op_name(name) : std::all_of(name.begin(), name.end(), is_name_character);
}

void require_valid_op_name(std::string_view name) {
  if (is_valid_op_name(name)) return;
  throw ValueError("'" + std::string(name) +
                   "' is not a valid name: a name begins with a letter, a digit or '.', and goes on with "
                   "letters, digits, '_', '.', '-' or '/'");
}

void require_valid_scope_name(std::string_view name, bool at_root) {
  if (is_valid_scope_name(name, at_root)) return;
  throw ValueError("'" + std::string(name) +
                   "' is not a valid scope name: it consists of letters, digits, '_', '.', '-' and '/'" +
                   (at_root ? ", and at the root begins with a letter, a digit or '.'" : ""));
}

std::string lower_case(std::string_view name) {
  std::string lower(name);
  for (char& character : lower) {
    if (character >= 'A' && character <= 'Z') character = static_cast<char>(character - 'A' + 'a');
  }
  return lower;
}

std::size_t edit_distance(std::string_view left, std::string_view right, std::size_t limit) {
  const std::size_t longer = std::max(left.size(), right.size());
  if (longer - std::min(left.size(), right.size()) > limit) return limit + 1;
  // Three rows of the table of distances between prefixes: two before, one before, this one.
  const std::size_t width = right.size() + 1;
  std::vector<std::size_t> before_last(width), last(width), row(width);
  for (std::size_t column = 0; column < width; ++column) last[column] = column;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    row[0] = i;
    std::size_t smallest = i;
    for (std::size_t j = 1; j < width; ++j) {
      const std::size_t replaced = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
      smallest = std::min(smallest, row[j]);
    }
    if (smallest > limit) return limit + 1;
    before_last.swap(last);
    last.swap(row);
  }
  return std::min(last[right.size()], limit + 1);
}

NearestNames::NearestNames(std::string_view wanted) : wanted_(wanted) {}

void NearestNames::consider(std::string_view candidate) {
  constexpr std::size_t shown = 3;
  const std::size_t limit = std::max<std::size_t>(2, wanted_.size() / 3);
  std::size_t distance = edit_distance(wanted_, candidate, limit);
  if (distance > limit) {
    const std::string_view leaf = last_component(wanted_);
    if (leaf.empty() || leaf != last_component(candidate)) return;
  }
  const auto place =
      std::upper_bound(best_.begin(), best_.end(), distance,
                       [](std::size_t wanted, const Candidate& other) { return wanted < other.distance; });
  if (place == best_.end() && best_.size() == shown) return;
  best_.insert(place, Candidate{distance, std::string(candidate)});
  if (best_.size() > shown) best_.pop_back();
}

std::vector<std::string> NearestNames::names() const {
  std::vector<std::string> names;
  for (const Candidate& candidate : best_) names.push_back(candidate.name);
  return names;
}

std::string NearestNames::question() const {
  if (best_.empty()) return {};
  std::string text = "Did you mean ";
  for (std::size_t index = 0; index < best_.size(); ++index) {
    if (index != 0) text += index + 1 == best_.size() ? " or " : ", ";
    text += "'" + best_[index].name + "'";
  }
  return text + "?";
}

}  // namespace varscope::detail

namespace varscope {

namespace {

/// What stands in front of the name of a control input or of a colocation.
std::string_view marker_of(std::string_view name) noexcept {
  for (const std::string_view marker : {"^", "loc:@"}) {
    if (name.starts_with(marker)) return name.substr(0, marker.size());
  }
  return {};
}

std::string_view without_final_slash(std::string_view scope) noexcept {
  return scope.ends_with('/') ? scope.substr(0, scope.size() - 1) : scope;
}

}  // namespace

std::string strip_name_scope(std::string_view name, std::string_view export_scope) {
  const std::string_view marker = marker_of(name);
  const std::string_view scope = without_final_slash(export_scope);
  std::string_view rest = name.substr(marker.size());
  if (export_scope.empty() || !rest.starts_with(scope)) return std::string(name);
  rest.remove_prefix(scope.size());
  if (!rest.starts_with('/')) return std::string(name);
  rest.remove_prefix(std::min(rest.find_first_not_of('/'), rest.size()));
  return std::string(marker) + std::string(rest);
}

std::string prepend_name_scope(std::string_view name, std::string_view import_scope) {
  if (import_scope.empty()) return std::string(name);
  const std::string_view marker = marker_of(name);
  return std::string(marker) + std::string(without_final_slash(import_scope)) + "/" +
         std::string(name.substr(marker.size()));
}

}  // namespace varscope
