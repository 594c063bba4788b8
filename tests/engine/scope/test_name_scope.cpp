// SPDX-License-Identifier: Apache-2.0
// SEMANTICS B: name scopes.
#include "scope_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <thread>

BOOST_AUTO_TEST_SUITE(test_name_scope)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

BOOST_FIXTURE_TEST_SUITE(name_scopes, NewGraph)

BOOST_AUTO_TEST_CASE(B1_a_scope_opens_below_the_current_one_and_is_made_unique) {
  {
    const auto a = vs::name_scope("foo");
    BOOST_TEST(a.name() == "foo/");
    BOOST_TEST(ns() == "foo");
    const auto b = vs::name_scope("bar");
    BOOST_TEST(b.name() == "foo/bar/");
  }
  BOOST_TEST(vs::name_scope("foo").name() == "foo_1/");
}

BOOST_AUTO_TEST_CASE(B2_scopes_and_operations_share_one_table) {
  BOOST_TEST(op("x") == "x");
  BOOST_TEST(vs::name_scope("x").name() == "x_1/");
  (void)vs::name_scope("y").name();
  BOOST_TEST(op("y") == "y_1");
}

BOOST_AUTO_TEST_CASE(B3_a_final_slash_means_exactly_that_scope) {
  std::string foo;
  {
    const auto scope = vs::name_scope("foo");
    foo = scope.name();
    op("c");
  }
  {
    const auto other = vs::name_scope("other");
    const auto again = vs::name_scope(foo);
    BOOST_TEST(again.name() == "foo/");
    BOOST_TEST(op("c") == "foo/c_1");
  }
  BOOST_TEST(vs::name_scope("fresh/").name() == "fresh/");
  BOOST_TEST(vs::name_scope("fresh").name() == "fresh/");  // was not reserved by the absolute form
}

BOOST_AUTO_TEST_CASE(B4_one_slash_is_removed_no_more) {
  const auto foo = vs::name_scope("foo");
  {
    const auto root = vs::name_scope("/");
    BOOST_TEST(root.name() == "/");
    BOOST_TEST(ns() == "");
  }
  const auto x = vs::name_scope("x//");
  BOOST_TEST(x.name() == "x//");
  BOOST_TEST(ns() == "x/");
}

BOOST_AUTO_TEST_CASE(B5_no_name_and_the_empty_name_go_to_the_root) {
  {
    const auto foo = vs::name_scope("foo");
    {
      const auto root = vs::name_scope(std::nullopt);
      BOOST_TEST(root.name() == "");
      BOOST_TEST(op("c") == "c");
    }
    const auto root = vs::name_scope("");
    BOOST_TEST(root.name() == "");
    BOOST_TEST(op("c") == "c_1");
  }
  BOOST_TEST(ns() == "");
}

BOOST_AUTO_TEST_CASE(B6_the_first_scope_of_a_path_obeys_the_rule_of_op_names) {
  for (const std::string bad : {"_a", "-a", "/a", "a:0", "a b"}) {
    BOOST_CHECK_EXCEPTION((void)vs::name_scope(bad), vs::ValueError, says({bad, "not a valid scope name"}));
  }
  const auto r = vs::name_scope("r");
  BOOST_TEST(vs::name_scope("_a").name() == "r/_a/");
  BOOST_TEST(vs::name_scope("-a").name() == "r/-a/");
  BOOST_CHECK_EXCEPTION((void)vs::name_scope("a:0"), vs::ValueError, says({"a:0", "not a valid scope name"}));
  BOOST_TEST(ns() == "r");
}

BOOST_AUTO_TEST_CASE(B7_the_default_name_is_for_no_name_only) {
  BOOST_TEST(vs::name_scope(std::nullopt, "d").name() == "d/");
  BOOST_TEST(vs::name_scope("n", "d").name() == "n/");
  BOOST_TEST(vs::name_scope("", "d").name() == "");
}

BOOST_AUTO_TEST_CASE(B8_an_exception_restores_the_name_scope) {
  try {
    const auto a = vs::name_scope("a");
    throw std::runtime_error("inside");
  } catch (const std::runtime_error&) {
  }
  BOOST_TEST(ns() == "");
}

BOOST_AUTO_TEST_CASE(B9_the_stack_is_the_threads_and_the_names_are_the_graphs) {
  Names seen;
  const auto a = vs::name_scope("a");
  std::thread([&] {
    const auto building_here = graph.as_default();
    seen.push_back(ns());
    seen.push_back(vs::name_scope("a").name());
  }).join();
  BOOST_TEST(seen == (Names{"", "a_1/"}), per_element());
  BOOST_TEST(ns() == "a");
}

BOOST_AUTO_TEST_CASE(A10_stripping_and_prepending_are_inverse) {
  for (const char* scope : {"s", "s/", "s/t", "s.t"}) {
    for (const char* name : {"a", "a/b:0", "s/a", "^a", "loc:@a"}) {
      BOOST_TEST(vs::strip_name_scope(vs::prepend_name_scope(name, scope), scope) == name);
    }
  }
  BOOST_TEST(vs::strip_name_scope("s/a", "s") == "a");
  BOOST_TEST(vs::strip_name_scope("^s//a", "s/") == "^a");
  BOOST_TEST(vs::prepend_name_scope("loc:@a", "s/t") == "loc:@s/t/a");
  for (const char* outside : {"s", "st/a", "t/a", "t/s/a", "sxt/a"}) {
    BOOST_TEST(vs::strip_name_scope(outside, "s") == outside);
    BOOST_TEST(vs::strip_name_scope(outside, "s.t") == outside);  // no regular expression
  }
  BOOST_TEST(vs::strip_name_scope("a", "") == "a");
  BOOST_TEST(vs::prepend_name_scope("a", "") == "a");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
