// SPDX-License-Identifier: Apache-2.0
// SEMANTICS 2.8: templates.
#include "scope_fixture.hpp"

#include <varscope/template.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_template)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

namespace {

std::string variable_and_op() {
  const vs::Variable w = vs::get_variable("w", vs::Shape{});
  return w.name() + " " + op("add");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(templates, NewGraph)

BOOST_AUTO_TEST_CASE(TP1_TP2_TP3_calls_share_and_templates_of_one_name_do_not) {
  const auto t1 = vs::make_template("foo", variable_and_op);
  const auto t2 = vs::make_template("foo", variable_and_op);
  BOOST_CHECK(!t1.variable_scope());
  BOOST_TEST(t1() == "foo/w:0 foo/add");
  BOOST_TEST(t1() == "foo/w:0 foo_1/add");
  BOOST_TEST(t2() == "foo_1/w:0 foo_2/add");
  BOOST_TEST(t2() == "foo_1/w:0 foo_1_1/add");
  BOOST_TEST(t1.variable_scope()->name() == "foo");
  BOOST_TEST(t1.global_variables().size() == 1U);
}

BOOST_AUTO_TEST_CASE(TP4_a_unique_name_is_taken_as_it_is) {
  const auto u1 = vs::make_template("n", variable_and_op, {.unique_name = "u"});
  const auto u2 = vs::make_template("n", variable_and_op, {.unique_name = "u"});
  BOOST_TEST(u1() == "u/w:0 u/add");
  BOOST_CHECK_EXCEPTION(u2(), vs::ValueError, says({"u/w", "already exists", "template 'n'", "defined at"}));
}

BOOST_AUTO_TEST_CASE(TP5_where_the_scope_is) {
  const auto make = [](bool now) {
    const auto ctor = vs::variable_scope("ctor");
    return vs::make_template(now ? "a" : "b", variable_and_op, {.create_scope_now = now});
  };
  const auto now = make(true);
  const auto later = make(false);
  const auto call = vs::variable_scope("call");
  BOOST_TEST(now() == "ctor/a/w:0 call/a/add");
  BOOST_TEST(later() == "call/b/w:0 call/b/add");
}

BOOST_AUTO_TEST_CASE(TP5_what_the_first_call_sets_on_the_scope_stays) {
  int calls = 0;
  const auto t = vs::make_template("s", [&] {
    if (++calls == 1) vs::get_variable_scope().set_dtype(vs::float64);
    return vs::get_variable("w", {1}).dtype();
  });
  BOOST_TEST(t() == vs::float64);
  BOOST_TEST(t() == vs::float64);
}

BOOST_AUTO_TEST_CASE(TP6_a_template_needs_a_name) {
  BOOST_CHECK_THROW(vs::make_template("", variable_and_op), vs::ValueError);
}

BOOST_AUTO_TEST_CASE(TP7_no_trainable_variable_after_the_first_call) {
  const auto t = vs::make_template("s", [] { return vs::Variable(1.0, {.name = "x"}).name(); });
  t();
  BOOST_CHECK_EXCEPTION(t(), vs::ValueError, says({"Trainable variable", "template 's'", "defined at"}));
}

BOOST_AUTO_TEST_CASE(TP8_a_first_call_that_throws_is_no_call) {
  bool fail = true;
  const auto t = vs::make_template("s", [&] {
    const vs::Variable v = vs::get_variable("w", vs::Shape{});
    if (fail) throw std::runtime_error("x");
    return v.name();
  });
  BOOST_CHECK_THROW(t(), std::runtime_error);
  BOOST_TEST(vs::get_variable_scope().name() == "");
  fail = false;
  BOOST_CHECK_EXCEPTION(t(), vs::ValueError, says({"s/w", "already exists"}));
}

BOOST_AUTO_TEST_CASE(TP10_arguments_are_passed_on) {
  const auto t =
      vs::make_template("s", [](int number, std::string text) { return text + std::to_string(number); });
  BOOST_TEST(t(3, "x") == "x3");
}

BOOST_AUTO_TEST_CASE(TP12_its_custom_getter_is_called_every_time) {
  int calls = 0;
  const vs::CustomGetter counting = [&](const vs::VariableGetter& getter, vs::GetterArguments arguments) {
    ++calls;
    return getter(std::move(arguments));
  };
  const auto t = vs::make_template("s", variable_and_op, {.custom_getter = counting});
  t();
  t();
  BOOST_TEST(calls == 2);
}

BOOST_AUTO_TEST_CASE(TP13_templates_nest) {
  const auto outer = vs::make_template("s1", [] {
    const auto inner = [] { return vs::get_variable("dummy", {1}); };
    const vs::Variable one = vs::make_template("nested", inner)();
    const vs::Variable other = vs::make_template("nested", inner)();
    return std::pair(one, other);
  });
  const auto first = outer();
  BOOST_TEST(first.first.name() == "s1/nested/dummy:0");
  BOOST_TEST(first.second.name() == "s1/nested_1/dummy:0");
  BOOST_CHECK(outer() == first);
}

BOOST_AUTO_TEST_CASE(TP14_a_scope_created_now_forgets_the_dtype) {
  const auto d = vs::variable_scope("d", {.dtype = vs::float64});
  const auto dtype = [] { return vs::get_variable("w", {1}).dtype(); };
  BOOST_TEST(vs::make_template("a", dtype, {.create_scope_now = true})() == vs::float32);
  BOOST_TEST(vs::make_template("b", dtype)() == vs::float64);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
