// SPDX-License-Identifier: Apache-2.0
// What happens to the pixels of one image. Sums are cut by shape alone and taken in double precision, from
// numbers that IEEE 754 defines: the same bits on every machine. Nothing here throws, or knows random
// numbers.
#pragma once

#include <cstdint>

namespace varscope::input {

struct ImageExtents {
  std::int64_t height;
  std::int64_t width;
  std::int64_t channels;

  std::int64_t elements() const noexcept { return height * width * channels; }
};

/// Where a window begins in an image; negative if it begins outside.
struct Offset {
  std::int64_t top = 0;
  std::int64_t left = 0;
};

/// The offset of a window in the middle: along an odd difference the lower or right side gives or gets more.
Offset middle(const ImageExtents& image, const ImageExtents& window) noexcept;

/// Copies the window of `image` at `offset` to `out`, mirrored if `flip`; zero where it lies outside. From
/// and To are uint8 to float, or one type of 1, 4 or 8 bytes.
template <typename From, typename To>
void copy_window(const From* image, const ImageExtents& extents, Offset offset, bool flip, To* out,
                 const ImageExtents& window) noexcept;

/// x + delta.
void add(float* image, std::int64_t elements, float delta) noexcept;

/// x * factor.
void scale(float* image, std::int64_t elements, float factor) noexcept;

/// (x - mean) * factor + mean, channel by channel.
void change_contrast(float* image, const ImageExtents& extents, float factor) noexcept;

/// (x - mean) / max(stddev, 1/sqrt(elements)).
void standardize(float* image, std::int64_t elements) noexcept;

}  // namespace varscope::input
