// SPDX-License-Identifier: Apache-2.0
// What errors are in practice, and what strict accuracy excludes.
#include "conv2d_case.hpp"

#include <sstream>

BOOST_AUTO_TEST_SUITE(test_conv2d_accuracy)

using namespace varscope::simd;
using namespace varscope::simd::testing;

BOOST_AUTO_TEST_CASE(errors_are_those_of_the_documentation) {
  // docs/performance.md: in units of the output's root mean square, for inputs as they come out of a ReLU.
  struct Limit {
    std::int64_t height;  // of the filter
    std::int64_t width;
    std::int64_t stride;
    Conv2DAlgorithm algorithm;
    double largest;
  };
  const Limit limits[] = {
      {1, 1, 1, Conv2DAlgorithm::pointwise, 2e-5},     {1, 1, 1, Conv2DAlgorithm::strassen, 2e-5},
      {2, 2, 1, Conv2DAlgorithm::direct, 2e-5},        {2, 2, 1, Conv2DAlgorithm::winograd_4x4, 1e-4},
      {3, 3, 1, Conv2DAlgorithm::direct, 2e-5},        {3, 3, 1, Conv2DAlgorithm::winograd_2x2, 2e-5},
      {3, 3, 1, Conv2DAlgorithm::winograd_4x4, 1e-4},  {3, 3, 1, Conv2DAlgorithm::winograd_6x6, 2e-4},
      {4, 4, 1, Conv2DAlgorithm::winograd_4x4, 2e-4},  {5, 5, 1, Conv2DAlgorithm::direct, 2e-5},
      {5, 5, 1, Conv2DAlgorithm::winograd_2x2, 1e-4},  {5, 5, 1, Conv2DAlgorithm::winograd_4x4, 2e-4},
      {7, 7, 1, Conv2DAlgorithm::winograd_2x2, 2e-4},  {3, 5, 1, Conv2DAlgorithm::winograd_4x4, 2e-4},
      {6, 6, 1, Conv2DAlgorithm::winograd_6x6, 3e-4},  {7, 7, 1, Conv2DAlgorithm::winograd_4x4, 2e-4},
      {9, 9, 1, Conv2DAlgorithm::winograd_4x4, 2e-4},  {3, 3, 2, Conv2DAlgorithm::winograd_2x2, 2e-5},
      {3, 3, 2, Conv2DAlgorithm::winograd_4x4, 1e-4},  {4, 4, 2, Conv2DAlgorithm::winograd_2x2, 2e-5},
      {4, 4, 2, Conv2DAlgorithm::winograd_4x4, 1e-4},  {5, 5, 2, Conv2DAlgorithm::winograd_2x2, 2e-5},
      {5, 5, 2, Conv2DAlgorithm::winograd_4x4, 2e-4},  {7, 7, 2, Conv2DAlgorithm::winograd_2x2, 1e-4},
      {7, 7, 2, Conv2DAlgorithm::winograd_4x4, 2e-4},  {1, 2, 1, Conv2DAlgorithm::winograd_4x4, 5e-5},
      {1, 3, 1, Conv2DAlgorithm::winograd_4x4, 5e-5},  {3, 1, 1, Conv2DAlgorithm::winograd_6x6, 1e-4},
      {1, 5, 1, Conv2DAlgorithm::winograd_4x4, 1e-4},  {7, 1, 1, Conv2DAlgorithm::winograd_4x4, 2e-4},
      {1, 15, 1, Conv2DAlgorithm::winograd_4x4, 2e-4}, {1, 3, 2, Conv2DAlgorithm::winograd_4x4, 2e-5},
      {1, 7, 2, Conv2DAlgorithm::winograd_4x4, 1e-4},  {3, 3, 1, Conv2DAlgorithm::winograd_1x4, 5e-5},
      {5, 5, 1, Conv2DAlgorithm::winograd_1x4, 1e-4},  {7, 7, 1, Conv2DAlgorithm::winograd_1x4, 2e-4},
      {3, 3, 2, Conv2DAlgorithm::winograd_1x4, 2e-5},  {4, 4, 2, Conv2DAlgorithm::winograd_1x4, 5e-5},
      {5, 5, 2, Conv2DAlgorithm::winograd_1x4, 5e-5},  {6, 6, 2, Conv2DAlgorithm::winograd_1x4, 5e-5},
      {7, 7, 2, Conv2DAlgorithm::winograd_1x4, 5e-5},
  };
  Random random(8);
  for (const Limit& limit : limits) {
    Conv2DShape s = {.in_height = 18,
                     .in_width = 18,
                     .in_channels = 128,
                     .out_channels = limit.height * limit.width == 1 ? 32 : 16,
                     .filter_height = limit.height,
                     .filter_width = limit.width,
                     .stride_height = limit.stride,
                     .stride_width = limit.stride};
    pad(s, Padding::same);
    Conv2DCase c = make_case(s, false, false, Activation::none, random);
    for (float& x : c.input) x = std::max(x, 0.0f);
    c = with_exact_sums(std::move(c));
    double squares = 0;
    for (const double x : c.exact) squares += x * x;
    const double unit = std::sqrt(squares / static_cast<double>(c.exact.size()));
    for_each_kernel_set([&](const KernelSet& kernels) {
      const Conv2DPlan plan = plan_conv2d(kernels, s, limit.algorithm, {});
      if (plan.refusal != nullptr) return;
      const std::vector<float> output =
          run(plan, c, shuffled(plan.pack_tile_count, random), shuffled(plan.tile_count, random));
      double worst = 0;
      for (std::size_t i = 0; i < output.size(); ++i) {
        worst = std::max(worst, std::fabs(static_cast<double>(output[i]) - c.exact[i]) / unit);
      }
      std::ostringstream what;
      what << kernels.name << ' ' << conv2d_algorithm_name(limit.algorithm) << ' ' << limit.height << 'x'
           << limit.width << " stride " << limit.stride << ": " << worst;
      BOOST_TEST(worst <= limit.largest, what.str());
      BOOST_TEST_MESSAGE(what.str());
    });
  }
}

