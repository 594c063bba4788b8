// SPDX-License-Identifier: Apache-2.0
// SEMANTICS U3: creators, through which every variable passes that is made.
#include "scope_fixture.hpp"

#include <varscope/variable_creator_scope.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>
#include <type_traits>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_variable_creators)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

namespace {

/// Asks for another name.
vs::VariableCreator appending(std::string suffix) {
  return [suffix = std::move(suffix)](const vs::NextVariableCreator& next,
                                      vs::VariableCreatorArguments arguments) {
    arguments.name += "_" + suffix;
    return next(std::move(arguments));
  };
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(variable_creators, NewGraph)

BOOST_AUTO_TEST_CASE(U3_a_creator_sees_what_is_made_and_not_what_is_shared) {
  Names calls;
  const auto watching = vs::variable_creator_scope(
      [&](const vs::NextVariableCreator& next, vs::VariableCreatorArguments arguments) {
        calls.push_back(arguments.name);
        return next(std::move(arguments));
      });
  const auto s = vs::variable_scope("s", {.reuse = vs::AUTO_REUSE});
  const vs::Variable v = vs::get_variable("v", {1});
  BOOST_CHECK(vs::get_variable("v", {1}) == v);
  vs::get_variable("p", {3}, {.partitioner = vs::fixed_size_partitioner(2)});
  const vs::Variable unnamed(1.0F);
  const vs::Variable named(1.0F, {.name = "w"});
  BOOST_TEST(calls == (Names{"s/v", "s/p/part_0", "s/p/part_1", "", "w"}), per_element());
  BOOST_TEST(unnamed.name() == "s/Variable:0");
  BOOST_TEST(named.name() == "s/w:0");
}

BOOST_AUTO_TEST_CASE(U3_the_innermost_is_called_first) {
  const auto outer = vs::variable_creator_scope(appending("A"));
  {
    const auto inner = vs::variable_creator_scope(appending("B"));
    BOOST_TEST(vs::get_variable("v", {1}).name() == "v_B_A:0");
    BOOST_TEST(vs::Variable(1.0F, {.name = "x"}).name() == "x_B_A:0");
  }
  BOOST_TEST(vs::get_variable("w", {1}).name() == "w_A:0");
}

BOOST_AUTO_TEST_CASE(U3_a_creator_may_change_everything) {
  const vs::Constraint constraint = [](const vs::Tensor& value) { return value; };
  vs::VariableCreatorArguments seen;
  const auto changing = vs::variable_creator_scope(
      [&](const vs::NextVariableCreator& next, vs::VariableCreatorArguments arguments) {
        seen = arguments;
        arguments.shape = vs::Shape{3};
        arguments.dtype = vs::float64;
        arguments.initializer = vs::ones_initializer();
        arguments.trainable = false;
        arguments.collections = std::vector<std::string>{"mine"};
        arguments.constraint = constraint;
        return next(std::move(arguments));
      });
  const vs::Variable v =
      vs::get_variable("v", {2}, {.dtype = vs::int32, .collections = std::vector<std::string>{"yours"}});
  BOOST_TEST((seen.shape == vs::Shape{2}));
  BOOST_TEST(seen.dtype == vs::int32);
  BOOST_TEST(seen.trainable);
  BOOST_TEST(*seen.collections == (Names{"yours"}), per_element());
  BOOST_TEST(seen.where.line() == v.where().line());
  BOOST_TEST((v.shape() == vs::Shape{3}));
  BOOST_TEST(v.dtype() == vs::float64);
  BOOST_TEST(v.op().inputs().empty());
  BOOST_TEST(has_op("v/Initializer/ones"));
  BOOST_TEST(!v.trainable());
  BOOST_CHECK(v.constraint() == constraint);
  BOOST_TEST(vs::get_collection("mine").size() == 1U);
  BOOST_TEST(vs::get_collection("yours").empty());
}

BOOST_AUTO_TEST_CASE(U3_what_it_gives_is_kept_under_the_path) {
  const vs::Variable other = vs::get_variable("other", {2});
  {
    const auto replacing = vs::variable_creator_scope(
        [&](const vs::NextVariableCreator&, const vs::VariableCreatorArguments&) { return other; });
    BOOST_CHECK(vs::get_variable("v", {2}) == other);
    BOOST_CHECK(vs::Variable(1.0F) == other);
  }
  {
    const auto twice = vs::variable_creator_scope(
        [&](const vs::NextVariableCreator& next, const vs::VariableCreatorArguments& arguments) {
          (void)next(arguments);
          return next(arguments);
        });
    BOOST_TEST(vs::get_variable("w", {2}).name() == "w_1:0");
  }
  const auto reusing = vs::variable_scope(vs::get_variable_scope(), {.reuse = true});
  BOOST_CHECK(vs::get_variable("v", {2}) == other);
  BOOST_CHECK(vs::get_variable("other", {2}) == other);
  BOOST_TEST(vs::get_variable("w", {2}).name() == "w_1:0");
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {3}), vs::ValueError, says({"[3]", "[2]"}));
}

