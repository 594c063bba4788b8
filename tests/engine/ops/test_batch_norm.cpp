// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/gradient_check.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_batch_norm)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

using Tensors = std::vector<vs::Tensor>;

struct Statistics {
  std::vector<double> means;
  std::vector<double> variances;  // with the number of rows as the divisor
  double rows;
};

Statistics statistics_of(const vs::Array& image) {
  const std::vector<double> x = to_doubles(image);
  const auto channels = static_cast<std::size_t>(image.shape()[image.shape().rank() - 1]);
  const auto rows = static_cast<long double>(x.size() / channels);
  // Sums of float64 have to be better than what they judge.
  std::vector<long double> means(channels), variances(channels);
  for (std::size_t i = 0; i < x.size(); ++i) means[i % channels] += x[i] / rows;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double distance = x[i] - means[i % channels];
    variances[i % channels] += distance * distance / rows;
  }
  return {std::vector<double>(means.begin(), means.end()),
          std::vector<double>(variances.begin(), variances.end()), static_cast<double>(rows)};
}

Expected vector_of(const std::vector<double>& values, double factor = 1) {
  Expected expected({static_cast<std::int64_t>(values.size())});
  for (std::size_t i = 0; i < values.size(); ++i) expected.add(i, values[i] * factor);
  return expected;
}

Expected judge(const vs::Array& image, const Statistics& statistics, const vs::Array& scale,
               const vs::Array& offset, double epsilon) {
  const std::vector<double> x = to_doubles(image), scales = to_doubles(scale), offsets = to_doubles(offset);
  Expected expected(image.shape());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % scales.size();
    const double factor = scales[c] / std::sqrt(statistics.variances[c] + epsilon);
    expected.add(i, x[i] * factor);
    expected.add(i, -statistics.means[c] * factor);
    expected.add(i, offsets[c]);
    // The mean is as good as the elements that it is made of, which lie up to 2 away.
    expected.magnitudes[i] += 2 * std::fabs(factor);
  }
  return expected;
}

std::vector<vs::Array> random_inputs(Random& random, const vs::Shape& shape, vs::DType dtype, double mean) {
  const vs::Shape channels = {shape[3]};
  return {random_array(random, shape, dtype, mean - 2, mean + 2), random_array(random, channels, dtype),
          random_array(random, channels, dtype), random_array(random, channels, dtype, mean - 2, mean + 2),
          random_array(random, channels, dtype, 0.1, 2)};
}

Tensors training(const Tensors& in, double epsilon = 0.001) {
  const vs::FusedBatchNorm result = vs::fused_batch_norm(in[0], in[1], in[2], {.epsilon = epsilon});
  return {result.y, result.batch_mean, result.batch_variance};
}

Tensors inference(const Tensors& in, double epsilon = 0.001) {
  const vs::FusedBatchNorm result = vs::fused_batch_norm(
      in[0], in[1], in[2], {.mean = in[3], .variance = in[4], .epsilon = epsilon, .is_training = false});
  return {result.y, result.batch_mean, result.batch_variance};
}

/// Few channels, which share registers; many, which are several blocks; rows that fill none.
const std::vector<vs::Shape> kShapes = {{1, 1, 1, 5},  {2, 3, 5, 1},    {3, 7, 9, 3},   {4, 9, 10, 7},
                                        {2, 8, 8, 16}, {9, 20, 20, 24}, {5, 6, 7, 100}, {3, 5, 5, 300},
                                        {7, 1, 1, 64}, {2, 9, 9, 520},  {40, 20, 30, 2}};

}  // namespace

