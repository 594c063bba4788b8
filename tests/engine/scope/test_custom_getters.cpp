// SPDX-License-Identifier: Apache-2.0
// SEMANTICS Q: custom getters.
#include "scope_fixture.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/session.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_custom_getters)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

namespace {

/// Asks for another name.
vs::CustomGetter appending(std::string suffix) {
  return [suffix = std::move(suffix)](const vs::VariableGetter& getter, vs::GetterArguments arguments) {
    arguments.name += "_" + suffix;
    return getter(std::move(arguments));
  };
}

/// Two variables instead of one, put together in a name scope.
vs::CustomGetter pair_of(std::string tag, std::string scope,
                         vs::Tensor (*join)(const vs::Tensor&, const vs::Tensor&)) {
  return [=](const vs::VariableGetter& getter, const vs::GetterArguments& arguments) {
    vs::GetterArguments first = arguments;
    first.name += "/" + tag + "_0";
    vs::GetterArguments second = arguments;
    second.name += "/" + tag + "_1";
    const vs::Variable x = getter(std::move(first));
    const vs::Variable y = getter(std::move(second));
    const auto inside = vs::name_scope(scope);
    return vs::Variable(join(x, y));
  };
}

vs::Tensor sum(const vs::Tensor& x, const vs::Tensor& y) {
  return x + y;
}
vs::Tensor product(const vs::Tensor& x, const vs::Tensor& y) {
  return x * y;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(custom_getters, NewGraph)

BOOST_AUTO_TEST_CASE(Q1_a_getter_sees_every_call) {
  Names calls;
  const vs::CustomGetter watching = [&](const vs::VariableGetter& getter, vs::GetterArguments arguments) {
    calls.push_back(arguments.name + (arguments.reuse == vs::Reuse(true) ? " reused" : " made"));
    BOOST_TEST(ns() == "");
    return getter(std::move(arguments));
  };
  vs::VariableScope captured;
  vs::Variable made;
  {
    const auto scope = vs::variable_scope("scope", {.custom_getter = watching});
    captured = scope.scope();
    made = vs::get_variable("v", {1});
    BOOST_TEST(ns() == "scope");
  }
  const auto scope = vs::variable_scope(captured, {.reuse = true});
  BOOST_CHECK(vs::get_variable("v", {1}) == made);
  BOOST_TEST(calls == (Names{"scope/v made", "scope/v reused"}), per_element());
}

BOOST_AUTO_TEST_CASE(Q2_getters_chain_the_innermost_first) {
  vs::VariableScope captured;
  {
    const auto a = vs::variable_scope("a", {.custom_getter = appending("A")});
    const auto b = vs::variable_scope("b", {.custom_getter = appending("B")});
    captured = b.scope();
    BOOST_TEST(vs::get_variable("v", {1}).name() == "a/b/v_B_A:0");
  }
  {
    const auto again = vs::variable_scope(captured);
    BOOST_TEST(vs::get_variable("x", {1}).name() == "a/b/x_B_A:0");
  }
  const auto again = vs::variable_scope(captured, {.custom_getter = appending("D")});
  BOOST_TEST(vs::get_variable("y", {1}).name() == "a/b/y_D_B_A:0");
}

BOOST_AUTO_TEST_CASE(Q3_a_getter_of_the_call_replaces_the_chain) {
  const auto a = vs::variable_scope("a", {.custom_getter = appending("A")});
  BOOST_TEST(vs::get_variable("w", {1}, {.custom_getter = appending("C")}).name() == "a/w_C:0");
}

BOOST_AUTO_TEST_CASE(Q4_a_getter_may_compute) {
  vs::VariableScope captured;
  {
    const auto scope = vs::variable_scope("scope", {.custom_getter = pair_of("part", "custom_getter", sum)});
    captured = scope.scope();
    const vs::Variable v = vs::get_variable("v", {1, 2, 3});
    BOOST_TEST(v.name() == "custom_getter/add:0");
    BOOST_TEST(v.shape().to_string() == "[1,2,3]");
    BOOST_CHECK_EXCEPTION(v.initializer(), vs::FailedPreconditionError, says({"custom_getter/add:0"}));
    vs::Session session(graph);
    BOOST_CHECK_EXCEPTION(session.read({v}), vs::FailedPreconditionError, says({"custom_getter/add:0"}));
    BOOST_CHECK_EXCEPTION(session.load({{v, vs::Array({1, 2, 3})}}), vs::FailedPreconditionError,
                          says({"custom_getter/add:0"}));
  }
  BOOST_TEST(store_keys() == (Names{"scope/v/part_0", "scope/v/part_1"}), per_element());
  {
    const auto shared = vs::variable_scope(captured, {.reuse = true});
    BOOST_TEST(vs::get_variable("v", {1, 2, 3}).name() == "custom_getter_1/add:0");
  }
  const auto plain = vs::variable_scope("scope", {.reuse = true});
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {1, 2, 3}), vs::ValueError,
                        says({"scope/v", "does not exist"}));
}

