// SPDX-License-Identifier: Apache-2.0
// SEMANTICS V and decision 10: graphs and threads.
#include "scope_fixture.hpp"

#include <varscope/parallel_ranges.hpp>

#include <boost/test/unit_test.hpp>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

BOOST_AUTO_TEST_SUITE(test_scope_threads)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

namespace {

/// Runs `work(thread)` on all threads, which begin together.
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

BOOST_FIXTURE_TEST_SUITE(graphs_and_threads, NewGraph)

BOOST_AUTO_TEST_CASE(V1_each_graph_has_its_own_scope) {
  vs::Graph second;
  const auto a = vs::variable_scope("a");
  {
    const auto building_second = second.as_default();
    BOOST_TEST(vs::get_variable_scope().name() == "");
    BOOST_TEST(vs::get_variable("v", {1}).name() == "v:0");
    BOOST_CHECK_EXCEPTION((void)vs::variable_scope("_"), vs::ValueError, says({"'_'"}));
  }
  BOOST_TEST(vs::get_variable("v", {1}).name() == "a/v:0");
}

BOOST_AUTO_TEST_CASE(V1_a_thread_finds_its_scope_when_it_comes_back) {
  vs::Graph second;
  std::optional<vs::Graph::AsDefault> building_second;
  building_second.emplace(second);
  const auto inside = vs::variable_scope("kept");
  building_second.reset();
  BOOST_TEST(vs::get_variable_scope().name() == "");
  building_second.emplace(second);
  BOOST_TEST(vs::get_variable_scope().name() == "kept");
  building_second.reset();
}

BOOST_AUTO_TEST_CASE(V2_a_thread_starts_at_the_root_with_its_own_counters) {
  Names seen;
  const auto main_scope = vs::variable_scope("main");
  vs::get_variable("v", {});
  (void)vs::variable_scope(std::nullopt, {.default_name = "d"}).name();
  std::thread([&] {
    const auto building_here = graph.as_default();
    seen.push_back(vs::get_variable_scope().name());
    seen.push_back(vs::variable_scope(std::nullopt, {.default_name = "d"}).name());
    const auto same_name = vs::variable_scope("main");
    BOOST_CHECK_EXCEPTION(vs::get_variable("v", {}), vs::ValueError, says({"main/v", "already exists"}));
  }).join();
  BOOST_TEST(seen == (Names{"", "d"}), per_element());
  BOOST_TEST(vs::get_variable_scope().name() == "main");
}

BOOST_AUTO_TEST_CASE(V3_two_threads_in_scopes_of_one_name) {
  std::atomic<int> made{0}, refused{0};
  run_threads(2, [&](int thread) {
    const auto building_here = graph.as_default();
    const auto scope = vs::variable_scope("same");
    const auto own = vs::variable_scope("own" + std::to_string(thread));
    try {
      const auto back = vs::variable_scope(vs::VariableScope(false, "same"));
      vs::get_variable("v", {});
      made.fetch_add(1);
    } catch (const vs::ValueError& error) {
      if (says({"same/v", "already exists"})(error)) refused.fetch_add(1);
    }
    if (vs::get_variable("w", {}).name() != "same/own" + std::to_string(thread) + "/w:0") made.fetch_add(100);
  });
  BOOST_TEST(made.load() == 1);
  BOOST_TEST(refused.load() == 1);
}

BOOST_AUTO_TEST_CASE(V4_a_captured_scope_takes_the_prefix_along) {
  Names got;
  {
    const auto main_scope = vs::variable_scope("main");
    std::thread([&, captured = main_scope.scope()] {
      const auto building_here = graph.as_default();
      {
        const auto carried = vs::variable_scope(captured);
        const auto foo = vs::variable_scope("foo");
        got.push_back(vs::get_variable("v", {}).name());
      }
      const auto bar = vs::variable_scope("bar");
      got.push_back(vs::get_variable("v", {}).name());
    }).join();
  }
  BOOST_TEST(got == (Names{"main/foo/v:0", "bar/v:0"}), per_element());
}

// A scope captured here, used in tasks that oneTBB runs on threads of its own: the names are those that the
// same calls give one after the other.
BOOST_AUTO_TEST_CASE(a_captured_scope_in_tasks_of_other_threads) {
  constexpr int kTowers = 40;
  const auto build_tower = [](vs::Graph& of, const vs::VariableScope& captured, int tower) {
    const auto building_here = of.as_default();
    Names names;
    const auto carried = vs::variable_scope(captured);
    names.push_back(vs::get_variable("shared", {1}).name());
    const auto own = vs::variable_scope("tower" + std::to_string(tower));
    for (int layer = 0; layer < 3; ++layer) {
      const auto scope = vs::variable_scope(std::nullopt, {.default_name = "layer"});
      names.push_back(vs::get_variable("weights", {1}).name());
      names.push_back(vs::get_variable("biases", {1}).name());
    }
    return names;
  };
  std::vector<Names> serial(kTowers), parallel(kTowers);
  std::set<std::thread::id> threads;
  const auto build_all = [&](std::vector<Names>& names, bool in_tasks) {
    vs::Graph built;
    std::optional<vs::VariableScope> captured;
    {
      const auto building_it = built.as_default();
      const auto outer = vs::variable_scope("model", {.reuse = vs::AUTO_REUSE});
      captured = outer.scope();
    }
    std::mutex guard;
    const auto build = [&](int tower) {
      names[static_cast<std::size_t>(tower)] = build_tower(built, *captured, tower);
      const std::lock_guard lock(guard);
      threads.insert(std::this_thread::get_id());
    };
    if (in_tasks) {
      tbb::task_arena arena(4);
      arena.execute([&] {
        vs::parallel_ranges(kTowers, 1, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t tower = begin; tower < end; ++tower) build(static_cast<int>(tower));
        });
      });
    } else {
      for (int tower = 0; tower < kTowers; ++tower) build(tower);
    }
    Names all;
    for (const vs::Variable& variable : built.global_variables()) all.push_back(variable.name());
    std::sort(all.begin(), all.end());
    return all;
  };
  const Names made_serially = build_all(serial, false);
  for (int round = 0; round < 20; ++round) {
    const Names made_in_tasks = build_all(parallel, true);
    BOOST_TEST((parallel == serial));
    BOOST_TEST(made_in_tasks == made_serially, per_element());
  }
  BOOST_TEST(made_serially.size() == std::size_t{1 + 6 * kTowers});
  BOOST_TEST_MESSAGE(threads.size() << " threads");
}