BOOST_AUTO_TEST_CASE(U3_what_it_gives_must_be_a_variable_of_the_graph) {
  const auto refused = [&](const vs::Variable& given, const Names& facts) {
    const auto giving = vs::variable_creator_scope(
        [&](const vs::NextVariableCreator&, const vs::VariableCreatorArguments&) { return given; });
    BOOST_CHECK_EXCEPTION(vs::get_variable("v", {2}), vs::ValueError, says(facts));
  };
  refused({}, {"variable v", "refers to nothing"});
  refused(vs::get_variable("p", {3}, {.partitioner = vs::fixed_size_partitioner(2)}), {"variable v", "'p'"});
  vs::Graph second;
  vs::Variable elsewhere;
  {
    const auto building_second = second.as_default();
    elsewhere = vs::get_variable("e", {2});
  }
  refused(elsewhere, {"variable v", "'e:0'"});
  BOOST_CHECK_THROW((void)vs::variable_creator_scope({}), vs::TypeError);
  BOOST_TEST(vs::get_variable("v", {2}).name() == "v:0");  // nothing was kept
}

BOOST_AUTO_TEST_CASE(U3_a_creator_that_throws_leaves_everything_as_it_was) {
  {
    const auto faulty = vs::variable_creator_scope(
        [](const vs::NextVariableCreator&, const vs::VariableCreatorArguments&) -> vs::Variable {
          throw vs::ValueError("not today");
        });
    const auto s = vs::variable_scope("s");
    BOOST_CHECK_EXCEPTION(vs::get_variable("v", {1}), vs::ValueError, says({"not today"}));
    BOOST_TEST(ns() == "s");
  }
  BOOST_TEST(op_names().empty());
  BOOST_TEST(vs::get_variable("v", {1}).name() == "v:0");
}

BOOST_AUTO_TEST_CASE(U3_the_stack_belongs_to_the_thread_and_the_graph) {
  const auto creating = vs::variable_creator_scope(appending("A"));
  std::thread([&] {
    const auto building_here = graph.as_default();
    vs::get_variable("of_thread", {1});
  }).join();
  vs::Graph second;
  {
    const auto building_second = second.as_default();
    BOOST_TEST(vs::get_variable("v", {1}).name() == "v:0");
  }
  BOOST_TEST(has_op("of_thread"));
  BOOST_TEST(vs::get_variable("v", {1}).name() == "v_A:0");
}

BOOST_AUTO_TEST_CASE(U3_of_concurrent_creations_exactly_one_is_kept) {
  constexpr int kThreads = 8;
  std::atomic<int> made{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      const auto building_here = graph.as_default();
      const auto creating = vs::variable_creator_scope(appending("A"));
      try {
        (void)vs::get_variable("v", {1});
        made.fetch_add(1);
      } catch (const vs::ValueError&) {
        refused.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(made == 1);
  BOOST_TEST(refused == kThreads - 1);
}

BOOST_AUTO_TEST_CASE(U3_what_cannot_be_called_does_not_compile) {
  BOOST_TEST((!std::is_constructible_v<vs::VariableCreator, int>));
  BOOST_TEST((!std::is_constructible_v<vs::VariableCreator, vs::Variable (*)(std::string)>));
  BOOST_TEST(!std::is_copy_constructible_v<vs::VariableCreatorScopeGuard>);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
