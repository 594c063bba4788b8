// SPDX-License-Identifier: Apache-2.0
#include "variable_path.hpp"

#include <varscope/error.hpp>

#include <algorithm>

namespace varscope::io {

namespace {

bool stays_as_it_is(char character) noexcept {
  return character >= 0x20 && character < 0x7F && character != '%' && character != ':';
}

void append_encoded(std::string& text, char character) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(character);
  text += '%';
  text += kDigits[byte >> 4];
  text += kDigits[byte & 15];
}

void append_component(std::string& text, std::string_view component) {
  for (const char character : component) {
    if (stays_as_it_is(character)) {
      text += character;
    } else {
      append_encoded(text, character);
    }
  }
}

void append_scope(std::string& text, std::string_view component) {
  if (component.empty()) {
    text += '%';
  } else if (component == ".") {
    text += "%2E";
  } else if (component == "..") {
    text += "%2E%2E";
  } else {
    append_component(text, component);
  }
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

namespace {

void require_storable_name(std::string_view name) {
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
}

}  // namespace

std::vector<std::string> variable_path_links(std::string_view name) {
  require_storable_name(name);
  std::vector<std::string> links;
  for (std::size_t slash = name.find('/'); slash != std::string_view::npos; slash = name.find('/')) {
    append_scope(links.emplace_back(), name.substr(0, slash));
    name.remove_prefix(slash + 1);
  }
  append_component(links.emplace_back(), name);
  links.back() += ":0";
  return links;
}

std::size_t variable_path_bytes(std::string_view name) noexcept {
  const auto bytes_of = [](std::string_view component) {
    std::size_t bytes = 0;
    for (const char character : component) bytes += stays_as_it_is(character) ? 1 : 3;
    return bytes;
  };
  std::size_t bytes = 0;
  for (std::size_t slash = name.find('/'); slash != std::string_view::npos; slash = name.find('/')) {
    const std::string_view scope = name.substr(0, slash);
    bytes += 1 + (scope.empty() ? 1 : scope == "." ? 3 : scope == ".." ? 6 : bytes_of(scope));
    name.remove_prefix(slash + 1);
  }
  return bytes + 1 + bytes_of(name) + 2;
}

void append_variable_path(std::string& path, std::string_view name) {
  for (std::size_t slash = name.find('/'); slash != std::string_view::npos; slash = name.find('/')) {
    path += '/';
    append_scope(path, name.substr(0, slash));
    name.remove_prefix(slash + 1);
  }
  path += '/';
  append_component(path, name);
  path += ":0";
}

std::string variable_path(std::string_view name) {
  require_storable_name(name);
  std::string path;
  append_variable_path(path, name);
  return path;
}

}  // namespace varscope::io
