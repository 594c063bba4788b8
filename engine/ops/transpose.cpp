// SPDX-License-Identifier: Apache-2.0
// Transpose: the dimensions in another order. Dimensions that stay neighbours count as one; then it is a copy
// of runs where the last stays last, and else a walk over transposes of matrices.
#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "ops/strides.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>
#include <varscope/simd/reference/transpose.hpp>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::StridedDimension;
using detail::TensorSpec;

/// The part of a matrix that one unit of work transposes stays in a level 2 cache.
constexpr std::int64_t kRows = 64;
constexpr std::int64_t kColumns = 512;

/// The dimensions of the result, outermost first, each with its stride in the input.
std::vector<StridedDimension> merged_dimensions(const Shape& in, const std::vector<int>& perm) {
  const std::vector<std::int64_t> strides = detail::row_major_strides(in);
  std::vector<StridedDimension> dimensions;
  for (const int axis : perm) {
    const StridedDimension next{in[axis], strides[static_cast<std::size_t>(axis)]};
    if (next.extent == 1) continue;
    if (!dimensions.empty() && dimensions.back().stride == next.extent * next.stride) {
      dimensions.back() = {dimensions.back().extent * next.extent, next.stride};
    } else {
      dimensions.push_back(next);
    }
  }
  return dimensions;
}

/// The last dimension stays last: runs of `run` elements.
std::unique_ptr<detail::Kernel> make_run_copy(const std::vector<StridedDimension>& outer, std::int64_t run,
                                              std::int64_t element) {
  std::int64_t runs = 1;
  for (const StridedDimension& dimension : outer) runs *= dimension.extent;
  return detail::make_range_kernel(
      {.items = runs,
       .items_per_tile = detail::items_per_tile(run),
       .nanoseconds_per_item = 5 + 0.2 * static_cast<double>(run)},
      [outer, run, element](std::int64_t first, std::int64_t last,
                            const KernelArguments& arguments) noexcept {
        for (std::int64_t item = first; item < last; ++item) {
          std::memcpy(detail::output<std::byte>(arguments, 0) + item * run * element,
                      detail::input<std::byte>(arguments, 0) + detail::strided_offset(outer, item) * element,
                      static_cast<std::size_t>(run * element));
        }
        return static_cast<const char*>(nullptr);
      });
}

/// A walk over matrices that lie `outer` in the input and in the result. Rows of a matrix are rows of the
/// input: the result's last dimension; columns are what lies together in the input.
struct MatrixWalk {
  std::vector<StridedDimension> outer_in;
  std::vector<StridedDimension> outer_out;
  std::int64_t matrices = 1;
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  std::int64_t row_stride_in = 1;
  std::int64_t column_stride_out = 1;
};

MatrixWalk plan_matrices(const std::vector<StridedDimension>& dimensions) {
  MatrixWalk walk;
  std::int64_t stride_out = 1;
  for (std::size_t i = dimensions.size(); i-- > 0; stride_out *= dimensions[i].extent) {
    const StridedDimension& dimension = dimensions[i];
    if (i + 1 == dimensions.size()) {
      walk.rows = dimension.extent;
      walk.row_stride_in = dimension.stride;
    } else if (dimension.stride == 1) {
      walk.columns = dimension.extent;
      walk.column_stride_out = stride_out;
    } else {
      walk.outer_in.insert(walk.outer_in.begin(), dimension);
      walk.outer_out.insert(walk.outer_out.begin(), {dimension.extent, stride_out});
      walk.matrices *= dimension.extent;
    }
  }
  return walk;
}

