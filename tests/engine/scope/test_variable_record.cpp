// SPDX-License-Identifier: Apache-2.0
// How a variable comes about when several threads make it, or the one that began stops in the middle.
#include "scope_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <set>
#include <thread>

BOOST_AUTO_TEST_SUITE(test_variable_record)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;
using vs::detail::VariableRecord;

namespace {

/// The record of a creator that stopped right after it had won.
VariableRecord& abandoned_creation(vs::Graph& graph, const std::string& key) {
  auto record = std::make_unique<VariableRecord>(
      graph.state(), VariableRecord::Definition{.key = key,
                                                .shape = {1},
                                                .dtype = vs::float32,
                                                .initializer = vs::zeros_initializer(),
                                                .seeds = {},
                                                .trainable = true,
                                                .where = vs::SourceLocation::current(),
                                                .collections = {"variables"},
                                                .constraint = {}});
  graph.state().registry().find_or_insert(vs::detail::Path(key)).set_variable(record.get());
  return *record.release();  // owned by the graph
}

template <typename Work>
void run_threads(int count, Work work) {
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int index = 0; index < count; ++index) {
    threads.emplace_back([&, index] {
      ready.fetch_add(1);
      while (ready.load() < count) std::this_thread::yield();
      work(index);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(whoever_finds_an_abandoned_creation_completes_it, NewGraph) {
  const VariableRecord& record = abandoned_creation(graph, "s/w");
  BOOST_TEST(vs::global_variables().empty());
  const auto s = vs::variable_scope("s", {.reuse = true});
  const vs::Variable w = vs::get_variable("w", {1});
  BOOST_TEST(w.record() == &record);
  BOOST_TEST(op_names() == (Names{"s/w/Initializer/zeros", "s/w", "s/w/Assign", "s/w/read"}), per_element());
  BOOST_TEST((vs::global_variables() == std::vector<vs::Variable>{w}));
}

BOOST_FIXTURE_TEST_CASE(who_is_refused_by_an_abandoned_creation_completes_it_too, NewGraph) {
  abandoned_creation(graph, "w");
  BOOST_CHECK_EXCEPTION(vs::get_variable("w", {1}), vs::ValueError,
                        says({"w already exists", "test_variable_record.cpp:"}));
  BOOST_TEST(vs::global_variables().size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_graph_may_end_with_an_abandoned_creation, NewGraph) {
  abandoned_creation(graph, "w");
  BOOST_TEST(op_names().empty());  // the leak checker is the judge of the rest
}

// All threads complete one record while others take names that it wants.
BOOST_AUTO_TEST_CASE(threads_that_complete_one_record_agree) {
  constexpr int kThreads = 4;
  for (int round = 0; round < 300; ++round) {
    vs::Graph graph;
    VariableRecord& record = abandoned_creation(graph, "w");
    const vs::detail::OperationNode* seen[kThreads][4] = {};
    run_threads(kThreads, [&](int thread) {
      const auto building = graph.as_default();
      if (thread % 2 == 1) {
        op("w");
        op("w/Assign");
      }
      record.complete();
      seen[thread][0] = &record.initial_value_node();
      seen[thread][1] = &record.node();
      seen[thread][2] = &record.assign_node();
      seen[thread][3] = &record.read_node();
    });
    for (const auto& of_thread : seen) {
      BOOST_REQUIRE(std::equal(std::begin(of_thread), std::end(of_thread), std::begin(seen[0])));
    }
    const std::string name = record.op_name();
    BOOST_TEST(record.read_node().name() == name + "/read");
    BOOST_TEST(record.initial_value_node().name() == name + "/Initializer/zeros");
    BOOST_TEST(graph.global_variables().size() == 1U);
    std::set<std::string> names;
    for (const vs::Operation& operation : graph.operations()) {
      BOOST_REQUIRE(names.insert(operation.name()).second);
    }
    BOOST_REQUIRE(names.size() == 8U);  // four of the variable, twice two of others
  }
}

// An operation that takes the variable's name literally, without reserving it, at the same moment: one of
// them is refused, or the variable's operation gets a suffix. Names stay unique.
BOOST_AUTO_TEST_CASE(a_literal_name_and_a_variable_at_the_same_moment) {
  for (int round = 0; round < 300; ++round) {
    vs::Graph graph;
    std::atomic<int> made{0};
    run_threads(2, [&](int thread) {
      const auto building = graph.as_default();
      try {
        if (thread == 0) {
          op("w/");
        } else {
          const vs::Variable w = vs::get_variable("w", {1});
          made.fetch_add(w.op().name() == "w" || w.op().name() == "w_1" ? 10 : 1000);
        }
        made.fetch_add(1);
      } catch (const vs::ValueError&) {
      }
    });
    const int result = made.load();
    BOOST_TEST((result == 1 || result == 11 || result == 12), "round " << round << ": " << result);
    std::set<std::string> names;
    for (const vs::Operation& operation : graph.operations()) {
      BOOST_REQUIRE(names.insert(operation.name()).second);
    }
    BOOST_TEST(graph.global_variables().size() == (result > 1 ? 1U : 0U));
  }
}

BOOST_AUTO_TEST_SUITE_END()
