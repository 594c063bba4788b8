// SPDX-License-Identifier: Apache-2.0
// Cast: converts every element to another dtype.
#include "ops/cast.hpp"

#include "ops/build.hpp"
#include "ops/range_kernel.hpp"

#include <varscope/array_ops.hpp>

#include <limits>
#include <type_traits>

namespace varscope {

namespace detail {

namespace {

/// C++ leaves conversions of floating values that do not fit undefined; here they are the nearest that does.
template <typename To, typename From>
To converted(From value) noexcept {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (value != value) return 0;
    constexpr From lowest = static_cast<From>(std::numeric_limits<To>::lowest());
    // The largest integer itself may have no floating value; one more is a power of two and has one.
    constexpr From beyond = static_cast<From>(std::numeric_limits<To>::max() / 2 + 1) * From(2);
    if (value <= lowest) return std::numeric_limits<To>::lowest();
    return value >= beyond ? std::numeric_limits<To>::max() : static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

template <typename From, typename To>
void convert(const void* source, void* destination, std::int64_t count) noexcept {
  const auto* from = static_cast<const From*>(source);
  auto* to = static_cast<To*>(destination);
  for (std::int64_t i = 0; i < count; ++i) to[i] = converted<To>(from[i]);
}

template <typename From>
ConvertElements conversion_from(DType to) noexcept {
  switch (to) {
    case DType::float32:
      return &convert<From, float>;
    case DType::float64:
      return &convert<From, double>;
    case DType::int32:
      return &convert<From, std::int32_t>;
    case DType::int64:
      return &convert<From, std::int64_t>;
    case DType::uint8:
      return &convert<From, std::uint8_t>;
    case DType::boolean:
      return &convert<From, bool>;
  }
  return nullptr;
}

class CastDefinition final : public OpDefinition {
 public:
  explicit CastDefinition(DType dtype) : dtype_(dtype) {}

  std::string_view type() const noexcept override { return "Cast"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    return {{dtype_, inputs[0].shape}};
  }

  std::unique_ptr<Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                      std::span<const TensorSpec>) const override {
    const DType from = inputs[0].dtype;
    if (from == dtype_) return nullptr;
    const auto from_size = static_cast<std::int64_t>(dtype_size(from));
    const auto to_size = static_cast<std::int64_t>(dtype_size(dtype_));
    return make_range_kernel(
        {.items = inputs[0].shape.num_elements(), .items_per_tile = kElementsPerTile, .description = "plain"},
        [run = element_conversion(from, dtype_), from_size, to_size](
            std::int64_t first, std::int64_t last, const KernelArguments& arguments) noexcept {
          run(input<std::byte>(arguments, 0) + first * from_size,
              output<std::byte>(arguments, 0) + first * to_size, last - first);
          return static_cast<const char*>(nullptr);
        });
  }

  /// Converted back; nothing flows to what has no gradients.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const DType from = operation.inputs()[0].dtype();
    return std::vector{is_floating(from) ? cast(output_gradients[0], from, {}, operation.where()) : Tensor()};
  }

 private:
  DType dtype_;
};

}  // namespace

ConvertElements element_conversion(DType from, DType to) noexcept {
  switch (from) {
    case DType::float32:
      return conversion_from<float>(to);
    case DType::float64:
      return conversion_from<double>(to);
    case DType::int32:
      return conversion_from<std::int32_t>(to);
    case DType::int64:
      return conversion_from<std::int64_t>(to);
    case DType::uint8:
      return conversion_from<std::uint8_t>(to);
    case DType::boolean:
      return conversion_from<bool>(to);
  }
  return nullptr;
}

}  // namespace detail

Tensor cast(const TensorLike& x, DType dtype, std::string_view name, SourceLocation where) {
  if (const Tensor same = detail::tensor_if_dtype(x, dtype)) return same;
  return detail::build(std::make_shared<detail::CastDefinition>(dtype), {{"x", &x}}, name, "Cast", where);
}

}  // namespace varscope
