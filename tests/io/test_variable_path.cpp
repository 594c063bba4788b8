// SPDX-License-Identifier: Apache-2.0
#include "support/random.hpp"
#include "variable_path.hpp"

#include <varscope/error.hpp>

#include <boost/test/unit_test.hpp>

#include <map>
#include <set>

BOOST_AUTO_TEST_SUITE(test_variable_path)

using varscope::ValueError;
using varscope::io::is_storable_name;
using varscope::io::variable_path;
using varscope::io::variable_path_bytes;
using varscope::io::variable_path_links;
using varscope::testing::Random;

BOOST_AUTO_TEST_CASE(the_size_is_known_without_the_path) {
  Random random;
  for (int repetition = 0; repetition < 2000; ++repetition) {
    std::string name;
    for (int k = random.integer(1, 12); k > 0; --k)
      name += random.pick(std::vector<char>{'/', '.', 'a', '%', ':', '\x80', '\0'});
    BOOST_TEST(variable_path_bytes(name) == variable_path(name).size());
  }
}

BOOST_AUTO_TEST_CASE(ordinary_names_are_their_own_path) {
  BOOST_TEST(variable_path("v") == "/v:0");
  BOOST_TEST(variable_path("image_filters/conv1/weights") == "/image_filters/conv1/weights:0");
  BOOST_TEST(variable_path("A.b-c_9/x y") == "/A.b-c_9/x y:0");
}

BOOST_AUTO_TEST_CASE(what_hdf5_cannot_carry_is_encoded) {
  BOOST_TEST(variable_path("foo//v") == "/foo/%/v:0");
  BOOST_TEST(variable_path("foo/./v") == "/foo/%2E/v:0");
  BOOST_TEST(variable_path("foo/../v") == "/foo/%2E%2E/v:0");
  BOOST_TEST(variable_path("foo/.../v") == "/foo/.../v:0");
  BOOST_TEST(variable_path("/v") == "/%/v:0");
  BOOST_TEST(variable_path("foo/") == "/foo/:0");
  BOOST_TEST(variable_path(".") == "/.:0");
  BOOST_TEST(variable_path("100%/v") == "/100%25/v:0");
  BOOST_TEST(variable_path("a:0/v") == "/a%3A0/v:0");
  BOOST_TEST(variable_path("gr\xC3\xB6\xC3\x9F"
                           "e") == "/gr%C3%B6%C3%9Fe:0");
  BOOST_TEST(variable_path(std::string_view("a\0b", 3)) == "/a%00b:0");
}

BOOST_AUTO_TEST_CASE(empty_and_endless_names_are_refused) {
  BOOST_CHECK_THROW(variable_path(""), ValueError);
  BOOST_CHECK_NO_THROW(variable_path(std::string(16384, 'x')));
  BOOST_CHECK_THROW(variable_path(std::string(16385, 'x')), ValueError);
  BOOST_CHECK_NO_THROW(variable_path(std::string(1024, '/')));
  BOOST_CHECK_THROW(variable_path(std::string(1025, '/')), ValueError);
  for (const std::size_t size : {0, 1, 1024, 1025, 16384, 16385}) {
    BOOST_TEST(is_storable_name(std::string(size, '/')) == (size >= 1 && size <= 1024));
    BOOST_TEST(is_storable_name(std::string(size, 'x')) == (size >= 1 && size <= 16384));
  }
}

// Different names have different paths, no path is a scope of another, and each link is one that HDF5 takes.
BOOST_AUTO_TEST_CASE(random_names_do_not_meet) {
  Random random;
  const std::string alphabet("./%:02E25ab\0\xFF", 13);
  std::map<std::vector<std::string>, std::string> names;
  std::set<std::vector<std::string>> scopes;
  for (int round = 0; round < 20000; ++round) {
    std::string name;
    const int size = random.integer(1, 7);
    for (int k = 0; k < size; ++k) name += alphabet[random.integer<std::size_t>(0, alphabet.size() - 1)];
    std::vector<std::string> links = variable_path_links(name);
    for (const std::string& link : links) {
      BOOST_TEST_REQUIRE(!link.empty());
      BOOST_TEST_REQUIRE(link != ".");
      BOOST_TEST_REQUIRE(link.find('/') == link.npos);
      BOOST_TEST_REQUIRE(link.find('\0') == link.npos);
    }
    const auto [place, added] = names.emplace(links, name);
    BOOST_TEST_REQUIRE((added || place->second == name));
    while (links.pop_back(), !links.empty()) scopes.insert(links);
  }
  for (const auto& scope : scopes) BOOST_TEST_REQUIRE(!names.contains(scope));
}

BOOST_AUTO_TEST_SUITE_END()
