// SPDX-License-Identifier: Apache-2.0
// SEMANTICS A: names of operations.
#include "scope/names.hpp"
#include "scope_fixture.hpp"

#include <varscope/math_ops.hpp>
#include <varscope/nn_ops.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_names)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

BOOST_FIXTURE_TEST_SUITE(operation_names, NewGraph)

BOOST_AUTO_TEST_CASE(A1_invalid_names_are_refused_and_quoted) {
  for (const std::string bad : {"_x", "-x", "/x", "x:0", "a b", "a\\b", "\xC3\xA4"}) {
    BOOST_CHECK_EXCEPTION(op(bad), vs::ValueError, says({bad}));
  }
  BOOST_TEST(op_names().empty());
  BOOST_TEST(op(".x") == ".x");
  BOOST_TEST(op("1x") == "1x");
  BOOST_TEST(op("a-b_c.d/e") == "a-b_c.d/e");
}

BOOST_AUTO_TEST_CASE(A2_a_taken_name_gets_the_next_free_suffix_of_its_base) {
  Names got;
  for (const char* name : {"foo_2", "foo", "foo", "foo", "foo_1", "foo_1", "foo"}) got.push_back(op(name));
  BOOST_TEST(got == (Names{"foo_2", "foo", "foo_1", "foo_3", "foo_1_1", "foo_1_2", "foo_4"}), per_element());
}

BOOST_AUTO_TEST_CASE(A3_uniqueness_ignores_case_and_keeps_the_capitals) {
  Names got;
  for (const char* name : {"foo", "Foo", "FOO", "foo"}) got.push_back(op(name));
  BOOST_TEST(got == (Names{"foo", "Foo_1", "FOO_2", "foo_3"}), per_element());
}

BOOST_AUTO_TEST_CASE(A4_asking_without_reserving_gives_the_same_answer_again) {
  BOOST_TEST(graph.unique_name("z", false) == "z");
  BOOST_TEST(graph.unique_name("z", false) == "z");
  BOOST_TEST(graph.unique_name("z") == "z");
  BOOST_TEST(graph.unique_name("z", false) == "z_1");
  BOOST_TEST(graph.unique_name("z", false) == "z_1");
  BOOST_TEST(graph.unique_name("z") == "z_1");
}

BOOST_AUTO_TEST_CASE(A4_the_current_name_scope_is_put_in_front) {
  const auto scope = vs::name_scope("s");
  BOOST_TEST(graph.unique_name("z") == "s/z");
  BOOST_TEST(op("z") == "s/z_1");
}

BOOST_AUTO_TEST_CASE(A5_only_the_complete_name_is_reserved) {
  BOOST_TEST(op("a/b") == "a/b");
  BOOST_TEST(op("a") == "a");
  BOOST_TEST(op("a/b") == "a/b_1");
  BOOST_TEST(vs::name_scope("a").name() == "a_1/");
}

BOOST_AUTO_TEST_CASE(A6_a_final_slash_means_literally_that_name) {
  const auto scope = vs::name_scope("s");
  BOOST_TEST(op(scope.name()) == "s");
  BOOST_CHECK_EXCEPTION(op(scope.name()), vs::ValueError, says({"'s'"}));
  BOOST_TEST(op("in") == "s/in");
  BOOST_TEST(op_names() == (Names{"s", "s/in"}), per_element());
}

BOOST_AUTO_TEST_CASE(A6_nothing_is_reserved) {
  BOOST_TEST(op("fresh/") == "fresh");
  BOOST_TEST(vs::name_scope("fresh").name() == "fresh/");
}

BOOST_AUTO_TEST_CASE(A7_without_a_name_the_type_is_the_base) {
  const auto scope = vs::name_scope("s");
  BOOST_TEST(op() == "s/Op");
  BOOST_TEST(op() == "s/Op_1");
}

BOOST_AUTO_TEST_CASE(A8_a_tensor_is_named_by_operation_and_output) {
  const auto scope = vs::variable_scope("foo");
  const vs::Tensor sum = 1.0 + vs::get_variable("v", {1});
  BOOST_TEST(sum.name() == "foo/add:0");
}

BOOST_AUTO_TEST_CASE(A9_numbers_are_named_after_operation_and_parameter) {
  const auto scope = vs::variable_scope("foo");
  const vs::Variable v = vs::get_variable("v", {1});
  const vs::Tensor a = 1.0 + v;
  const vs::Tensor b = v + 1.0;
  const vs::Tensor c = v * v;
  BOOST_TEST(a.op().name() == "foo/add");
  BOOST_TEST(b.op().name() == "foo/add_1");
  BOOST_TEST(c.op().name() == "foo/mul");
  BOOST_TEST(has_op("foo/add/x"));
  BOOST_TEST(has_op("foo/add_1/y"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(edit_distances) {
  using vs::detail::edit_distance;
  BOOST_TEST(edit_distance("weights", "weights", 3) == 0U);
  BOOST_TEST(edit_distance("wights", "weights", 3) == 1U);
  BOOST_TEST(edit_distance("wieghts", "weights", 3) == 1U);
  BOOST_TEST(edit_distance("", "abc", 3) == 3U);
  BOOST_TEST(edit_distance("kitten", "sitting", 9) == 3U);
  BOOST_TEST(edit_distance("kitten", "sitting", 2) == 3U);  // more than the limit
  BOOST_TEST(edit_distance("a", "abcdefgh", 2) == 3U);
}

BOOST_AUTO_TEST_CASE(nearest_names_are_few_and_near) {
  vs::detail::NearestNames nearest("conv1/wieghts");
  for (const char* name :
       {"conv2/weights", "conv1/weights", "conv1/biases", "dense/kernel", "other/deep/wieghts"}) {
    nearest.consider(name);
  }
  BOOST_TEST(nearest.names() == (Names{"conv1/weights", "conv2/weights", "other/deep/wieghts"}),
             per_element());
  BOOST_TEST(nearest.question() == "Did you mean 'conv1/weights', 'conv2/weights' or 'other/deep/wieghts'?");
  BOOST_TEST(vs::detail::NearestNames("x").question().empty());
}

BOOST_AUTO_TEST_SUITE_END()
