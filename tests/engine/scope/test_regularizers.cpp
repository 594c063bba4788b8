// SPDX-License-Identifier: Apache-2.0
// SEMANTICS O and P: regularizers and constraints.
#include "scope_fixture.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/session.hpp>
#include <varscope/state_ops.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_regularizers)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

namespace {

Names names_in(std::string_view collection) {
  Names names;
  for (const vs::CollectionItem& item : vs::get_collection(collection)) names.push_back(item.name());
  return names;
}

/// A regularizer whose loss is a constant of that name.
vs::Regularizer loss_named(std::string name) {
  return [name = std::move(name)](const vs::Variable&) { return vs::constant(1.0, {.name = name}); };
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(regularizers, NewGraph)

BOOST_AUTO_TEST_CASE(O1_a_regularizer_is_called_once_on_creation) {
  Names seen;
  const vs::Regularizer regularizer = [&](const vs::Variable& variable) {
    seen.push_back(variable.name() + " in " + ns());
    return vs::constant(0.0, {.name = "loss"});
  };
  vs::VariableScope captured;
  {
    const auto o = vs::variable_scope("o", {.regularizer = regularizer});
    captured = o.scope();
    vs::get_variable("v", {1});
    vs::get_variable("nt", {1}, {.trainable = false});
    const auto c = vs::variable_scope("c");
    vs::get_variable("v", {1});
  }
  {
    const auto shared = vs::variable_scope(captured, {.reuse = true});
    vs::get_variable("v", {1});
  }
  BOOST_TEST(seen == (Names{"o/v:0 in o/v/Regularizer", "o/nt:0 in o/nt/Regularizer",
                            "o/c/v:0 in o/c/v/Regularizer"}),
             per_element());
  BOOST_TEST(names_in(vs::GraphKeys::REGULARIZATION_LOSSES) ==
                 (Names{"o/v/Regularizer/loss:0", "o/nt/Regularizer/loss:0", "o/c/v/Regularizer/loss:0"}),
             per_element());
}

BOOST_AUTO_TEST_CASE(O2_the_argument_comes_before_the_scope_and_none_switches_off) {
  {
    auto t = vs::variable_scope("t", {.regularizer = loss_named("r1")});
    const vs::VariableScope captured = t.scope();
    {
      const auto foo = vs::variable_scope("foo");
      vs::get_variable("v", {});
    }
    auto s = vs::variable_scope(captured);
    vs::get_variable("u", vs::Shape{});
    s.set_regularizer(loss_named("r2"));
    vs::get_variable("w", vs::Shape{});
    vs::get_variable("x", vs::Shape{}, {.regularizer = vs::no_regularizer()});
    {
      const auto baz = vs::variable_scope("baz", {.regularizer = vs::no_regularizer()});
      vs::get_variable("y", vs::Shape{});
      const auto in = vs::variable_scope("in");
      vs::get_variable("y", vs::Shape{});
    }
    s.set_regularizer(vs::no_regularizer());
    vs::get_variable("z", vs::Shape{});
  }
  BOOST_TEST(names_in("regularization_losses") ==
                 (Names{"t/foo/v/Regularizer/r1:0", "t/u/Regularizer/r1:0", "t/w/Regularizer/r2:0"}),
             per_element());
}

BOOST_AUTO_TEST_CASE(O2_the_losses_have_the_values_of_their_formulas) {
  vs::get_variable(
      "a", {2}, {.initializer = vs::constant_initializer({3, -4}), .regularizer = vs::l2_regularizer(0.5)});
  vs::get_variable(
      "b", {2}, {.initializer = vs::constant_initializer({3, -4}), .regularizer = vs::l1_regularizer(0.5)});
  BOOST_TEST(names_in("regularization_losses") ==
                 (Names{"a/Regularizer/l2_regularizer:0", "b/Regularizer/l1_regularizer:0"}),
             per_element());
  vs::Session session(graph);
  const auto losses = vs::get_collection("regularization_losses");
  BOOST_TEST(session.run(std::get<vs::Tensor>(losses[0].value())).item() == 0.5 * (9 + 16) / 2);
  BOOST_TEST(session.run(std::get<vs::Tensor>(losses[1].value())).item() == 0.5 * (3 + 4));
  BOOST_CHECK_EXCEPTION(vs::l2_regularizer(-1), vs::ValueError, says({"l2_regularizer", "-1"}));
  BOOST_CHECK(vs::l1_regularizer(0) == vs::no_regularizer());
}

BOOST_AUTO_TEST_CASE(l2_loss_of_integers_is_refused_before_anything_is_made) {
  const vs::Tensor integers = vs::placeholder({2}, {.dtype = vs::int32});
  const std::size_t before = graph.operations().size();
  BOOST_CHECK_EXCEPTION(vs::l2_loss(integers), vs::TypeError,
                        says({"L2Loss", "int32[2]", "test_regularizers.cpp:"}));
  BOOST_TEST(graph.operations().size() == before);
}

BOOST_AUTO_TEST_CASE(a_regularizer_that_throws_leaves_the_variable) {
  const vs::Regularizer faulty = [](const vs::Variable&) -> vs::Tensor { throw vs::ValueError("no loss"); };
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {1}, {.regularizer = faulty}), vs::ValueError,
                        says({"no loss"}));
  BOOST_TEST(ns() == "");
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {1}), vs::ValueError, says({"v", "already exists"}));
}

BOOST_AUTO_TEST_CASE(P1_a_constraint_is_not_inherited) {
  const vs::Constraint constraint = [](const vs::Tensor& value) { return value; };
  vs::VariableScope captured;
  {
    const auto o = vs::variable_scope("o", {.constraint = constraint});
    captured = o.scope();
    BOOST_CHECK(vs::get_variable("v", {1}).constraint() == constraint);
    const auto c = vs::variable_scope("c");
    BOOST_CHECK(!vs::get_variable("v", {1}).constraint());
  }
  {
    const auto again = vs::variable_scope(captured);
    BOOST_CHECK(!vs::get_variable("w", {1}).constraint());
  }
  const auto again = vs::variable_scope(captured, {.constraint = constraint});
  BOOST_CHECK(vs::get_variable("x", {1}).constraint() == constraint);
}

BOOST_AUTO_TEST_CASE(P2_a_constraint_is_kept_for_whoever_updates) {
  int calls = 0;
  const vs::Constraint constraint = [&](const vs::Tensor& value) {
    ++calls;
    return vs::relu(value);
  };
  const vs::Variable v =
      vs::get_variable("v", {2}, {.initializer = vs::constant_initializer(-1), .constraint = constraint});
  const vs::Tensor assigned = vs::assign_sub(v, v);
  vs::Session session(graph);
  session.load({{v, vs::Array::of<float>({2}, {-2, 3})}});
  (void)session.run(assigned);
  BOOST_TEST(calls == 0);  // neither load() nor an assignment is an optimizer
  BOOST_REQUIRE(v.constraint());
  const vs::Tensor projected = v.constraint()(v.value());
  BOOST_TEST(calls == 1);
  BOOST_TEST(projected.op().type() == "Relu");
  BOOST_TEST((projected.shape() == v.shape()));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
