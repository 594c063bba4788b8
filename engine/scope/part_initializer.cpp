// SPDX-License-Identifier: Apache-2.0
#include "scope/part_initializer.hpp"

#include <varscope/partitioned_values.hpp>

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

}  // namespace

Initializer initializer_of_part(const Initializer& whole, const PartitionInfo& info, const Shape& part) {
  if (whole.is_value()) return Initializer(cut_partition(*whole.body()->value(), info, part));
  if (!whole.body()->scales_by_full_shape()) return whole;
  return Initializer(std::make_shared<ScaledByFullShape>(whole, info.full_shape()));
}

}  // namespace varscope::detail
