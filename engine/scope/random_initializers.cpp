// SPDX-License-Identifier: Apache-2.0
// Uniform, normal, truncated normal and what scales them by the shape.
#include "scope/initializer_body.hpp"
#include "scope/initializer_checks.hpp"
#include "scope/random_values.hpp"

#include <varscope/error.hpp>
#include <varscope/initializer.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace varscope {

namespace {

using detail::Elements;
using detail::require_finite;

/// Where the numbers come from: limits if uniform, else mean and standard deviation.
struct Distribution {
  enum class Kind { uniform, normal, truncated_normal };
  Kind kind;
  double first;   // lower limit or mean
  double second;  // upper limit or standard deviation
};

std::string_view name_of(Distribution::Kind kind) noexcept {
  switch (kind) {
    case Distribution::Kind::uniform:
      return "random_uniform";
    case Distribution::Kind::normal:
      return "random_normal";
    case Distribution::Kind::truncated_normal:
      break;
  }
  return "truncated_normal";
}

std::string_view type_of(Distribution::Kind kind) noexcept {
  switch (kind) {
    case Distribution::Kind::uniform:
      return "RandomUniform";
    case Distribution::Kind::normal:
      return "RandomStandardNormal";
    case Distribution::Kind::truncated_normal:
      break;
  }
  return "TruncatedNormal";
}

template <typename Float>
void fill_floats(const Distribution& distribution, Elements elements, SeedPair seeds) noexcept {
  switch (distribution.kind) {
    case Distribution::Kind::uniform:
      return detail::fill_uniform<Float>(elements, seeds, distribution.first, distribution.second);
    case Distribution::Kind::normal:
      return detail::fill_normal<Float>(elements, seeds, distribution.first, distribution.second);
    case Distribution::Kind::truncated_normal:
      return detail::fill_truncated_normal<Float>(elements, seeds, distribution.first, distribution.second);
  }
}

class RandomInitializer : public detail::InitializerBody {
 public:
  /// `name` is a static text: what messages call it.
  RandomInitializer(std::string_view name, Distribution::Kind kind, Seed seed)
      : name_(name), kind_(kind), seed_(seed) {}

  std::string_view op_name() const noexcept override { return name_of(kind_); }
  std::string_view op_type() const noexcept override { return type_of(kind_); }
  bool random() const noexcept override { return true; }
  Seed seed() const noexcept override { return seed_; }

  void check(const Shape&, DType dtype) const override { detail::require_floating(name_, dtype); }

  void fill(void* out, std::int64_t begin, std::int64_t end, const Shape& shape, DType dtype,
            SeedPair seeds) const override {
    const Elements elements{out, begin, end};
    const Distribution distribution = distribution_for(shape);
    if (dtype == DType::float64) return fill_floats<double>(distribution, elements, seeds);
    fill_floats<float>(distribution, elements, seeds);
  }

  double nanoseconds_per_element() const noexcept override {
    return kind_ == Distribution::Kind::uniform ? 4 : 20;
  }

 protected:
  virtual Distribution distribution_for(const Shape& shape) const = 0;

  const std::string_view name_;
  const Distribution::Kind kind_;

 private:
  const Seed seed_;
};

class UniformInitializer final : public RandomInitializer {
 public:
  UniformInitializer(double minval, std::optional<double> maxval, Seed seed)
      : RandomInitializer("random_uniform_initializer", Distribution::Kind::uniform, seed),
        minval_(minval),
        maxval_(maxval) {
    require_finite(name_, "minval", minval);
    require_finite(name_, "maxval", maxval.value_or(1));
    require_finite(name_, "maxval - minval", maxval.value_or(1) - minval);
    if (maxval.value_or(1) >= minval) return;
    throw ValueError(std::string(name_) + ": maxval " + std::to_string(maxval.value_or(1)) +
                     " is below minval " + std::to_string(minval));
  }

  void check(const Shape& shape, DType dtype) const override {
    if (dtype != DType::int32 && dtype != DType::int64) return RandomInitializer::check(shape, dtype);
    if (!maxval_.has_value()) {
      throw ValueError(std::string(name_) + ": maxval must be given for " + std::string(dtype_name(dtype)));
    }
    const double limit = dtype == DType::int32 ? 0x1p31 : 0x1p63;
    const bool whole = std::trunc(minval_) == minval_ && std::trunc(*maxval_) == *maxval_;
    if (whole && minval_ < *maxval_ && minval_ >= -limit && *maxval_ < limit) return;
    throw ValueError(std::string(name_) + ": [" + std::to_string(minval_) + ", " + std::to_string(*maxval_) +
                     ") is not a range of " + std::string(dtype_name(dtype)) + " values");
  }

  void fill(void* out, std::int64_t begin, std::int64_t end, const Shape& shape, DType dtype,
            SeedPair seeds) const override {
    if (is_floating(dtype)) return RandomInitializer::fill(out, begin, end, shape, dtype, seeds);
    const auto low = static_cast<std::int64_t>(minval_);
    const auto high = static_cast<std::int64_t>(*maxval_);
    const Elements elements{out, begin, end};
    if (dtype == DType::int64) return detail::fill_uniform_integers<std::int64_t>(elements, seeds, low, high);
    detail::fill_uniform_integers<std::int32_t>(elements, seeds, low, high);
  }

 protected:
  Distribution distribution_for(const Shape&) const override {
    return {Distribution::Kind::uniform, minval_, maxval_.value_or(1)};
  }

 private:
  const double minval_;
  const std::optional<double> maxval_;
};

class NormalInitializer final : public RandomInitializer {
 public:
  NormalInitializer(std::string_view name, Distribution::Kind kind, double mean, double stddev, Seed seed)
      : RandomInitializer(name, kind, seed), mean_(mean), stddev_(stddev) {
    require_finite(name, "mean", mean);
    require_finite(name, "stddev", stddev);
    if (stddev < 0)
      throw ValueError(std::string(name) + ": stddev " + std::to_string(stddev) + " is negative");
  }

