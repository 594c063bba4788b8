// SPDX-License-Identifier: Apache-2.0
// SEMANTICS L: names of operations inside scopes, assembled.
#include "scope_fixture.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/nn_ops.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_op_names)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

BOOST_FIXTURE_TEST_SUITE(assembled, NewGraph)

BOOST_AUTO_TEST_CASE(L1_an_operator_in_a_scope) {
  const auto foo = vs::variable_scope("foo");
  const vs::Tensor x = 1.0 + vs::get_variable("v", {1});
  BOOST_TEST(x.op().name() == "foo/add");
}

BOOST_AUTO_TEST_CASE(L2_naming_an_operation_after_its_scope) {
  const auto s = vs::variable_scope("conv1");
  const vs::Variable v = vs::get_variable("v", {1});
  BOOST_TEST(vs::relu(v, s.name()).op().name() == "conv1/conv1");
  BOOST_TEST(vs::relu(v, s.original_name_scope()).op().name() == "conv1");
}

BOOST_AUTO_TEST_CASE(L3_towers_share_one_set_of_variables) {
  Names got;
  {
    const auto here = vs::variable_scope(vs::get_variable_scope());
    for (const char* name : {"tower_0", "tower_1"}) {
      const auto tower = vs::name_scope(name);
      got.push_back(tower.name());
      {
        const auto conv1 = vs::variable_scope("conv1");
        got.push_back(vs::get_variable("weights", {1}).name());
        got.push_back(op("Conv2D"));
      }
      vs::get_variable_scope().reuse_variables();
    }
  }
  BOOST_TEST(got == (Names{"tower_0/", "conv1/weights:0", "tower_0/conv1/Conv2D", "tower_1/",
                           "conv1/weights:0", "tower_1/conv1/Conv2D"}),
             per_element());
  BOOST_TEST(vs::get_variable_scope().reuse() == vs::Reuse(false));
}

BOOST_AUTO_TEST_CASE(L_default_names_of_operations) {
  const auto foo = vs::variable_scope("foo");
  const vs::Variable v = vs::get_variable("v", {2});
  BOOST_TEST((v - 1.0).op().name() == "foo/sub");
  BOOST_TEST((v * 2.0).op().name() == "foo/mul");
  BOOST_TEST((v / 2.0).op().name() == "foo/truediv");
  BOOST_TEST((-vs::Tensor(v)).op().name() == "foo/Neg");
  BOOST_TEST(vs::relu(v).op().name() == "foo/Relu");
  BOOST_TEST(vs::relu(v).op().name() == "foo/Relu_1");
  BOOST_TEST(vs::identity(v).op().name() == "foo/Identity");
}

BOOST_AUTO_TEST_CASE(E15_values_come_from_one_graph_which_they_choose) {
  const vs::Tensor a = vs::constant(1.0F, {.name = "a"});
  vs::Graph second;
  const auto building_second = second.as_default();
  const vs::Tensor b = vs::constant(1.0F, {.name = "b"});
  BOOST_CHECK_EXCEPTION(vs::add(a, b), vs::ValueError, says({"'b:0'", "another graph"}));
  BOOST_CHECK(&vs::identity(a).graph() == &graph);  // the graph of its inputs, not the default one
  BOOST_CHECK(&vs::identity(b).graph() == &second);
  BOOST_TEST(second.operations().size() == 2U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
