// SPDX-License-Identifier: Apache-2.0
#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <vector>

BOOST_AUTO_TEST_SUITE(test_losses)

namespace vs = varscope;

BOOST_AUTO_TEST_CASE(the_losses_of_a_graph_and_their_sum) {
  vs::Graph graph;
  const auto building = graph.as_default();
  BOOST_TEST(vs::losses::get_losses().empty());
  BOOST_CHECK_THROW(vs::losses::get_total_loss(), vs::ValueError);
  BOOST_CHECK_THROW(vs::losses::add_loss(vs::Tensor()), vs::ValueError);
  vs::Session session(graph);
  BOOST_TEST(session.run(vs::losses::get_regularization_loss()).item() == 0);
  for (const char* name : {"v", "w"}) {
    (void)vs::get_variable(name, {2},
                           {.initializer = vs::ones_initializer(), .regularizer = vs::l2_regularizer(0.5)});
  }
  const vs::Tensor first = vs::constant(1.0, {.name = "a/first"});
  const vs::Tensor second = vs::constant(2.0, {.name = "second"});
  vs::losses::add_loss(first);
  vs::losses::add_loss(second);
  vs::losses::add_loss(second, "others");
  BOOST_TEST((vs::losses::get_losses() == std::vector<vs::Tensor>{first, second}));
  BOOST_TEST((vs::losses::get_losses("a/") == std::vector<vs::Tensor>{first}));
  BOOST_TEST((vs::losses::get_losses({}, "others") == std::vector<vs::Tensor>{second}));
  BOOST_TEST(vs::losses::get_regularization_losses().size() == 2U);
  BOOST_TEST(vs::losses::get_regularization_losses("w/").size() == 1U);
  const vs::Tensor total = vs::losses::get_total_loss();
  BOOST_TEST(total.name() == "total_loss:0");
  BOOST_TEST(session.run(total).item() == 4);
  BOOST_TEST(session.run(vs::losses::get_total_loss(false, "without")).item() == 3);
  const vs::Tensor regularization = vs::losses::get_regularization_loss();
  BOOST_TEST(regularization.name() == "total_regularization_loss:0");
  BOOST_TEST(session.run(regularization).item() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
