// SPDX-License-Identifier: Apache-2.0
// ArgMax: where the largest element along one dimension is.
#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/error.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/simd/reference/reduce.hpp>

#include <string>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::TensorSpec;

/// Results that one unit of work finds: they stay in a level 1 cache meanwhile.
constexpr std::int64_t kBlock = 64;

/// The columns [0, columns), columns <= kBlock, of `length` rows that are `stride` elements apart.
template <typename T>
void argmax_columns(const T* src, std::int64_t stride, std::int64_t length, std::int64_t columns,
                    std::int64_t* best) noexcept {
  T largest[kBlock];
  for (std::int64_t c = 0; c < columns; ++c) {
    largest[c] = src[c];
    best[c] = 0;
  }
  for (std::int64_t row = 1; row < length; ++row) {
    for (std::int64_t c = 0; c < columns; ++c) {
      const T candidate = src[row * stride + c];
      if (candidate > largest[c] || (candidate != candidate && largest[c] == largest[c])) {
        largest[c] = candidate;
        best[c] = row;
      }
    }
  }
}

/// Rows of `length` elements.
template <typename T>
void argmax_rows(const T* src, std::int64_t* best, std::int64_t rows, std::int64_t length) noexcept {
  simd::reference::argmax_axis(src, best, rows, length, 1);
}

template <typename T>
auto argmax_rows_function() {
  if constexpr (std::is_same_v<T, float>) {
    return detail::kernel_set().reduce.argmax_rows;
  } else {
    return &argmax_rows<T>;
  }
}

/// Input [outer, length, inner], result [outer, inner].
template <typename T, typename Index>
std::unique_ptr<detail::Kernel> make_argmax(std::int64_t outer, std::int64_t length, std::int64_t inner) {
  // A unit is a block of rows where the dimension is the last, else a block of columns.
  const std::int64_t blocks = ((inner == 1 ? outer : inner) + kBlock - 1) / kBlock;
  return detail::make_range_kernel(
      {.items = inner == 1 ? blocks : outer * blocks,
       .items_per_tile = detail::items_per_tile(kBlock * length),
       .nanoseconds_per_item = static_cast<double>(kBlock * length) * 0.5},
      [outer, length, inner, blocks, rows_function = argmax_rows_function<T>()](
          std::int64_t first, std::int64_t last, const KernelArguments& arguments) noexcept {
        const T* src = detail::input<T>(arguments, 0);
        Index* dst = detail::output<Index>(arguments, 0);
        std::int64_t best[kBlock];
        for (std::int64_t unit = first; unit < last; ++unit) {
          std::int64_t start = unit * kBlock;
          std::int64_t count = std::min(kBlock, outer - start);
          if (inner == 1) {
            rows_function(src + start * length, best, count, length);
          } else {
            const std::int64_t column = unit % blocks * kBlock;
            const std::int64_t row = unit / blocks;
            count = std::min(kBlock, inner - column);
            start = row * inner + column;
            argmax_columns(src + row * length * inner + column, inner, length, count, best);
          }
          for (std::int64_t i = 0; i < count; ++i) dst[start + i] = static_cast<Index>(best[i]);
        }
        return static_cast<const char*>(nullptr);
      });
}

class ArgMaxDefinition final : public detail::OpDefinition {
 public:
  ArgMaxDefinition(int axis, DType output_type) : axis_(axis), output_type_(output_type) {}

  std::string_view type() const noexcept override { return "ArgMax"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& input = inputs[0];
    detail::require_number(input, "input");
    if (output_type_ != DType::int64 && output_type_ != DType::int32) {
      throw TypeError(".output_type is " + std::string(dtype_name(output_type_)) +
                      ", but must be int64 or int32");
    }
    if (!input.shape.has_rank()) return {{output_type_, Shape::unknown()}};
    const int axis = detail::axis_from_start(axis_, input.shape.rank(), input, "input");
    if (input.shape[axis] == 0) {
      throw ValueError("'input' is " + detail::to_string(input) +
                       ", which has no largest element along axis " + std::to_string(axis));
    }
    std::vector<std::int64_t> dimensions = input.shape.dimensions();
    dimensions.erase(dimensions.begin() + axis);
    return {{output_type_, Shape(std::move(dimensions))}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    const Shape& shape = inputs[0].shape;
    const int axis = detail::axis_from_start(axis_, shape.rank(), inputs[0], "input");
    const std::int64_t outer = outputs[0].shape.num_elements() == 0 ? 0 : detail::product(shape, 0, axis);
    const std::int64_t inner = detail::product(shape, axis + 1, shape.rank());
    return detail::visit_element_type<float, double, std::int32_t, std::int64_t>(
        inputs[0].dtype, [&]<typename T>(detail::ElementType<T>) {
          return output_type_ == DType::int64 ? make_argmax<T, std::int64_t>(outer, shape[axis], inner)
                                              : make_argmax<T, std::int32_t>(outer, shape[axis], inner);
        });
  }

 private:
  int axis_;
  DType output_type_;
};

}  // namespace

Tensor argmax(const TensorLike& input, ArgMaxOptions options, SourceLocation where) {
  return detail::build(std::make_shared<ArgMaxDefinition>(options.axis, options.output_type),
                       {{"input", &input}}, options.name, "ArgMax", where);
}

}  // namespace varscope
