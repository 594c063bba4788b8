// SPDX-License-Identifier: Apache-2.0
#include "augmentation.hpp"

#include "image_draws.hpp"

#include <varscope/error.hpp>

#include <cmath>
#include <string>

namespace varscope::input {

namespace {

ImageExtents window_of(const ImageAugmentation& options, const ImageExtents& images) {
  return {options.height != 0 ? options.height : images.height,
          options.width != 0 ? options.width : images.width, images.channels};
}

}  // namespace

Augmentation::Augmentation(const ImageAugmentation& options, const ImageExtents& images, DType dtype)
    : options_(options), images_(images), window_(window_of(options, images)), dtype_(dtype) {
  require_size(window_.height, window_.width);
  // Throws ValueError for more than 63 bits can count.
  static_cast<void>(Shape{window_.height, window_.width, window_.channels}.num_elements());
  if (options.random_crop) require_crop(images_, window_);
  require_brightness(options.random_brightness);
  require_contrast(options.random_contrast_lower, options.random_contrast_upper);
  if (!std::isfinite(options.scale)) {
    throw ValueError("the scale of images is " + std::to_string(options.scale) + ", but must be finite");
  }
}

void Augmentation::apply(const void* images, std::int64_t index, std::uint64_t seed,
                         float* out) const noexcept {
  // An image of its own, hence number 0 of its seed.
  const Offset offset =
      options_.random_crop ? draw_crop(seed, 0, images_, window_) : middle(images_, window_);
  const bool flip = options_.random_flip_left_right && draw_flip(seed, 0);
  const std::int64_t first = index * images_.elements();
  if (dtype_ == DType::uint8) {
    copy_window(static_cast<const std::uint8_t*>(images) + first, images_, offset, flip, out, window_);
  } else {
    copy_window(static_cast<const float*>(images) + first, images_, offset, flip, out, window_);
  }
  const std::int64_t elements = window_.elements();
  if (options_.scale != 1) scale(out, elements, options_.scale);
  if (options_.random_brightness != 0) {
    add(out, elements, draw_brightness(seed, 0, options_.random_brightness));
  }
  if (options_.random_contrast_lower != 1 || options_.random_contrast_upper != 1) {
    change_contrast(out, window_,
                    draw_contrast(seed, 0, options_.random_contrast_lower, options_.random_contrast_upper));
  }
  if (options_.per_image_standardization) standardize(out, elements);
}

}  // namespace varscope::input