BOOST_AUTO_TEST_CASE(stacks_outlive_neither_thread_nor_graph) {
  for (int round = 0; round < 50; ++round) {
    auto shortlived = std::make_unique<vs::Graph>();
    {
      const auto building_it = shortlived->as_default();
      vs::get_variable_scope().reuse_variables();  // on its root
    }
    shortlived.reset();
    auto next = std::make_unique<vs::Graph>();  // perhaps at the same address
    const auto building_next = next->as_default();
    BOOST_TEST(vs::get_variable_scope().reuse() == vs::Reuse(false));
  }
}

BOOST_AUTO_TEST_SUITE_END()

// Many threads create the same variables: each is made once, by one of them; all others are refused as if
// they had come later.
BOOST_AUTO_TEST_CASE(V5_of_concurrent_creations_exactly_one_wins) {
  constexpr int kThreads = 4, kVariables = 200;
  for (int round = 0; round < 10; ++round) {
    vs::Graph graph;
    std::vector<std::atomic<int>> made(kVariables);
    std::atomic<int> wrong{0};
    run_threads(kThreads, [&](int) {
      const auto building = graph.as_default();
      const auto scope = vs::variable_scope("s", {.auxiliary_name_scope = false});
      for (int index = 0; index < kVariables; ++index) {
        const std::string name = "v" + std::to_string(index);
        try {
          const vs::Variable variable = vs::get_variable(name, {2});
          made[static_cast<std::size_t>(index)].fetch_add(1);
          if (variable.name() != "s/" + name + ":0") wrong.fetch_add(1);
        } catch (const vs::ValueError& error) {
          if (!says({"s/" + name + " already exists", "defined at"})(error)) wrong.fetch_add(1);
        }
      }
    });
    BOOST_TEST(wrong.load() == 0);
    for (const std::atomic<int>& count : made) BOOST_REQUIRE(count.load() == 1);
    BOOST_TEST(graph.global_variables().size() == std::size_t{kVariables});
    std::set<std::string> names;
    for (const vs::Operation& operation : graph.operations()) {
      BOOST_REQUIRE(names.insert(operation.name()).second);
      BOOST_REQUIRE(operation.name().find("_1") == std::string::npos);
    }
    BOOST_TEST(names.size() == std::size_t{4 * kVariables});
  }
}

