// SPDX-License-Identifier: Apache-2.0
// Images in ten classes, to learn from and to be tested by; and Fashion-MNIST as such a data set.
#pragma once

#include <varscope/varscope.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace example {

constexpr std::int64_t kClasses = 10;

struct DataSet {
  std::string name;
  std::array<const char*, kClasses> classes{};
  varscope::LabeledImages training;
  varscope::LabeledImages test;

  bool colored() const { return training.images.shape().rank() == 4; }
  std::int64_t channels() const { return colored() ? training.images.shape()[3] : 1; }
};

/// Of a folder with the four files, compressed or not. Throws std::runtime_error that says where to get them.
inline DataSet read_fashion_mnist(const std::string& folder) {
  const auto read = [&folder](const std::string& name) {
    const std::string path = folder + "/" + name;
    return varscope::read_idx(std::filesystem::exists(path) ? path : path + ".gz");
  };
  try {
    return {"Fashion-MNIST",
            {"T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"},
            {read("train-images-idx3-ubyte"), read("train-labels-idx1-ubyte")},
            {read("t10k-images-idx3-ubyte"), read("t10k-labels-idx1-ubyte")}};
  } catch (const varscope::NotFoundError& error) {
    throw std::runtime_error(std::string(error.what()) +
                             "\nFashion-MNIST is in Debian's package dataset-fashion-mnist (apt-get install "
                             "dataset-fashion-mnist); --fashion-mnist takes another folder");
  }
}

}  // namespace example
