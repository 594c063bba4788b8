// SPDX-License-Identifier: Apache-2.0
// SEMANTICS T: collections, trainable and local variables.
#include "scope_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <thread>

BOOST_AUTO_TEST_SUITE(test_collections)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

namespace {

template <typename Items>
Names names(const Items& items) {
  Names names;
  for (const auto& item : items) names.push_back(item.name());
  return names;
}

Names in_collection(std::string_view collection, std::string_view scope = {}) {
  return names(vs::get_collection(collection, scope));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(collections, NewGraph)

BOOST_AUTO_TEST_CASE(T1_which_collections_a_variable_is_in) {
  vs::get_variable("a", vs::Shape{});
  vs::get_variable("b", vs::Shape{}, {.trainable = false});
  vs::get_variable("c", vs::Shape{}, {.collections = Names{"mine"}});
  BOOST_TEST(names(vs::global_variables()) == (Names{"a:0", "b:0"}), per_element());
  BOOST_TEST(names(vs::trainable_variables()) == (Names{"a:0", "c:0"}), per_element());
  BOOST_TEST(in_collection("mine") == (Names{"c:0"}), per_element());
}

BOOST_AUTO_TEST_CASE(T3_the_order_is_that_of_addition) {
  const vs::Variable a = vs::get_variable("a", vs::Shape{});
  vs::add_to_collection("variables", a.op());
  vs::add_to_collection("mine", a.value());
  vs::get_variable("b", vs::Shape{});
  BOOST_TEST(in_collection("variables") == (Names{"a:0", "a", "b:0"}), per_element());
  BOOST_TEST(in_collection("mine") == (Names{"a/read:0"}), per_element());
  BOOST_TEST(names(vs::global_variables()) == (Names{"a:0", "b:0"}), per_element());
  vs::Graph other;
  BOOST_CHECK_EXCEPTION(other.add_to_collection("mine", a), vs::ValueError, says({"a:0", "mine"}));
}

BOOST_AUTO_TEST_CASE(T4_a_scope_is_a_regular_expression) {
  for (const char* scope : {"foo", "foo_bar", "fooXbar", "x/foo"}) {
    const auto open = vs::variable_scope(scope);
    vs::get_variable("a", vs::Shape{});
  }
  BOOST_TEST(in_collection("variables", "foo") == (Names{"foo/a:0", "foo_bar/a:0", "fooXbar/a:0"}),
             per_element());
  BOOST_TEST(in_collection("variables", "foo/") == (Names{"foo/a:0"}), per_element());
  BOOST_TEST(in_collection("variables", ".*foo/") == (Names{"foo/a:0", "x/foo/a:0"}), per_element());
  BOOST_CHECK_EXCEPTION(vs::get_collection("variables", "(foo"), vs::ValueError,
                        says({"(foo", "expression"}));
}

BOOST_AUTO_TEST_CASE(T5_a_scope_asks_for_what_is_below_it) {
  vs::get_variable("a", vs::Shape{});
  vs::VariableScope with_dot;
  for (const char* name : {"foo_", "foo", "a.b", "aXb"}) {
    const auto scope = vs::variable_scope(name);
    vs::get_variable("a", vs::Shape{});
    vs::get_variable("b", vs::Shape{}, {.trainable = false});
    if (std::string_view(name) == "a.b") with_dot = scope.scope();
    if (std::string_view(name) != "foo") continue;
    BOOST_TEST(names(scope.scope().global_variables()) == (Names{"foo/a:0", "foo/b:0"}), per_element());
    BOOST_TEST(names(scope.scope().trainable_variables()) == (Names{"foo/a:0"}), per_element());
    BOOST_TEST(scope.scope().local_variables().empty());
  }
  BOOST_TEST(names(with_dot.trainable_variables()) == (Names{"a.b/a:0", "aXb/a:0"}), per_element());
  BOOST_TEST(names(graph.trainable_variables("a.b")) == (Names{"a.b/a:0"}),
             per_element());  // exactly the scope
  BOOST_TEST(vs::get_variable_scope().global_variables().size() == 9U);
}

BOOST_AUTO_TEST_CASE(T7_a_local_variable_is_in_its_own_collection) {
  vs::VariableScope outer;
  {
    const auto scope = vs::variable_scope("outer");
    outer = scope.scope();
    const vs::Variable v = vs::get_local_variable("w", vs::Shape{}, {.collections = Names{"foo"}});
    BOOST_TEST(v.name() == "outer/w:0");
    BOOST_TEST(!v.trainable());
  }
  BOOST_TEST(names(vs::local_variables()) == (Names{"outer/w:0"}), per_element());
  BOOST_TEST(in_collection("foo") == (Names{"outer/w:0"}), per_element());
  BOOST_TEST(vs::trainable_variables().empty());
  BOOST_TEST(vs::global_variables().empty());
  const auto shared = vs::variable_scope(outer, {.reuse = true});
  BOOST_CHECK(vs::get_local_variable("w", vs::Shape{}) == vs::get_variable("w", vs::Shape{}));
}

BOOST_AUTO_TEST_CASE(additions_of_many_threads_are_all_there) {
  constexpr int per_thread = 500;
  const vs::Variable v = vs::get_variable("v", vs::Shape{});
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&, index] {
      for (int i = 0; i < per_thread; ++i) graph.add_to_collection("c" + std::to_string(index % 2), v);
    });
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(graph.get_collection("c0").size() == 2U * per_thread);
  BOOST_TEST(graph.get_collection("c1").size() == 2U * per_thread);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
