// SPDX-License-Identifier: Apache-2.0
// Variables to put into checkpoints, and whether what comes back is the same.
#pragma once

#include "support/random.hpp"

#include <varscope/array.hpp>
#include <varscope/checkpoint.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace varscope::testing {

using NamedArrays = std::vector<std::pair<std::string, Array>>;

inline const std::vector<DType> all_dtypes = {float32, float64, int32, int64, uint8, boolean};

// Random bits, so that every NaN and denormal comes along.
inline Array random_array(Random& random, const Shape& shape, DType dtype) {
  Array array(shape, dtype);
  auto* bytes = static_cast<unsigned char*>(array.data());
  const int last = dtype == boolean ? 1 : 255;
  for (std::size_t k = 0; k < array.num_bytes(); ++k) {
    bytes[k] = static_cast<unsigned char>(random.integer(0, last));
  }
  return array;
}

// A checkpoint that has a bit of everything and is small enough for every byte to be tried.
inline NamedArrays one_of_each() {
  const bool flags[] = {true, false, true};
  return {
      {"conv1/weights", Array::of<float>({2, 2}, {1.5f, -2.0f, 3.25f, -0.0f})},
      {"conv1/weights/Momentum", Array::of<double>({2}, {1e300, -1e-300})},
      {"conv1/biases", Array::of<std::int32_t>({3}, {1, -2, 3})},
      {"global_step", Array::scalar<std::int64_t>(1234567890123)},
      {"pixels", Array::of<std::uint8_t>({5}, {0, 1, 127, 128, 255})},
      {"mask", Array::of<bool>({3}, std::span<const bool>(flags))},
      {"empty", Array(Shape{3, 0}, float32)},
  };
}

inline void check_same(const CheckpointReader& reader, const NamedArrays& variables) {
  BOOST_TEST(reader.entries().size() == variables.size());
  for (const auto& [name, array] : variables) {
    BOOST_TEST_CONTEXT("variable " << name) {
      BOOST_REQUIRE(reader.has(name));
      BOOST_TEST(reader.read(name).same_bits(array));
    }
  }
}

inline bool same_bits(const NamedArrays& a, const NamedArrays& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return one.first == other.first && one.second.same_bits(other.second);
  });
}

}  // namespace varscope::testing
