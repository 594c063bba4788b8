// SPDX-License-Identifier: Apache-2.0
// What BatchIterator does to one image on its way into a batch.
#pragma once

#include "image_pixels.hpp"

#include <varscope/batch_iterator.hpp>

namespace varscope::input {

/// ImageAugmentation for images of one size and dtype. Const, hence thread-safe.
class Augmentation {
 public:
  /// Throws ValueError for options that make no sense. Requires: uint8 or float32.
  Augmentation(const ImageAugmentation& options, const ImageExtents& images, DType dtype);

  /// The size that comes out.
  const ImageExtents& window() const noexcept { return window_; }

  /// Fills `out`, window().elements() long, with image number `index` of the array that begins at `images`.
  void apply(const void* images, std::int64_t index, std::uint64_t seed, float* out) const noexcept;

 private:
  ImageAugmentation options_;
  ImageExtents images_;
  ImageExtents window_;
  DType dtype_;
};

}  // namespace varscope::input
