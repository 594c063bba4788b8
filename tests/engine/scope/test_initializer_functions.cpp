// SPDX-License-Identifier: Apache-2.0
// SEMANTICS M4, M5 and M10: functions of the caller's as initializers.
#include "scope_fixture.hpp"

#include <varscope/math_ops.hpp>
#include <varscope/session.hpp>

#include <boost/test/unit_test.hpp>

#include <stdexcept>

BOOST_AUTO_TEST_SUITE(test_initializer_functions)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

namespace {

vs::Array pair_of(float first, float second) {
  return vs::Array::of<float>({2}, {first, second});
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(initializer_functions, NewGraph)

BOOST_AUTO_TEST_CASE(M4_a_function_is_called_once_with_the_full_shape) {
  Names calls;
  const vs::Initializer function([&](const vs::Shape& shape, vs::DType dtype, vs::SeedPair) {
    calls.push_back(shape.to_string() + " " + std::string(vs::dtype_name(dtype)));
    return pair_of(1, 2);
  });
  const vs::Variable v = vs::get_variable("v", {2}, {.initializer = function});
  const auto reusing = vs::variable_scope(vs::get_variable_scope(), {.reuse = true});
  vs::get_variable("v", {2}, {.initializer = function});
  BOOST_TEST(calls.empty());  // not before somebody needs the value
  vs::Session session(graph);
  BOOST_TEST(session.read({v})[0].same_bits(pair_of(1, 2)));
  BOOST_TEST(session.read({v})[0].same_bits(pair_of(1, 2)));
  BOOST_TEST(calls == (Names{"[2] float32"}), per_element());
}

BOOST_AUTO_TEST_CASE(M5_a_function_without_arguments_gives_shape_and_dtype) {
  int calls = 0;
  const vs::Initializer function([&] {
    ++calls;
    return vs::Array::of<std::int32_t>({2}, {calls, 7});
  });
  BOOST_TEST(!function.is_value());
  const vs::Variable a = vs::get_variable("a", {.dtype = vs::float64, .initializer = function});
  BOOST_TEST((a.shape() == vs::Shape{2}));
  BOOST_TEST(a.dtype() == vs::int32);
  BOOST_TEST(op_names() == (Names{"a/Initializer/initial_value", "a", "a/Assign", "a/read"}), per_element());
  {
    const auto scope = vs::variable_scope("s", {.initializer = function});
    BOOST_TEST((vs::get_variable("b", {-1}).shape() == vs::Shape{2}));
    BOOST_TEST((vs::Variable(function).shape() == vs::Shape{2}));
  }
  BOOST_TEST(calls == 3);  // when a variable is made, and only then
  const auto reusing = vs::variable_scope(vs::get_variable_scope(), {.reuse = true});
  BOOST_CHECK(vs::get_variable("a", {.dtype = vs::int32, .initializer = function}) == a);
  vs::Session session(graph);
  BOOST_TEST(session.read({a})[0].values<std::int32_t>()[0] == 1);
  BOOST_TEST(calls == 3);
}

BOOST_AUTO_TEST_CASE(M5_a_function_without_arguments_suffers_no_shape) {
  const vs::Initializer function([] { return pair_of(1, 2); });
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {2}, {.initializer = function}), vs::TypeError,
                        says({"variable v", "without arguments", "[2]"}));
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {-1, 2}, {.initializer = function}), vs::ValueError,
                        says({"variable v", "[?,2]", "[2]"}));
  BOOST_CHECK_EXCEPTION(function({2}), vs::TypeError, says({"without arguments"}));
  const vs::Initializer faulty([]() -> vs::Array { throw std::domain_error("no value"); });
  BOOST_CHECK_THROW(vs::get_variable("v", {.initializer = faulty}), std::domain_error);
  BOOST_CHECK_THROW(vs::Initializer(vs::Initializer::FunctionWithoutShape{}), vs::TypeError);
  BOOST_TEST(op_names().empty());
}

// No operation of the graph, but a function: it asks the session, which initializes what it needs.
BOOST_AUTO_TEST_CASE(M10_an_initializer_may_read_other_variables) {
  vs::Session session(graph);
  const vs::Variable v = vs::get_variable("v", {2}, {.initializer = vs::constant_initializer(3)});
  const vs::Tensor doubled = v * 2.0F;
  const vs::Initializer from_v(
      [&](const vs::Shape&, vs::DType, vs::SeedPair) { return session.run(doubled); });
  const vs::Variable w = vs::get_variable("w", {2}, {.initializer = from_v});
  BOOST_TEST(session.read({w})[0].same_bits(pair_of(6, 6)));  // v had no value before
  session.load({{v, pair_of(1, 1)}});
  (void)session.run(w.initializer());
  BOOST_TEST(session.read({w})[0].same_bits(pair_of(2, 2)));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
