// SPDX-License-Identifier: Apache-2.0
// GatherV2 along the first dimension, and its gradient: each row of params gets the sum of the gradients of
// the rows that were taken from it.
#include "ops/gather.hpp"

#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>
#include <varscope/nn_ops.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::TensorSpec;

constexpr const char* kIndexOutOfRange =
    "an index is out of range: each must be at least 0 and below the first dimension of 'params'";

/// Requires: a known rank of 1 or more.
Shape without_first(const Shape& shape) {
  return Shape(std::vector<std::int64_t>(shape.dimensions().begin() + 1, shape.dimensions().end()));
}

/// Calls visit(ElementType of the indices).
template <typename Visitor>
auto visit_index_type(DType dtype, Visitor&& visit) {
  return detail::visit_element_type<std::int32_t, std::int64_t>(dtype, visit);
}

/// The gradient with regard to `params`. Inputs: grad, indices; where the shape is not given as numbers
/// params, for their shape. TensorFlow makes such a sum of IndexedSlices where a tensor is asked for.
class GatherGradDefinition final : public detail::OpDefinition {
 public:
  explicit GatherGradDefinition(std::optional<Shape> params) : params_(std::move(params)) {}

  std::string_view type() const noexcept override { return detail::kGatherGradType; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    detail::require_floating(inputs[0], "grad");
    detail::require_dtype(inputs[1], "indices", {DType::int32, DType::int64});
    return {{inputs[0].dtype, params_ ? *params_ : inputs[2].shape}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    return visit_index_type(inputs[1].dtype, [&]<typename Index>(detail::ElementType<Index>) {
      return detail::visit_element_type<float, double>(
          inputs[0].dtype, [&]<typename T>(detail::ElementType<T>) {
            return make_typed<T, Index>(inputs[1].shape.num_elements(), outputs[0].shape);
          });
    });
  }

  std::optional<detail::ShapedOperation> with_known_shapes(
      std::span<const TensorSpec> inputs) const override {
    if (params_) return std::nullopt;
    return detail::ShapedOperation{std::make_shared<GatherGradDefinition>(inputs[2].shape), 2};
  }

  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const std::vector<Tensor> inputs = operation.inputs();
    std::vector<Tensor> gradients;
    gradients.push_back(gather(output_gradients[0], inputs[1], {}, operation.where()));
    for (std::size_t i = 1; i < inputs.size(); ++i) gradients.emplace_back();
    return gradients;
  }

 private:
  /// A tile is some rows of params: it reads all indices and takes those that are its own, in their order.
  template <typename T, typename Index>
  static std::unique_ptr<detail::Kernel> make_typed(std::int64_t indices, const Shape& params) {
    const std::int64_t rows = params[0];
    const std::int64_t length = detail::product(params, 1, params.rank());
    constexpr std::int64_t kMostTiles = 32;
    const std::int64_t rows_per_tile =
        std::max(detail::items_per_tile(length), (rows + kMostTiles - 1) / kMostTiles);
    return detail::make_range_kernel(
        {.items = rows,
         .items_per_tile = rows_per_tile,
         .nanoseconds_per_item = static_cast<double>(length) * 0.2 +
                                 static_cast<double>(indices * length) / static_cast<double>(rows + 1)},
        [indices, length](std::int64_t first, std::int64_t last, const KernelArguments& arguments) noexcept {
          const T* grad = detail::input<T>(arguments, 0);
          const Index* index = detail::input<Index>(arguments, 1);
          T* dst = detail::output<T>(arguments, 0);
          std::fill_n(dst + first * length, (last - first) * length, T(0));
          for (std::int64_t i = 0; i < indices; ++i) {
            const auto row = static_cast<std::int64_t>(index[i]);
            if (row < first || row >= last) continue;
            for (std::int64_t j = 0; j < length; ++j) dst[row * length + j] += grad[i * length + j];
          }
          return static_cast<const char*>(nullptr);
        });
  }

  std::optional<Shape> params_;
};

