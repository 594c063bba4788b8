// SPDX-License-Identifier: Apache-2.0
// What image_filter filters: grey images from an IDX file, and batches of them.
#pragma once

#include <varscope/varscope.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace example {

/// Grey images of one size; 0 is black, 255 is white.
struct GreyImages {
  varscope::Array pixels;  // uint8 [at least count, height, width]
  std::size_t count = 0;

  std::int64_t height() const { return pixels.shape()[1]; }
  std::int64_t width() const { return pixels.shape()[2]; }
};

/// Reads at most `limit` images. Throws std::exception that names the file and what is wrong with it.
inline GreyImages read_grey_images(const std::string& path, std::size_t limit) {
  try {
    varscope::Array pixels = varscope::read_idx(path);
    if (pixels.dtype() != varscope::uint8 || pixels.shape().rank() != 3 || pixels.num_elements() == 0)
      throw std::runtime_error(path + ": holds no images but " + pixels.description());
    const auto count = static_cast<std::size_t>(pixels.shape()[0]);
    return {std::move(pixels), std::min(count, limit)};
  } catch (const varscope::NotFoundError& error) {
    throw std::runtime_error(std::string(error.what()) +
                             "\nFashion-MNIST is in Debian's package dataset-fashion-mnist (apt-get install "
                             "dataset-fashion-mnist), or give another file with --images");
  }
}

/// Images first .. first + count as floats from 0 to 1, [count, height, width, 1].
inline varscope::Array batch_of(const GreyImages& images, std::size_t first, std::size_t count) {
  varscope::Array batch({static_cast<std::int64_t>(count), images.height(), images.width(), 1});
  const auto size = static_cast<std::size_t>(images.height() * images.width());
  const auto pixels = images.pixels.values<std::uint8_t>().subspan(first * size, count * size);
  std::ranges::transform(pixels, batch.values<float>().begin(),
                         [](std::uint8_t pixel) { return static_cast<float>(pixel) / 255.0F; });
  return batch;
}

}  // namespace example
