// SPDX-License-Identifier: Apache-2.0
#include "variable_path.hpp"

#include <varscope/error.hpp>

#include <algorithm>

namespace varscope::io {

namespace {

void append_encoded(std::string& text, char character) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(character);
  text += '%';
  text += kDigits[byte >> 4];
  text += kDigits[byte & 15];
}

std::string encoded_component(std::string_view component) {
  std::string text;
  for (const char character : component) {
    const bool printable = character >= 0x20 && character < 0x7F;
    if (printable && character != '%' && character != ':') {
      text += character;
    } else {
      append_encoded(text, character);
    }
  }
  return text;
}

std::string scope_link(std::string_view component) {
  if (component.empty()) return "%";
  if (component == ".") return "%2E";
  if (component == "..") return "%2E%2E";
  return encoded_component(component);
}

std::size_t scope_depth(std::string_view name) noexcept {
  return static_cast<std::size_t>(std::count(name.begin(), name.end(), '/'));
}

/// The beginning of a name that may be very long.
std::string shortened(std::string_view name) {
  constexpr std::size_t kShown = 60;
  return std::string(name.substr(0, kShown)) + (name.size() > kShown ? "..." : "");
}

}  // namespace

bool is_storable_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kMaxVariableNameBytes && scope_depth(name) <= kMaxScopeDepth;
}

std::vector<std::string> variable_path_links(std::string_view name) {
  if (name.empty()) throw ValueError("a variable in a checkpoint needs a name, but it is empty");
  if (name.size() > kMaxVariableNameBytes) {
    throw ValueError("the variable name '" + shortened(name) + "' has " + std::to_string(name.size()) +
                     " bytes; a checkpoint takes at most " + std::to_string(kMaxVariableNameBytes));
  }
  if (scope_depth(name) > kMaxScopeDepth) {
    throw ValueError("the variable name '" + shortened(name) + "' is within " +
                     std::to_string(scope_depth(name)) + " scopes; a checkpoint takes at most " +
                     std::to_string(kMaxScopeDepth));
  }
  std::vector<std::string> links;
  for (std::size_t slash = name.find('/'); slash != std::string_view::npos; slash = name.find('/')) {
    links.push_back(scope_link(name.substr(0, slash)));
    name.remove_prefix(slash + 1);
  }
  links.push_back(encoded_component(name) + ":0");
  return links;
}

std::string variable_path(std::string_view name) {
  std::string path;
  for (const std::string& link : variable_path_links(name)) path += "/" + link;
  return path;
}

}  // namespace varscope::io
