// SPDX-License-Identifier: Apache-2.0
// Compiled with -ffp-contract=off: the same bits with and without fused multiplication and addition.
#include "image_pixels.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

namespace varscope::input {

namespace {

/// The sum of term(i) over [0, count), in eight sums that do not wait for each other.
template <typename Term>
double sum(std::int64_t count, Term&& term) noexcept {
  double parts[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (std::int64_t lane = 0; lane < 8; ++lane) parts[lane] += term(i + lane);
  }
  for (std::int64_t lane = 0; i < count; ++i, ++lane) parts[lane] += term(i);
  return ((parts[0] + parts[1]) + (parts[2] + parts[3])) + ((parts[4] + parts[5]) + (parts[6] + parts[7]));
}

template <typename From, typename To>
void copy_elements(const From* from, std::int64_t count, To* to) noexcept {
  if constexpr (std::is_same_v<From, To>) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(To));
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<To>(from[i]);
  }
}

}  // namespace

Offset middle(const ImageExtents& image, const ImageExtents& window) noexcept {
  // Division rounds toward zero: what is cut off or added at the top is the smaller half.
  return {(image.height - window.height) / 2, (image.width - window.width) / 2};
}

template <typename From, typename To>
void copy_window(const From* image, const ImageExtents& extents, Offset offset, bool flip, To* out,
                 const ImageExtents& window) noexcept {
  const std::int64_t channels = extents.channels;
  const std::int64_t row = window.width * channels;
  // Columns of the window that have pixels: [first, last).
  const std::int64_t first = std::clamp<std::int64_t>(-offset.left, 0, window.width);
  const std::int64_t last = std::clamp<std::int64_t>(extents.width - offset.left, first, window.width);
  for (std::int64_t y = 0; y < window.height; ++y, out += row) {
    const std::int64_t source_y = offset.top + y;
    if (source_y < 0 || source_y >= extents.height || first == last) {
      std::fill_n(out, row, To{0});
      continue;
    }
    const From* const source = image + (source_y * extents.width + offset.left + first) * channels;
    const std::int64_t copied = last - first;
    const std::int64_t before = flip ? window.width - last : first;
    std::fill_n(out, before * channels, To{0});
    To* const copy = out + before * channels;
    if (!flip) {
      copy_elements(source, copied * channels, copy);
    } else if (channels == 1) {
      for (std::int64_t x = 0; x < copied; ++x) copy[copied - 1 - x] = static_cast<To>(source[x]);
    } else {
      for (std::int64_t x = 0; x < copied; ++x) {
        copy_elements(source + x * channels, channels, copy + (copied - 1 - x) * channels);
      }
    }
    std::fill_n(copy + copied * channels, row - (before + copied) * channels, To{0});
  }
}

template void copy_window(const std::uint8_t*, const ImageExtents&, Offset, bool, float*,
                          const ImageExtents&) noexcept;
template void copy_window(const float*, const ImageExtents&, Offset, bool, float*,
                          const ImageExtents&) noexcept;
template void copy_window(const std::uint8_t*, const ImageExtents&, Offset, bool, std::uint8_t*,
                          const ImageExtents&) noexcept;
template void copy_window(const std::uint32_t*, const ImageExtents&, Offset, bool, std::uint32_t*,
                          const ImageExtents&) noexcept;
template void copy_window(const std::uint64_t*, const ImageExtents&, Offset, bool, std::uint64_t*,
                          const ImageExtents&) noexcept;

void add(float* image, std::int64_t elements, float delta) noexcept {
  for (std::int64_t i = 0; i < elements; ++i) image[i] += delta;
}

void scale(float* image, std::int64_t elements, float factor) noexcept {
  for (std::int64_t i = 0; i < elements; ++i) image[i] *= factor;
}

void change_contrast(float* image, const ImageExtents& extents, float factor) noexcept {
  const std::int64_t pixels = extents.height * extents.width;
  for (std::int64_t channel = 0; channel < extents.channels; ++channel) {
    float* const first = image + channel;
    const double total =
        sum(pixels, [&](std::int64_t i) { return static_cast<double>(first[i * extents.channels]); });
    const auto mean = static_cast<float>(total / static_cast<double>(pixels));
    for (std::int64_t i = 0; i < pixels; ++i) {
      float& x = first[i * extents.channels];
      x = (x - mean) * factor + mean;
    }
  }
}

void standardize(float* image, std::int64_t elements) noexcept {
  const auto count = static_cast<double>(elements);
  const double mean = sum(elements, [&](std::int64_t i) { return static_cast<double>(image[i]); }) / count;
  const double squares = sum(elements, [&](std::int64_t i) {
    const double difference = static_cast<double>(image[i]) - mean;
    return difference * difference;
  });
  // Without a lower limit an image of one color would be divided by zero.
  const double divisor = std::max(std::sqrt(squares / count), 1 / std::sqrt(count));
  const auto subtracted = static_cast<float>(mean);
  const auto factor = static_cast<float>(1 / divisor);
  for (std::int64_t i = 0; i < elements; ++i) image[i] = (image[i] - subtracted) * factor;
}

}  // namespace varscope::input
