// SPDX-License-Identifier: Apache-2.0
// Compiled with -ffp-contract=off: the same numbers on every machine.
#include "image_draws.hpp"

#include "random_numbers.hpp"

#include <varscope/error.hpp>

#include <cmath>
#include <string>

namespace varscope::input {

namespace {

Words words_of_image(std::uint64_t seed, Purpose purpose, std::int64_t image) noexcept {
  return random_words(seed, purpose, static_cast<std::uint64_t>(image));
}

std::string size_text(std::int64_t height, std::int64_t width) {
  return std::to_string(height) + " x " + std::to_string(width);
}

}  // namespace

Offset draw_crop(std::uint64_t seed, std::int64_t image, const ImageExtents& extents,
                 const ImageExtents& window) noexcept {
  const Words words = words_of_image(seed, Purpose::crop, image);
  return {below(extents.height - window.height + 1, words.first),
          below(extents.width - window.width + 1, words.second)};
}

bool draw_flip(std::uint64_t seed, std::int64_t image) noexcept {
  return below(2, words_of_image(seed, Purpose::flip, image).first) == 1;
}

float draw_brightness(std::uint64_t seed, std::int64_t image, float max_delta) noexcept {
  return between(-max_delta, max_delta, words_of_image(seed, Purpose::brightness, image).first);
}

float draw_contrast(std::uint64_t seed, std::int64_t image, float lower, float upper) noexcept {
  return between(lower, upper, words_of_image(seed, Purpose::contrast, image).first);
}

void require_size(std::int64_t height, std::int64_t width) {
  if (height >= 1 && width >= 1) return;
  throw ValueError("images of " + size_text(height, width) +
                   " pixels were asked for; height and width must be at least 1");
}

void require_crop(const ImageExtents& extents, const ImageExtents& window) {
  require_size(window.height, window.width);
  if (window.height <= extents.height && window.width <= extents.width) return;
  throw ValueError("cannot crop " + size_text(window.height, window.width) + " pixels from images of " +
                   size_text(extents.height, extents.width) +
                   "; enlarge them with resize_with_crop_or_pad(), or crop less");
}

void require_brightness(float max_delta) {
  if (max_delta >= 0 && std::isfinite(max_delta)) return;
  throw ValueError("max_delta of random brightness is " + std::to_string(max_delta) +
                   ", but must be finite and not negative");
}

void require_contrast(float lower, float upper) {
  if (0 <= lower && lower <= upper && std::isfinite(upper)) return;
  throw ValueError("random contrast was asked for between " + std::to_string(lower) + " and " +
                   std::to_string(upper) + "; lower must be at least 0 and at most upper, which is finite");
}

}  // namespace varscope::input
