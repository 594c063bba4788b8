// SPDX-License-Identifier: Apache-2.0
#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>

BOOST_AUTO_TEST_SUITE(test_session_snapshot)

namespace vs = varscope;

namespace {

vs::Array pair_of(float a, float b) {
  return vs::Array::of<float>({2}, {a, b});
}

struct Fixture {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();
  vs::Variable v = vs::get_variable("v", {2}, {.initializer = vs::ones_initializer()});
  vs::Variable w = vs::get_variable("w", {2}, {.initializer = vs::ones_initializer()});
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(snapshots, Fixture)

BOOST_AUTO_TEST_CASE(it_has_the_values_of_its_moment) {
  vs::Session session(graph);
  const vs::Array given = pair_of(1, 2);
  session.load_shared({{v, given}, {w, pair_of(3, 4)}});
  const vs::SessionSnapshot snapshot = session.snapshot();
  session.load({{v, pair_of(5, 6)}});
  static_cast<void>(session.run(vs::assign_add(w, vs::constant(pair_of(1, 1)))));
  const std::vector<vs::Array> values = snapshot.read_shared({w, v});
  BOOST_TEST(values[0].same_bits(pair_of(3, 4)));
  BOOST_TEST(values[1].data() == given.data());  // no copy
  BOOST_TEST(session.read({v})[0].same_bits(pair_of(5, 6)));
  BOOST_TEST(&snapshot.graph() == &graph);
}

BOOST_AUTO_TEST_CASE(a_variable_without_a_value_has_the_one_that_it_would_have_started_with) {
  vs::Session session(graph);
  const vs::SessionSnapshot snapshot = session.snapshot();
  vs::set_initializers({{v, vs::zeros_initializer()}});
  session.load({{w, pair_of(7, 8)}});
  const std::vector<vs::Array> values = snapshot.read_shared({v, w});
  BOOST_TEST(values[0].same_bits(pair_of(1, 1)));
  BOOST_TEST(values[1].same_bits(pair_of(1, 1)));
  BOOST_TEST(session.read({v})[0].same_bits(pair_of(0, 0)));  // as if nobody had looked
}

BOOST_AUTO_TEST_CASE(it_knows_the_global_variables_of_its_moment) {
  vs::Session session(graph);
  const vs::SessionSnapshot snapshot = session.snapshot();
  static_cast<void>(vs::get_variable("later", {2}));
  static_cast<void>(vs::get_local_variable("local", {2}));
  BOOST_TEST((snapshot.global_variables() == std::vector<vs::Variable>{v, w}));
  BOOST_TEST(snapshot.has_global_variables());
  BOOST_TEST((session.snapshot().global_variables() == graph.global_variables()));

  vs::Graph other;
  const auto building_other = other.as_default();
  static_cast<void>(vs::get_local_variable("local", {2}));
  BOOST_TEST(!vs::Session(other).snapshot().has_global_variables());
  BOOST_TEST(other.id() != graph.id());
}

BOOST_AUTO_TEST_CASE(it_outlives_the_session) {
  auto session = std::make_unique<vs::Session>(graph);
  session->load({{v, pair_of(1, 2)}});
  const vs::SessionSnapshot snapshot = session->snapshot();
  session.reset();
  BOOST_TEST(snapshot.read_shared({v})[0].same_bits(pair_of(1, 2)));
}

BOOST_AUTO_TEST_CASE(variables_of_other_graphs_are_refused) {
  vs::Session session(graph);
  vs::Graph other;
  const auto building_other = other.as_default();
  const vs::Variable stranger = vs::get_variable("v", {2});
  BOOST_CHECK_THROW(session.snapshot().read_shared({stranger}), vs::ValueError);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
