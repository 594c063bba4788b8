// SPDX-License-Identifier: Apache-2.0
// Convolution of every kernel set and algorithm against sums in double precision.
#include "conv2d_case.hpp"

BOOST_AUTO_TEST_SUITE(test_conv2d)

using namespace varscope::simd;
using namespace varscope::simd::testing;

namespace {

constexpr Conv2DAlgorithm kAlgorithms[] = {
    Conv2DAlgorithm::automatic,    Conv2DAlgorithm::direct,       Conv2DAlgorithm::pointwise,
    Conv2DAlgorithm::depthwise,    Conv2DAlgorithm::winograd_2x2, Conv2DAlgorithm::winograd_4x4,
    Conv2DAlgorithm::winograd_6x6, Conv2DAlgorithm::winograd_1x4, Conv2DAlgorithm::grouped,
    Conv2DAlgorithm::strassen,     Conv2DAlgorithm::reference,
};

// Where the algorithm is Strassen's, a channel's contract has the filter of the other one of its pair too.
double contract_of(const Conv2DPlan& plan, const Conv2DCase& c, std::size_t output) {
  if (plan.algorithm != Conv2DAlgorithm::strassen) return c.contract[output];
  const auto half = static_cast<std::size_t>(plan.strassen.half_channels);
  const std::size_t channel = output % c.norms.size();
  const std::size_t other = channel < half ? channel + half : channel - half;
  return c.contract[output] + (other < c.norms.size() ? c.largest * c.norms[other] : 0.0);
}

bool sums_products_themselves(Conv2DAlgorithm algorithm) {
  return !is_winograd(algorithm) && algorithm != Conv2DAlgorithm::strassen;
}

// Every algorithm that takes the shape, in any order of tiles, within its contract; sums of the products
// themselves also within the rounding errors of a sum of that length.
void check(const KernelSet& kernels, const Conv2DCase& c, const CacheSizes& caches, Random& random) {
  const Conv2DShape& s = c.shape;
  const auto length = static_cast<double>(s.filter_height * s.filter_width * s.in_channels / s.groups + 3);
  for (const Conv2DAlgorithm algorithm : kAlgorithms) {
    const Conv2DPlan plan = plan_conv2d(kernels, s, algorithm, caches);
    if (plan.refusal != nullptr) continue;
    BOOST_TEST_CONTEXT(conv2d_algorithm_name(algorithm)
                       << " -> " << conv2d_algorithm_name(plan.algorithm) << ": " << s) {
      BOOST_TEST_REQUIRE(plan.tile_count > 0);
      const std::vector<float> output =
          run(plan, c, shuffled(plan.pack_tile_count, random), shuffled(plan.tile_count, random));
      const std::vector<float> again =
          run(plan, c, shuffled(plan.pack_tile_count, random), shuffled(plan.tile_count, random));
      BOOST_TEST(same_bits(output, again));
      double worst = 0.0;
      for (std::size_t i = 0; i < output.size(); ++i) {
        const double exact = activated(c.activation, c.exact[i]);
        const double error = std::fabs(static_cast<double>(output[i]) - exact);
        const double contract = conv2d_error_factor(plan) * kUnitRoundoff * contract_of(plan, c, i);
        const double sum = length * c.magnitude[i] * kEpsilon;
        const double bound = sums_products_themselves(plan.algorithm) ? std::min(contract, sum) : contract;
        const double allowed = std::max(activated_bound(c.activation, bound), 1e-300);
        worst = std::isnan(error) ? kInfinity : std::max(worst, error / allowed);
      }
      BOOST_TEST(worst <= 1.0);
    }
  }
}

// On every set, with caches of the default sizes or of these. Small ones make several passes over the input
// channels out of few.
void check_random_data(const Conv2DShape& s, const CacheSizes& small_caches, Random& random) {
  const Conv2DCase c = make_case(s, random.chance(0.5), random.chance(0.3), draw_activation(random), random);
  const CacheSizes caches = random.chance(0.5) ? CacheSizes{} : small_caches;
  for_each_kernel_set([&](const KernelSet& kernels) { check(kernels, c, caches, random); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(random_shapes) {
  Random random(1);
  // Around the register tiles of all sets: up to two registers of channels, and 6 or 12 pixels.
  const std::vector<std::int64_t> channels = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 31, 32, 33, 40, 48, 65};
  const std::vector<std::int64_t> widths = {1, 2, 3, 5, 6, 7, 11, 12, 13, 14, 17, 24, 25, 29};
  for (int i = 0; i < 160; ++i) {
    Conv2DShape s;
    s.batch = random.integer(1, 2);
    s.in_height = random.integer(1, 9);
    s.in_width = random.pick(widths);
    s.filter_height = random.integer(1, 5);
    s.filter_width = random.integer(1, 5);
    s.stride_height = random.integer(1, 3);
    s.stride_width = random.integer(1, 3);
    s.dilation_height = random.chance(0.7) ? 1 : random.integer(2, 3);
    s.dilation_width = random.chance(0.7) ? 1 : random.integer(2, 3);
    switch (random.integer(0, 4)) {
      case 0:  // grouped
        s.groups = random.integer(2, 3);
        s.in_channels = s.groups * random.integer(1, 9);
        s.out_channels = s.groups * random.pick(channels);
        break;
      case 1:  // depthwise, with a multiplier now and then
        s.in_channels = s.groups = random.pick(channels);
        s.out_channels = s.groups * (random.chance(0.6) ? 1 : random.integer(2, 3));
        break;
      case 2:  // by strips, depthwise or small groups; so many channels that blocks are cut, and some copied
        s.in_channels = s.groups = s.out_channels =
            random.pick<std::int64_t>({16, 17, 33, 64, 130, 200, 256, 384, 512, 1024});
        if (s.groups % 8 == 0) s.groups /= random.pick<std::int64_t>({1, 1, 4, 8});
        if (s.groups % 16 == 0 && random.chance(0.2)) s.groups = s.in_channels / 16;
        s.filter_height = random.pick<std::int64_t>({1, 3, 5, 7});
        s.filter_width = random.pick<std::int64_t>({3, 5, 7});
        s.stride_width = s.dilation_width == 1 ? random.integer(1, 2) : 1;
        break;
      default:
        s.in_channels = random.pick(channels);
        s.out_channels = random.pick(channels);
        break;
    }
    pad(s, random.pick<Padding>({Padding::valid, Padding::same, Padding::same, Padding::odd}));
    check_random_data(s, {1024, 4096, 65536}, random);
  }
}

BOOST_AUTO_TEST_CASE(pointwise_shapes) {
  Random random(2);
  for (int i = 0; i < 30; ++i) {
    Conv2DShape s;
    s.batch = random.integer(1, 3);
    s.in_height = random.integer(1, 7);
    s.in_width = random.integer(1, 9);
    s.in_channels = random.pick<std::int64_t>({1, 3, 64, 65, 100, 1024});
    s.out_channels = random.pick<std::int64_t>({1, 10, 16, 31, 33, 64, 100});
    pad(s, Padding::same);
    const Conv2DCase c =
        make_case(s, random.chance(0.5), random.chance(0.5), draw_activation(random), random);
    const CacheSizes caches = random.chance(0.5) ? CacheSizes{} : CacheSizes{1024, 4096, 65536};
    for_each_kernel_set([&](const KernelSet& kernels) {
      if (kernels.conv2d.pointwise_tile != nullptr) {
        const Conv2DAlgorithm picked = plan_conv2d(kernels, s, Conv2DAlgorithm::automatic, caches).algorithm;
        BOOST_TEST((picked == Conv2DAlgorithm::pointwise || picked == Conv2DAlgorithm::strassen));
      }
      check(kernels, c, caches, random);
    });
  }
}

// As the gradient with regard to an input asks for them: pixels of a row that do not follow each other.
BOOST_AUTO_TEST_CASE(one_by_one_of_a_part_of_the_image) {
  Random random(10);
  for (int i = 0; i < 20; ++i) {
    Conv2DShape s = {.batch = random.integer(1, 2),
                     .in_height = random.integer(2, 7),
                     .in_width = random.integer(2, 9),
                     .in_channels = random.pick<std::int64_t>({2, 16, 32, 33, 512}),
                     .out_channels = random.pick<std::int64_t>({17, 32, 64, 100})};
    s.out_height = random.integer<std::int64_t>(1, s.in_height);
    s.out_width = random.integer<std::int64_t>(1, s.in_width - 1);
    check_random_data(s, {1024, 4096, 65536}, random);
  }
}

BOOST_AUTO_TEST_CASE(register_tile_edges) {
  // One less, as many as, and one more than the register tile holds, in pixels and in channels.
  Random random(3);
  for_each_kernel_set([&](const KernelSet& kernels) {
    for (const std::int64_t width : {kernels.tile_pixels - 1, kernels.tile_pixels, kernels.tile_pixels + 1}) {
      const std::int64_t block = kernels.tile_vectors * kernels.vector_floats;
      for (const std::int64_t channels : {block - 1, block, block + 1}) {
        if (width < 1 || channels < 1) continue;
        Conv2DShape s = {.in_height = 4,
                         .in_width = width,
                         .in_channels = 5,
                         .out_channels = channels,
                         .filter_height = 3,
                         .filter_width = 3};
        pad(s, Padding::same);
        check(kernels, make_case(s, true, true, Activation::relu, random), {}, random);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(batch_and_tiles_do_not_change_bits) {
  // One image alone and the same image among others: its plan has other tiles, its sums must not differ.
  Random random(4);
  const auto check_filter = [&](const KernelSet& kernels, std::int64_t filter) {
    // An odd number of pixels: Strassen's pairs must not be of two images.
    Conv2DShape s = {.batch = 3,
                     .in_height = 9,
                     .in_width = 21,
                     .in_channels = 20,
                     .out_channels = 33,
                     .filter_height = filter,
                     .filter_width = filter};
    pad(s, Padding::same);
    const Conv2DCase all = make_case(s, true, false, Activation::none, random);
    Conv2DCase last = all;
    last.shape.batch = 1;
    last.input.erase(last.input.begin(),
                     last.input.begin() + static_cast<std::ptrdiff_t>(last.input.size() / 3 * 2));
    last.exact.resize(last.exact.size() / 3);
    for (const Conv2DAlgorithm algorithm : kAlgorithms) {
      if (algorithm == Conv2DAlgorithm::automatic) continue;  // may choose another one for another batch
      const Conv2DPlan plan_all = plan_conv2d(kernels, all.shape, algorithm, {});
      const Conv2DPlan plan_last = plan_conv2d(kernels, last.shape, algorithm, {});
      if (plan_all.refusal != nullptr) continue;
      std::vector<float> output = run(plan_all, all, shuffled(plan_all.pack_tile_count, random),
                                      shuffled(plan_all.tile_count, random));
      output.erase(output.begin(), output.begin() + static_cast<std::ptrdiff_t>(output.size() / 3 * 2));
      BOOST_TEST(same_bits(output, run(plan_last, last, shuffled(plan_last.pack_tile_count, random),
                                       shuffled(plan_last.tile_count, random))),
                 conv2d_algorithm_name(algorithm));
    }
  };
  for_each_kernel_set([&](const KernelSet& kernels) {
    check_filter(kernels, 1);
    check_filter(kernels, 3);
  });
}

BOOST_AUTO_TEST_CASE(winograd_shapes) {
  Random random(6);
  for (int i = 0; i < 80; ++i) {
    Conv2DShape s;
    s.batch = random.integer(1, 3);
    s.in_height = random.integer(1, 21);
    s.in_width = random.integer(1, 21);
    s.filter_height = s.filter_width = random.pick<std::int64_t>({2, 3, 3, 4, 5, 5, 6, 7, 9});
    if (random.chance(0.2)) s.filter_width = random.integer(2, 11);
    s.stride_height = s.stride_width = random.integer(1, 2);
    if (random.chance(0.3)) (random.chance(0.5) ? s.filter_height : s.filter_width) = 1;
    s.in_channels = random.pick<std::int64_t>({4, 7, 8, 9, 16, 17, 23, 32, 33, 65});
    s.out_channels = random.pick<std::int64_t>({1, 3, 8, 15, 16, 17, 32, 33, 40, 65, 100});
    pad(s, random.pick<Padding>({Padding::valid, Padding::same, Padding::odd}));
    check_random_data(s, {1024, 65536, 1048576}, random);
  }
}

BOOST_AUTO_TEST_CASE(winograd_along_rows) {
  Random random(9);
  for (int i = 0; i < 80; ++i) {
    Conv2DShape s;
    s.batch = random.integer(1, 3);
    s.in_height = random.integer(1, 35);
    s.in_width = random.integer(1, 35);
    s.filter_height = random.integer(1, 7);
    s.filter_width = random.integer(3, 7);
    s.stride_height = random.integer(1, 3);
    s.stride_width = random.integer(1, 2);
    s.dilation_height = random.chance(0.7) ? 1 : 2;
    s.in_channels = random.pick<std::int64_t>({1, 1, 2, 3, 3, 4, 5, 8, 17});
    s.out_channels = random.pick<std::int64_t>({1, 3, 8, 15, 16, 17, 32, 33, 40, 65});
    pad(s, random.pick<Padding>({Padding::valid, Padding::same, Padding::odd}));
    check_random_data(s, {1024, 65536, 1048576}, random);
  }
}

BOOST_AUTO_TEST_CASE(strassen_shapes) {
  // Odd numbers of pixels and of channels, second halves that are shorter than the first, strides.
  Random random(10);
  int taken = 0;
  for (int i = 0; i < 60; ++i) {
    Conv2DShape s;
    s.batch = random.integer(1, 3);
    s.in_height = random.integer(1, 17);
    s.in_width = random.integer(2, 17);
    s.stride_height = random.chance(0.7) ? 1 : random.integer(1, 3);
    s.stride_width = random.chance(0.7) ? 1 : random.integer(1, 3);
    s.in_channels = random.pick<std::int64_t>({2, 3, 15, 16, 17, 31, 32, 33, 64, 65, 129, 512});
    s.out_channels = random.pick<std::int64_t>({17, 18, 31, 32, 33, 47, 48, 49, 64, 65, 97, 530});
    pad(s, Padding::valid);
    const Conv2DCase c =
        make_case(s, random.chance(0.5), random.chance(0.3), draw_activation(random), random);
    const CacheSizes caches = random.chance(0.5) ? CacheSizes{} : CacheSizes{1024, 65536, 1048576};
    for_each_kernel_set([&](const KernelSet& kernels) {
      taken += plan_conv2d(kernels, s, Conv2DAlgorithm::strassen, caches).refusal == nullptr ? 1 : 0;
      check(kernels, c, caches, random);
    });
  }
  BOOST_TEST((taken >= 50 || best_kernel_set().conv2d.strassen_tile == nullptr));
}

BOOST_AUTO_TEST_CASE(integers_are_exact) {
  // Sums of small integers have no rounding; Winograd's transforms have, by far less than a half.
  Random random(7);
  struct Window {
    std::int64_t filter;
    std::int64_t stride;
  };
  for (const Window window : {Window{1, 1}, {3, 1}, {5, 1}, {7, 1}, {3, 2}, {5, 2}, {7, 2}}) {
    Conv2DShape s = {.batch = 2,
                     .in_height = 13 * window.stride,
                     .in_width = 11 * window.stride,
                     .in_channels = 18,
                     .out_channels = 21,
                     .filter_height = window.filter,
                     .filter_width = window.filter,
                     .stride_height = window.stride,
                     .stride_width = window.stride};
    pad(s, Padding::same);
    Conv2DCase c = make_case(s, false, false, Activation::none, random);
    for (float& x : c.input) x = static_cast<float>(random.integer(-4, 4));
    for (float& x : c.filter) x = static_cast<float>(random.integer(-4, 4));
    c = with_exact_sums(std::move(c));
    for_each_kernel_set([&](const KernelSet& kernels) {
      for (const Conv2DAlgorithm algorithm : kAlgorithms) {
        const Conv2DPlan plan = plan_conv2d(kernels, s, algorithm, {});
        if (plan.refusal != nullptr) continue;
        const std::vector<float> output =
            run(plan, c, shuffled(plan.pack_tile_count, random), shuffled(plan.tile_count, random));
        std::size_t wrong = 0;
        std::size_t zeros = 0;
        for (std::size_t i = 0; i < output.size(); ++i) {
          const auto x = static_cast<double>(output[i]);
          wrong += (is_winograd(plan.algorithm) ? std::round(x) : x) != c.exact[i];
          zeros += c.exact[i] == 0.0;
        }
        BOOST_TEST(wrong == 0u, kernels.name << ' ' << conv2d_algorithm_name(plan.algorithm));
        BOOST_TEST(zeros * 4 < output.size());  // else it would prove nothing
      }
    });
  }
}

BOOST_AUTO_TEST_CASE(nan_and_infinity_pass_through) {
  Random random(5);
  for_each_kernel_set([&](const KernelSet& kernels) {
    const Conv2DShape s = {.in_width = 3, .in_channels = 2, .out_width = 3, .out_channels = 2};
    Conv2DCase c = make_case(s, false, false, Activation::relu, random);
    c.input = {kNaN, 1, kInfinity, 1, -kInfinity, 1};
    c.filter = {1, 1, 1, 1};
    for (const Conv2DAlgorithm algorithm : {Conv2DAlgorithm::automatic, Conv2DAlgorithm::direct}) {
      const Conv2DPlan plan = plan_conv2d(kernels, s, algorithm, {});
      if (plan.refusal != nullptr) continue;
      const std::vector<float> output =
          run(plan, c, shuffled(plan.pack_tile_count, random), shuffled(plan.tile_count, random));
      BOOST_TEST(std::isnan(output[0]));
      BOOST_TEST(output[2] == kInfinity);
      BOOST_TEST(output[4] == 0.0f);
    }
  });
}

BOOST_AUTO_TEST_CASE(refusals_say_why) {
  const KernelSet& best = best_kernel_set();
  const Conv2DShape s = {.in_height = 8,
                         .in_width = 8,
                         .in_channels = 4,
                         .out_height = 8,
                         .out_width = 8,
                         .out_channels = 4,
                         .filter_height = 3,
                         .filter_width = 3,
                         .pad_top = 1,
                         .pad_left = 1};
  for (const Conv2DAlgorithm algorithm :
       {Conv2DAlgorithm::pointwise, Conv2DAlgorithm::depthwise, Conv2DAlgorithm::strassen}) {
    const char* refusal = plan_conv2d(best, s, algorithm, {}).refusal;
    BOOST_TEST_REQUIRE(refusal != nullptr);
    BOOST_TEST(std::strlen(refusal) > 10u);
  }
  const KernelSet& reference = *find_kernel_set("reference");
  BOOST_TEST(plan_conv2d(reference, s, Conv2DAlgorithm::direct, {}).refusal != nullptr);
  BOOST_TEST(plan_conv2d(reference, s, Conv2DAlgorithm::automatic, {}).refusal == nullptr);
}

BOOST_AUTO_TEST_CASE(algorithm_names) {
  for (const Conv2DAlgorithm algorithm : kAlgorithms) {
    Conv2DAlgorithm found = Conv2DAlgorithm::automatic;
    BOOST_TEST(find_conv2d_algorithm(conv2d_algorithm_name(algorithm), &found));
    BOOST_TEST((found == algorithm));
  }
  Conv2DAlgorithm untouched = Conv2DAlgorithm::depthwise;
  BOOST_TEST(!find_conv2d_algorithm("no such", &untouched));
  BOOST_TEST((untouched == Conv2DAlgorithm::depthwise));
}

BOOST_AUTO_TEST_SUITE_END()
