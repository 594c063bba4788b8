// SPDX-License-Identifier: Apache-2.0
// Convolutions that pool what they compute: the same bits as convolution and pooling one after the other.
#include "conv2d_case.hpp"

#include <varscope/simd/pooling.hpp>

BOOST_AUTO_TEST_SUITE(test_conv2d_max_pool)

using namespace varscope::simd;
using namespace varscope::simd::testing;

namespace {

constexpr Conv2DAlgorithm kPooling[] = {Conv2DAlgorithm::winograd_2x2, Conv2DAlgorithm::winograd_4x4,
                                        Conv2DAlgorithm::winograd_6x6, Conv2DAlgorithm::winograd_1x4};

std::vector<float> run_all(const Conv2DPlan& plan, const Conv2DCase& c, Random& random) {
  return run(plan, c, shuffled(plan.pack_tile_count, random), shuffled(plan.tile_count, random));
}

std::vector<float> pooled(const KernelSet& kernels, const Conv2DShape& s, const std::vector<float>& outputs) {
  const Pool2DShape pool = {.batch = s.batch,
                            .in_height = s.out_height,
                            .in_width = s.out_width,
                            .channels = s.out_channels,
                            .out_height = s.out_height / 2,
                            .out_width = s.out_width / 2,
                            .window_height = 2,
                            .window_width = 2,
                            .stride_height = 2,
                            .stride_width = 2};
  std::vector<float> result(outputs.size() / 4);
  kernels.pooling.max_pool2d(pool, outputs.data(), result.data(), 0, pool.batch * pool.out_height);
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_same_bits_as_one_after_the_other) {
  Random random(1);
  int compared = 0;
  for (int i = 0; i < 80; ++i) {
    Conv2DShape s;
    s.batch = random.integer(1, 3);
    s.filter_height = s.filter_width = random.integer(2, 7);
    s.stride_height = s.stride_width = random.integer(1, 2);
    s.in_height = 2 * s.stride_height * random.integer(1, 13);
    s.in_width = 2 * s.stride_width * random.integer(1, 13);
    s.in_channels = random.pick<std::int64_t>({1, 3, 8, 16, 17, 33});
    s.out_channels = random.pick<std::int64_t>({1, 3, 8, 16, 17, 33, 64, 70, 140});
    pad(s, Padding::same);
    Conv2DCase c = make_case(s, random.chance(0.5), false, draw_activation(random), random);
    if (random.chance(0.2)) c.input[c.input.size() / 2] = kNaN;
    const CacheSizes caches = random.chance(0.5) ? CacheSizes{} : CacheSizes{1024, 65536, 1048576};
    for_each_kernel_set([&](const KernelSet& kernels) {
      for (const Conv2DAlgorithm algorithm : kPooling) {
        const Conv2DPlan plan = plan_conv2d(kernels, s, algorithm, caches);
        if (plan.refusal != nullptr) continue;
        Conv2DPlan pooling = plan;
        BOOST_TEST_CONTEXT(conv2d_algorithm_name(algorithm) << ": " << s) {
          BOOST_TEST_REQUIRE(fuse_max_pool(&pooling));
          BOOST_TEST(same_bits(run_all(pooling, c, random), pooled(kernels, s, run_all(plan, c, random))));
          ++compared;
        }
      }
    });
  }
  BOOST_TEST(compared > 0);
}

BOOST_AUTO_TEST_CASE(a_plan_that_cannot_pool_stays_as_it_is) {
  const auto cannot = [](Conv2DShape s, Conv2DAlgorithm algorithm) {
    pad(s, Padding::same);
    Conv2DPlan plan = plan_conv2d(best_kernel_set(), s, algorithm, {});
    if (plan.refusal != nullptr) return;  // a machine without it
    const std::int64_t workspace = plan.workspace_floats;
    BOOST_TEST(!fuse_max_pool(&plan), s);
    BOOST_TEST(!plan.max_pooled);
    BOOST_TEST(plan.workspace_floats == workspace);
  };
  Conv2DShape s = {.in_height = 8,
                   .in_width = 8,
                   .in_channels = 32,
                   .out_channels = 32,
                   .filter_height = 3,
                   .filter_width = 3};
  for (const Conv2DAlgorithm algorithm : {Conv2DAlgorithm::direct, Conv2DAlgorithm::reference})
    cannot(s, algorithm);
  Conv2DShape odd = s;
  odd.in_height = 9;
  cannot(odd, Conv2DAlgorithm::winograd_4x4);
  cannot(odd, Conv2DAlgorithm::winograd_1x4);
  Conv2DShape dilated = s;
  dilated.dilation_height = dilated.dilation_width = 2;
  cannot(dilated, Conv2DAlgorithm::winograd_4x4);
  Conv2DShape column = s;
  column.filter_width = 1;
  cannot(column, Conv2DAlgorithm::winograd_4x4);
  Conv2DShape row = s;
  row.filter_height = 1;
  cannot(row, Conv2DAlgorithm::winograd_4x4);
}

BOOST_AUTO_TEST_SUITE_END()