BOOST_AUTO_TEST_CASE(values_agree_with_double_precision) {
  Random random;
  for (const vs::Shape& shape : kShapes) {
    const vs::DType dtype = random.chance(0.3) ? vs::float64 : vs::float32;
    const double epsilon = random.pick<double>({0.001, 0.1});
    const std::vector<vs::Array> inputs = random_inputs(random, shape, dtype, random.pick<double>({0, 3}));
    const Statistics statistics = statistics_of(inputs[0]);
    const Expected expected = judge(inputs[0], statistics, inputs[1], inputs[2], epsilon);
    const double n = statistics.rows;
    BOOST_TEST_CONTEXT(inputs[0].description()) {
      on_every_instruction_set(
          inputs, [&](const Tensors& in) { return training(in, epsilon); },
          [&](const std::vector<vs::Array>& results) {
            check_close(results[0], dtype, expected, 16);
            Expected means = vector_of(statistics.means);
            for (double& magnitude : means.magnitudes) magnitude += 5;
            check_close(results[1], dtype, means, 2);
            check_close(results[2], dtype, vector_of(statistics.variances, n > 1 ? n / (n - 1) : 1), 16);
          });
      const Statistics given{to_doubles(inputs[3]), to_doubles(inputs[4]), 1};
      const Expected inferred = judge(inputs[0], given, inputs[1], inputs[2], epsilon);
      on_every_instruction_set(
          inputs, [&](const Tensors& in) { return inference(in, epsilon); },
          [&](const std::vector<vs::Array>& results) {
            check_close(results[0], dtype, inferred, 8);
            BOOST_TEST(results[1].same_bits(inputs[3]));
            BOOST_TEST(results[2].same_bits(inputs[4]));
          });
    }
  }
}

BOOST_AUTO_TEST_CASE(a_large_mean_takes_no_digits_from_the_variance) {
  Random random(1);
  for (const std::int64_t channels : {3, 64}) {
    vs::Array image = random_array(random, {8, 20, 20, channels}, vs::float32, 4000, 4001);
    image.values<float>()[0] = 0;  // and neither does one element that is far away
    const Statistics statistics = statistics_of(image);
    const vs::Array ones =
        vs::Array::of<float>({channels}, std::vector<float>(static_cast<std::size_t>(channels), 1));
    on_every_instruction_set(
        {image, ones, ones}, [](const Tensors& in) { return training(in); },
        [&](const std::vector<vs::Array>& results) {
          check_close(results[1], vs::float32, vector_of(statistics.means), 1);
          check_close(results[2], vs::float32, vector_of(statistics.variances, 3200.0 / 3199), 20);
        });
  }
}

BOOST_AUTO_TEST_CASE(the_same_bits_on_any_number_of_threads) {
  Random random(2);
  for (const std::int64_t channels : {3, 32, 600}) {
    const vs::Shape shape = {8, 24, 24, channels};
    std::vector<vs::Array> inputs = random_inputs(random, shape, vs::float32, 1);
    inputs.push_back(random_array(random, shape, vs::float32));
    const BuildMany build = [](const Tensors& in) {
      Tensors results = training(in);
      const Tensors gradients = vs::gradients({results[0]}, {in[0], in[1], in[2]}, {.grad_ys = {in[5]}});
      results.insert(results.end(), gradients.begin(), gradients.end());
      return results;
    };
    const std::vector<vs::Array> expected = evaluate_many(inputs, build, 1);
    for (const int threads : {2, 4}) {
      const std::vector<vs::Array> results = evaluate_many(inputs, build, threads);
      for (std::size_t i = 0; i < expected.size(); ++i) BOOST_TEST(results[i].same_bits(expected[i]));
    }
  }
}

BOOST_AUTO_TEST_CASE(gradients_are_those_of_differences) {
  Random random(3);
  for (const vs::Shape& shape : {vs::Shape{2, 3, 2, 3}, vs::Shape{1, 4, 5, 16}, vs::Shape{3, 1, 1, 2}}) {
    std::vector<vs::Array> inputs = random_inputs(random, shape, vs::float64, 1);
    BOOST_TEST_CONTEXT("inference " << shape.to_string()) {
      // Nothing flows to mean and variance: they are constants.
      const vs::Array mean = inputs[3], variance = inputs[4];
      check_gradients({inputs[0], inputs[1], inputs[2]}, [&](const Tensors& in) {
        const auto constant = [&](const vs::Array& value) { return vs::cast(value, in[0].dtype()); };
        return inference({in[0], in[1], in[2], constant(mean), constant(variance)})[0];
      });
    }
    BOOST_TEST_CONTEXT("training " << shape.to_string()) {
      check_gradients({inputs[0], inputs[1], inputs[2]},
                      [](const Tensors& in) { return training(in, 0.1)[0]; });
    }
  }
}