// Under AUTO_REUSE all of them get the winner's, complete.
BOOST_AUTO_TEST_CASE(V5_under_auto_reuse_the_others_share) {
  constexpr int kThreads = 4, kVariables = 200;
  for (int round = 0; round < 10; ++round) {
    vs::Graph graph;
    std::vector<std::vector<vs::Variable>> got(kThreads, std::vector<vs::Variable>(kVariables));
    std::atomic<int> wrong{0};
    run_threads(kThreads, [&](int thread) {
      const auto building = graph.as_default();
      const auto scope = vs::variable_scope("s", {.reuse = vs::AUTO_REUSE});
      for (int index = 0; index < kVariables; ++index) {
        const std::string name = "v" + std::to_string(index);
        const vs::Variable variable = vs::get_variable(name, {2});
        got[static_cast<std::size_t>(thread)][static_cast<std::size_t>(index)] = variable;
        if (variable.name() != "s/" + name + ":0") wrong.fetch_add(1);
        if (variable.value().name() != "s/" + name + "/read:0") wrong.fetch_add(1);
        if (variable.initializer().inputs().size() != 2) wrong.fetch_add(1);
      }
    });
    BOOST_TEST(wrong.load() == 0);
    for (int thread = 1; thread < kThreads; ++thread) {
      BOOST_TEST((got[static_cast<std::size_t>(thread)] == got[0]));
    }
    BOOST_TEST(graph.global_variables().size() == std::size_t{kVariables});
    BOOST_TEST(graph.operations().size() == std::size_t{4 * kVariables});
  }
}

// Operations of many threads that ask for the same names get different ones, without a gap.
BOOST_AUTO_TEST_CASE(concurrent_operations_get_different_names) {
  constexpr int kThreads = 4, kEach = 300;
  vs::Graph graph;
  run_threads(kThreads, [&](int thread) {
    const auto building = graph.as_default();
    for (int index = 0; index < kEach; ++index) op(thread % 2 == 0 ? "Add" : "add");
  });
  std::set<std::string> names;
  for (const vs::Operation& operation : graph.operations()) {
    names.insert(vs::detail::lower_case(operation.name()));
  }
  BOOST_TEST(names.size() == std::size_t{kThreads * kEach});
  BOOST_TEST(names.count("add") == 1U);
  for (int suffix = 1; suffix < kThreads * kEach; ++suffix) {
    BOOST_REQUIRE(names.count("add_" + std::to_string(suffix)) == 1U);
  }
}

BOOST_AUTO_TEST_CASE(the_graph_of_the_process_is_the_default_of_every_thread) {
  vs::Graph* in_thread = nullptr;
  std::thread([&] { in_thread = &vs::get_default_graph(); }).join();
  BOOST_TEST(in_thread == &vs::get_default_graph());
}

BOOST_AUTO_TEST_SUITE_END()
