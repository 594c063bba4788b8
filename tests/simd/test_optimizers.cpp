// SPDX-License-Identifier: Apache-2.0
// Optimizer steps: the same bits on every set, and the formulas in double precision.
#include "support.hpp"

#include <string>

BOOST_AUTO_TEST_SUITE(test_optimizers)

using namespace varscope::simd;
using namespace varscope::simd::testing;

namespace {

struct Case {
  const char* name;
  OptimizerFunction<float> OptimizerKernels::*slot;
  int slots;
};

#define OPTIMIZER_CASE(name, slots) \
  { #name, &OptimizerKernels::name, slots }
const Case kCases[] = {
    OPTIMIZER_CASE(gradient_descent, 0),
    OPTIMIZER_CASE(momentum, 1),
    OPTIMIZER_CASE(nesterov_momentum, 1),
    OPTIMIZER_CASE(adagrad, 1),
    OPTIMIZER_CASE(rmsprop, 2),
    OPTIMIZER_CASE(centered_rmsprop, 3),
    OPTIMIZER_CASE(adam, 2),
    OPTIMIZER_CASE(moving_average, 0),
};
#undef OPTIMIZER_CASE

constexpr OptimizerNumbers<float> kNumbers = {
    .learning_rate = 0.3f, .momentum = 0.9f, .decay = 0.8f, .decay_2 = 0.95f, .epsilon = 1e-3f};

/// The variable, then the slots; the squares are positive, and those of the centred RMSProp above the square
/// of the mean.
struct Values {
  std::vector<float> variable, slots[kMaxOptimizerSlots], gradient;
};

Values random_values(Random& random, std::int64_t count) {
  Values values{random.floats(count), {}, random.floats(count)};
  values.slots[0] = random.floats(count, 0.1f, 1.0f);
  values.slots[1] = random.floats(count, 2.0f, 3.0f);
  values.slots[2] = random.floats(count);
  return values;
}

struct Results {
  std::vector<std::vector<float>> arrays;  // the variable, then the slots
  bool intact = true;
};

Results step(const KernelSet& kernels, const Case& optimizer, const Values& values, std::int64_t first,
             std::int64_t last) {
  const std::int64_t count = last - first;
  std::vector<GuardedFloats> results(static_cast<std::size_t>(optimizer.slots) + 1, GuardedFloats(count));
  OptimizerArrays<float> arrays = {.variable = values.variable.data() + first,
                                   .gradient = values.gradient.data() + first,
                                   .new_variable = results[0].data()};
  for (int slot = 0; slot < optimizer.slots; ++slot) {
    arrays.slots[slot] = values.slots[slot].data() + first;
    arrays.new_slots[slot] = results[static_cast<std::size_t>(slot) + 1].data();
  }
  (kernels.optimizers.*optimizer.slot)(arrays, kNumbers, count);
  Results gathered;
  for (const GuardedFloats& result : results) {
    gathered.arrays.push_back(result.copy());
    gathered.intact = gathered.intact && result.intact();
  }
  return gathered;
}

}  // namespace

BOOST_AUTO_TEST_CASE(they_agree_with_double_precision) {
  Random random(1);
  constexpr std::int64_t kCount = 1003;
  const Values values = random_values(random, kCount);
  const OptimizerNumbers<double> numbers = {.learning_rate = static_cast<double>(kNumbers.learning_rate),
                                            .momentum = static_cast<double>(kNumbers.momentum),
                                            .decay = static_cast<double>(kNumbers.decay),
                                            .decay_2 = static_cast<double>(kNumbers.decay_2),
                                            .epsilon = static_cast<double>(kNumbers.epsilon)};
  // The formulas of TensorFlow's documentation, written once more.
  for (const Case& optimizer : kCases) {
    const std::string name = optimizer.name;
    for_each_kernel_set([&](const KernelSet& kernels) {
      const Results actual = step(kernels, optimizer, values, 0, kCount);
      BOOST_TEST(actual.intact);
      double worst = 0;
      for (std::size_t i = 0; i < static_cast<std::size_t>(kCount); ++i) {
        const auto v = static_cast<double>(values.variable[i]);
        const auto g = static_cast<double>(values.gradient[i]);
        const auto s0 = static_cast<double>(values.slots[0][i]);
        const auto s1 = static_cast<double>(values.slots[1][i]);
        const auto s2 = static_cast<double>(values.slots[2][i]);
        const double rate = numbers.learning_rate;
        const double rho = numbers.decay;
        std::vector<double> expected;
        if (name == "gradient_descent") {
          expected = {v - rate * g};
        } else if (name == "momentum" || name == "nesterov_momentum") {
          const double a = numbers.momentum * s0 + g;
          expected = {name == "momentum" ? v - rate * a : v - rate * (g + numbers.momentum * a), a};
        } else if (name == "adagrad") {
          expected = {v - rate * g / std::sqrt(s0 + g * g), s0 + g * g};
        } else if (name == "rmsprop") {
          const double s = rho * s0 + (1 - rho) * g * g;
          const double m = numbers.momentum * s1 + rate * g / std::sqrt(s + numbers.epsilon);
          expected = {v - m, s, m};
        } else if (name == "centered_rmsprop") {
          const double c = rho * s0 + (1 - rho) * g;
          const double s = rho * s1 + (1 - rho) * g * g;
          const double m = numbers.momentum * s2 + rate * g / std::sqrt(s - c * c + numbers.epsilon);
          expected = {v - m, c, s, m};
        } else if (name == "adam") {
          const double m = rho * s0 + (1 - rho) * g;
          const double s = numbers.decay_2 * s1 + (1 - numbers.decay_2) * g * g;
          expected = {v - rate * m / (std::sqrt(s) + numbers.epsilon), m, s};
        } else {
          expected = {rho * v + (1 - rho) * g};
        }
        BOOST_REQUIRE(expected.size() == actual.arrays.size());
        for (std::size_t array = 0; array < expected.size(); ++array) {
          const double error = std::fabs(static_cast<double>(actual.arrays[array][i]) - expected[array]);
          worst = std::max(worst, error / std::max(1.0, std::fabs(expected[array])));
        }
      }
      BOOST_TEST(worst <= 8 * kEpsilon, kernels.name << ' ' << name << ": " << worst);
    });
  }
}

BOOST_AUTO_TEST_CASE(every_set_gives_the_same_bits) {
  Random random(2);
  for (std::int64_t count : {0, 1, 7, 16, 33, 1000}) {
    const Values values = random_values(random, count);
    for (const Case& optimizer : kCases) {
      const Results expected = step(*built_kernel_sets().back(), optimizer, values, 0, count);
      for_each_kernel_set([&](const KernelSet& kernels) {
        const Results actual = step(kernels, optimizer, values, 0, count);
        BOOST_TEST(actual.intact);
        for (std::size_t array = 0; array < expected.arrays.size(); ++array) {
          BOOST_TEST(same_bits(expected.arrays[array], actual.arrays[array]),
                     kernels.name << ' ' << optimizer.name << ", array " << array << " of " << count);
        }
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_the_cut) {
  Random random(3);
  constexpr std::int64_t kCount = 300;
  const Values values = random_values(random, kCount);
  for_each_kernel_set([&](const KernelSet& kernels) {
    for (const Case& optimizer : kCases) {
      const Results whole = step(kernels, optimizer, values, 0, kCount);
      std::vector<std::vector<float>> pieces(whole.arrays.size());
      for (std::int64_t first = 0; first < kCount;) {
        const std::int64_t last = std::min(kCount, first + random.integer<std::int64_t>(1, 40));
        const Results piece = step(kernels, optimizer, values, first, last);
        for (std::size_t array = 0; array < pieces.size(); ++array) {
          pieces[array].insert(pieces[array].end(), piece.arrays[array].begin(), piece.arrays[array].end());
        }
        first = last;
      }
      for (std::size_t array = 0; array < pieces.size(); ++array) {
        BOOST_TEST(same_bits(whole.arrays[array], pieces[array]), kernels.name << ' ' << optimizer.name);
      }
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
