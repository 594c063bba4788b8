// SPDX-License-Identifier: Apache-2.0
// A checkpoint with a variable of more than 4 GiB, nearly all of it zero, and one behind that.
// check_large_with_h5py.py knows the numbers too.
#pragma once

#include "checkpoint_writer.hpp"
#include "io/sparse_file_system.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace varscope::testing {

inline constexpr std::int64_t kLargeRows = (std::int64_t{1} << 18) + 1;
inline constexpr std::int64_t kLargeColumns = 4099;
/// Elements of it that are their position in this list plus 1: around byte 2^32, and at both ends.
inline constexpr std::array<std::int64_t, 6> kLargeMarks = {
    0,
    (std::int64_t{1} << 30) - 1,
    std::int64_t{1} << 30,
    (std::int64_t{1} << 30) + 1,
    (std::int64_t{1} << 30) + 65537,
    kLargeRows* kLargeColumns - 1,
};

inline void write_large_sample(const std::string& path) {
  Array large = sparse_zeros({kLargeRows, kLargeColumns}, float32);
  auto* const elements = static_cast<float*>(large.data());
  for (std::size_t k = 0; k < kLargeMarks.size(); ++k) {
    elements[kLargeMarks[k]] = static_cast<float>(k + 1);
  }
  const std::vector<std::pair<std::string, Array>> variables = {
      {"before", Array::of<float>({3}, {1, 2, 3})},
      {"large", std::move(large)},
      {"scope/behind", Array::of<std::int64_t>({2}, {-1, std::int64_t{1} << 40})}};
  SparseFileSystem files;
  io::write_checkpoint(files, path, variables, {.global_step = 9});
}

}  // namespace varscope::testing
