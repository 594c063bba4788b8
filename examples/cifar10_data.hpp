// SPDX-License-Identifier: Apache-2.0
// The images that cifar10 learns from, and the batches made of them.
#pragma once

#include "cifar10_options.hpp"
#include "data_set.hpp"

#include <varscope/varscope.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace example {

constexpr std::int64_t kImageSize = 24;  // the network sees squares of so many pixels

inline DataSet read_cifar10_folder(const std::string& folder) {
  std::vector<std::string> paths;
  for (int number = 1; number <= 5; ++number)
    paths.push_back(folder + "/data_batch_" + std::to_string(number) + ".bin");
  try {
    return {"CIFAR-10",
            {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
            varscope::read_cifar10(paths),
            varscope::read_cifar10({folder + "/test_batch.bin"})};
  } catch (const varscope::NotFoundError& error) {
    throw std::runtime_error(std::string(error.what()) +
                             "\n--cifar10 takes the folder with data_batch_1.bin to data_batch_5.bin and "
                             "test_batch.bin, unpacked from "
                             "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz");
  }
}

inline DataSet read_data(const Options& options) {
  return options.cifar10.empty() ? read_fashion_mnist(options.fashion_mnist)
                                 : read_cifar10_folder(options.cifar10);
}

/// Shuffled and augmented as in the tutorial; grey images keep their brightness and contrast.
inline varscope::BatchIterator training_batches(const DataSet& data, std::int64_t batch_size) {
  varscope::ImageAugmentation augment{.height = kImageSize,
                                      .width = kImageSize,
                                      .random_crop = true,
                                      .random_flip_left_right = true,
                                      .per_image_standardization = true};
  if (data.colored()) {
    augment.random_brightness = 63;
    augment.random_contrast_lower = 0.2F;
    augment.random_contrast_upper = 1.8F;
  }
  return {data.training.images,
          data.training.labels,
          {.batch_size = batch_size, .seed = 1, .shuffle = true, .drop_remainder = true, .augment = augment}};
}

/// Each test image once, its middle.
inline varscope::BatchIterator test_batches(const DataSet& data) {
  return {data.test.images,
          data.test.labels,
          {.batch_size = 250,
           .repeat = 1,
           .augment = {.height = kImageSize, .width = kImageSize, .per_image_standardization = true}}};
}

}  // namespace example
