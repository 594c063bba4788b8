// SPDX-License-Identifier: Apache-2.0
// The gradients of convolution, of every kernel set and algorithm, against sums in double precision.
#include "support.hpp"

#include <varscope/simd/conv2d_backprop_input.hpp>

BOOST_AUTO_TEST_SUITE(test_conv2d_backprop)

using namespace varscope::simd;
using namespace varscope::simd::testing;

namespace {

std::int64_t input_floats(const Conv2DShape& s) {
  return s.batch * s.in_height * s.in_width * s.in_channels;
}
std::int64_t filter_floats(const Conv2DShape& s) {
  return s.filter_height * s.filter_width * (s.in_channels / s.groups) * s.out_channels;
}
std::int64_t output_floats(const Conv2DShape& s) {
  return s.batch * s.out_height * s.out_width * s.out_channels;
}

// Calls product(element of the input, of the filter, of the output) for every product of the convolution.
template <typename Product>
void for_each_product(const Conv2DShape& s, Product&& product) {
  const std::int64_t group_in = s.in_channels / s.groups;
  for (std::int64_t out = 0; out < output_floats(s); ++out) {
    const std::int64_t k = out % s.out_channels;
    const std::int64_t x = out / s.out_channels % s.out_width;
    const std::int64_t row = out / s.out_channels / s.out_width;
    for (std::int64_t tap = 0; tap < s.filter_height * s.filter_width; ++tap) {
      const std::int64_t in_y =
          row % s.out_height * s.stride_height + tap / s.filter_width * s.dilation_height - s.pad_top;
      const std::int64_t in_x = x * s.stride_width + tap % s.filter_width * s.dilation_width - s.pad_left;
      if (in_y < 0 || in_y >= s.in_height || in_x < 0 || in_x >= s.in_width) continue;
      for (std::int64_t c = 0; c < group_in; ++c) {
        const std::int64_t channel = k / (s.out_channels / s.groups) * group_in + c;
        product(((row / s.out_height * s.in_height + in_y) * s.in_width + in_x) * s.in_channels + channel,
                (tap * group_in + c) * s.out_channels + k, out);
      }
    }
  }
}

// With pads of every size, and windows that hang over at the far edges.
Conv2DShape random_shape(Random& random) {
  Conv2DShape s;
  s.batch = random.integer(1, 3);
  s.groups = random.chance(0.6) ? 1 : random.integer(2, 3);
  s.in_channels = s.groups * random.pick<std::int64_t>({1, 2, 3, 7, 16, 17, 32});
  s.out_channels = s.groups * random.pick<std::int64_t>({1, 2, 5, 16, 31, 32, 40});
  if (random.chance(0.2)) s.groups = s.out_channels = s.in_channels;
  s.filter_height = random.integer(1, 5);
  s.filter_width = random.chance(0.6) ? s.filter_height : random.integer(1, 5);
  if (random.chance(0.5)) {
    s.stride_height = random.integer(1, 4);
    s.stride_width = random.integer(1, 4);
  }
  if (random.chance(0.4)) {
    s.dilation_height = random.integer(1, 3);
    s.dilation_width = random.integer(1, 3);
  }
  const std::int64_t high = (s.filter_height - 1) * s.dilation_height;
  const std::int64_t wide = (s.filter_width - 1) * s.dilation_width;
  s.pad_top = random.integer<std::int64_t>(0, high);
  s.pad_left = random.integer<std::int64_t>(0, wide);
  s.in_height = high + random.integer(1, 12);
  s.in_width = wide + random.integer(1, 12);
  s.out_height = (s.in_height + 2 * s.pad_top - high - 1) / s.stride_height + 1;
  s.out_width = (s.in_width + 2 * s.pad_left - wide - 1) / s.stride_width + 1;
  return s;
}

struct Case {
  Conv2DShape shape;
  std::vector<float> input, filter, out_backprop;
  std::vector<double> input_backprop, filter_backprop;    // exact
  std::vector<double> input_magnitude, filter_magnitude;  // the sums of the terms' absolute values
};

Case random_case(Random& random) {
  Case c;
  c.shape = random_shape(random);
  c.input = random.floats(input_floats(c.shape));
  c.filter = random.floats(filter_floats(c.shape));
  c.out_backprop = random.floats(output_floats(c.shape));
  c.input_backprop.resize(c.input.size());
  c.input_magnitude.resize(c.input.size());
  c.filter_backprop.resize(c.filter.size());
  c.filter_magnitude.resize(c.filter.size());
  for_each_product(c.shape, [&](std::int64_t in, std::int64_t weight, std::int64_t out) {
    const auto i = static_cast<std::size_t>(in);
    const auto w = static_cast<std::size_t>(weight);
    const double gradient = static_cast<double>(c.out_backprop[static_cast<std::size_t>(out)]);
    const double to_input = gradient * static_cast<double>(c.filter[w]);
    const double to_filter = gradient * static_cast<double>(c.input[i]);
    c.input_backprop[i] += to_input;
    c.input_magnitude[i] += std::fabs(to_input);
    c.filter_backprop[w] += to_filter;
    c.filter_magnitude[w] += std::fabs(to_filter);
  });
  return c;
}

// Winograd's transforms add errors of the size of the largest magnitude.
void check(const GuardedFloats& actual, const std::vector<double>& exact,
           const std::vector<double>& magnitude, double epsilons) {
  BOOST_TEST(actual.intact());
  const double largest = *std::max_element(magnitude.begin(), magnitude.end());
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double error = std::fabs(static_cast<double>(actual[static_cast<std::int64_t>(i)]) - exact[i]);
    BOOST_TEST(error <= epsilons * kEpsilon * (magnitude[i] + largest));
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(filter_gradients_of_random_shapes) {
  Random random(1);
  for (int i = 0; i < 60; ++i) {
    const Case c = random_case(random);
    for_each_kernel_set([&](const KernelSet& kernels) {
      for (const Conv2DAlgorithm algorithm :
           {Conv2DAlgorithm::automatic, Conv2DAlgorithm::direct, Conv2DAlgorithm::depthwise,
            Conv2DAlgorithm::winograd_2x2, Conv2DAlgorithm::winograd_4x4, Conv2DAlgorithm::winograd_6x6,
            Conv2DAlgorithm::reference}) {
        // Small caches cut small shapes into many passes.
        const CacheSizes caches = {.level1_data = random.pick<std::int64_t>({2048, 32768}),
                                   .level2 = random.pick<std::int64_t>({8192, 524288})};
        const Conv2DBackpropFilterPlan plan =
            plan_conv2d_backprop_filter(kernels, c.shape, algorithm, caches);
        if (plan.refusal != nullptr) continue;
        BOOST_TEST_CONTEXT(conv2d_algorithm_name(plan.algorithm) << ", case " << i) {
          GuardedFloats result(filter_floats(c.shape));
          GuardedFloats sums(plan.sums_floats);
          GuardedFloats workspace(plan.workspace_floats);
          std::fill_n(sums.data(), plan.sums_floats, kNaN);
          const Conv2DBackpropFilterArguments arguments = {.input = c.input.data(),
                                                           .out_backprop = c.out_backprop.data(),
                                                           .filter_backprop = result.data(),
                                                           .sums = sums.data(),
                                                           .workspace = workspace.data()};
          for (const std::int64_t tile : shuffled(plan.tile_count, random)) {
            std::fill_n(workspace.data(), plan.workspace_floats, kNaN);
            plan.run_tile(plan, arguments, tile);
          }
          for (const std::int64_t tile : shuffled(plan.sum_tile_count, random))
            plan.run_sum_tile(plan, arguments, tile);
          BOOST_TEST((sums.intact() && workspace.intact()));
          check(result, c.filter_backprop, c.filter_magnitude, 60);
        }
      }
    });
  }
}

BOOST_AUTO_TEST_CASE(phases_make_the_input_gradients_of_random_shapes) {
  Random random(2);
  for (int i = 0; i < 60; ++i) {
    const Case c = random_case(random);
    const Conv2DShape& s = c.shape;
    GuardedFloats result(input_floats(s));
    for (std::int64_t row = 0; row < std::min(s.stride_height, s.in_height); ++row) {
      for (std::int64_t column = 0; column < std::min(s.stride_width, s.in_width); ++column) {
        const Conv2DBackpropInputPhase phase = conv2d_backprop_input_phase(s, row, column);
        const Conv2DShape& part = phase.shape;
        std::vector<float> pixels(
            static_cast<std::size_t>(s.batch * phase.rows * phase.columns * s.in_channels));
        if (!phase.zero()) {
          std::vector<float> turned(static_cast<std::size_t>(filter_floats(part)));
          turn_filter(s, phase, c.filter.data(), turned.data());
          const Conv2DPlan plan =
              plan_conv2d(best_kernel_set(), part, Conv2DAlgorithm::automatic, CacheSizes{});
          std::vector<float> packed(static_cast<std::size_t>(plan.packed_filter_floats));
          for (std::int64_t tile = 0; tile < plan.pack_tile_count; ++tile)
            plan.pack_filter_tile(plan, turned.data(), packed.data(), tile);
          std::vector<float> workspace(static_cast<std::size_t>(plan.workspace_floats));
          for (std::int64_t tile = 0; tile < plan.tile_count; ++tile) {
            plan.run_tile(plan,
                          {.input = c.out_backprop.data(),
                           .packed_filter = packed.data(),
                           .output = pixels.data(),
                           .epilogue = {},
                           .workspace = workspace.data()},
                          tile);
          }
        }
        for (std::int64_t j = 0; j < static_cast<std::int64_t>(pixels.size()); ++j) {
          const std::int64_t x = column + j / s.in_channels % phase.columns * s.stride_width;
          const std::int64_t y = row + j / s.in_channels / phase.columns % phase.rows * s.stride_height;
          const std::int64_t n = j / s.in_channels / phase.columns / phase.rows;
          result.data()[((n * s.in_height + y) * s.in_width + x) * s.in_channels + j % s.in_channels] =
              pixels[static_cast<std::size_t>(j)];
        }
      }
    }
    BOOST_TEST_CONTEXT("case " << i) {
      check(result, c.input_backprop, c.input_magnitude, 60);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
