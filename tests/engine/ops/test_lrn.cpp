// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/gradient_check.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>

BOOST_AUTO_TEST_SUITE(test_lrn)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

Expected judge(const vs::Array& image, const vs::LrnOptions& options) {
  const std::vector<double> x = to_doubles(image);
  const std::int64_t channels = image.shape()[3];
  Expected expected(image.shape());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto d = static_cast<std::int64_t>(i) % channels;
    double norm = options.bias;
    for (std::int64_t other = 0; other < channels; ++other) {
      const double value = x[i - static_cast<std::size_t>(d) + static_cast<std::size_t>(other)];
      if (std::abs(other - d) <= options.depth_radius) norm += options.alpha * value * value;
    }
    expected.add(i, x[i] * std::pow(norm, -options.beta));
  }
  return expected;
}

std::vector<vs::LrnOptions> settings() {
  return {{},
          {.depth_radius = 4, .alpha = 0.001 / 9, .beta = 0.75},
          {.depth_radius = 2, .bias = 2, .alpha = 0.3, .beta = 1.25},
          {.depth_radius = 0, .alpha = 0.5, .beta = 0.75},
          {.depth_radius = 1000, .beta = 0.6}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_agree_with_double_precision) {
  Random random;
  for (const vs::LrnOptions& options : settings()) {
    for (const std::int64_t channels : {1, 7, 16, 64}) {
      const vs::DType dtype = random.chance(0.3) ? vs::float64 : vs::float32;
      const vs::Array image = random_array(random, {3, 9, 10, channels}, dtype, -3, 3);
      const Expected expected = judge(image, options);
      BOOST_TEST_CONTEXT(image.description()
                         << ", radius " << options.depth_radius << ", beta " << options.beta) {
        on_every_instruction_set(
            {image}, [&](const auto& in) { return vs::local_response_normalization(in[0], options); },
            [&](const vs::Array& result) { check_close(result, dtype, expected, 60); });
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(gradients_are_those_of_differences) {
  Random random;
  for (const vs::LrnOptions& options : settings()) {
    check_gradients({random_array(random, {2, 2, 3, 6}, vs::float64, -2, 2)},
                    [&](const auto& in) { return vs::local_response_normalization(in[0], options); });
  }
}

BOOST_AUTO_TEST_CASE(names_shapes_and_refusals) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor image = vs::placeholder({-1, 8, 8, 4});
  const vs::Tensor result = vs::local_response_normalization(image);
  BOOST_TEST(result.op().name() == "LRN");
  BOOST_TEST(result.op().type() == "LRN");
  BOOST_TEST(result.shape().to_string() == "[?,8,8,4]");
  const vs::Tensor gradient = vs::lrn_grad(image, image, result);
  BOOST_TEST(gradient.op().name() == "LRNGrad");
  BOOST_TEST(gradient.shape().to_string() == "[?,8,8,4]");
  const auto refused = [](const std::function<void()>& action) { return message_of<vs::ValueError>(action); };
  check_says(refused([&] { vs::local_response_normalization(image, {.depth_radius = -1}); }),
             {"LRN", "depth_radius", "-1"});
  check_says(refused([&] {
               vs::local_response_normalization(vs::placeholder({8, 4}));
             }),
             {"rank 4", "[8,4]"});
  check_says(refused([&] {
               vs::lrn_grad(image, vs::placeholder({-1, 7, 8, 4}), result);
             }),
             {"'input_image'", "[?,7,8,4]", "same shape"});
}

BOOST_AUTO_TEST_SUITE_END()
