// SPDX-License-Identifier: Apache-2.0
// MatMul: products of matrices, one or a batch of them, and with a bias and an activation where fusion says
// so. Inputs: a, b, then the bias.
#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/layout_key.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "ops/tile_workspace.hpp"

#include <varscope/error.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/simd/reference/matmul.hpp>

#include <string>

namespace varscope {

namespace {

using detail::FusedEpilogue;
using detail::KernelArguments;
using detail::TensorSpec;
using simd::MatMulShape;

constexpr int kBias = 2;

simd::Activation activation_of(const FusedEpilogue& epilogue) noexcept {
  return epilogue.activation == detail::FusedActivation::relu ? simd::Activation::relu
                                                              : simd::Activation::none;
}

template <typename T>
const T* bias_of(const FusedEpilogue& epilogue, const KernelArguments& arguments) noexcept {
  return epilogue.bias ? detail::input<T>(arguments, kBias) : nullptr;
}

/// float32: what simd/ planned, for each matrix of the batch.
class PlannedMatMul final : public detail::Kernel {
 public:
  PlannedMatMul(const simd::KernelSet& kernels, const simd::MatMulPlan& plan, std::int64_t batch,
                const FusedEpilogue& epilogue)
      : kernels_(kernels), plan_(plan), batch_(batch), epilogue_(epilogue) {}

  std::int64_t num_tiles(int) const noexcept override { return batch_ * plan_.tile_count; }

  const char* run_tile(int, std::int64_t tile, const KernelArguments& arguments) const noexcept override {
    const std::int64_t matrix = tile / plan_.tile_count;
    const MatMulShape& shape = plan_.shape;
    const auto run = [&](float* workspace) {
      plan_.run_tile(
          plan_,
          {.a = detail::input<float>(arguments, 0) + matrix * shape.rows * shape.depth,
           .packed_b = static_cast<const float*>(arguments.packed) + matrix * plan_.packed_b_floats,
           .c = detail::output<float>(arguments, 0) + matrix * shape.rows * shape.columns,
           .bias = bias_of<float>(epilogue_, arguments),
           .activation = activation_of(epilogue_),
           .workspace = workspace},
          tile % plan_.tile_count);
    };
    detail::with_tile_workspace(plan_.workspace_floats, tile, arguments, run);
    return nullptr;
  }

  std::size_t workspace_bytes() const noexcept override {
    return detail::tile_workspace_bytes(plan_.workspace_floats, num_tiles(0));
  }

  double cost_nanoseconds() const noexcept override {
    const MatMulShape& shape = plan_.shape;
    // About two multiply-adds of a register in each of a core's two or three cycles a nanosecond.
    return static_cast<double>(batch_ * shape.rows) * static_cast<double>(shape.columns * shape.depth) /
           (4 * static_cast<double>(kernels_.vector_floats));
  }

  std::optional<detail::PackedInput> packed_input() const noexcept override {
    const MatMulShape& shape = plan_.shape;
    return detail::PackedInput{
        .input = 1,
        .bytes = static_cast<std::size_t>(batch_ * plan_.packed_b_floats) * sizeof(float),
        .layout = detail::layout_key({batch_, kernels_.vector_floats, shape.columns, shape.depth,
                                      shape.transpose_b ? 1 : 0, plan_.blocking.columns_per_block,
                                      plan_.blocking.block_count, plan_.blocking.depth_per_chunk})};
  }

