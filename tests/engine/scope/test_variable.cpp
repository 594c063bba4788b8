// SPDX-License-Identifier: Apache-2.0
// SEMANTICS U1: variables that are made by themselves, next to scopes.
#include "scope_fixture.hpp"

#include <varscope/math_ops.hpp>
#include <varscope/partitioner.hpp>
#include <varscope/session.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_variable)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

BOOST_FIXTURE_TEST_SUITE(unshared, NewGraph)

BOOST_AUTO_TEST_CASE(U1_named_by_the_name_scope_and_made_unique) {
  for (const char* name : {"foo/v:0", "foo_1/v:0"}) {
    const auto foo = vs::variable_scope("foo");
    BOOST_TEST(vs::Variable(1.0, {.name = "v"}).name() == name);
  }
  {
    const auto foo = vs::variable_scope("foo", {.reuse = true});
    BOOST_TEST(vs::Variable(1.0, {.name = "v"}).name() == "foo_2/v:0");
    BOOST_CHECK_EXCEPTION(vs::get_variable("v", {}), vs::ValueError, says({"foo/v", "does not exist"}));
  }
  BOOST_TEST(vs::Variable(0.0).name() == "Variable:0");
  BOOST_TEST(vs::Variable(0).name() == "Variable_1:0");
}

BOOST_AUTO_TEST_CASE(D8_get_variable_does_not_find_them) {
  const vs::Variable a(1.0, {.name = "v"});
  const vs::Variable b = vs::get_variable("v", {});
  BOOST_TEST(a.name() == "v:0");
  BOOST_TEST(b.name() == "v_1:0");
  const auto here = vs::variable_scope(vs::get_variable_scope(), {.reuse = true});
  BOOST_TEST((vs::get_variable("v", {}) == b));
}

BOOST_AUTO_TEST_CASE(they_have_the_operations_of_a_variable_and_are_listed) {
  const vs::Variable v(vs::zeros_initializer(), {2}, {.name = "v", .dtype = vs::int32, .trainable = false});
  BOOST_TEST(op_names() == (Names{"v/Initializer/zeros", "v", "v/Assign", "v/read"}), per_element());
  BOOST_TEST((vs::global_variables() == std::vector<vs::Variable>{v}));
  BOOST_TEST(vs::trainable_variables().empty());
  BOOST_TEST(v.dtype() == vs::int32);
}

BOOST_AUTO_TEST_CASE(a_final_slash_names_literally) {
  const auto foo = vs::name_scope("foo");
  BOOST_TEST(vs::Variable(1.0, {.name = "w/"}).name() == "w:0");
  BOOST_CHECK_EXCEPTION(vs::Variable(1.0, {.name = "w/"}), vs::ValueError, says({"variable w/", "'w'"}));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_makes_nothing) {
  const vs::SourceLocation here = vs::SourceLocation::current();
  BOOST_CHECK_EXCEPTION(vs::Variable(1.0, {.name = "a:b"}, here), vs::ValueError,
                        says({"a:b", to_string(here)}));
  BOOST_CHECK_EXCEPTION(vs::Variable(1.0, {.name = "v", .dtype = vs::int32}), vs::ValueError,
                        says({"variable v", "float32", "int32"}));
  BOOST_CHECK_EXCEPTION(vs::Variable(vs::Initializer(1.0), {2}, {.name = "v"}), vs::ValueError,
                        says({"variable v", "float32[]", "float32[2]"}));
  BOOST_CHECK_THROW(vs::Variable(vs::zeros_initializer(), {-1}), vs::ValueError);
  BOOST_CHECK_THROW(vs::Variable(vs::zeros_initializer(), vs::VariableOptions{}), vs::ValueError);
  BOOST_CHECK_THROW(vs::Variable(vs::he_normal_initializer(), {2}, {.dtype = vs::int32}), vs::ValueError);
  graph.finalize();
  BOOST_CHECK_THROW(vs::Variable(1.0), vs::RuntimeError);
  BOOST_TEST(op_names().empty());
  BOOST_TEST(vs::global_variables().empty());
}

BOOST_AUTO_TEST_CASE(W2_operations_that_initialize) {
  BOOST_TEST(vs::global_variables_initializer().name() == "init");
  BOOST_TEST(vs::local_variables_initializer().name() == "init_1");
  const vs::Variable a = vs::get_variable("a", {}, {.initializer = vs::constant_initializer(1)});
  const vs::Variable p = vs::get_variable("p", {3}, {.partitioner = vs::fixed_size_partitioner(2)});
  const vs::Variable c = vs::get_local_variable("c", {}, {.initializer = vs::constant_initializer(2)});
  const vs::Operation global = vs::global_variables_initializer();
  const vs::Operation local = vs::local_variables_initializer();
  const vs::Operation some = vs::variables_initializer({p, c}, "some");
  BOOST_TEST(global.control_inputs().size() == 3U);  // of two variables: one is in parts
  BOOST_TEST(local.control_inputs().size() == 1U);
  BOOST_TEST(some.control_inputs().size() == 3U);
  BOOST_TEST(some.name() == "some");

  vs::Session session(graph);
  const auto value_of = [&](const vs::Variable& variable) {
    return session.read({variable})[0].values<float>()[0];
  };
  session.load({{a, vs::Array::scalar(5.0F)}, {c, vs::Array::scalar(5.0F)}});
  (void)session.run(local);
  BOOST_TEST(value_of(a) == 5);
  BOOST_TEST(value_of(c) == 2);
  (void)session.run(global);
  BOOST_TEST(value_of(a) == 1);
  BOOST_CHECK_EXCEPTION(vs::variables_initializer({vs::Variable(a + 1.0F)}), vs::FailedPreconditionError,
                        says({"add:0"}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
