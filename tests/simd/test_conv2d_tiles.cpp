// SPDX-License-Identifier: Apache-2.0
// Tiles run on several threads at one time, so no two may write the same output, and all together write each.
#include "support.hpp"

BOOST_AUTO_TEST_SUITE(test_conv2d_tiles)

using namespace varscope::simd;
using namespace varscope::simd::testing;

namespace {

constexpr Conv2DAlgorithm kAlgorithms[] = {
    Conv2DAlgorithm::direct,       Conv2DAlgorithm::pointwise,    Conv2DAlgorithm::depthwise,
    Conv2DAlgorithm::winograd_2x2, Conv2DAlgorithm::winograd_4x4, Conv2DAlgorithm::winograd_6x6,
    Conv2DAlgorithm::winograd_1x4, Conv2DAlgorithm::grouped,      Conv2DAlgorithm::strassen,
    Conv2DAlgorithm::reference,
};

// How often each output is written. Sums of zeros are numbers, so what a tile leaves as NaN it did not write.
std::vector<int> count_writes(const Conv2DPlan& plan) {
  const Conv2DShape& s = plan.shape;
  const std::int64_t outputs = s.batch * s.out_height * s.out_width * s.out_channels;
  const std::vector<float> input(
      static_cast<std::size_t>(s.batch * s.in_height * s.in_width * s.in_channels));
  const std::vector<float> packed(static_cast<std::size_t>(plan.packed_filter_floats));
  const std::vector<float> residual(static_cast<std::size_t>(outputs), 1.0f);
  std::vector<int> writes(static_cast<std::size_t>(outputs));
  for (std::int64_t tile = 0; tile < plan.tile_count; ++tile) {
    std::vector<float> output(static_cast<std::size_t>(outputs), kNaN);
    std::vector<float> workspace(static_cast<std::size_t>(plan.workspace_floats));
    plan.run_tile(plan,
                  {.input = input.data(),
                   .packed_filter = packed.data(),
                   .output = output.data(),
                   .epilogue = {.residual = residual.data()},
                   .workspace = workspace.data()},
                  tile);
    for (std::size_t i = 0; i < output.size(); ++i) writes[i] += std::isnan(output[i]) ? 0 : 1;
  }
  return writes;
}

void check_writes(const Conv2DShape& shape, const CacheSizes& caches) {
  for_each_kernel_set([&](const KernelSet& kernels) {
    for (const Conv2DAlgorithm algorithm : kAlgorithms) {
      const Conv2DPlan plan = plan_conv2d(kernels, shape, algorithm, caches);
      if (plan.refusal != nullptr) continue;
      const std::vector<int> writes = count_writes(plan);
      BOOST_TEST(std::count(writes.begin(), writes.end(), 1) == static_cast<std::ptrdiff_t>(writes.size()),
                 conv2d_algorithm_name(algorithm)
                     << ", " << plan.tile_count << " tiles: " << shape.in_height << 'x' << shape.in_width
                     << 'x' << shape.in_channels << " to " << shape.out_channels << ", filter "
                     << shape.filter_height << 'x' << shape.filter_width << ", stride "
                     << shape.stride_height);
    }
  });
}

Conv2DShape same_padded(std::int64_t size, std::int64_t in, std::int64_t out, std::int64_t filter,
                        std::int64_t stride) {
  const std::int64_t outputs = (size + stride - 1) / stride;
  const std::int64_t before = std::max<std::int64_t>((outputs - 1) * stride + filter - size, 0) / 2;
  return {.batch = 1,
          .in_height = size,
          .in_width = size,
          .in_channels = in,
          .out_height = outputs,
          .out_width = outputs,
          .out_channels = out,
          .filter_height = filter,
          .filter_width = filter,
          .stride_height = stride,
          .stride_width = stride,
          .pad_top = before,
          .pad_left = before};
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_output_is_written_by_one_tile) {
  Random random(1);
  for (int i = 0; i < 12; ++i) {
    check_writes(same_padded(random.integer(7, 30), random.integer(16, 130), random.integer(1, 270),
                             random.pick<std::int64_t>({1, 3, 5}), random.integer(1, 2)),
                 {});
  }
}

// Neighbouring groups are one tile's, as are outputs as far apart as the taps of a dilated filter.
BOOST_AUTO_TEST_CASE(each_output_of_groups_and_dilated_filters_is_written_by_one_tile) {
  for (const std::int64_t groups : {2, 4, 8, 12}) {
    Conv2DShape shape = same_padded(15, 8 * groups, 16 * groups, 3, groups == 4 ? 2 : 1);
    shape.groups = groups;
    check_writes(shape, {});
  }
  for (const std::int64_t dilation : {2, 3, 7, 20}) {
    Conv2DShape shape = same_padded(15, 32, 40, 3, 1);
    shape.dilation_height = shape.dilation_width = dilation;
    shape.pad_top = shape.pad_left = dilation;
    check_writes(shape, {});
  }
}

// The last register of channels overlaps the one before: both have to be one tile's.
BOOST_AUTO_TEST_CASE(each_output_of_depthwise_is_written_by_one_tile) {
  Random random(2);
  for (const std::int64_t channels : {129, 130, 193, 260, 385, 513, 521}) {
    Conv2DShape shape = same_padded(random.integer(20, 30), channels, channels,
                                    random.pick<std::int64_t>({3, 5, 7}), random.integer(1, 2));
    shape.groups = channels;
    check_writes(shape, {});
  }
}

BOOST_AUTO_TEST_CASE(each_output_of_grouped_is_written_by_one_tile) {
  Random random(3);
  for (const std::int64_t group : {4, 8, 16}) {
    for (const std::int64_t groups : {1, 5, 33, 64}) {
      Conv2DShape shape =
          same_padded(random.integer(14, 30), group * groups, group * groups, 3, random.integer(1, 2));
      shape.groups = groups;
      check_writes(shape, {});
    }
  }
}

// The last strip of a row overlaps the one before.
BOOST_AUTO_TEST_CASE(each_output_of_depthwise_columns_is_written_by_one_tile) {
  std::int64_t even = 0;
  std::int64_t ragged = 0;
  for (const std::int64_t size : {27, 50, 53, 56, 83}) {
    for (const std::int64_t stride : {1, 2}) {
      Conv2DShape shape = same_padded(size, 128, 128, 3, stride);
      shape.groups = shape.in_channels;
      check_writes(shape, {});
      const Conv2DPlan plan = plan_conv2d(best_kernel_set(), shape, Conv2DAlgorithm::depthwise, {});
      if (plan.depthwise.column_tiles == 1) continue;
      ++(shape.out_width % plan.depthwise.pixels_per_strip == 0 ? even : ragged);
    }
  }
  BOOST_TEST(even > 0);
  BOOST_TEST(ragged > 0);
}

BOOST_AUTO_TEST_SUITE_END()
