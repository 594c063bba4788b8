// SPDX-License-Identifier: Apache-2.0
#include "conv_problem.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace varscope::tools {

namespace {

// SplitMix64 (Steele, Lea and Flood 2014): a few instructions a number, the same everywhere.
class UniformNumbers {
 public:
  explicit UniformNumbers(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() noexcept {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
    return mixed ^ (mixed >> 31U);
  }

  /// On [-1, 1), a multiple of 2^-23.
  float next_float() noexcept { return static_cast<float>(next() >> 40U) * 0x1p-23F - 1.0F; }

 private:
  std::uint64_t state_;
};

Array uniform_array(const Shape& shape, std::uint64_t seed) {
  Array array = Array::uninitialized(shape, DType::float32);
  UniformNumbers numbers(seed);
  for (float& value : array.values<float>()) value = numbers.next_float();
  return array;
}

std::vector<std::int64_t> spread_pixels(const ConvLayer& layer, std::int64_t wanted) {
  const std::int64_t image = layer.out_height() * layer.out_width();
  const std::int64_t all = layer.n * image;
  std::vector<std::int64_t> pixels;
  if (wanted >= all) {
    for (std::int64_t pixel = 0; pixel < all; ++pixel) pixels.push_back(pixel);
    return pixels;
  }
  for (const std::int64_t first : {std::int64_t{0}, all - image}) {
    for (const std::int64_t corner :
         {std::int64_t{0}, layer.out_width() - 1, image - layer.out_width(), image - 1})
      pixels.push_back(first + corner);
  }
  // One pixel at a random place of each of `wanted` equal stretches.
  UniformNumbers numbers(7);
  for (std::int64_t stretch = 0; stretch < wanted; ++stretch) {
    const std::int64_t begin = stretch * all / wanted;
    const std::int64_t length = (stretch + 1) * all / wanted - begin;
    pixels.push_back(begin + static_cast<std::int64_t>(numbers.next() % static_cast<std::uint64_t>(length)));
  }
  std::sort(pixels.begin(), pixels.end());
  pixels.erase(std::unique(pixels.begin(), pixels.end()), pixels.end());
  return pixels;
}

// All output channels of one pixel into `sums`.
void convolve_pixel(const ConvProblem& problem, std::int64_t pixel, std::span<double> sums) {
  const ConvLayer& layer = problem.layer;
  const std::span<const float> input = problem.input.values<float>();
  const std::span<const float> filter = problem.filter.values<float>();
  const std::span<const float> bias = problem.bias.values<float>();
  const std::int64_t group_inputs = layer.c / layer.groups;
  const std::int64_t group_outputs = layer.k / layer.groups;
  const std::int64_t x = pixel % layer.out_width();
  const std::int64_t y = pixel / layer.out_width() % layer.out_height();
  const std::int64_t image = pixel / (layer.out_width() * layer.out_height());
  std::copy(bias.begin(), bias.end(), sums.begin());
  for (std::int64_t r = 0; r < layer.r; ++r) {
    const std::int64_t row = y * layer.stride + r * layer.dilation - layer.pad_top();
    if (row < 0 || row >= layer.h) continue;
    for (std::int64_t s = 0; s < layer.s; ++s) {
      const std::int64_t column = x * layer.stride + s * layer.dilation - layer.pad_left();
      if (column < 0 || column >= layer.w) continue;
      const float* values = input.data() + ((image * layer.h + row) * layer.w + column) * layer.c;
      const float* taps = filter.data() + (r * layer.s + s) * group_inputs * layer.k;
      for (std::int64_t group = 0; group < layer.groups; ++group) {
        double* group_sums = sums.data() + group * group_outputs;
        for (std::int64_t c = 0; c < group_inputs; ++c) {
          const double value = values[group * group_inputs + c];
          const float* weights = taps + c * layer.k + group * group_outputs;
          for (std::int64_t k = 0; k < group_outputs; ++k) group_sums[k] += value * weights[k];
        }
      }
    }
  }
  for (double& sum : sums) sum = std::max(sum, 0.0);
}

}  // namespace

ConvProblem make_conv_problem(const ConvLayer& layer) {
  return {layer, uniform_array(layer.input_shape(), 1), uniform_array(layer.filter_shape(), 2),
          uniform_array(Shape{layer.k}, 3)};
}

ConvReference::ConvReference(const ConvProblem& problem, double multiplications)
    : channels_(problem.layer.k),
      all_pixels_(problem.layer.n * problem.layer.out_height() * problem.layer.out_width()) {
  const ConvLayer& layer = problem.layer;
  const double for_one_pixel = layer.floating_point_operations() / 2.0 / static_cast<double>(all_pixels_);
  const double affordable =
      std::clamp(multiplications / for_one_pixel, 1.0, static_cast<double>(all_pixels_));
  pixels_ = spread_pixels(layer, static_cast<std::int64_t>(affordable));
  const auto channels = static_cast<std::size_t>(channels_);
  values_.resize(pixels_.size() * channels);
  double squares = 0;
  for (std::size_t at = 0; at < pixels_.size(); ++at) {
    const std::span<double> sums(values_.data() + at * channels, channels);
    convolve_pixel(problem, pixels_[at], sums);
    for (const double sum : sums) squares += sum * sum;
  }
  root_mean_square_ = std::sqrt(squares / static_cast<double>(values_.size()));
}

double ConvReference::largest_error(std::span<const float> output) const {
  const auto channels = static_cast<std::size_t>(channels_);
  double largest = 0;
  for (std::size_t at = 0; at < pixels_.size(); ++at) {
    const float* values = output.data() + static_cast<std::size_t>(pixels_[at]) * channels;
    for (std::size_t k = 0; k < channels; ++k) {
      const double error = std::abs(values[k] - values_[at * channels + k]);
      if (std::isnan(error)) return std::numeric_limits<double>::infinity();
      largest = std::max(largest, error);
    }
  }
  return root_mean_square_ > 0 ? largest / root_mean_square_ : largest;
}

}  // namespace varscope::tools
