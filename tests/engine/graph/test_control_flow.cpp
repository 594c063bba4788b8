// SPDX-License-Identifier: Apache-2.0
// group(), no_op(), control_dependencies(): what runs with what, and which assignment acts first.
#include "support/messages.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_control_flow)

namespace vs = varscope;
using vs::testing::contains;

namespace {

struct Fixture {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();
  vs::Session session{graph};
  vs::Variable v = vs::get_variable("v", {}, {.initializer = vs::constant_initializer(1.0)});

  double value() { return session.read({v})[0].item(); }
};

using Operations = std::vector<vs::Operation>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(control_flow, Fixture)

BOOST_AUTO_TEST_CASE(names) {
  BOOST_TEST(vs::no_op().name() == "NoOp");
  BOOST_TEST(vs::no_op().name() == "NoOp_1");
  const vs::Operation grouped = vs::group({v.initializer(), vs::no_op("mine")});
  BOOST_TEST(grouped.name() == "group_deps");
  BOOST_TEST(grouped.type() == "NoOp");
  BOOST_TEST(grouped.num_outputs() == 0);
  BOOST_TEST(grouped.control_inputs().size() == 2U);
  const auto scope = vs::name_scope("train");
  BOOST_TEST(vs::group({grouped}, "all").name() == "train/all");
}

BOOST_AUTO_TEST_CASE(a_group_runs_all_of_it_in_order) {
  const vs::Tensor add = vs::assign_add(v, 10.0F);
  const vs::Tensor set = vs::assign(v, 5.0F);
  (void)session.run(vs::group({set.op(), add.op()}));
  BOOST_TEST(value() == 15);
  (void)session.run(vs::group({add.op(), set.op()}));
  BOOST_TEST(value() == 5);
  (void)session.run(vs::group({vs::group({set.op()}), vs::no_op(), vs::group({add.op()})}));
  BOOST_TEST(value() == 15);
}

BOOST_AUTO_TEST_CASE(an_operation_runs_after_what_it_depends_on) {
  const vs::Tensor set = vs::assign(v, 5.0F);
  vs::Tensor add;
  vs::Tensor read;
  {
    const auto after = vs::control_dependencies({set.op()});
    add = vs::assign_add(v, 10.0F);
    read = v * 1.0F;
    BOOST_TEST((add.op().control_inputs() == Operations{set.op()}));
  }
  BOOST_TEST(vs::assign_add(v, 1.0F).op().control_inputs().empty());
  BOOST_TEST(session.run(add).item() == 15);
  BOOST_TEST(value() == 15);
  BOOST_TEST(session.run(read).item() == 15);  // reads what was there before the run, which assigns
  BOOST_TEST(value() == 5);
}

BOOST_AUTO_TEST_CASE(dependencies_add_up_and_are_those_of_the_thread_and_graph) {
  const vs::Operation a = vs::no_op("a");
  const vs::Operation b = vs::no_op("b");
  const auto after_a = vs::control_dependencies({a});
  {
    const auto after_b = vs::control_dependencies({b, a});
    BOOST_TEST((vs::no_op().control_inputs() == Operations{a, b}));
    // An input is waited for anyhow; variables and their operations wait for nobody.
    const vs::Tensor x = vs::placeholder({});
    const auto after_x = vs::control_dependencies({x.op()});
    BOOST_TEST((vs::negative(x).op().control_inputs() == Operations{a, b}));
    const vs::Variable made = vs::get_variable("made", {2});
    BOOST_TEST(made.initializer().control_inputs().empty());
    BOOST_TEST(made.value().op().control_inputs().empty());
    std::thread([&] {
      const auto building_too = graph.as_default();
      BOOST_TEST(vs::no_op().control_inputs().empty());
    }).join();
    vs::Graph other;
    const auto in_other = other.as_default();
    BOOST_TEST(vs::no_op().control_inputs().empty());
  }
  BOOST_TEST((vs::no_op().control_inputs() == Operations{a}));
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
  BOOST_CHECK_THROW((void)vs::control_dependencies({vs::Operation()}), vs::ValueError);
  BOOST_CHECK_EXCEPTION(vs::group({vs::Operation()}), vs::ValueError, [](const vs::Error& error) {
    return contains(error, {"group()", "test_control_flow.cpp", "refers to nothing"});
  });
  vs::Graph other;
  vs::Operation foreign;
  {
    const auto in_other = other.as_default();
    foreign = vs::no_op("foreign");
  }
  BOOST_CHECK_EXCEPTION((void)vs::control_dependencies({foreign}), vs::ValueError,
                        [](const vs::Error& error) {
                          return contains(error, {"'foreign'", "another graph"});
                        });
  BOOST_CHECK_THROW(vs::group({foreign, vs::no_op()}), vs::ValueError);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