/// Transposes of matrices with elements of the size of T.
template <typename T, typename Function>
std::unique_ptr<detail::Kernel> make_matrix_walk(const MatrixWalk& walk, Function transpose_2d) {
  const std::int64_t row_blocks = (walk.rows + kRows - 1) / kRows;
  const std::int64_t column_blocks = (walk.columns + kColumns - 1) / kColumns;
  const std::int64_t unit_elements = std::min(walk.rows, kRows) * std::min(walk.columns, kColumns);
  return detail::make_range_kernel(
      {.items = walk.matrices * row_blocks * column_blocks,
       .items_per_tile = detail::items_per_tile(unit_elements),
       .nanoseconds_per_item = static_cast<double>(unit_elements)},
      [walk, row_blocks, column_blocks, transpose_2d](std::int64_t first, std::int64_t last,
                                                      const KernelArguments& arguments) noexcept {
        for (std::int64_t unit = first; unit < last; ++unit) {
          const std::int64_t column = unit % column_blocks * kColumns;
          const std::int64_t row = unit / column_blocks % row_blocks * kRows;
          const std::int64_t matrix = unit / column_blocks / row_blocks;
          const T* src = detail::input<T>(arguments, 0) + detail::strided_offset(walk.outer_in, matrix) +
                         row * walk.row_stride_in + column;
          T* dst = detail::output<T>(arguments, 0) + detail::strided_offset(walk.outer_out, matrix) +
                   column * walk.column_stride_out + row;
          transpose_2d(src, walk.row_stride_in, dst, walk.column_stride_out, std::min(kRows, walk.rows - row),
                       std::min(kColumns, walk.columns - column));
        }
        return static_cast<const char*>(nullptr);
      });
}

class TransposeDefinition final : public detail::OpDefinition {
 public:
  explicit TransposeDefinition(std::vector<int> perm) : perm_(std::move(perm)) {}

  std::string_view type() const noexcept override { return "Transpose"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& a = inputs[0];
    if (!a.shape.has_rank() && perm_.empty()) return {a};
    const Shape in = perm_.empty() ? a.shape
                                   : detail::with_rank(a, "a", static_cast<int>(perm_.size()),
                                                       "one dimension for each entry of perm");
    std::vector<std::int64_t> result;
    for (const int axis : permutation(in.rank())) result.push_back(in[axis]);
    return {{a.dtype, Shape(std::move(result))}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec>) const override {
    const Shape& in = inputs[0].shape;
    std::vector<StridedDimension> dimensions = merged_dimensions(in, permutation(in.rank()));
    const std::size_t element = dtype_size(inputs[0].dtype);
    if (in.num_elements() == 0 || dimensions.size() < 2) return nullptr;  // the same elements in order
    const StridedDimension last = dimensions.back();
    if (last.stride == 1) {
      dimensions.pop_back();
      return make_run_copy(dimensions, last.extent, static_cast<std::int64_t>(element));
    }
    const MatrixWalk walk = plan_matrices(dimensions);
    switch (element) {
      case 1:
        return make_matrix_walk<std::uint8_t>(walk, &simd::reference::transpose_2d<std::uint8_t>);
      case 4:
        return make_matrix_walk<float>(walk, detail::kernel_set().transpose.transpose_2d);
      default:
        return make_matrix_walk<std::uint64_t>(walk, &simd::reference::transpose_2d<std::uint64_t>);
    }
  }

  /// In the order from before.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    std::vector<int> inverse(perm_.size());
    for (std::size_t i = 0; i < perm_.size(); ++i) {
      inverse[static_cast<std::size_t>(perm_[i])] = static_cast<int>(i);
    }
    return std::vector{transpose(output_gradients[0], std::move(inverse), {}, operation.where())};
  }

 private:
  std::vector<int> permutation(int rank) const {
    std::vector<int> perm = perm_;
    if (perm.empty()) {
      perm.resize(static_cast<std::size_t>(rank));
      std::iota(perm.rbegin(), perm.rend(), 0);
    }
    std::vector<int> sorted = perm;
    std::sort(sorted.begin(), sorted.end());
    for (int axis = 0; axis < rank; ++axis) {
      if (sorted[static_cast<std::size_t>(axis)] == axis) continue;
      std::string list;
      for (const int entry : perm) list += (list.empty() ? "" : ",") + std::to_string(entry);
      throw ValueError("perm [" + list + "] is no permutation: it must name each of 0 to " +
                       std::to_string(rank - 1) + " once");
    }
    return perm;
  }

  std::vector<int> perm_;
};

}  // namespace

Tensor transpose(const TensorLike& a, std::vector<int> perm, std::string_view name, SourceLocation where) {
  return detail::build(std::make_shared<TransposeDefinition>(std::move(perm)), {{"a", &a}}, name, "transpose",
                       where);
}

}  // namespace varscope
