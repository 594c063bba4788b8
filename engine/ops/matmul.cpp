// SPDX-License-Identifier: Apache-2.0
// MatMul: products of matrices, one or a batch of them, and with a bias and an activation where fusion says
// so. Inputs: a, b, then the bias.
#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/fused_activation.hpp"
#include "ops/layout_key.hpp"
#include "ops/product_cost.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "ops/sum_to_shape.hpp"
#include "ops/tile_workspace.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/simd/reference/matmul.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace varscope {

namespace {

using detail::FusedEpilogue;
using detail::KernelArguments;
using detail::TensorSpec;
using simd::MatMulShape;

constexpr int kBias = 2;

template <typename T>
const T* bias_of(const FusedEpilogue& epilogue, const KernelArguments& arguments) noexcept {
  return epilogue.bias ? detail::input<T>(arguments, kBias) : nullptr;
}

/// Which matrices of `a` and `b` make each matrix of the result: dimensions of extent 1, and those that one
/// of the two has not, are repeated (TensorFlow's BatchMatMulV2).
class MatrixBatch {
 public:
  /// Requires: the dimensions before the last two broadcast to those of `out`.
  MatrixBatch(const Shape& a, const Shape& b, const Shape& out)
      : of_a_(sources(a, out)), of_b_(sources(b, out)), b_count_(detail::product(b, 0, b.rank() - 2)) {}

  std::int64_t size() const noexcept { return static_cast<std::int64_t>(of_a_.size()); }
  std::int64_t b_count() const noexcept { return b_count_; }
  std::int64_t of_a(std::int64_t matrix) const noexcept { return of_a_[static_cast<std::size_t>(matrix)]; }
  std::int64_t of_b(std::int64_t matrix) const noexcept { return of_b_[static_cast<std::size_t>(matrix)]; }

 private:
  static std::vector<std::int64_t> sources(const Shape& from, const Shape& out) {
    const int batch_rank = out.rank() - 2;
    const int missing = out.rank() - from.rank();
    std::vector<std::int64_t> indices(static_cast<std::size_t>(detail::product(out, 0, batch_rank)), 0);
    for (std::size_t matrix = 0; matrix < indices.size(); ++matrix) {
      auto rest = static_cast<std::int64_t>(matrix);
      std::int64_t stride = 1;
      for (int axis = batch_rank - 1; axis >= missing; --axis) {
        const std::int64_t extent = from[axis - missing];
        if (extent != 1) indices[matrix] += rest % out[axis] * stride;
        stride *= extent;
        rest /= out[axis];
      }
    }
    return indices;
  }

  std::vector<std::int64_t> of_a_;
  std::vector<std::int64_t> of_b_;
  std::int64_t b_count_;
};

/// float32: what simd/ planned, for each matrix of the batch.
class PlannedMatMul final : public detail::Kernel {
 public:
  PlannedMatMul(const simd::KernelSet& kernels, const simd::MatMulPlan& plan, MatrixBatch batch,
                const FusedEpilogue& epilogue)
      : kernels_(kernels), plan_(plan), batch_(std::move(batch)), epilogue_(epilogue) {}

  std::int64_t num_tiles(int) const noexcept override { return batch_.size() * plan_.tile_count; }

  const char* run_tile(int, std::int64_t tile, const KernelArguments& arguments) const noexcept override {
    const std::int64_t matrix = tile / plan_.tile_count;
    const MatMulShape& shape = plan_.shape;
    const auto run = [&](float* workspace) {
      plan_.run_tile(
          plan_,
          {.a = detail::input<float>(arguments, 0) + batch_.of_a(matrix) * shape.rows * shape.depth,
           .packed_b =
               static_cast<const float*>(arguments.packed) + batch_.of_b(matrix) * plan_.packed_b_floats,
           .c = detail::output<float>(arguments, 0) + matrix * shape.rows * shape.columns,
           .bias = bias_of<float>(epilogue_, arguments),
           .activation = detail::simd_activation(epilogue_),
           .workspace = workspace},
          tile % plan_.tile_count);
    };
    return detail::with_tile_workspace(plan_.workspace_floats, run);
  }

  double cost_nanoseconds() const noexcept override {
    const MatMulShape& shape = plan_.shape;
    const auto products =
        static_cast<double>(batch_.size() * shape.rows) * static_cast<double>(shape.columns * shape.depth);
    const auto floats = static_cast<double>(batch_.b_count() * plan_.packed_b_floats);
    return detail::product_nanoseconds(products, kernels_.vector_floats, floats);
  }

  std::optional<detail::PackedInput> packed_input() const noexcept override {
    const MatMulShape& shape = plan_.shape;
    return detail::PackedInput{
        .input = 1,
        .bytes = static_cast<std::size_t>(batch_.b_count() * plan_.packed_b_floats) * sizeof(float),
        .layout = detail::layout_key({batch_.b_count(), kernels_.vector_floats, shape.columns, shape.depth,
                                      shape.transpose_b ? 1 : 0, plan_.blocking.columns_per_block,
                                      plan_.blocking.block_count, plan_.blocking.depth_per_chunk})};
  }