 protected:
  Distribution distribution_for(const Shape&) const override { return {kind_, mean_, stddev_}; }

 private:
  const double mean_;
  const double stddev_;
};

class VarianceScalingInitializer final : public RandomInitializer {
 public:
  explicit VarianceScalingInitializer(const VarianceScalingOptions& options)
      : RandomInitializer("variance_scaling_initializer", kind_of(options.distribution), options.seed),
        options_(options) {
    require_finite(name_, "scale", options.scale);
    if (options.scale > 0) return;
    throw ValueError(std::string(name_) + ": scale must be positive, not " + std::to_string(options.scale));
  }

  bool scales_by_full_shape() const noexcept override { return true; }

 protected:
  Distribution distribution_for(const Shape& shape) const override {
    const Fans fans = compute_fans(shape);
    const double fan = options_.mode == FanMode::fan_in    ? fans.fan_in
                       : options_.mode == FanMode::fan_out ? fans.fan_out
                                                           : (fans.fan_in + fans.fan_out) / 2;
    const double variance = options_.scale / std::max(1.0, fan);
    if (kind_ == Distribution::Kind::uniform) {
      const double limit = std::sqrt(3 * variance);
      return {kind_, -limit, limit};
    }
    // What truncation at two standard deviations leaves of the deviation.
    constexpr double truncated_deviation = 0.87962566103423978;
    const double stddev = std::sqrt(variance);
    return {kind_, 0, kind_ == Distribution::Kind::normal ? stddev : stddev / truncated_deviation};
  }

 private:
  static Distribution::Kind kind_of(VarianceDistribution distribution) noexcept {
    switch (distribution) {
      case VarianceDistribution::uniform:
        return Distribution::Kind::uniform;
      case VarianceDistribution::untruncated_normal:
        return Distribution::Kind::normal;
      case VarianceDistribution::truncated_normal:
        break;
    }
    return Distribution::Kind::truncated_normal;
  }

  const VarianceScalingOptions options_;
};

class UniformUnitScalingInitializer final : public RandomInitializer {
 public:
  UniformUnitScalingInitializer(double factor, Seed seed)
      : RandomInitializer("uniform_unit_scaling_initializer", Distribution::Kind::uniform, seed),
        factor_(factor) {
    require_finite(name_, "factor", factor);
    if (factor >= 0) return;
    throw ValueError(std::string(name_) + ": factor " + std::to_string(factor) + " is negative");
  }

  bool scales_by_full_shape() const noexcept override { return true; }

 protected:
  Distribution distribution_for(const Shape& shape) const override {
    double inputs = 1;
    for (int axis = 0; axis < shape.rank() - 1; ++axis) inputs *= static_cast<double>(shape[axis]);
    const double limit = factor_ * std::sqrt(3 / std::max(1.0, inputs));
    return {kind_, -limit, limit};
  }

 private:
  const double factor_;
};

}  // namespace

Initializer random_uniform_initializer(double minval, std::optional<double> maxval, Seed seed) {
  return Initializer(std::make_shared<UniformInitializer>(minval, maxval, seed));
}

Initializer random_normal_initializer(double mean, double stddev, Seed seed) {
  return Initializer(std::make_shared<NormalInitializer>("random_normal_initializer",
                                                         Distribution::Kind::normal, mean, stddev, seed));
}

Initializer truncated_normal_initializer(double mean, double stddev, Seed seed) {
  return Initializer(std::make_shared<NormalInitializer>(
      "truncated_normal_initializer", Distribution::Kind::truncated_normal, mean, stddev, seed));
}

Initializer uniform_unit_scaling_initializer(double factor, Seed seed) {
  return Initializer(std::make_shared<UniformUnitScalingInitializer>(factor, seed));
}

Initializer variance_scaling_initializer(VarianceScalingOptions options) {
  return Initializer(std::make_shared<VarianceScalingInitializer>(options));
}

Initializer glorot_uniform_initializer(Seed seed) {
  return variance_scaling_initializer({1, FanMode::fan_avg, VarianceDistribution::uniform, seed});
}
Initializer glorot_normal_initializer(Seed seed) {
  return variance_scaling_initializer({1, FanMode::fan_avg, VarianceDistribution::truncated_normal, seed});
}
Initializer he_uniform_initializer(Seed seed) {
  return variance_scaling_initializer({2, FanMode::fan_in, VarianceDistribution::uniform, seed});
}
Initializer he_normal_initializer(Seed seed) {
  return variance_scaling_initializer({2, FanMode::fan_in, VarianceDistribution::truncated_normal, seed});
}
Initializer lecun_uniform_initializer(Seed seed) {
  return variance_scaling_initializer({1, FanMode::fan_in, VarianceDistribution::uniform, seed});
}
Initializer lecun_normal_initializer(Seed seed) {
  return variance_scaling_initializer({1, FanMode::fan_in, VarianceDistribution::truncated_normal, seed});
}

Fans compute_fans(const Shape& shape) {
  if (!shape.fully_known()) {
    throw ValueError("fans need a fully known shape, not " + shape.to_string());
  }
  const int rank = shape.rank();
  if (rank == 0) return {1, 1};
  if (rank == 1) return {static_cast<double>(shape[0]), static_cast<double>(shape[0])};
  double receptive_field = 1;
  for (int axis = 0; axis < rank - 2; ++axis) receptive_field *= static_cast<double>(shape[axis]);
  return {receptive_field * static_cast<double>(shape[rank - 2]),
          receptive_field * static_cast<double>(shape[rank - 1])};
}

}  // namespace varscope
