// SPDX-License-Identifier: Apache-2.0
// What is random about an augmented image, drawn by (seed, number of the image), and what may be asked for.
#pragma once

#include "image_pixels.hpp"

#include <cstdint>

namespace varscope::input {

Offset draw_crop(std::uint64_t seed, std::int64_t image, const ImageExtents& extents,
                 const ImageExtents& window) noexcept;
bool draw_flip(std::uint64_t seed, std::int64_t image) noexcept;
float draw_brightness(std::uint64_t seed, std::int64_t image, float max_delta) noexcept;
float draw_contrast(std::uint64_t seed, std::int64_t image, float lower, float upper) noexcept;

// Each throws ValueError for what the function of image.hpp refuses.

/// Neither is below 1.
void require_size(std::int64_t height, std::int64_t width);
/// The window lies within the image.
void require_crop(const ImageExtents& extents, const ImageExtents& window);
void require_brightness(float max_delta);
void require_contrast(float lower, float upper);

}  // namespace varscope::input
