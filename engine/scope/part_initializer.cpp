// SPDX-License-Identifier: Apache-2.0
#include "scope/part_initializer.hpp"

#include <cstring>
#include <memory>

namespace varscope::detail {

namespace {

/// Fills a part as its initializer would, told the full shape.
class ScaledByFullShape final : public InitializerBody {
 public:
  ScaledByFullShape(Initializer whole, Shape full_shape)
      : whole_(std::move(whole)), full_shape_(std::move(full_shape)) {}

  std::string_view op_name() const noexcept override { return body().op_name(); }
  std::string_view op_type() const noexcept override { return body().op_type(); }
  void check(const Shape&, DType dtype) const override { body().check(full_shape_, dtype); }
  void fill(void* out, std::int64_t begin, std::int64_t end, const Shape&, DType dtype,
            SeedPair seeds) const override {
    body().fill(out, begin, end, full_shape_, dtype, seeds);
  }
  bool divisible() const noexcept override { return body().divisible(); }
  double nanoseconds_per_element() const noexcept override { return body().nanoseconds_per_element(); }
  bool random() const noexcept override { return body().random(); }
  Seed seed() const noexcept override { return body().seed(); }

 private:
  const InitializerBody& body() const noexcept { return *whole_.body(); }

  const Initializer whole_;
  const Shape full_shape_;
};

/// The elements of `whole` in the box of that shape at that offset. Requires: the two differ along one axis.
Array cut(const Array& whole, const PartitionInfo& info, const Shape& part) {
  Array result = Array::uninitialized(part, whole.dtype());
  const int axis = info.single_slice_dim(part).value_or(0);
  std::int64_t outer = 1;
  for (int before = 0; before < axis; ++before) outer *= part[before];
  std::size_t inner = dtype_size(whole.dtype());
  for (int after = axis + 1; after < part.rank(); ++after) inner *= static_cast<std::size_t>(part[after]);
  const std::size_t row = inner * static_cast<std::size_t>(part[axis]);
  const std::size_t whole_row = inner * static_cast<std::size_t>(whole.shape()[axis]);
  const std::size_t begin = inner * static_cast<std::size_t>(info.single_offset(part));
  const auto* from = static_cast<const std::byte*>(whole.data());
  auto* to = static_cast<std::byte*>(result.data());
  if (row == 0) return result;
  for (std::int64_t index = 0; index < outer; ++index) {
    const auto position = static_cast<std::size_t>(index);
    std::memcpy(to + position * row, from + position * whole_row + begin, row);
  }
  return result;
}

}  // namespace

Initializer initializer_of_part(const Initializer& whole, const PartitionInfo& info, const Shape& part) {
  if (whole.is_value()) return Initializer(cut(*whole.body()->value(), info, part));
  if (!whole.body()->scales_by_full_shape()) return whole;
  return Initializer(std::make_shared<ScaledByFullShape>(whole, info.full_shape()));
}

}  // namespace varscope::detail
