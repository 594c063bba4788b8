// SPDX-License-Identifier: Apache-2.0
// What a message must say.
#pragma once

#include <varscope/error.hpp>

#include <initializer_list>
#include <string_view>

namespace varscope::testing {

/// Whether the message holds every one of the facts.
inline bool contains(const Error& error, std::initializer_list<std::string_view> facts) {
  const std::string_view message = error.what();
  for (std::string_view fact : facts) {
    if (message.find(fact) == std::string_view::npos) return false;
  }
  return true;
}

}  // namespace varscope::testing