  void pack(const void* b, void* packed) const noexcept override {
    const MatMulShape& shape = plan_.shape;
    for (std::int64_t matrix = 0; matrix < batch_; ++matrix) {
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
  std::int64_t batch_;
  FusedEpilogue epilogue_;
};

/// Every other dtype, and matrices without depth, whose product is zero.
template <typename T>
std::unique_ptr<detail::Kernel> make_plain_kernel(const MatMulShape& shape, std::int64_t batch,
                                                  const FusedEpilogue& epilogue) {
  const double multiply_adds = static_cast<double>(shape.columns * shape.depth);
  return detail::make_range_kernel(
      {.items = shape.columns == 0 ? 0 : batch * shape.rows,
       .items_per_tile = detail::items_per_tile(shape.columns * shape.depth),
       .nanoseconds_per_item = multiply_adds,
       .description = "plain"},
      [shape, epilogue](std::int64_t first, std::int64_t last, const KernelArguments& arguments) noexcept {
        for (std::int64_t row = first; row < last;) {
          const std::int64_t matrix = row / shape.rows;
          const std::int64_t first_row = row % shape.rows;
          const std::int64_t last_row = std::min(shape.rows, first_row + last - row);
          simd::reference::matmul_rows(
              shape, detail::input<T>(arguments, 0) + matrix * shape.rows * shape.depth,
              detail::input<T>(arguments, 1) + matrix * shape.depth * shape.columns,
              bias_of<T>(epilogue, arguments), activation_of(epilogue),
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
    detail::require_dtype(a, "a", {DType::float32, DType::float64, DType::int32});
    detail::require_same_dtype(a, "a", b, "b");
    const std::string given = "'a' is " + detail::to_string(a) + (transpose_a_ ? " (transposed)" : "") +
                              " and 'b' is " + detail::to_string(b) + (transpose_b_ ? " (transposed)" : "");
    if (!a.shape.has_rank() && !b.shape.has_rank()) return {{a.dtype, Shape::unknown()}};
    const int rank = a.shape.has_rank() ? a.shape.rank() : b.shape.rank();
    if (rank < 2 || (b.shape.has_rank() && b.shape.rank() != rank)) {
      throw ValueError(given + ", but both must have the same rank of 2 or more: [.., rows, columns]");
    }
    const Shape of_a = a.shape.has_rank() ? a.shape : detail::unknown_of_rank(rank);
    const Shape of_b = b.shape.has_rank() ? b.shape : detail::unknown_of_rank(rank);
    const std::int64_t depth_a = of_a[rank - (transpose_a_ ? 2 : 1)];
    const std::int64_t depth_b = of_b[rank - (transpose_b_ ? 1 : 2)];
    if (depth_a != depth_b && depth_a != unknown_dimension && depth_b != unknown_dimension) {
      throw ValueError(given + ": the columns of 'a' (" + std::to_string(depth_a) +
                       ") must be as many as the rows of 'b' (" + std::to_string(depth_b) + ")");
    }
    std::vector<std::int64_t> result;
    for (int axis = 0; axis < rank - 2; ++axis) {
      if (of_a[axis] != of_b[axis] && of_a[axis] != unknown_dimension && of_b[axis] != unknown_dimension) {
        throw ValueError(given + ": dimension " + std::to_string(axis) +
                         " counts independent products, so it must be equal in both");
      }
      result.push_back(std::max(of_a[axis], of_b[axis]));
    }
    result.push_back(of_a[rank - (transpose_a_ ? 1 : 2)]);
    result.push_back(of_b[rank - (transpose_b_ ? 2 : 1)]);
    return {{a.dtype, Shape(std::move(result))}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    const Shape& out = outputs[0].shape;
    const int rank = out.rank();
    const MatMulShape shape = {.rows = out[rank - 2],
                               .columns = out[rank - 1],
                               .depth = inputs[0].shape[rank - (transpose_a_ ? 2 : 1)],
                               .transpose_a = transpose_a_,
                               .transpose_b = transpose_b_};
    const std::int64_t batch = detail::product(out, 0, rank - 2);
    if (inputs[0].dtype == DType::float32) {
      if (out.num_elements() == 0 || shape.depth == 0) {
        return make_plain_kernel<float>(shape, batch, epilogue_);
      }
      const simd::KernelSet& kernels = detail::kernel_set();
      return std::make_unique<PlannedMatMul>(
          kernels, simd::plan_matmul(kernels, shape, detail::cache_sizes()), batch, epilogue_);
    }
    return detail::visit_element_type<double, std::int32_t>(
        inputs[0].dtype,
        [&]<typename T>(detail::ElementType<T>) { return make_plain_kernel<T>(shape, batch, epilogue_); });
  }

  std::shared_ptr<const detail::OpDefinition> with_epilogue(const FusedEpilogue& epilogue) const override {
    const bool fused_already = epilogue_.bias || epilogue_.activation != detail::FusedActivation::none;
    if (fused_already || epilogue.residual) return nullptr;
    return std::make_shared<MatMulDefinition>(transpose_a_, transpose_b_, epilogue);
  }

 private:
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