BOOST_AUTO_TEST_CASE(large_gradients_agree_with_double_precision) {
  Random random(4);
  for (const vs::Shape& shape : kShapes) {
    const std::vector<vs::Array> inputs = random_inputs(random, shape, vs::float32, 1);
    const vs::Array g = random_array(random, shape, vs::float32);
    const std::vector<double> x = to_doubles(inputs[0]), gradient = to_doubles(g),
                              scale = to_doubles(inputs[1]);
    const Statistics statistics = statistics_of(inputs[0]);
    const std::size_t channels = scale.size();
    Expected of_scale(inputs[1].shape()), of_offset(inputs[1].shape()), of_x(shape);
    const auto normalized = [&](std::size_t i) {
      return (x[i] - statistics.means[i % channels]) / std::sqrt(statistics.variances[i % channels] + 0.001);
    };
    for (std::size_t i = 0; i < x.size(); ++i) {
      of_offset.add(i % channels, gradient[i]);
      of_scale.add(i % channels, gradient[i] * normalized(i));
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t c = i % channels;
      const double factor = scale[c] / std::sqrt(statistics.variances[c] + 0.001);
      of_x.add(i, factor * gradient[i]);
      of_x.add(i, -factor * of_offset.values[c] / statistics.rows);
      of_x.add(i, -factor * normalized(i) * of_scale.values[c] / statistics.rows);
      of_x.magnitudes[i] += std::fabs(factor);
    }
    for (double& magnitude : of_scale.magnitudes) magnitude += 1;
    BOOST_TEST_CONTEXT(shape.to_string()) {
      on_every_instruction_set(
          {inputs[0], inputs[1], inputs[2], g},
          [](const Tensors& in) {
            return vs::gradients({training(in)[0]}, {in[0], in[1], in[2]}, {.grad_ys = {in[3]}});
          },
          [&](const std::vector<vs::Array>& results) {
            check_close(results[0], vs::float32, of_x, 30);
            check_close(results[1], vs::float32, of_scale, 30);
            check_close(results[2], vs::float32, of_offset, 30);
          });
    }
  }
}

BOOST_AUTO_TEST_CASE(an_empty_batch_has_no_statistics) {
  const auto results =
      evaluate_many({vs::Array({0, 2, 2, 3}), vs::Array({3}), vs::Array({3})}, [](const Tensors& in) {
        Tensors all = training(in);
        for (const vs::Tensor& gradient : vs::gradients({all[0]}, {in[0], in[1]})) all.push_back(gradient);
        return all;
      });
  BOOST_TEST(results[0].shape().to_string() == "[0,2,2,3]");
  for (const float value : results[1].values<float>()) BOOST_TEST(std::isnan(value));
  for (const float value : results[2].values<float>()) BOOST_TEST(std::isnan(value));
  BOOST_TEST(results[3].shape().to_string() == "[0,2,2,3]");
}

BOOST_AUTO_TEST_CASE(moments_agree_with_double_precision) {
  Random random(5);
  for (const bool keepdims : {false, true}) {
    for (const vs::DType dtype : {vs::float32, vs::float64}) {
      const vs::Array image = random_array(random, {4, 5, 6, 7}, dtype, 2, 5);
      const Statistics statistics = statistics_of(image);
      on_every_instruction_set(
          {image},
          [&](const Tensors& in) {
            const auto [mean, variance] = vs::moments(in[0], {0, 1, 2}, {.keepdims = keepdims});
            return Tensors{mean, variance};
          },
          [&](const std::vector<vs::Array>& results) {
            for (std::size_t i = 0; i < 2; ++i) {
              Expected expected = vector_of(i == 0 ? statistics.means : statistics.variances);
              if (keepdims) expected.shape = {1, 1, 1, 7};
              check_close(results[i], dtype, expected, 16);
            }
          });
    }
  }
  check_gradients({random_array(random, {3, 4}, vs::float64)}, [](const Tensors& in) {
    const auto [mean, variance] = vs::moments(in[0], {0});
    return vs::multiply(mean, variance);
  });
}