  void pack(const void* b, void* packed) const noexcept override {
    const MatMulShape& shape = plan_.shape;
    for (std::int64_t matrix = 0; matrix < batch_.b_count(); ++matrix) {
      for (std::int64_t tile = 0; tile < plan_.pack_tile_count; ++tile) {
        plan_.pack_b_tile(plan_, static_cast<const float*>(b) + matrix * shape.depth * shape.columns,
                          static_cast<float*>(packed) + matrix * plan_.packed_b_floats, tile);
      }
    }
  }

  const char* description() const noexcept override { return kernels_.name; }

 private:
  const simd::KernelSet& kernels_;
  simd::MatMulPlan plan_;
  MatrixBatch batch_;
  FusedEpilogue epilogue_;
};

/// Every other dtype, and matrices without depth, whose product is zero.
template <typename T>
std::unique_ptr<detail::Kernel> make_plain_kernel(const MatMulShape& shape, const MatrixBatch& batch,
                                                  const FusedEpilogue& epilogue) {
  const double multiply_adds = static_cast<double>(shape.columns * shape.depth);
  return detail::make_range_kernel(
      {.items = shape.columns == 0 ? 0 : batch.size() * shape.rows,
       .items_per_tile = detail::items_per_tile(shape.columns * shape.depth),
       .nanoseconds_per_item = multiply_adds,
       .description = "plain"},
      [shape, batch, epilogue](std::int64_t first, std::int64_t last,
                               const KernelArguments& arguments) noexcept {
        for (std::int64_t row = first; row < last;) {
          const std::int64_t matrix = row / shape.rows;
          const std::int64_t first_row = row % shape.rows;
          const std::int64_t last_row = std::min(shape.rows, first_row + last - row);
          simd::reference::matmul_rows(
              shape, detail::input<T>(arguments, 0) + batch.of_a(matrix) * shape.rows * shape.depth,
              detail::input<T>(arguments, 1) + batch.of_b(matrix) * shape.depth * shape.columns,
              bias_of<T>(epilogue, arguments), detail::simd_activation(epilogue),
              detail::output<T>(arguments, 0) + matrix * shape.rows * shape.columns, first_row, last_row);
          row += last_row - first_row;
        }
        return static_cast<const char*>(nullptr);
      });
}

class MatMulDefinition final : public detail::OpDefinition {
 public:
  MatMulDefinition(bool transpose_a, bool transpose_b, const FusedEpilogue& epilogue = {})
      : transpose_a_(transpose_a), transpose_b_(transpose_b), epilogue_(epilogue) {}

