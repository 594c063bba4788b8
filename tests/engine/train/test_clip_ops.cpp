// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_clip_ops)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

double norm_of(const std::vector<vs::Array>& arrays) {
  double sum = 0;
  for (const vs::Array& array : arrays) {
    for (double value : to_doubles(array)) sum += value * value;
  }
  return std::sqrt(sum);
}

Expected scaled(const vs::Array& array, double factor) {
  Expected expected(array.shape());
  const std::vector<double> values = to_doubles(array);
  for (std::size_t i = 0; i < values.size(); ++i) expected.values[i] = values[i] * factor;
  return expected;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_value) {
  Random random(1);
  for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32}) {
    const vs::Array input = random_array(random, {7, 9}, dtype, -10, 10);
    Expected expected(input.shape());
    const std::vector<double> values = to_doubles(input);
    for (std::size_t i = 0; i < values.size(); ++i) expected.values[i] = std::clamp(values[i], -3.0, 4.0);
    on_every_instruction_set(
        {input}, [](const std::vector<vs::Tensor>& inputs) { return vs::clip_by_value(inputs[0], -3, 4); },
        [&](const vs::Array& result) { check_equal(result, dtype, expected); });
  }
}

BOOST_AUTO_TEST_CASE(by_norm) {
  Random random(2);
  for (const vs::DType dtype : {vs::float32, vs::float64}) {
    for (double limit : {0.5, 3.0, 1000.0}) {
      const vs::Array input = random_array(random, random_shape(random, 3, 6), dtype);
      const double norm = norm_of({input});
      on_every_instruction_set(
          {input}, [&](const std::vector<vs::Tensor>& inputs) { return vs::clip_by_norm(inputs[0], limit); },
          [&](const vs::Array& result) {
            check_close(result, dtype, scaled(input, norm > limit ? limit / norm : 1), 16);
          });
    }
  }
  const vs::Array zeros(vs::Shape{3});
  BOOST_TEST(evaluate({zeros}, [](const std::vector<vs::Tensor>& inputs) {
               return vs::clip_by_norm(inputs[0], 1.0);
             }).same_bits(zeros));
}

BOOST_AUTO_TEST_CASE(by_global_norm) {
  Random random(3);
  for (const vs::DType dtype : {vs::float32, vs::float64}) {
    for (double limit : {0.5, 1000.0}) {
      std::vector<vs::Array> inputs;
      for (int i = 0; i < 4; ++i) inputs.push_back(random_array(random, random_shape(random, i, 6), dtype));
      const double norm = norm_of(inputs);
      on_every_instruction_set(
          inputs,
          [&](const std::vector<vs::Tensor>& tensors) {
            std::vector<vs::Tensor> with_gap = tensors;
            with_gap.insert(with_gap.begin() + 1, vs::Tensor());
            const auto [clipped, found] = vs::clip_by_global_norm(with_gap, limit);
            BOOST_TEST(clipped.size() == 5U);
            BOOST_TEST(!clipped[1]);
            return std::vector<vs::Tensor>{clipped[0], clipped[2], clipped[3], clipped[4], found};
          },
          [&](const std::vector<vs::Array>& results) {
            for (std::size_t i = 0; i < inputs.size(); ++i) {
              check_close(results[i], dtype, scaled(inputs[i], norm > limit ? limit / norm : 1), 16);
            }
            BOOST_TEST(std::fabs(results[4].item() - norm) <= 1e-6 * norm);
          });
    }
  }
}

BOOST_AUTO_TEST_CASE(a_norm_that_is_not_finite_makes_everything_NaN) {
  for (float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    const std::vector<vs::Array> results = evaluate_many(
        {vs::Array::of<float>({2}, {1.0F, bad}), vs::Array::of<float>({1}, {2.0F})},
        [](const std::vector<vs::Tensor>& inputs) { return vs::clip_by_global_norm(inputs, 1.0).tensors; });
    for (const vs::Array& result : results) {
      for (float element : result.values<float>()) BOOST_TEST(std::isnan(element));
    }
  }
}

BOOST_AUTO_TEST_CASE(names_and_a_norm_that_is_known) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor x = vs::placeholder({2}, {.name = "x"});
  BOOST_TEST(vs::clip_by_value(x, 0.0, 1.0).name() == "clip_by_value:0");
  BOOST_TEST(vs::clip_by_norm(x, 1.0).name() == "clip_by_norm:0");
  const vs::Tensor norm = vs::global_norm({x, vs::Tensor()});
  BOOST_TEST(norm.name() == "global_norm/global_norm:0");
  const auto [clipped, given] = vs::clip_by_global_norm({x, x}, 1.0, norm);
  BOOST_TEST(clipped[0].name() == "clip_by_global_norm/clip_by_global_norm/_0:0");
  BOOST_TEST(clipped[1].name() == "clip_by_global_norm/clip_by_global_norm/_1:0");
  BOOST_TEST((given == norm));
  vs::Session session(graph);
  const vs::Array value = vs::Array::of<float>({2}, {3.0F, 4.0F});
  BOOST_TEST(session.run({{x, value}, {norm, vs::Array::scalar(10.0F)}}, clipped[0]).values<float>()[0] ==
             0.3F);
  BOOST_CHECK_THROW(vs::global_norm({}), vs::ValueError);
  BOOST_CHECK_THROW(vs::global_norm({vs::Tensor()}), vs::ValueError);
  BOOST_CHECK_THROW(vs::global_norm({vs::constant(1)}), vs::TypeError);
}

BOOST_AUTO_TEST_SUITE_END()
