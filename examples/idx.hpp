// SPDX-License-Identifier: Apache-2.0
// Reads images in the IDX format of MNIST and Fashion-MNIST, compressed with gzip or not.
// Format: http://yann.lecun.com/exdb/mnist/ - 0, 0, element type, rank, then the extents as big-endian 32-bit
// numbers, then the elements, the last index fastest.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>
#include <zlib.h>

namespace example {

/// Grey images of one size, one after the other; 0 is black, 255 is white.
struct GreyImages {
  std::size_t count = 0;
  std::size_t height = 0;
  std::size_t width = 0;
  std::vector<unsigned char> pixels;  // [count, height, width]
};

/// Reads at most `limit` images. Throws std::runtime_error that names the file and what is wrong with it.
inline GreyImages read_idx_images(const std::string& path, std::size_t limit) {
  const auto fail = [&path](const std::string& what) -> void {
    throw std::runtime_error(path + ": " + what);
  };
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file)
    fail(
        "cannot be opened; Fashion-MNIST is in Debian's package dataset-fashion-mnist (apt-get install "
        "dataset-fashion-mnist), or give another file with --images");

  const auto read = [&](unsigned char* bytes, std::size_t size) {
    if (gzread(file.get(), bytes, static_cast<unsigned>(size)) != static_cast<int>(size))
      fail("ends too early or is damaged");
  };
  std::array<unsigned char, 16> header{};
  read(header.data(), header.size());
  if (header[0] != 0 || header[1] != 0 || header[2] != 0x08 || header[3] != 3)
    fail("holds no IDX images (expected the first bytes 0, 0, 8, 3)");
  const auto extent = [&header](std::size_t at) {
    return std::size_t{header[at]} << 24U | std::size_t{header[at + 1]} << 16U |
           std::size_t{header[at + 2]} << 8U | std::size_t{header[at + 3]};
  };

  GreyImages images{extent(4), extent(8), extent(12), {}};
  if (images.count == 0 || images.height - 1 >= 4096 || images.width - 1 >= 4096)
    fail("claims to hold " + std::to_string(images.count) + " images of " + std::to_string(images.height) +
         " x " + std::to_string(images.width) + " pixels");
  if (images.count > limit) images.count = limit;
  const std::size_t image_bytes = images.height * images.width;
  for (std::size_t image = 0; image < images.count;
       ++image) {  // grows with what is there, not with the claim
    images.pixels.resize((image + 1) * image_bytes);
    read(images.pixels.data() + image * image_bytes, image_bytes);
  }
  return images;
}

}  // namespace example
