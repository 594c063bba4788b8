// SPDX-License-Identifier: Apache-2.0
// What a message must say.
#pragma once

#include <varscope/error.hpp>

#include <boost/test/unit_test.hpp>

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

/// The same of a text and one fact; says so where it does not.
inline bool contains(std::string_view text, std::string_view fact) {
  if (text.find(fact) != std::string_view::npos) return true;
  BOOST_TEST_MESSAGE("\"" << text << "\" does not contain \"" << fact << "\"");
  return false;
}

}  // namespace varscope::testing
