// SPDX-License-Identifier: Apache-2.0
// SEMANTICS 2.1: what initializers draw is distributed as their definitions say. The judges are the
// definitions, written here in double precision.
//
// Every seed is fixed, so that a test that passes passes always. Each bound is such that a right generator
// with a seed at random would exceed it once in a million or less:
// - Kolmogorov and Smirnov: the largest distance D of n samples' distribution function from the wanted one
//   obeys P(D > e) <= 2 exp(-2 n e^2), for every n (Massart, "The tight constant in the
//   Dvoretzky-Kiefer-Wolfowitz inequality", 1990; also the first term of Kolmogorov's limit distribution).
// - Means of n independent numbers, of any powers or products: five of their standard deviations, which
//   follow from the moments of the wanted distribution (normal limit: 5.7e-7).
#include <varscope/array.hpp>
#include <varscope/initializer.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numbers>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_initializer_statistics)

namespace vs = varscope;

namespace {

constexpr double kSignificance = 1e-6;
constexpr double kDeviations = 5;
constexpr vs::SeedPair kSeeds[] = {{42, 7}, {87654321, 1}, {0, 2147483647}};
constexpr double kTruncatedDeviation = 0.87962566103423978;

/// A distribution with mean 0: standardized moments, and the distribution function of x.
struct Law {
  std::function<double(double x)> function;
  std::function<double(int power)> standard_moment;  // E (x / deviation)^power
  double deviation = 1;
  double lowest = -std::numeric_limits<double>::infinity();  // none below
  double highest = std::numeric_limits<double>::infinity();  // none at or above
  double mean = 0;
};

double normal_function(double z) {
  return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

double normal_moment(int power) {
  if (power % 2 != 0) return 0;
  return power == 0 ? 1 : (power - 1) * normal_moment(power - 2);
}

/// E z^power of a standard normal z under the condition |z| < 2, by integration by parts.
double truncated_moment(int power) {
  if (power % 2 != 0) return 0;
  if (power == 0) return 1;
  const double inside = std::erf(std::numbers::sqrt2);
  const double density = std::exp(-2.0) / std::sqrt(2 * std::numbers::pi);
  return (power - 1) * truncated_moment(power - 2) - 2 * std::pow(2.0, power - 1) * density / inside;
}

Law normal_law(double mean, double stddev) {
  return {.function = [=](double x) { return normal_function((x - mean) / stddev); },
          .standard_moment = normal_moment,
          .deviation = stddev,
          .mean = mean};
}

/// Of a normal distribution with that standard deviation before it is truncated.
Law truncated_law(double mean, double stddev) {
  const double inside = std::erf(std::numbers::sqrt2);
  return {.function =
              [=](double x) {
                const double z = std::clamp((x - mean) / stddev, -2.0, 2.0);
                return 0.5 + 0.5 * std::erf(z / std::numbers::sqrt2) / inside;
              },
          .standard_moment =
              [](int power) { return truncated_moment(power) / std::pow(truncated_moment(2), power / 2.0); },
          .deviation = stddev * std::sqrt(truncated_moment(2)),
          .lowest = mean - 2 * stddev,
          .highest = mean + 2 * stddev,
          .mean = mean};
}

Law uniform_law(double low, double high) {
  return {.function = [=](double x) { return std::clamp((x - low) / (high - low), 0.0, 1.0); },
          .standard_moment =
              [](int power) { return power % 2 != 0 ? 0 : std::pow(3.0, power / 2) / (power + 1); },
          .deviation = (high - low) / std::sqrt(12.0),
          .lowest = low,
          .highest = high,
          .mean = (low + high) / 2};
}

/// What variance scaling promises: mean 0 and that variance.
Law scaled_law(vs::VarianceDistribution distribution, double variance) {
  switch (distribution) {
    case vs::VarianceDistribution::uniform:
      return uniform_law(-std::sqrt(3 * variance), std::sqrt(3 * variance));
    case vs::VarianceDistribution::untruncated_normal:
      return normal_law(0, std::sqrt(variance));
    case vs::VarianceDistribution::truncated_normal:
      break;
  }
  return truncated_law(0, std::sqrt(variance) / kTruncatedDeviation);
}

std::vector<double> draw(const vs::Initializer& initializer, const vs::Shape& shape, vs::DType dtype,
                         vs::SeedPair seeds) {
  const vs::Array array = initializer(shape, dtype, seeds);
  if (dtype == vs::float64) return {array.values<double>().begin(), array.values<double>().end()};
  return {array.values<float>().begin(), array.values<float>().end()};
}

double kolmogorov_smirnov(std::vector<double> values, const std::function<double(double)>& function) {
  std::sort(values.begin(), values.end());
  const auto count = static_cast<double>(values.size());
  double largest = 0;
  for (std::size_t rank = 0; rank < values.size(); ++rank) {
    const double wanted = function(values[rank]);
    largest = std::max({largest, wanted - static_cast<double>(rank) / count,
                        static_cast<double>(rank + 1) / count - wanted});
  }
  return largest;
}

double critical_distance(std::size_t samples) {
  return std::sqrt(std::log(2 / kSignificance) / (2 * static_cast<double>(samples)));
}

/// Whether the mean of the values' products or powers is the expectation, within five deviations.
void check_mean(const std::vector<double>& values, double expectation, double variance,
                std::string_view what) {
  double sum = 0;
  for (const double value : values) sum += value - expectation;
  const auto count = static_cast<double>(values.size());
  BOOST_TEST_CONTEXT(what << " should be " << expectation) {
    BOOST_TEST(std::abs(sum / count) <= kDeviations * std::sqrt(variance / count));
  }
}

std::vector<double> standardized(std::vector<double> values, const Law& law) {
  for (double& value : values) value = (value - law.mean) / law.deviation;
  return values;
}

void check_samples(const std::vector<double>& values, const Law& law, vs::DType dtype) {
  BOOST_TEST(kolmogorov_smirnov(values, law.function) <= critical_distance(values.size()));

  const auto round = [&](double x) {
    return dtype == vs::float64 ? x : static_cast<double>(static_cast<float>(x));
  };
  const auto [smallest, largest] = std::minmax_element(values.begin(), values.end());
  BOOST_TEST(*smallest >= round(law.lowest));
  BOOST_TEST(*largest < round(law.highest));

  // Mean, variance, skewness and kurtosis, about the wanted mean and in units of the wanted deviation.
  std::vector<double> powers(values.size(), 1);
  const std::vector<double> z = standardized(values, law);
  const std::string_view names[] = {"mean", "variance", "skewness", "kurtosis"};
  for (int power = 1; power <= 4; ++power) {
    std::transform(powers.begin(), powers.end(), z.begin(), powers.begin(), std::multiplies<>());
    const double expectation = law.standard_moment(power);
    check_mean(powers, expectation, law.standard_moment(2 * power) - expectation * expectation,
               names[power - 1]);
  }
}

void check_law(std::string_view name, const vs::Initializer& initializer, const vs::Shape& shape,
               const Law& law) {
  for (const vs::SeedPair seeds : kSeeds) {
    for (const vs::DType dtype : {vs::float32, vs::float64}) {
      BOOST_TEST_CONTEXT(name << " " << vs::dtype_name(dtype) << " seeds " << seeds.first << ", "
                              << seeds.second) {
        check_samples(draw(initializer, shape, dtype, seeds), law, dtype);
      }
    }
  }
}

const vs::Shape kMany{1 << 19};
const vs::Shape kDense{128, 512};          // fans 128 and 512, on average 320
const vs::Shape kFilter{4, 4, 16, 256};    // fans 256 and 4096, on average 2176
const vs::Shape kVolume{2, 4, 4, 32, 64};  // fans 1024 and 2048, on average 1536

}  // namespace

BOOST_AUTO_TEST_CASE(the_judge_is_right_about_the_truncated_normal) {
  BOOST_TEST(std::sqrt(truncated_moment(2)) == kTruncatedDeviation, boost::test_tools::tolerance(1e-14));
  // Simpson's rule over the density.
  for (const int power : {2, 4, 6, 8}) {
    double sum = 0;
    constexpr int steps = 2000;
    for (int step = 0; step <= steps; ++step) {
      const double z = -2 + 4.0 * step / steps;
      const double weight = step == 0 || step == steps ? 1 : step % 2 == 0 ? 2 : 4;
      sum += weight * std::pow(z, power) * std::exp(-z * z / 2);
    }
    const double integral = sum * (4.0 / steps / 3) / std::sqrt(2 * std::numbers::pi);
    BOOST_TEST(truncated_moment(power) == integral / std::erf(std::numbers::sqrt2),
               boost::test_tools::tolerance(1e-10));
  }
}

// A test that nothing fails proves nothing: these are wrong by little, and are found.
BOOST_AUTO_TEST_CASE(wrong_distributions_are_rejected) {
  const auto distance = [](const vs::Initializer& initializer, const vs::Shape& shape, const Law& law) {
    const std::vector<double> values = draw(initializer, shape, vs::float32, kSeeds[0]);
    return kolmogorov_smirnov(values, law.function) / critical_distance(values.size());
  };
  BOOST_TEST(distance(vs::random_normal_initializer(0, 1.02), kMany, normal_law(0, 1)) > 1);
  BOOST_TEST(distance(vs::random_normal_initializer(0.02, 1), kMany, normal_law(0, 1)) > 1);
  BOOST_TEST(distance(vs::truncated_normal_initializer(), kMany, truncated_law(0, 1.03)) > 1);
  BOOST_TEST(distance(vs::truncated_normal_initializer(), kMany, normal_law(0, kTruncatedDeviation)) > 1);
  BOOST_TEST(distance(vs::random_uniform_initializer(0, 1.005), kMany, uniform_law(0, 1)) > 1);
  // With as few samples as the fans are tested with: the other fan, a forgotten correction.
  BOOST_TEST(distance(vs::he_uniform_initializer(), kDense,
                      uniform_law(-std::sqrt(6.0 / 512), std::sqrt(6.0 / 512))) > 1);
  BOOST_TEST(distance(vs::he_normal_initializer(), kDense, truncated_law(0, std::sqrt(2.0 / 128))) > 1);
}

BOOST_AUTO_TEST_CASE(uniform) {
  check_law("random_uniform(0, 1)", vs::random_uniform_initializer(), kMany, uniform_law(0, 1));
  check_law("random_uniform(-3, 5)", vs::random_uniform_initializer(-3, 5), {1 << 16}, uniform_law(-3, 5));
  check_law("random_uniform(0.1, 0.2)", vs::random_uniform_initializer(0.1, 0.2), {1 << 16},
            uniform_law(0.1, 0.2));
}

BOOST_AUTO_TEST_CASE(uniform_integers) {
  for (const vs::SeedPair seeds : kSeeds) {
    BOOST_TEST_CONTEXT("seeds " << seeds.first << ", " << seeds.second) {
      const vs::Array few = vs::random_uniform_initializer(-2, 5)({70000}, vs::int32, seeds);
      std::vector<int> counts(7);
      for (const std::int32_t value : few.values<std::int32_t>()) {
        ++counts.at(static_cast<std::size_t>(value + 2));
      }
      double chi_square = 0;
      for (const int count : counts) chi_square += (count - 10000.0) * (count - 10000.0) / 10000.0;
      BOOST_TEST(chi_square < 38.3);  // 6 degrees of freedom: exceeded once in a million

      const vs::Array wide = vs::random_uniform_initializer(-0x1p62, 0x1p62)({1 << 16}, vs::int64, seeds);
      const std::vector<double> values(wide.values<std::int64_t>().begin(),
                                       wide.values<std::int64_t>().end());
      check_samples(values, uniform_law(-0x1p62, 0x1p62), vs::float64);
    }
  }
}

BOOST_AUTO_TEST_CASE(normal) {
  check_law("random_normal(0, 1)", vs::random_normal_initializer(), kMany, normal_law(0, 1));
  check_law("random_normal(3, 0.5)", vs::random_normal_initializer(3, 0.5), {1 << 16}, normal_law(3, 0.5));
}

BOOST_AUTO_TEST_CASE(truncated_normal) {
  check_law("truncated_normal(0, 1)", vs::truncated_normal_initializer(), kMany, truncated_law(0, 1));
  check_law("truncated_normal(1, 0.25)", vs::truncated_normal_initializer(1, 0.25), {1 << 16},
            truncated_law(1, 0.25));
}

BOOST_AUTO_TEST_CASE(variance_scaling_by_every_mode_and_distribution) {
  struct Fan {
    vs::FanMode mode;
    std::string name;
    double dense, filter, volume;
  };
  const Fan fans[] = {{vs::FanMode::fan_in, "fan_in", 128, 256, 1024},
                      {vs::FanMode::fan_out, "fan_out", 512, 4096, 2048},
                      {vs::FanMode::fan_avg, "fan_avg", 320, 2176, 1536}};
  const std::pair<vs::VarianceDistribution, std::string> distributions[] = {
      {vs::VarianceDistribution::uniform, " uniform"},
      {vs::VarianceDistribution::untruncated_normal, " untruncated_normal"},
      {vs::VarianceDistribution::truncated_normal, " truncated_normal"}};
  constexpr double scale = 1.7;
  for (const Fan& fan : fans) {
    for (const auto& [law_kind, law_name] : distributions) {
      const vs::VarianceDistribution distribution = law_kind;
      const std::string name = "variance_scaling " + fan.name + law_name;
      const vs::Initializer initializer =
          vs::variance_scaling_initializer({.scale = scale, .mode = fan.mode, .distribution = distribution});
      const auto check = [&](const vs::Shape& shape, double size) {
        check_law(name, initializer, shape, scaled_law(distribution, scale / size));
      };
      check(kDense, fan.dense);
      check(kFilter, fan.filter);
      check(kVolume, fan.volume);
    }
  }
}

BOOST_AUTO_TEST_CASE(named_scalings) {
  using Distribution = vs::VarianceDistribution;
  const auto check = [](std::string_view name, const vs::Initializer& initializer, Distribution distribution,
                        double dense_variance, double filter_variance) {
    check_law(name, initializer, kDense, scaled_law(distribution, dense_variance));
    check_law(name, initializer, kFilter, scaled_law(distribution, filter_variance));
  };
  const auto uniform = Distribution::uniform;
  const auto normal = Distribution::normal;
  check("glorot_uniform", vs::glorot_uniform_initializer(), uniform, 2.0 / 640, 2.0 / 4352);
  check("glorot_normal", vs::glorot_normal_initializer(), normal, 2.0 / 640, 2.0 / 4352);
  check("he_uniform", vs::he_uniform_initializer(), uniform, 2.0 / 128, 2.0 / 256);
  check("he_normal", vs::he_normal_initializer(), normal, 2.0 / 128, 2.0 / 256);
  check("lecun_uniform", vs::lecun_uniform_initializer(), uniform, 1.0 / 128, 1.0 / 256);
  check("lecun_normal", vs::lecun_normal_initializer(), normal, 1.0 / 128, 1.0 / 256);
}

BOOST_AUTO_TEST_CASE(uniform_unit_scaling) {
  const auto limits = [](double limit) { return uniform_law(-limit, limit); };
  const vs::Initializer plain = vs::uniform_unit_scaling_initializer();
  const vs::Initializer relu = vs::uniform_unit_scaling_initializer(1.43);
  check_law("uniform_unit_scaling", plain, kDense, limits(std::sqrt(3.0 / 128)));
  check_law("uniform_unit_scaling", plain, {1 << 16}, limits(std::sqrt(3.0)));
  check_law("uniform_unit_scaling(1.43)", relu, kDense, limits(1.43 * std::sqrt(3.0 / 128)));
  check_law("uniform_unit_scaling(1.43)", relu, kFilter, limits(1.43 * std::sqrt(3.0 / 256)));
}

// Neighbours, numbers of one place drawn with other seeds, and numbers of two dtypes do not go together.
BOOST_AUTO_TEST_CASE(numbers_are_independent) {
  const auto check_uncorrelated = [](const std::vector<double>& left, const std::vector<double>& right,
                                     std::size_t lag, std::string_view what) {
    std::vector<double> products(left.size() - lag);
    std::transform(left.begin(), left.end() - static_cast<std::ptrdiff_t>(lag),
                   right.begin() + static_cast<std::ptrdiff_t>(lag), products.begin(), std::multiplies<>());
    check_mean(products, 0, 1, what);
  };
  const struct {
    std::string_view name;
    vs::Initializer initializer;
    Law law;
  } cases[] = {{"uniform", vs::random_uniform_initializer(-1, 1), uniform_law(-1, 1)},
               {"normal", vs::random_normal_initializer(), normal_law(0, 1)},
               {"truncated normal", vs::truncated_normal_initializer(), truncated_law(0, 1)}};
  for (const auto& [name, initializer, law] : cases) {
    for (const vs::DType dtype : {vs::float32, vs::float64}) {
      for (const vs::SeedPair seeds : kSeeds) {
        BOOST_TEST_CONTEXT(name << " " << vs::dtype_name(dtype) << " seeds " << seeds.first << ", "
                                << seeds.second) {
          const auto with = [&, &from = initializer, &wanted = law](vs::SeedPair others) {
            return standardized(draw(from, {1 << 16}, dtype, others), wanted);
          };
          const std::vector<double> z = with(seeds);
          for (const std::size_t lag : {1U, 2U, 3U, 4U, 5U})
            check_uncorrelated(z, z, lag, "correlation with a neighbour");
          std::vector<double> squares(z.size());
          std::transform(z.begin(), z.end(), squares.begin(), [](double value) { return value * value - 1; });
          const double spread = law.standard_moment(4) - 1;
          for (double& square : squares) square /= std::sqrt(spread);
          for (const std::size_t lag : {1U, 2U, 3U, 4U, 5U})
            check_uncorrelated(squares, squares, lag, "correlation of squares");
          for (const vs::SeedPair others :
               {vs::SeedPair{seeds.first + 1, seeds.second}, vs::SeedPair{seeds.first, seeds.second + 1},
                vs::SeedPair{seeds.second, seeds.first}}) {
            const std::vector<double> w = with(others);
            BOOST_TEST((w != z));
            for (const std::size_t lag : {0U, 1U, 4U})
              check_uncorrelated(z, w, lag, "correlation with other seeds");
          }
        }
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
