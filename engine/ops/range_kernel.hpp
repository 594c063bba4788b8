// SPDX-License-Identifier: Apache-2.0
// A kernel of one stage whose work is a number of independent items (elements, rows, images), cut into tiles
// of consecutive items. The cut follows from the number of items alone.
#pragma once

#include "runtime/kernel.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

namespace varscope::detail {

struct RangeOptions {
  std::int64_t items = 0;
  std::int64_t items_per_tile = 1;
  double nanoseconds_per_item = 1;
  int in_place_input = -1;
  const char* description = "";
};

/// About how many elements of elementwise work make a tile: their operands fit in a level 2 cache, and the
/// start of a tile costs little beside it.
inline constexpr std::int64_t kElementsPerTile = 16 * 1024;

/// How many items of `item_elements` elements make a tile.
constexpr std::int64_t items_per_tile(std::int64_t item_elements) noexcept {
  return std::max<std::int64_t>(1, kElementsPerTile / std::max<std::int64_t>(1, item_elements));
}

/// `Body` is called as body(first, last, arguments) and gives what Kernel::run_tile gives.
template <typename Body>
class RangeKernel final : public Kernel {
 public:
  RangeKernel(const RangeOptions& options, Body body) : options_(options), body_(std::move(body)) {}

  std::int64_t num_tiles(int) const noexcept override {
    return (options_.items + options_.items_per_tile - 1) / options_.items_per_tile;
  }
  const char* run_tile(int, std::int64_t tile, const KernelArguments& arguments) const noexcept override {
    const std::int64_t first = tile * options_.items_per_tile;
    return body_(first, std::min(first + options_.items_per_tile, options_.items), arguments);
  }
  double cost_nanoseconds() const noexcept override {
    return static_cast<double>(options_.items) * options_.nanoseconds_per_item;
  }
  int in_place_input() const noexcept override { return options_.in_place_input; }
  const char* description() const noexcept override { return options_.description; }

 private:
  RangeOptions options_;
  Body body_;
};

template <typename Body>
std::unique_ptr<Kernel> make_range_kernel(const RangeOptions& options, Body body) {
  return std::make_unique<RangeKernel<Body>>(options, std::move(body));
}

/// Input or output `index` as elements of T.
template <typename T>
const T* input(const KernelArguments& arguments, int index) noexcept {
  return static_cast<const T*>(arguments.inputs[index]);
}
template <typename T>
T* output(const KernelArguments& arguments, int index) noexcept {
  return static_cast<T*>(arguments.outputs[index]);
}

}  // namespace varscope::detail