BOOST_AUTO_TEST_CASE(Q6_three_levels) {
  const vs::Initializer two = vs::constant_initializer(2);
  const auto p =
      vs::variable_scope("P", {.initializer = two, .custom_getter = pair_of("prod", "prod_getter", product)});
  const auto q = vs::variable_scope("Q", {.custom_getter = pair_of("sum", "sum_getter", sum)});
  const auto r = vs::variable_scope("R", {.custom_getter = pair_of("sum", "sum_getter", sum)});
  const vs::Variable v = vs::get_variable("v", {1});
  Names wanted;
  for (const char* i : {"0", "1"}) {
    for (const char* j : {"0", "1"}) {
      for (const char* k : {"0", "1"}) {
        wanted.push_back(std::string("P/Q/R/v/sum_") + i + "/sum_" + j + "/prod_" + k + ":0");
      }
    }
  }
  Names made;
  for (const vs::Variable& variable : vs::trainable_variables()) made.push_back(variable.name());
  BOOST_TEST(made == wanted, per_element());
  BOOST_TEST(v.name() == "sum_getter_2/add:0");
  vs::Session session(graph);
  BOOST_TEST(session.run(v).item() == 16.0);
}

BOOST_AUTO_TEST_CASE(Q7_what_cannot_be_called_does_not_compile) {
  BOOST_TEST((std::is_constructible_v<vs::CustomGetter,
                                      vs::Variable (*)(const vs::VariableGetter&, vs::GetterArguments)>));
  BOOST_TEST((!std::is_constructible_v<vs::CustomGetter, int>));
  BOOST_TEST((!std::is_constructible_v<vs::CustomGetter, vs::Variable (*)(std::string)>));
}

BOOST_AUTO_TEST_CASE(a_getter_that_throws_leaves_the_scopes_as_they_were) {
  const vs::CustomGetter faulty = [](const vs::VariableGetter&, const vs::GetterArguments&) -> vs::Variable {
    throw vs::ValueError("not today");
  };
  const auto scope = vs::variable_scope("s");
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {1}, {.custom_getter = faulty}), vs::ValueError,
                        says({"not today"}));
  BOOST_TEST(ns() == "s");
  BOOST_TEST(vs::get_variable("v", {1}).name() == "s/v:0");
}

// What a getter is given is the store itself, with a reuse flag of its own.
BOOST_AUTO_TEST_CASE(D10_the_store_goes_by_the_flag_that_it_is_asked_with) {
  vs::Reuse flag = vs::AUTO_REUSE;
  const vs::CustomGetter with_flag = [&](const vs::VariableGetter& store, vs::GetterArguments arguments) {
    arguments.reuse = flag;
    return store(std::move(arguments));
  };
  const auto scope = vs::variable_scope("s", {.custom_getter = with_flag});
  const vs::Variable v = vs::get_variable("v", {1});
  BOOST_CHECK(vs::get_variable("v", {1}) == v);
  flag = false;
  vs::get_variable("w", {1});
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {1}), vs::ValueError, says({"s/v", "already exists"}));
  flag = true;
  BOOST_CHECK(vs::get_variable("v", {1}) == v);
  BOOST_CHECK_EXCEPTION(vs::get_variable("u", {1}), vs::ValueError, says({"s/u", "does not exist"}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
