// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>

BOOST_AUTO_TEST_SUITE(test_dropout)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

constexpr std::int64_t kElements = 100000;

/// Dropout of ones, in three runs of one session; element by element.
std::vector<vs::Array> three_runs(double keep_prob, vs::DropoutOptions options,
                                  std::optional<std::uint64_t> seed, int threads = 1) {
  vs::Graph graph;
  const auto building = graph.as_default();
  if (seed) graph.set_random_seed(*seed);
  const vs::Tensor result = vs::dropout(vs::ones({kElements}), keep_prob, options);
  vs::Session session(graph, {.intra_op_parallelism_threads = threads});
  return {session.run(result), session.run(result), session.run(result)};
}

}  // namespace

BOOST_AUTO_TEST_CASE(elements_are_kept_with_the_probability_and_scaled_by_it) {
  for (const double keep_prob : {0.1, 0.5, 0.9}) {
    const vs::Array result = three_runs(keep_prob, {.seed = 17}, 4)[0];
    std::int64_t kept = 0;
    for (const float value : result.values<float>()) {
      if (value != 0) ++kept;
      BOOST_TEST_REQUIRE((value == 0 || value == 1 / static_cast<float>(keep_prob)));
    }
    // Five standard deviations of a binomial distribution.
    const auto expected = static_cast<double>(kElements) * keep_prob;
    BOOST_TEST(std::fabs(static_cast<double>(kept) - expected) < 5 * std::sqrt(expected * (1 - keep_prob)));
  }
}

BOOST_AUTO_TEST_CASE(neighbours_are_independent) {
  const vs::Array result = three_runs(0.5, {.seed = 3}, 4)[0];
  const auto values = result.values<float>();
  for (const std::size_t distance : {1U, 2U, 3U, 4U, 8U, 1000U}) {
    std::int64_t equal = 0;
    for (std::size_t i = 0; i + distance < values.size(); ++i)
      equal += values[i] == values[i + distance] ? 1 : 0;
    const auto pairs = static_cast<double>(values.size() - distance);
    BOOST_TEST(std::fabs(static_cast<double>(equal) - pairs / 2) < 5 * std::sqrt(pairs) / 2);
  }
}

BOOST_AUTO_TEST_CASE(seeds_give_the_same_series_in_every_session_and_on_any_number_of_threads) {
  const auto first = three_runs(0.5, {.seed = 5}, 9);
  const auto again = three_runs(0.5, {.seed = 5}, 9, 3);
  for (std::size_t run = 0; run < 3; ++run) BOOST_TEST(first[run].same_bits(again[run]));
  BOOST_TEST(!first[0].same_bits(first[1]));
  BOOST_TEST(!first[1].same_bits(first[2]));
  BOOST_TEST(!first[0].same_bits(three_runs(0.5, {.seed = 6}, 9)[0]));
  BOOST_TEST(!first[0].same_bits(three_runs(0.5, {.seed = 5}, 10)[0]));
  BOOST_TEST(three_runs(0.5, {}, 9)[0].same_bits(three_runs(0.5, {}, 9)[0]));
  BOOST_TEST(!three_runs(0.5, {}, std::nullopt)[0].same_bits(three_runs(0.5, {}, std::nullopt)[0]));
}

BOOST_AUTO_TEST_CASE(with_a_step_the_numbers_are_those_of_the_step_in_every_run) {
  for (const vs::DType dtype : {vs::int32, vs::int64}) {
    vs::Graph graph;
    const auto building = graph.as_default();
    const vs::Tensor step = vs::placeholder({}, {.dtype = dtype});
    const vs::Tensor ones = vs::constant(vs::Array::of<float>({8}, {1, 1, 1, 1, 1, 1, 1, 1}));
    const vs::Tensor x = vs::concat({ones, ones, ones, ones, ones, ones, ones, ones}, 0);
    const vs::Tensor kept = vs::dropout(x, 0.5, {.seed = 5, .step = step});
    const vs::Tensor gradient = vs::gradients({kept}, {x})[0];
    const auto run = [&](vs::Session& session, std::int64_t number) {
      vs::Array value = dtype == vs::int32 ? vs::Array::scalar(static_cast<std::int32_t>(number))
                                           : vs::Array::scalar(number);
      auto [result, derivative] = session.run({{step, value}}, {kept, gradient});
      BOOST_TEST(result.same_bits(derivative));  // of ones both are 0 or 2
      return result;
    };
    vs::Session one(graph), other(graph);
    const vs::Array third = run(one, 3);
    BOOST_TEST(third.same_bits(run(one, 3)));
    BOOST_TEST(!third.same_bits(run(one, 4)));
    BOOST_TEST(third.same_bits(run(other, 3)));
  }
}

BOOST_AUTO_TEST_CASE(float64_and_odd_sizes_work_too) {
  Random random;
  const vs::Array values = random_array(random, {3, 7}, vs::float64, 1, 2);
  const vs::Array result = evaluate({values}, [](const std::vector<vs::Tensor>& inputs) {
    return vs::dropout(inputs[0], 0.5, {.seed = 1});
  });
  for (std::size_t i = 0; i < 21; ++i) {
    const double value = result.values<double>()[i];
    BOOST_TEST((value == 0 || value == values.values<double>()[i] / 0.5));
  }
}

BOOST_AUTO_TEST_CASE(names_and_errors_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor x = vs::placeholder({-1, 3});
  BOOST_TEST(vs::dropout(x, 0.5).op().name() == "dropout");
  BOOST_TEST((vs::dropout(x, 1) == x));
  for (const double keep_prob : {0.0, -0.5, 1.5, std::nan("")}) {
    int line = 0;
    const std::string message = message_of<vs::ValueError>([&] {
      line = __LINE__ + 1;
      vs::dropout(x, keep_prob);
    });
    check_says(message, {"dropout", "keep_prob", "test_dropout.cpp:" + std::to_string(line)});
  }
  check_says(message_of<vs::TypeError>([&] { vs::dropout(vs::placeholder({2}, {.dtype = vs::int32}), 0.5); }),
             {"dropout", "int32[2]"});
  check_says(message_of<vs::TypeError>([&] { vs::dropout(x, 0.5, {.step = vs::placeholder({})}); }),
             {"dropout", "'step'", "float32[]"});
  check_says(message_of<vs::ValueError>(
                 [&] { vs::dropout(x, 0.5, {.step = vs::placeholder({1}, {.dtype = vs::int64})}); }),
             {"dropout", "'step'", "int64[1]"});
}

BOOST_AUTO_TEST_SUITE_END()
