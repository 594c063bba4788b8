// SPDX-License-Identifier: Apache-2.0
// SEMANTICS W: assignments, and what a run that assigns reads and leaves.
#include "support/messages.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_assign)

namespace vs = varscope;
using vs::testing::contains;

namespace {

vs::Array pair_of(float first, float second) {
  return vs::Array::of<float>({2}, {first, second});
}

struct Fixture {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();
  vs::Session session{graph};

  vs::Variable variable(const char* name, double value) const {
    return vs::get_variable(name, {2}, {.initializer = vs::constant_initializer(value)});
  }
  vs::Array value_of(const vs::Variable& variable) { return session.read({variable})[0]; }
};

void run_threads(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < count; ++thread) threads.emplace_back(body, thread);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(assigning, Fixture)

// Decided otherwise than in TensorFlow, where this is FailedPrecondition.
BOOST_AUTO_TEST_CASE(W1_a_variable_that_was_never_set_is_initialized_when_it_is_read) {
  const vs::Variable v = variable("v", 3);
  BOOST_TEST(session.run(v * 2.0F).same_bits(pair_of(6, 6)));
  const vs::Variable w = variable("w", 1);
  BOOST_TEST(session.run(vs::assign_add(w, v)).same_bits(pair_of(4, 4)));
}

BOOST_AUTO_TEST_CASE(W3_names_and_new_values) {
  const vs::Variable v = variable("v", 3);
  const vs::Tensor set = vs::assign(v, pair_of(1, 2));
  const vs::Tensor more = vs::assign_add(v, pair_of(10, 20));
  const vs::Tensor less = vs::assign_sub(v, v, "minus");
  BOOST_TEST(set.name() == "Assign:0");
  BOOST_TEST(set.op().type() == "Assign");
  BOOST_TEST(set.op().inputs()[0].name() == "v:0");
  BOOST_TEST(set.op().inputs()[1].name() == "Assign/value:0");
  BOOST_TEST(more.name() == "AssignAdd:0");
  BOOST_TEST(less.name() == "minus:0");
  BOOST_TEST(less.op().type() == "AssignSub");
  BOOST_TEST(session.run(set).same_bits(pair_of(1, 2)));
  BOOST_TEST(value_of(v).same_bits(pair_of(1, 2)));
  BOOST_TEST(session.run(more).same_bits(pair_of(11, 22)));
  BOOST_TEST(session.run(more).same_bits(pair_of(21, 42)));
  BOOST_TEST(value_of(v).same_bits(pair_of(21, 42)));
  (void)session.run(less.op());  // the operation, not its value
  BOOST_TEST(value_of(v).same_bits(pair_of(0, 0)));
}

BOOST_AUTO_TEST_CASE(W3_the_value_may_come_from_anywhere) {
  const vs::Variable v = variable("v", 3);
  const vs::Variable w = variable("w", 5);
  const vs::Tensor x = vs::placeholder({2}, {.name = "x"});
  const vs::Tensor of_feed = vs::assign(v, x);
  const vs::Tensor of_variable = vs::assign(v, w);
  const vs::Tensor of_view = vs::assign(v, vs::reshape(w * 2.0F, {2}));
  const vs::Array fed = pair_of(7, 8);
  BOOST_TEST(session.run({{x, fed}}, of_feed).same_bits(fed));
  BOOST_TEST(value_of(v).same_bits(fed));
  BOOST_TEST(value_of(v).data() != fed.data());
  BOOST_TEST(session.run(of_variable).same_bits(pair_of(5, 5)));
  (void)session.run(vs::assign_add(w, w));
  BOOST_TEST(value_of(v).same_bits(pair_of(5, 5)));  // a value, no alias of w
  BOOST_TEST(session.run(of_view).same_bits(pair_of(20, 20)));
  BOOST_TEST(value_of(v).same_bits(pair_of(20, 20)));
}

BOOST_AUTO_TEST_CASE(W3_a_callable_assigns_every_time) {
  const vs::Variable v = variable("v", 0);
  const vs::Tensor x = vs::placeholder({2}, {.name = "x"});
  const vs::Callable step = session.make_callable({x}, {vs::assign_add(v, x), v});
  std::vector<vs::Array> results(2);
  const std::vector<vs::Array> feeds{pair_of(1, 2)};
  for (int run = 1; run <= 3; ++run) step.run_into(feeds, results);
  BOOST_TEST(results[0].same_bits(pair_of(3, 6)));
  BOOST_TEST(results[1].same_bits(pair_of(2, 4)));
  BOOST_TEST(value_of(v).same_bits(pair_of(3, 6)));
}

BOOST_AUTO_TEST_CASE(W3_what_does_not_fit_is_refused_where_it_is_written) {
  const vs::Variable v = variable("v", 0);
  BOOST_CHECK_EXCEPTION(vs::assign(v, 1.0F), vs::ValueError, [](const vs::Error& error) {
    return contains(error, {"'Assign'", "float32[]", "variable v", "float32[2]", "test_assign.cpp"});
  });
  BOOST_CHECK_THROW(vs::assign_add(v, 1.0F), vs::ValueError);  // not broadcast
  const vs::Variable counter = vs::get_variable("counter", {}, {.dtype = vs::int32});
  BOOST_CHECK_EXCEPTION(vs::assign(counter, v), vs::TypeError, [](const vs::Error& error) {
    return contains(error, {"'ref'", "int32", "'value'", "float32"});
  });
  BOOST_CHECK_THROW(vs::assign_add(counter, 1.5), vs::TypeError);
  BOOST_TEST(session.run(vs::assign_add(counter, 1)).values<std::int32_t>()[0] == 1);
  const vs::Variable flag = vs::get_variable("flag", {}, {.dtype = vs::boolean});
  BOOST_CHECK_THROW(vs::assign_sub(flag, flag), vs::TypeError);
  const vs::Variable p = vs::get_variable("p", {3}, {.partitioner = vs::fixed_size_partitioner(2)});
  BOOST_CHECK_EXCEPTION(vs::assign(p, pair_of(1, 2)), vs::FailedPreconditionError,
                        [](const vs::Error& error) {
                          return contains(error, {"'p'", "partitions()"});
                        });
  BOOST_CHECK_THROW(vs::assign(vs::Variable(), 1.0F), vs::FailedPreconditionError);
  BOOST_CHECK_THROW(vs::assign(vs::Variable(v + v), v), vs::FailedPreconditionError);
}

BOOST_AUTO_TEST_CASE(C13_a_variable_keeps_its_shape) {
  const vs::Variable v = variable("v", 3);
  const vs::Tensor x = vs::placeholder(vs::Shape::unknown(), {.name = "x"});
  const vs::Tensor set = vs::assign(v, x);
  BOOST_TEST((set.shape() == vs::Shape{2}));
  BOOST_TEST(session.run({{x, pair_of(1, 2)}}, set).same_bits(pair_of(1, 2)));
  BOOST_CHECK_EXCEPTION(session.run({{x, vs::Array::scalar(1.0F)}}, set), vs::InvalidArgumentError,
                        [](const vs::Error& error) {
                          return contains(error, {"'Assign'", "float32[]", "variable v", "float32[2]"});
                        });
  BOOST_CHECK_THROW(session.load({{v, vs::Array::scalar(1.0F)}}), vs::InvalidArgumentError);
  BOOST_TEST(value_of(v).same_bits(pair_of(1, 2)));
}

BOOST_AUTO_TEST_CASE(G5_an_assignment_is_seen_through_every_handle) {
  const auto scope = vs::variable_scope("s", {.reuse = vs::AUTO_REUSE});
  const vs::Variable first = variable("v", 1);
  const vs::Variable second = variable("v", 2);
  (void)session.run(vs::assign_add(first, first));
  BOOST_TEST(value_of(second).same_bits(pair_of(2, 2)));
}

BOOST_AUTO_TEST_CASE(W4_everything_else_in_the_run_reads_the_value_from_before) {
  const vs::Variable v = variable("v", 3);
  const vs::Tensor set = vs::assign(v, pair_of(1, 1));
  const auto [yielded, read, product] = session.run({set, v, v * set});
  BOOST_TEST(yielded.same_bits(pair_of(1, 1)));
  BOOST_TEST(read.same_bits(pair_of(3, 3)));
  BOOST_TEST(product.same_bits(pair_of(3, 3)));
  const vs::Variable w = variable("w", 5);
  (void)session.run({vs::assign(v, w), vs::assign(w, v)});  // so two variables are exchanged
  BOOST_TEST(value_of(v).same_bits(pair_of(5, 5)));
  BOOST_TEST(value_of(w).same_bits(pair_of(1, 1)));
}

BOOST_AUTO_TEST_CASE(W4_assignments_of_one_variable_act_one_after_the_other) {
  const vs::Variable v = variable("v", 3);
  const vs::Tensor more = vs::assign_add(v, pair_of(1, 1));
  const vs::Tensor much_more = vs::assign_add(v, pair_of(10, 10));
  const vs::Tensor set = vs::assign(v, pair_of(0, 0));
  {
    const auto [first, second] = session.run({more, much_more});
    BOOST_TEST(first.same_bits(pair_of(4, 4)));
    BOOST_TEST(second.same_bits(pair_of(14, 14)));
  }
  {
    const auto [first, second, third] = session.run({much_more, set, more});
    BOOST_TEST(first.same_bits(pair_of(24, 24)));
    BOOST_TEST(second.same_bits(pair_of(0, 0)));
    BOOST_TEST(third.same_bits(pair_of(1, 1)));
  }
  BOOST_TEST(value_of(v).same_bits(pair_of(1, 1)));
  // What it is made from comes first, whatever is fetched first.
  const vs::Tensor after_set = vs::assign_add(v, set + 5.0F);
  const auto [sum, zero] = session.run({after_set, set});
  BOOST_TEST(sum.same_bits(pair_of(5, 5)));
  BOOST_TEST(value_of(v).same_bits(pair_of(5, 5)));
  // The operands of one operation, from left to right.
  BOOST_TEST(session.run(more * much_more).same_bits(pair_of(6 * 16, 6 * 16)));
}

BOOST_AUTO_TEST_CASE(W4_what_is_fed_in_place_of_an_assignment) {
  const vs::Variable v = variable("v", 3);
  const vs::Tensor more = vs::assign_add(v, pair_of(1, 1));
  const vs::Tensor result = more * 2.0F;
  BOOST_TEST(session.run({{more, pair_of(5, 5)}}, result).same_bits(pair_of(10, 10)));
  BOOST_TEST(value_of(v).same_bits(pair_of(3, 3)));  // nobody needed it
}

BOOST_AUTO_TEST_CASE(W4_a_run_that_throws_assigns_nothing) {
  const vs::Variable v = variable("v", 3);
  const vs::Variable i = vs::get_variable("i", {}, {.dtype = vs::int32});
  const vs::Tensor more = vs::assign_add(v, pair_of(1, 1));
  const vs::Tensor broken = vs::div(vs::constant(1), i);
  BOOST_CHECK_THROW(session.run({more, broken}), vs::InvalidArgumentError);
  BOOST_TEST(value_of(v).same_bits(pair_of(3, 3)));
  BOOST_CHECK_EXCEPTION(session.run({vs::Fetch(more), vs::Fetch(v.initializer())}), vs::InvalidArgumentError,
                        [](const vs::Error& error) {
                          return contains(error, {"variable v", "initialize", "two runs"});
                        });
}

BOOST_AUTO_TEST_CASE(W4_an_assignment_initializes_only_what_it_reads) {
  int calls = 0;
  const vs::Initializer counting([&](const vs::Shape& shape, vs::DType dtype, vs::SeedPair) {
    ++calls;
    return vs::ones_initializer()(shape, dtype);
  });
  const vs::Variable v = vs::get_variable("v", {2}, {.initializer = counting});
  (void)session.run(vs::assign(v, pair_of(1, 2)));
  BOOST_TEST(value_of(v).same_bits(pair_of(1, 2)));
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(W4_no_count_is_lost_among_threads) {
  constexpr int kThreads = 4, kRuns = 200;
  const vs::Variable v = vs::get_variable("v", {}, {.dtype = vs::int64});
  const vs::Variable w = vs::get_variable("w", {}, {.dtype = vs::int64});
  const vs::Callable step = session.make_callable({}, {vs::assign_add(v, 1), vs::assign_sub(w, 1)});
  const vs::Callable look = session.make_callable({}, {v + w});
  std::atomic<int> torn{0};
  run_threads(kThreads, [&](int thread) {
    for (int run = 0; run < kRuns; ++run) {
      (void)step();
      // Both or neither: a run sees one commit.
      if (look()[0].values<std::int64_t>()[0] != 0) torn.fetch_add(1);
      if (thread == 0 && run == kRuns / 2) {
        session.load({{v, vs::Array::scalar<std::int64_t>(0)}, {w, vs::Array::scalar<std::int64_t>(0)}});
      }
    }
  });
  BOOST_TEST(torn.load() == 0);
  const std::int64_t counted = value_of(v).values<std::int64_t>()[0];
  BOOST_TEST(counted <= (kThreads - 1) * kRuns + kRuns / 2);
  BOOST_TEST(counted >= kRuns / 2 - 1);
  session.load({{v, vs::Array::scalar<std::int64_t>(0)}});
  run_threads(kThreads, [&](int) {
    for (int run = 0; run < kRuns; ++run) (void)step();
  });
  BOOST_TEST(value_of(v).values<std::int64_t>()[0] == kThreads * kRuns);
}

// Large enough for several threads of the run itself: whoever waits for tiles takes up no other run.
BOOST_AUTO_TEST_CASE(W4_large_assignments_in_tasks) {
  constexpr std::int64_t size = 1 << 20;
  const vs::Variable v = vs::get_variable("v", {size}, {.initializer = vs::zeros_initializer()});
  const vs::Callable step = session.make_callable({}, {vs::assign_add(v, vs::tanh(v) * 0.0F + 1.0F).op()});
  constexpr int kThreads = 4, kRuns = 5;
  run_threads(kThreads, [&](int) {
    for (int run = 0; run < kRuns; ++run) (void)step();
  });
  const vs::Array value = value_of(v);
  BOOST_TEST(value.values<float>().front() == kThreads * kRuns);
  BOOST_TEST(value.values<float>().back() == kThreads * kRuns);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
