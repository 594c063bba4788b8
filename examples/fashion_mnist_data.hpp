// SPDX-License-Identifier: Apache-2.0
// The images that fashion_mnist learns from and is tested by, and the batches made of them.
#pragma once

#include "data_set.hpp"
#include "fashion_mnist_options.hpp"

#include <varscope/varscope.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace example {

constexpr std::int64_t kImageSize = 28;

/// Throws std::runtime_error unless these are grey images, and as many labels.
inline void require_grey_images(const varscope::LabeledImages& part) {
  const auto& images = part.images;
  const auto& labels = part.labels;
  if (images.dtype() != varscope::uint8 || images.shape().rank() != 3 || labels.dtype() != varscope::uint8 ||
      labels.shape() != varscope::Shape{images.shape()[0]} || images.num_elements() == 0)
    throw std::runtime_error("--fashion-mnist has files with " + images.description() + " and " +
                             labels.description() +
                             ", not with grey images, uint8[n,28,28], and the class of each, uint8[n]");
}

/// Examples first .. first + count.
inline varscope::LabeledImages part_of(const varscope::LabeledImages& all, std::int64_t first,
                                       std::int64_t count) {
  const auto rows = [&](const varscope::Array& array, const varscope::Shape& shape) {
    const auto size = static_cast<std::size_t>(array.num_elements() / array.shape()[0]);
    return varscope::Array::of<std::uint8_t>(
        shape, array.values<std::uint8_t>().subspan(static_cast<std::size_t>(first) * size,
                                                    static_cast<std::size_t>(count) * size));
  };
  return {rows(all.images, {count, all.images.shape()[1], all.images.shape()[2]}), rows(all.labels, {count})};
}

/// With --hold-out, the last training images take the place of the test images.
inline DataSet read_data(const Options& options) {
  DataSet data = read_fashion_mnist(options.fashion_mnist);
  require_grey_images(data.training);
  require_grey_images(data.test);
  if (options.hold_out > 0) {
    const std::int64_t kept = data.training.labels.num_elements() - options.hold_out;
    if (kept < options.batch)
      throw std::runtime_error("--hold-out leaves no batch of " +
                               std::to_string(data.training.labels.num_elements()) + " training images");
    data.test = part_of(data.training, kept, options.hold_out);
    data.training = part_of(data.training, 0, kept);
  }
  return data;
}

/// Each epoch in an order of its own. `shifted`: moved by up to two pixels and mirrored at random, too.
inline varscope::BatchIterator training_batches(const DataSet& data, const Options& options, bool shifted) {
  varscope::Array images = data.training.images;
  if (shifted) {
    const varscope::Shape& shape = images.shape();
    images = varscope::resize_with_crop_or_pad(images.reshaped({shape[0], shape[1], shape[2], 1}),
                                               kImageSize + 4, kImageSize + 4);
  }
  return {images,
          data.training.labels,
          {.batch_size = options.batch,
           .seed = static_cast<std::uint64_t>(options.seed),
           .shuffle = true,
           .drop_remainder = true,
           .augment = {.scale = 1.0F / 255,
                       .height = kImageSize,
                       .width = kImageSize,
                       .random_crop = shifted,
                       .random_flip_left_right = shifted}}};
}

/// Each image once, as it is.
inline varscope::BatchIterator test_batches(const DataSet& data) {
  return {
      data.test.images, data.test.labels, {.batch_size = 250, .repeat = 1, .augment = {.scale = 1.0F / 255}}};
}

}  // namespace example
