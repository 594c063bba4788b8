// SPDX-License-Identifier: Apache-2.0
// Matrix products against sums in double precision.
#include "support.hpp"

BOOST_AUTO_TEST_SUITE(test_matmul)

using namespace varscope::simd;
using namespace varscope::simd::testing;

namespace {

void check(const KernelSet& kernels, const MatMulShape& s, bool with_bias, Activation activation,
           const CacheSizes& caches, Random& random) {
  const std::vector<float> a = random.floats(s.rows * s.depth);
  const std::vector<float> b = random.floats(s.depth * s.columns);
  const std::vector<float> bias = random.floats(s.columns);
  const MatMulPlan plan = plan_matmul(kernels, s, caches);
  const auto run = [&] {
    GuardedFloats packed(plan.packed_b_floats);
    for (const std::int64_t tile : shuffled(plan.pack_tile_count, random)) {
      plan.pack_b_tile(plan, b.data(), packed.data(), tile);
    }
    BOOST_TEST(packed.intact());
    GuardedFloats c(s.rows * s.columns);
    for (const std::int64_t tile : shuffled(plan.tile_count, random)) {
      GuardedFloats workspace(plan.workspace_floats);
      plan.run_tile(plan,
                    {.a = a.data(),
                     .packed_b = packed.data(),
                     .c = c.data(),
                     .bias = with_bias ? bias.data() : nullptr,
                     .activation = activation,
                     .workspace = workspace.data()},
                    tile);
      BOOST_TEST(workspace.intact());
    }
    BOOST_TEST(c.intact());
    return c.copy();
  };
  const std::vector<float> c = run();
  BOOST_TEST(same_bits(c, run()));
  double worst = 0.0;
  for (std::int64_t i = 0; i < s.rows; ++i) {
    for (std::int64_t j = 0; j < s.columns; ++j) {
      double sum = with_bias ? static_cast<double>(bias[static_cast<std::size_t>(j)]) : 0.0;
      double magnitude = std::fabs(sum) + 1.0;
      for (std::int64_t k = 0; k < s.depth; ++k) {
        const double term =
            static_cast<double>(
                a[static_cast<std::size_t>(s.transpose_a ? k * s.rows + i : i * s.depth + k)]) *
            static_cast<double>(
                b[static_cast<std::size_t>(s.transpose_b ? j * s.depth + k : k * s.columns + j)]);
        sum += term;
        magnitude += std::fabs(term);
      }
      sum = activated(activation, sum);
      const double error =
          std::fabs(static_cast<double>(c[static_cast<std::size_t>(i * s.columns + j)]) - sum);
      const double bound =
          activated_bound(activation, static_cast<double>(s.depth + 2) * magnitude * kEpsilon);
      worst = std::isnan(error) ? kInfinity : std::max(worst, error / bound);
    }
  }
  BOOST_TEST(worst <= 1.0, s.rows << " x " << s.depth << " x " << s.columns << " transposed " << s.transpose_a
                                  << ',' << s.transpose_b << ": " << worst);
}

}  // namespace

BOOST_AUTO_TEST_CASE(random_shapes) {
  Random random(1);
  const std::vector<std::int64_t> sizes = {1,  2,  3,  5,  6,  7,  8,  11, 12, 13, 15,
                                           16, 17, 24, 31, 32, 33, 47, 64, 65, 100};
  for (int i = 0; i < 150; ++i) {
    const MatMulShape s = {.rows = random.pick(sizes),
                           .columns = random.pick(sizes),
                           .depth = random.pick(sizes),
                           .transpose_a = random.chance(0.5),
                           .transpose_b = random.chance(0.5)};
    const CacheSizes caches = random.chance(0.5) ? CacheSizes{} : CacheSizes{1024, 4096, 65536};
    for_each_kernel_set([&](const KernelSet& kernels) {
      check(kernels, s, random.chance(0.5), draw_activation(random), caches, random);
    });
  }
}

BOOST_AUTO_TEST_CASE(long_depth_and_conflicting_rows) {
  Random random(2);
  for (const std::int64_t depth : {1023, 1024, 2048, 2049}) {
    for (const bool transpose_a : {false, true}) {
      const MatMulShape s = {.rows = 13, .columns = 40, .depth = depth, .transpose_a = transpose_a};
      for_each_kernel_set(
          [&](const KernelSet& kernels) { check(kernels, s, true, Activation::none, {}, random); });
    }
  }
}

BOOST_AUTO_TEST_CASE(large_enough_for_several_tiles) {
  Random random(3);
  for_each_kernel_set([&](const KernelSet& kernels) {
    const MatMulShape s = {.rows = 150, .columns = 140, .depth = 300};
    BOOST_TEST(plan_matmul(kernels, s, {}).tile_count > 1);
    check(kernels, s, true, Activation::relu, {}, random);
  });
}

// What one image asks for: its few rows are one tile, so two threads share the columns, as evenly as the
// blocks of a register tile's width can be shared.
BOOST_AUTO_TEST_CASE(few_rows_are_work_for_two_threads) {
  for_each_kernel_set([&](const KernelSet& kernels) {
    if (kernels.matmul.tile == nullptr) return;
    for (const MatMulShape& s : {MatMulShape{.rows = 1, .columns = 1000, .depth = 1280},
                                 MatMulShape{.rows = 49, .columns = 192, .depth = 672}}) {
      const MatMulPlan plan = plan_matmul(kernels, s, {});
      const std::int64_t tiles = plan.blocking.block_tiles;
      BOOST_TEST(plan.tile_count == tiles * plan.blocking.row_tiles);
      const std::int64_t larger_share = (tiles + 1) / 2 * plan.blocking.blocks_per_tile;
      BOOST_TEST(2 * larger_share <= plan.blocking.block_count + 2,
                 kernels.name << ", " << s.rows << " rows");
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
