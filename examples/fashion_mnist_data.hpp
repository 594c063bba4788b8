// SPDX-License-Identifier: Apache-2.0
// The images that fashion_mnist learns from and is tested by, and the batches made of them.
#pragma once

#include "data_set.hpp"
#include "fashion_mnist_options.hpp"

#include <varscope/varscope.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace example {

constexpr std::int64_t kImageSize = 28;

/// Examples first .. first + count.
inline varscope::LabeledImages part_of(const varscope::LabeledImages& all, std::int64_t first,
                                       std::int64_t count) {
  const auto rows = [&](const varscope::Array& array) {
    const std::int64_t size = array.num_elements() / array.shape()[0];
    varscope::Shape shape = array.shape();
    shape = shape.rank() == 1 ? varscope::Shape{count} : varscope::Shape{count, shape[1], shape[2]};
    return varscope::Array::of<std::uint8_t>(
        shape, array.values<std::uint8_t>().subspan(static_cast<std::size_t>(first * size),
                                                    static_cast<std::size_t>(count * size)));
  };
  return {rows(all.images), rows(all.labels)};
}

/// With --hold-out, the last training images take the place of the test images.
inline DataSet read_data(const Options& options) {
  DataSet data = read_fashion_mnist(options.fashion_mnist);
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
  const varscope::Array& images = data.training.images;
  const varscope::Array wide = varscope::resize_with_crop_or_pad(
      images.reshaped({images.shape()[0], images.shape()[1], images.shape()[2], 1}), kImageSize + 4,
      kImageSize + 4);
  return {shifted ? wide : images,
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
