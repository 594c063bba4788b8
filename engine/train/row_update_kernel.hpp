// SPDX-License-Identifier: Apache-2.0
// RowUpdateKernel: an optimizer's step of some rows of a variable and of its slots. The first stage makes the
// new arrays equal to the old ones, which takes the rows in which they differ, mostly those of the step
// before; the second writes the new values of the rows of this step.
#pragma once

#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "train/update_arguments.hpp"
#include "train/update_operations.hpp"

#include <varscope/shape.hpp>

#include <algorithm>
#include <cstdint>

namespace varscope::detail {

template <typename T>
class RowUpdateKernel final : public Kernel {
 public:
  /// `count` rows, or fewer, of a variable of that shape, which has elements.
  RowUpdateKernel(const UpdateRule& rule, simd::OptimizerFunction<T> function, const Shape& shape,
                  std::int64_t count, const RangeOptions& of_elements)
      : rule_(rule),
        function_(function),
        rows_(shape[0]),
        length_(product(shape, 1, shape.rank())),
        count_(count),
        rows_per_copy_(std::max(items_per_tile(length_), (rows_ + kMostCopies - 1) / kMostCopies)),
        rows_per_update_(items_per_tile(length_)),
        nanoseconds_(of_elements.nanoseconds_per_item),
        description_(of_elements.description) {}

  int num_stages() const noexcept override { return 2; }
  std::int64_t num_tiles(int stage) const noexcept override {
    const std::int64_t per_tile = stage == 0 ? rows_per_copy_ : rows_per_update_;
    return ((stage == 0 ? rows_ : count_) + per_tile - 1) / per_tile;
  }
  double cost_nanoseconds() const noexcept override {
    // Of two steps; the arrays as a whole are seldom copied.
    return static_cast<double>(count_ * length_) * (nanoseconds_ + 0.4 * num_arrays());
  }
  const char* description() const noexcept override { return description_; }

  const char* run_tile(int stage, std::int64_t tile,
                       const KernelArguments& arguments) const noexcept override {
    if (stage == 0) {
      copy(tile, arguments);
    } else {
      update(tile, arguments);
    }
    return nullptr;
  }

 private:
  static constexpr std::int64_t kMostCopies = 64;

  int num_arrays() const noexcept { return 1 + rule_.num_slots; }

  void copy(std::int64_t tile, const KernelArguments& arguments) const noexcept {
    const std::int64_t first = tile * rows_per_copy_;
    const std::int64_t last = std::min(rows_, first + rows_per_copy_);
    for (int i = 0; i < num_arrays(); ++i) {
      const StaleRows& stale = arguments.stale[i];
      if (stale.all) {
        copy_rows(i, first, last - first, arguments);
        continue;
      }
      // Each tile takes its part of the list.
      const std::int64_t tiles = num_tiles(0);
      const std::int64_t end = (tile + 1) * stale.count / tiles;
      for (std::int64_t j = tile * stale.count / tiles; j < end && stale.rows[j] >= 0; ++j)
        copy_rows(i, stale.rows[j], 1, arguments);
    }
  }

  void copy_rows(int array, std::int64_t first, std::int64_t count,
                 const KernelArguments& arguments) const noexcept {
    std::copy_n(input<T>(arguments, array) + first * length_, count * length_,
                output<T>(arguments, array) + first * length_);
  }

  void update(std::int64_t tile, const KernelArguments& arguments) const noexcept {
    const UpdateArguments<T> given(rule_, arguments);
    const std::int64_t* const rows =
        input<std::int64_t>(arguments, num_arrays() + static_cast<int>(rule_.inputs.size()));
    const std::int64_t last = std::min(count_, (tile + 1) * rows_per_update_);
    for (std::int64_t i = tile * rows_per_update_; i < last && rows[i] >= 0; ++i) {
      const std::int64_t at = rows[i] * length_;
      simd::OptimizerArrays<T> arrays = {.variable = input<T>(arguments, 0) + at,
                                         .gradient = given.gradient + i * length_,
                                         .new_variable = output<T>(arguments, 0) + at};
      for (int slot = 0; slot < rule_.num_slots; ++slot) {
        arrays.slots[slot] = input<T>(arguments, slot + 1) + at;
        arrays.new_slots[slot] = output<T>(arguments, slot + 1) + at;
      }
      function_(arrays, given.numbers, length_);
    }
  }

  const UpdateRule& rule_;
  simd::OptimizerFunction<T> function_;
  std::int64_t rows_;
  std::int64_t length_;
  std::int64_t count_;
  std::int64_t rows_per_copy_;
  std::int64_t rows_per_update_;
  double nanoseconds_;
  const char* description_;
};

}  // namespace varscope::detail