BOOST_AUTO_TEST_CASE(strict_accuracy_excludes_winograd) {
  Conv2DShape s = {.in_height = 56,
                   .in_width = 56,
                   .in_channels = 64,
                   .out_channels = 64,
                   .filter_height = 3,
                   .filter_width = 3};
  pad(s, Padding::same);
  for_each_kernel_set([&](const KernelSet& kernels) {
    const auto plan = [&](Conv2DAlgorithm algorithm, Conv2DAccuracy accuracy) {
      return plan_conv2d(kernels, s, algorithm, {}, accuracy);
    };
    BOOST_TEST(!is_winograd(plan(Conv2DAlgorithm::automatic, Conv2DAccuracy::strict).algorithm));
    BOOST_TEST(plan(Conv2DAlgorithm::winograd_4x4, Conv2DAccuracy::strict).refusal != nullptr);
    if (kernels.conv2d.winograd.functions[0].tile == nullptr) return;
    BOOST_TEST(is_winograd(plan(Conv2DAlgorithm::automatic, Conv2DAccuracy::fast).algorithm));
  });
}

BOOST_AUTO_TEST_CASE(strict_accuracy_excludes_strassen) {
  const Conv2DShape s = {.in_height = 28,
                         .in_width = 28,
                         .in_channels = 512,
                         .out_height = 28,
                         .out_width = 28,
                         .out_channels = 512};
  for_each_kernel_set([&](const KernelSet& kernels) {
    const auto plan = [&](Conv2DAlgorithm algorithm, Conv2DAccuracy accuracy) {
      return plan_conv2d(kernels, s, algorithm, {}, accuracy);
    };
    BOOST_TEST(
        (plan(Conv2DAlgorithm::automatic, Conv2DAccuracy::strict).algorithm != Conv2DAlgorithm::strassen));
    BOOST_TEST(plan(Conv2DAlgorithm::strassen, Conv2DAccuracy::strict).refusal != nullptr);
    if (kernels.conv2d.strassen_tile == nullptr) return;
    BOOST_TEST(
        (plan(Conv2DAlgorithm::automatic, Conv2DAccuracy::fast).algorithm == Conv2DAlgorithm::strassen));
  });
}

BOOST_AUTO_TEST_SUITE_END()