  std::string_view type() const noexcept override { return "MatMul"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& a = inputs[0];
    const TensorSpec& b = inputs[1];
    detail::require_dtype(a, "a", {DType::float32, DType::float64, DType::int32, DType::int64, DType::uint8});
    detail::require_same_dtype(a, "a", b, "b");
    const std::string given = "'a' is " + detail::to_string(a) + (transpose_a_ ? " (transposed)" : "") +
                              " and 'b' is " + detail::to_string(b) + (transpose_b_ ? " (transposed)" : "");
    for (const Shape* const shape : {&a.shape, &b.shape}) {
      if (!shape->has_rank() || shape->rank() >= 2) continue;
      throw ValueError(given + ", but both must have a rank of 2 or more: [.., rows, columns]");
    }
    if (!a.shape.has_rank() || !b.shape.has_rank()) return {{a.dtype, Shape::unknown()}};
    const Shape& of_a = a.shape;
    const Shape& of_b = b.shape;
    const std::int64_t depth_a = of_a[of_a.rank() - (transpose_a_ ? 2 : 1)];
    const std::int64_t depth_b = of_b[of_b.rank() - (transpose_b_ ? 1 : 2)];
    if (depth_a != depth_b && depth_a != unknown_dimension && depth_b != unknown_dimension) {
      throw ValueError(given + ": the columns of 'a' (" + std::to_string(depth_a) +
                       ") must be as many as the rows of 'b' (" + std::to_string(depth_b) + ")");
    }
    std::vector<std::int64_t> result;
    const int rank = std::max(of_a.rank(), of_b.rank());
    for (int axis = 0; axis < rank - 2; ++axis) {
      // A missing dimension counts as 1, which is repeated.
      const int axis_of_a = axis - (rank - of_a.rank());
      const int axis_of_b = axis - (rank - of_b.rank());
      const std::int64_t extent_a = axis_of_a < 0 ? 1 : of_a[axis_of_a];
      const std::int64_t extent_b = axis_of_b < 0 ? 1 : of_b[axis_of_b];
      if (extent_a == extent_b || extent_a == 1 || extent_b == unknown_dimension) {
        result.push_back(extent_a == 1 ? extent_b : extent_a);
      } else if (extent_b == 1 || extent_a == unknown_dimension) {
        result.push_back(extent_b == 1 ? extent_a : extent_b);
      } else {
        throw ValueError(given + ": dimension " + std::to_string(axis) +
                         " counts independent products, so it must be equal in both, or 1 in one of them");
      }
    }
    result.push_back(of_a[of_a.rank() - (transpose_a_ ? 1 : 2)]);
    result.push_back(of_b[of_b.rank() - (transpose_b_ ? 2 : 1)]);
    return {{a.dtype, Shape(std::move(result))}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    const Shape& out = outputs[0].shape;
    const int rank = out.rank();
    const MatMulShape shape = {.rows = out[rank - 2],
                               .columns = out[rank - 1],
                               .depth = inputs[0].shape[inputs[0].shape.rank() - (transpose_a_ ? 2 : 1)],
                               .transpose_a = transpose_a_,
                               .transpose_b = transpose_b_};
    const MatrixBatch batch(inputs[0].shape, inputs[1].shape, out);
    if (inputs[0].dtype == DType::float32) {
      if (out.num_elements() == 0 || shape.depth == 0) {
        return make_plain_kernel<float>(shape, batch, epilogue_);
      }
      const simd::KernelSet& kernels = detail::kernel_set();
      return std::make_unique<PlannedMatMul>(
          kernels, simd::plan_matmul(kernels, shape, detail::cache_sizes()), batch, epilogue_);
    }
    return detail::visit_element_type<double, std::int32_t, std::int64_t, std::uint8_t>(
        inputs[0].dtype,
        [&]<typename T>(detail::ElementType<T>) { return make_plain_kernel<T>(shape, batch, epilogue_); });
  }

  std::shared_ptr<const detail::OpDefinition> with_epilogue(const FusedEpilogue& epilogue) const override {
    const bool fused_already = epilogue_.bias || epilogue_.activation != detail::FusedActivation::none;
    if (fused_already || epilogue.residual) return nullptr;
    return std::make_shared<MatMulDefinition>(transpose_a_, transpose_b_, epilogue);
  }

  /// Products of the gradient with the other side: of C = A B they are dC B' and A' dC.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const SourceLocation& where = operation.where();
    const Tensor a = operation.inputs()[0];
    const Tensor b = operation.inputs()[1];
    const Tensor& gradient = output_gradients[0];
    const Tensor to_a = transpose_a_
                            ? matmul(b, gradient, {.transpose_a = transpose_b_, .transpose_b = true}, where)
                            : matmul(gradient, b, {.transpose_b = !transpose_b_}, where);
    if (const std::optional<Tensor> to_b = gradient_of_shared_b(operation, gradient)) {
      return std::vector{to_a, *to_b};
    }
    const Tensor to_b = product_to_b(a, gradient, where);
    return std::vector{detail::sum_to_operand(to_a, a, b, where, 2),
                       detail::sum_to_operand(to_b, b, a, where, 2)};
  }

 private:
  Tensor product_to_b(const Tensor& a, const Tensor& gradient, const SourceLocation& where) const {
    if (transpose_b_) return matmul(gradient, a, {.transpose_a = true, .transpose_b = transpose_a_}, where);
    return matmul(a, gradient, {.transpose_a = !transpose_a_}, where);
  }

  /// Where one matrix b is used for a whole batch, the sum of the products of the batch is one product of all
  /// their rows, which needs no memory for each. nullopt if it is not known to be so.
  std::optional<Tensor> gradient_of_shared_b(const Operation& operation, const Tensor& gradient) const {
    const Tensor a = operation.inputs()[0];
    const Shape& of_a = a.shape();
    const Shape& of_b = operation.inputs()[1].shape();
    if (transpose_a_ || !of_a.has_rank() || of_a.rank() < 3 || !of_b.has_rank() || of_b.rank() != 2)
      return {};
    const std::int64_t depth = of_a[of_a.rank() - 1];
    const std::int64_t columns = of_b[transpose_b_ ? 0 : 1];
    if (depth < 1 || columns < 1) return {};
    const SourceLocation& where = operation.where();
    return product_to_b(reshape(a, {-1, depth}, {}, where), reshape(gradient, {-1, columns}, {}, where),
                        where);
  }

  bool transpose_a_;
  bool transpose_b_;
  FusedEpilogue epilogue_;
};

}  // namespace

Tensor matmul(const TensorLike& a, const TensorLike& b, MatMulOptions options, SourceLocation where) {
  return detail::build(std::make_shared<MatMulDefinition>(options.transpose_a, options.transpose_b),
                       {{"a", &a}, {"b", &b}}, options.name, "MatMul", where);
}

}  // namespace varscope
