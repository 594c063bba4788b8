// SPDX-License-Identifier: Apache-2.0
#include "support/messages.hpp"
#include "support/random.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_session)

namespace vs = varscope;
using vs::testing::contains;

namespace {

vs::Array vector_of(std::initializer_list<float> values) {
  return vs::Array::of<float>({static_cast<std::int64_t>(values.size())}, values);
}

struct Fixture {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(running, Fixture)

BOOST_AUTO_TEST_CASE(feeds_and_fetches_of_every_form) {
  const vs::Tensor x = vs::placeholder({-1}, {.name = "x"});
  const vs::Tensor y = x + 1.0f;
  const vs::Tensor z = x * y;
  vs::Session session(graph);
  const vs::Array fed = vector_of({1, 2, 3});

  const auto [first, second] = session.run({{x, fed}}, {y, z});
  BOOST_TEST(first.same_bits(vector_of({2, 3, 4})));
  BOOST_TEST(second.same_bits(vector_of({2, 6, 12})));
  BOOST_TEST(session.run({{x, fed}}, z).same_bits(second));

  const std::vector<vs::Fetch> fetches{y, z};
  BOOST_TEST(session.run({{x, fed}}, fetches)[1].same_bits(second));
  BOOST_TEST(session.make_callable({x}, {z})({fed})[0].same_bits(second));

  const auto running = session.as_default();
  BOOST_TEST(z.eval({{x, fed}}).same_bits(second));
}

BOOST_AUTO_TEST_CASE(what_is_fed_can_be_fetched_and_anything_can_be_fed) {
  const vs::Tensor x = vs::placeholder({2}, {.name = "x"});
  const vs::Tensor y = vs::relu(x);
  const vs::Tensor z = y + 1.0f;
  vs::Session session(graph);
  BOOST_TEST(session.run({{x, vector_of({1, 2})}}, x).same_bits(vector_of({1, 2})));
  BOOST_TEST(
      session.run({{y, vector_of({-5, 2})}}, z).same_bits(vector_of({-4, 3})));  // x is not needed then
}

BOOST_AUTO_TEST_CASE(one_value_fetched_several_times_and_through_views) {
  const vs::Tensor x = vs::placeholder({2, 2}, {.name = "x"});
  const vs::Tensor y = vs::relu(x);
  const vs::Tensor flat = vs::reshape(y, {4});
  const vs::Tensor same = vs::identity(y);
  const vs::Tensor z = vs::negative(flat);  // may not be computed in place of what is fetched
  vs::Session session(graph);
  const auto fed = vs::Array::of<float>({2, 2}, {1, -2, 3, -4});
  const auto [a, b, c, d, e] = session.run({{x, fed}}, {y, flat, y, same, z});
  BOOST_TEST(a.same_bits(vs::Array::of<float>({2, 2}, {1, 0, 3, 0})));
  BOOST_TEST(b.same_bits(vector_of({1, 0, 3, 0})));
  BOOST_TEST(c.same_bits(a));
  BOOST_TEST(d.same_bits(a));
  BOOST_TEST(e.same_bits(vector_of({-1, -0.0f, -3, -0.0f})));
}

BOOST_AUTO_TEST_CASE(a_missing_feed_names_the_placeholder_and_its_line) {
  const vs::Tensor x = vs::placeholder({-1, 4}, {.name = "image"});
  const vs::Tensor y = vs::relu(x);
  vs::Session session(graph);
  BOOST_CHECK_EXCEPTION(static_cast<void>(session.run(y)), vs::InvalidArgumentError,
                        [](const vs::Error& error) {
                          return contains(error, {"image", "[?,4]", "test_session.cpp", "feed"});
                        });
}

BOOST_AUTO_TEST_CASE(a_feed_that_does_not_fit_is_refused) {
  const vs::Tensor x = vs::placeholder({-1, 4}, {.name = "image"});
  const vs::Tensor y = vs::relu(x);
  vs::Session session(graph);
  const auto refuses = [&](const vs::Array& value, std::initializer_list<std::string_view> facts) {
    BOOST_CHECK_EXCEPTION(static_cast<void>(session.run({{x, value}}, y)), vs::InvalidArgumentError,
                          [&](const vs::Error& error) { return contains(error, facts); });
  };
  refuses(vs::Array({2, 5}), {"image:0", "float32[2,5]", "float32[?,4]"});
  refuses(vs::Array({2, 4}, vs::int32), {"image:0", "int32[2,4]", "float32[?,4]"});
  BOOST_CHECK_EXCEPTION(static_cast<void>(session.run({{x, vs::Array({1, 4})}, {x, vs::Array({1, 4})}}, y)),
                        vs::InvalidArgumentError, [](const vs::Error& error) {
                          return contains(error, {"image:0", "twice"});
                        });
}

BOOST_AUTO_TEST_CASE(shapes_that_do_not_fit_when_known_name_operation_and_line) {
  const vs::Tensor x = vs::placeholder({-1}, {.name = "x"});
  const vs::Tensor y = vs::placeholder({-1}, {.name = "y"});
  const vs::Tensor sum = x + y;
  vs::Session session(graph);
  BOOST_CHECK_EXCEPTION(
      static_cast<void>(session.run({{x, vector_of({1, 2})}, {y, vector_of({1, 2, 3})}}, sum)),
      vs::InvalidArgumentError, [](const vs::Error& error) {
        return contains(error, {"'add'", "test_session.cpp", "[2]", "[3]"});
      });
  BOOST_TEST(
      session.run({{x, vector_of({1})}, {y, vector_of({1, 2, 3})}}, sum).same_bits(vector_of({2, 3, 4})));
}

BOOST_AUTO_TEST_CASE(tensors_of_other_graphs_and_empty_ones_are_refused) {
  vs::Graph other;
  vs::Tensor foreign;
  {
    const auto there = other.as_default();
    foreign = vs::constant(1.0f);
  }
  vs::Session session(graph);
  BOOST_CHECK_THROW(static_cast<void>(session.run(foreign)), vs::ValueError);
  BOOST_CHECK_THROW(static_cast<void>(session.make_callable({vs::Tensor{}}, {})), vs::Error);
}

BOOST_AUTO_TEST_CASE(eval_without_a_session_says_how_to_get_one) {
  const vs::Tensor x = vs::constant(1.0f);
  BOOST_CHECK_EXCEPTION(static_cast<void>(x.eval()), vs::ValueError, [](const vs::Error& error) {
    return contains(error, {"Const:0", "as_default()"});
  });
}

BOOST_AUTO_TEST_CASE(run_into_overwrites_what_fits_and_replaces_what_does_not) {
  const vs::Tensor x = vs::placeholder({-1}, {.name = "x"});
  const vs::Tensor y = vs::relu(x);
  vs::Session session(graph);
  const vs::Callable callable = session.make_callable({x}, {y});
  std::vector<vs::Array> feeds{vector_of({1, -1})};
  std::vector<vs::Array> results(1);
  callable.run_into(feeds, results);
  const void* address = results[0].data();
  feeds[0] = vector_of({-7, 7});
  callable.run_into(feeds, results);
  BOOST_TEST(results[0].data() == address);
  BOOST_TEST(results[0].same_bits(vector_of({0, 7})));

  const vs::Array kept = results[0];  // somebody keeps the result: it is left alone
  feeds[0] = vector_of({9, 9});
  callable.run_into(feeds, results);
  BOOST_TEST(kept.same_bits(vector_of({0, 7})));
  BOOST_TEST(results[0].same_bits(vector_of({9, 9})));

  feeds[0] = vector_of({-3, 4});
  results[0] = feeds[0];  // must not be written over the feed
  callable.run_into(feeds, results);
  BOOST_TEST(feeds[0].same_bits(vector_of({-3, 4})));
  BOOST_TEST(results[0].same_bits(vector_of({0, 4})));

  std::vector<vs::Array> too_few;
  BOOST_CHECK_THROW(callable.run_into(feeds, too_few), vs::InvalidArgumentError);
}

BOOST_AUTO_TEST_CASE(plan_steps_name_the_kernels_that_a_call_runs) {
  const vs::Tensor x = vs::placeholder({1, 4, 4, 2}, {.name = "x"});
  const vs::Variable filter = vs::get_variable("filter", {3, 3, 2, 2});
  const vs::Tensor y = vs::relu(vs::conv2d(x, filter, {.algorithm = "reference", .name = "filtered"}));
  vs::Session session(graph);
  const vs::Callable callable = session.make_callable({x}, {y});
  const std::vector<vs::Array> feeds{vs::Array(vs::Shape{1, 4, 4, 2})};
  const std::vector<vs::PlanStep> steps = callable.plan_steps(feeds);
  BOOST_REQUIRE(steps.size() == 1U);
  BOOST_TEST(steps[0].operation == "filtered");
  BOOST_TEST(steps[0].kernel.starts_with("reference "));
  BOOST_TEST(callable.plan_steps(feeds)[0].kernel == steps[0].kernel);

  BOOST_CHECK_THROW(callable.plan_steps({}), vs::InvalidArgumentError);
  const std::vector<vs::Array> wrong{vs::Array(vs::Shape{1, 4, 4, 3})};
  BOOST_CHECK_THROW(callable.plan_steps(wrong), vs::InvalidArgumentError);
}

BOOST_AUTO_TEST_CASE(variables_are_initialized_on_first_use_and_hold_what_they_are_given) {
  const vs::Variable v = vs::get_variable("v", {2}, {.initializer = vs::constant_initializer(0.5)});
  const vs::Variable w = vs::get_variable("w", {2}, {.initializer = vs::ones_initializer()});
  const vs::Tensor sum = v + w;
  vs::Session session(graph);
  BOOST_TEST(session.run(sum).same_bits(vector_of({1.5f, 1.5f})));
  session.load({{v, vector_of({1, 2})}, {w, vector_of({10, 20})}});
  BOOST_TEST(session.run(sum).same_bits(vector_of({11, 22})));
  BOOST_TEST(session.read({w})[0].same_bits(vector_of({10, 20})));
  static_cast<void>(session.run(v.initializer()));
  BOOST_TEST(session.run(sum).same_bits(vector_of({10.5f, 20.5f})));
  static_cast<void>(session.run(vs::global_variables_initializer()));
  BOOST_TEST(session.run(sum).same_bits(vector_of({1.5f, 1.5f})));

  vs::Session another(graph);  // values belong to the session
  v.load(vector_of({5, 5}), another);
  BOOST_TEST(session.run(sum).same_bits(vector_of({1.5f, 1.5f})));
}

BOOST_AUTO_TEST_CASE(shared_values_are_not_copied_and_stay_as_they_were) {
  const vs::Variable v = vs::get_variable("v", {2}, {.initializer = vs::ones_initializer()});
  vs::Session session(graph);
  BOOST_TEST(session.read_shared({v})[0].same_bits(vector_of({1, 1})));  // initialized for it
  const vs::Array given = vector_of({3, 4});
  session.load_shared({{v, given}});
  const vs::Array seen = session.read_shared({v})[0];
  BOOST_TEST(seen.data() == given.data());
  BOOST_TEST(session.read({v})[0].data() != given.data());
  session.load({{v, vector_of({5, 6})}});
  static_cast<void>(session.run(vs::assign_add(v, vs::constant(vector_of({1, 1})))));
  BOOST_TEST(seen.same_bits(vector_of({3, 4})));
  BOOST_TEST(session.read_shared({v})[0].same_bits(vector_of({6, 7})));
  BOOST_CHECK_THROW(session.load_shared({{v, vector_of({1})}}), vs::InvalidArgumentError);
  BOOST_TEST(session.read({v})[0].same_bits(vector_of({6, 7})));
}

BOOST_AUTO_TEST_CASE(a_load_that_does_not_fit_names_every_variable_and_changes_none) {
  const vs::Variable v = vs::get_variable("v", {2}, {.initializer = vs::zeros_initializer()});
  const vs::Variable w = vs::get_variable("w", {2}, {.initializer = vs::zeros_initializer()});
  const vs::Variable u = vs::get_variable("u", {2}, {.initializer = vs::zeros_initializer()});
  vs::Session session(graph);
  BOOST_CHECK_EXCEPTION(
      session.load({{v, vector_of({1, 2})}, {w, vector_of({1})}, {u, vs::Array({2}, vs::int32)}}),
      vs::InvalidArgumentError, [](const vs::Error& error) {
        return contains(error, {"w:0", "float32[2]", "float32[1]", "u:0", "int32[2]", "test_session.cpp"}) &&
               !contains(error, {"v:0"});
      });
  BOOST_TEST(session.read({v})[0].same_bits(vector_of({0, 0})));
}

BOOST_AUTO_TEST_CASE(an_initializer_that_throws_leaves_the_variable_for_the_next_try) {
  bool fail = true;
  const vs::Variable v = vs::get_variable(
      "v", {1},
      {.initializer = vs::Initializer([&fail](const vs::Shape& shape, vs::DType dtype, vs::SeedPair) {
         if (fail) throw vs::OutOfRangeError("no data");
         return vs::Array(shape, dtype);
       })});
  vs::Session session(graph);
  BOOST_CHECK_THROW(static_cast<void>(session.run(v)), vs::OutOfRangeError);
  fail = false;
  BOOST_TEST(session.run(v).same_bits(vector_of({0})));
}

BOOST_AUTO_TEST_CASE(a_run_sees_one_commit_while_another_thread_loads) {
  const vs::Variable v = vs::get_variable("v", {256}, {.initializer = vs::zeros_initializer()});
  const vs::Variable w = vs::get_variable("w", {256}, {.initializer = vs::zeros_initializer()});
  const vs::Tensor difference = v - w;
  vs::Session session(graph);
  std::atomic<bool> done{false};
  std::thread trainer([&] {
    for (int step = 1; step <= 2000; ++step) {
      vs::Array value({256});
      for (float& element : value.values<float>()) element = static_cast<float>(step);
      session.load({{v, value}, {w, value}});
    }
    done = true;
  });
  bool equal = true;
  while (!done) {
    const vs::Array seen = session.run(difference);
    for (float element : seen.values<float>()) equal = equal && element == 0.0f;
  }
  trainer.join();
  BOOST_TEST(equal);
}

BOOST_AUTO_TEST_CASE(shapes_that_never_repeat_do_not_fill_the_memory) {
  const vs::Tensor x = vs::placeholder({-1}, {.name = "x"});
  const vs::Tensor y = vs::relu(x);
  vs::Session session(graph);
  for (std::int64_t length = 1; length <= 500; ++length) {
    BOOST_REQUIRE_EQUAL(session.run({{x, vs::Array({length})}}, y).num_elements(), length);
  }
}

BOOST_AUTO_TEST_CASE(the_number_of_threads_changes_no_bit) {
  vs::testing::Random random;
  const vs::Tensor x = vs::placeholder({-1, 17, 19, 8}, {.name = "x"});
  const vs::Variable filter =
      vs::get_variable("filter", {5, 5, 8, 16}, {.initializer = vs::glorot_uniform_initializer(7)});
  const vs::Variable bias =
      vs::get_variable("bias", {16}, {.initializer = vs::random_normal_initializer(0, 1, 8)});
  const vs::Tensor features = vs::relu(vs::conv2d(x, filter, {.padding = vs::Padding::same}) + bias);
  const vs::Tensor pooled = vs::max_pool(features, {.ksize = {1, 2, 2, 1}, .strides = {1, 2, 2, 1}});
  const vs::Tensor mean = vs::reduce_mean(pooled);
  vs::Array images({4, 17, 19, 8});
  for (float& element : images.values<float>()) element = random.uniform(-1, 1);

  std::vector<vs::Array> expected;
  for (int threads : {1, 2, 3, 0}) {
    vs::Session session(graph, {.intra_op_parallelism_threads = threads});
    const std::vector<vs::Fetch> fetches{features, pooled, mean};
    const std::vector<vs::Array> results = session.run({{x, images}}, fetches);
    if (expected.empty()) expected = results;
    for (std::size_t i = 0; i < results.size(); ++i) BOOST_TEST(results[i].same_bits(expected[i]));
  }
}

BOOST_AUTO_TEST_CASE(many_threads_share_one_callable) {
  const vs::Tensor x = vs::placeholder({-1}, {.name = "x"});
  const vs::Variable v = vs::get_variable("v", {1}, {.initializer = vs::constant_initializer(3)});
  vs::Tensor y = x;
  for (int i = 0; i < 10; ++i) y = vs::relu(y) + v;
  vs::Session session(graph);
  const vs::Callable callable = session.make_callable({x}, {y});
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 200; ++i) {
        const float start = static_cast<float>(thread * 1000 + i);
        if (!callable({vector_of({start})})[0].same_bits(vector_of({start + 30}))) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