class GatherDefinition final : public detail::OpDefinition {
 public:
  std::string_view type() const noexcept override { return "GatherV2"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& params = inputs[0];
    detail::require_dtype(inputs[1], "indices", {DType::int32, DType::int64});
    if (params.shape.has_rank() && params.shape.rank() == 0) {
      throw ValueError("'params' is " + detail::to_string(params) + ", but must have a rank of 1 or more");
    }
    if (!params.shape.has_rank() || !inputs[1].shape.has_rank()) return {{params.dtype, Shape::unknown()}};
    std::vector<std::int64_t> dimensions = inputs[1].shape.dimensions();
    const Shape row = without_first(params.shape);
    dimensions.insert(dimensions.end(), row.dimensions().begin(), row.dimensions().end());
    return {{params.dtype, Shape(std::move(dimensions))}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec>) const override {
    const Shape& params = inputs[0].shape;
    const auto length = static_cast<std::size_t>(detail::product(params, 1, params.rank()));
    return visit_index_type(inputs[1].dtype, [&]<typename Index>(detail::ElementType<Index>) {
      return make_typed<Index>(inputs[1].shape.num_elements(), params[0],
                               length * dtype_size(inputs[0].dtype));
    });
  }

  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const std::vector<Tensor> inputs = operation.inputs();
    const DType dtype = inputs[0].dtype();
    if (dtype != DType::float32 && dtype != DType::float64) return std::nullopt;
    const SourceLocation& where = operation.where();
    const TensorLike grad(output_gradients[0], where);
    const TensorLike indices(inputs[1], where);
    const TensorLike like(inputs[0], where);
    std::vector<detail::NamedInput> named = {{"data", &grad}, {"segment_ids", &indices}};
    std::optional<Shape> known;
    if (inputs[0].shape().fully_known()) {
      known = inputs[0].shape();
    } else {
      named.push_back({"params", &like});
    }
    return std::vector{detail::build(std::make_shared<GatherGradDefinition>(std::move(known)),
                                     std::move(named), {}, detail::kGatherGradType, where),
                       Tensor{}};
  }

 private:
  template <typename Index>
  static std::unique_ptr<detail::Kernel> make_typed(std::int64_t indices, std::int64_t rows,
                                                    std::size_t row_bytes) {
    return detail::make_range_kernel(
        {.items = indices,
         .items_per_tile = detail::items_per_tile(static_cast<std::int64_t>(row_bytes / sizeof(float))),
         .nanoseconds_per_item = 5 + static_cast<double>(row_bytes) * 0.1},
        [rows, row_bytes](std::int64_t first, std::int64_t last, const KernelArguments& arguments) noexcept {
          const auto* params = detail::input<std::byte>(arguments, 0);
          const Index* index = detail::input<Index>(arguments, 1);
          auto* dst = detail::output<std::byte>(arguments, 0);
          for (std::int64_t i = first; i < last; ++i) {
            if (index[i] < 0 || index[i] >= rows) return kIndexOutOfRange;
            std::memcpy(dst + static_cast<std::size_t>(i) * row_bytes,
                        params + static_cast<std::size_t>(index[i]) * row_bytes, row_bytes);
          }
          return static_cast<const char*>(nullptr);
        });
  }
};

Tensor build_gather(const TensorLike& params, const TensorLike& indices, std::string_view name,
                    std::string_view default_name, const SourceLocation& where) {
  return detail::build(std::make_shared<GatherDefinition>(), {{"params", &params}, {"indices", &indices}},
                       name, default_name, where);
}

}  // namespace

namespace detail {

Tensor gather_gradient(const Tensor& values, const Tensor& indices, const Shape& params,
                       std::string_view name, const SourceLocation& where) {
  const TensorLike data(values, where);
  const TensorLike segment_ids(indices, where);
  return build(std::make_shared<GatherGradDefinition>(params),
               {{"data", &data}, {"segment_ids", &segment_ids}}, name, kGatherGradType, where);
}

}  // namespace detail

Tensor gather(const TensorLike& params, const TensorLike& indices, std::string_view name,
              SourceLocation where) {
  return build_gather(params, indices, name, "GatherV2", where);
}

Tensor embedding_lookup(const TensorLike& params, const TensorLike& ids, std::string_view name,
                        SourceLocation where) {
  return build_gather(params, ids, name, "embedding_lookup", where);
}

}  // namespace varscope
