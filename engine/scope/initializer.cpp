// SPDX-License-Identifier: Apache-2.0
// Initializer itself, and the two kinds that the caller provides: a value and a function.
#include "scope/initializer_body.hpp"

#include <varscope/error.hpp>
#include <varscope/initializer.hpp>

#include <cstring>
#include <string>

namespace varscope {

namespace {

class ValueInitializer final : public detail::InitializerBody {
 public:
  /// `produced`: by a function of the caller's, when the variable was made.
  explicit ValueInitializer(Array value, bool produced = false)
      : value_(std::move(value)), produced_(produced) {}

  std::string_view op_name() const noexcept override { return "initial_value"; }
  std::string_view op_type() const noexcept override { return "Const"; }
  const Array* value() const noexcept override { return produced_ ? nullptr : &value_; }

  void check(const Shape& shape, DType dtype) const override {
    if (shape == value_.shape() && dtype == value_.dtype()) return;
    throw ValueError("the initial value is " + value_.description() + ", which is not " +
                     std::string(dtype_name(dtype)) + shape.to_string());
  }

  void fill(void* out, std::int64_t begin, std::int64_t end, const Shape&, DType dtype,
            SeedPair) const override {
    const auto size = static_cast<std::int64_t>(dtype_size(dtype));
    std::memcpy(static_cast<std::byte*>(out) + begin * size,
                static_cast<const std::byte*>(value_.data()) + begin * size,
                static_cast<std::size_t>((end - begin) * size));
  }

 private:
  const Array value_;
  const bool produced_;
};

class FunctionWithoutShapeInitializer final : public detail::InitializerBody {
 public:
  explicit FunctionWithoutShapeInitializer(Initializer::FunctionWithoutShape function)
      : function_(std::move(function)) {}

  std::string_view op_name() const noexcept override { return "initial_value"; }
  std::string_view op_type() const noexcept override { return "Const"; }
  std::optional<Array> produce() const override { return function_().copy(); }

  void check(const Shape& shape, DType) const override {
    throw TypeError(
        "the initializer is a function without arguments, which gives the shape itself; ask for the variable "
        "without the shape " +
        shape.to_string());
  }
  void fill(void*, std::int64_t, std::int64_t, const Shape& shape, DType dtype, SeedPair) const override {
    check(shape, dtype);
  }

 private:
  const Initializer::FunctionWithoutShape function_;
};

class FunctionInitializer final : public detail::InitializerBody {
 public:
  explicit FunctionInitializer(Initializer::Function function) : function_(std::move(function)) {}

  std::string_view op_name() const noexcept override { return "PyFunc"; }
  std::string_view op_type() const noexcept override { return "PyFunc"; }
  bool divisible() const noexcept override { return false; }
  bool random() const noexcept override { return true; }
  void check(const Shape&, DType) const override {}

  void fill(void* out, std::int64_t, std::int64_t, const Shape& shape, DType dtype,
            SeedPair seeds) const override {
    const Array values = function_(shape, dtype, seeds);
    if (values.shape() != shape || values.dtype() != dtype) {
      throw ValueError("the initializer function was asked for " + std::string(dtype_name(dtype)) +
                       shape.to_string() + " and gave " + values.description());
    }
    if (values.num_bytes() != 0) std::memcpy(out, values.data(), values.num_bytes());
  }

 private:
  const Initializer::Function function_;
};

}  // namespace

Initializer detail::produced_initializer(Array value) {
  return Initializer(std::make_shared<ValueInitializer>(std::move(value), true));
}

Initializer::Initializer(Array value)
    : body_(std::make_shared<ValueInitializer>(value.copy())) {}  // a copy: the caller may go on writing
Initializer::Initializer(float value) : Initializer(Array::scalar(value)) {}
Initializer::Initializer(double value) : Initializer(Array::scalar(static_cast<float>(value))) {}
Initializer::Initializer(int value) : Initializer(Array::scalar(static_cast<std::int32_t>(value))) {}

Initializer::Initializer(Function function) {
  if (!function) throw TypeError("an initializer function must not be empty");
  body_ = std::make_shared<FunctionInitializer>(std::move(function));
}

Initializer::Initializer(FunctionWithoutShape function) {
  if (!function) throw TypeError("an initializer function must not be empty");
  body_ = std::make_shared<FunctionWithoutShapeInitializer>(std::move(function));
}

bool Initializer::is_value() const noexcept {
  return body_ != nullptr && body_->value() != nullptr;
}

Array Initializer::operator()(const Shape& shape, DType dtype, SeedPair seeds) const {
  if (body_ == nullptr) throw FailedPreconditionError("this Initializer is empty: it makes no values");
  Array values = Array::uninitialized(shape, dtype);
  body_->check(shape, dtype);
  body_->fill(values.data(), 0, values.num_elements(), shape, dtype, seeds);
  return values;
}

}  // namespace varscope