BOOST_AUTO_TEST_CASE(normalization_by_given_moments) {
  Random random(6);
  const std::vector<vs::Array> inputs = random_inputs(random, {3, 4, 5, 6}, vs::float32, 1);
  const Statistics given{to_doubles(inputs[3]), to_doubles(inputs[4]), 1};
  vs::Array ones({6}), zeros({6});
  for (float& value : ones.values<float>()) value = 1;
  for (const bool scaled : {false, true}) {
    for (const bool moved : {false, true}) {
      const Expected expected =
          judge(inputs[0], given, scaled ? inputs[1] : ones, moved ? inputs[2] : zeros, 0.01);
      on_every_instruction_set(
          inputs,
          [&](const Tensors& in) {
            return vs::batch_normalization(
                in[0], in[3], in[4], moved ? std::optional<vs::TensorLike>(in[2]) : std::nullopt,
                scaled ? std::optional<vs::TensorLike>(in[1]) : std::nullopt, 0.01);
          },
          [&](const vs::Array& result) { check_close(result, vs::float32, expected, 8); });
    }
  }
  const std::vector<vs::Array> wide = random_inputs(random, {2, 1, 3, 2}, vs::float64, 1);
  check_gradients(wide, [](const Tensors& in) {
    return vs::batch_normalization(in[0], in[3], in[4], in[2], in[1], 0.01);
  });
}

BOOST_AUTO_TEST_CASE(names_shapes_and_refusals) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor image = vs::placeholder({-1, 8, 8, -1});
  const vs::Tensor vector = vs::placeholder({4}), unknown = vs::placeholder({-1});
  const vs::FusedBatchNorm result = vs::fused_batch_norm(image, vector, unknown);
  BOOST_TEST(result.y.op().name() == "FusedBatchNorm");
  BOOST_TEST(result.y.op().type() == "FusedBatchNorm");
  BOOST_TEST(result.y.shape().to_string() == "[?,8,8,4]");
  BOOST_TEST(result.batch_mean.name() == "FusedBatchNorm:1");
  BOOST_TEST(result.batch_variance.shape().to_string() == "[4]");
  const std::vector<vs::Tensor> gradients = vs::gradients({result.y}, {image, vector, unknown});
  BOOST_TEST(gradients[1].name() == "gradients/FusedBatchNorm_grad/FusedBatchNormGrad:1");
  BOOST_TEST(gradients[0].shape().to_string() == "[?,8,8,4]");
  BOOST_TEST(!vs::gradients({result.batch_mean}, {image})[0]);
  const auto [mean, variance] = vs::moments(image, {0, 1, 2});
  BOOST_TEST(mean.op().name() == "moments/Squeeze");
  BOOST_TEST(variance.op().name() == "moments/variance");
  BOOST_TEST(vs::batch_normalization(image, mean, variance, vector, 2.0, 0.1).op().name() ==
             "batchnorm/add_1");
  const auto refused = [](const std::function<void()>& action) { return message_of<vs::ValueError>(action); };
  check_says(refused([&] { vs::fused_batch_norm(image, vector, vector, {.mean = vector}); }),
             {"FusedBatchNorm", "test_batch_norm.cpp", ".mean", "training"});
  check_says(
      refused([&] { vs::fused_batch_norm(image, vector, vector, {.mean = vector, .is_training = false}); }),
      {"FusedBatchNorm", ".variance"});
  check_says(refused([&] {
               vs::fused_batch_norm(vs::placeholder({8, 4}), vector, vector);
             }),
             {"rank 4", "[8,4]"});
  check_says(refused([&] { vs::fused_batch_norm(image, vector, vs::placeholder({5})); }),
             {"'offset'", "[5]", "each channel"});
  check_says(message_of<vs::TypeError>(
                 [&] { vs::fused_batch_norm(image, vector, vs::placeholder({4}, {.dtype = vs::float64})); }),
             {"'offset'", "float64", "cast()"});
  check_says(message_of<vs::TypeError>([&] { vs::moments(vs::placeholder({4}, {.dtype = vs::int32}), {0}); }),
             {"moments", "int32"});
  check_says(refused([&] {
               vs::fused_batch_norm_grad(vs::placeholder({1, 7, 8, 4}), image, vector, vector, vector);
             }),
             {"'y_backprop'", "[1,7,8,4]", "same shape"});
}

BOOST_AUTO_TEST_SUITE_END()
