// SPDX-License-Identifier: Apache-2.0
#include "core/fresh_memory.hpp"

#include <varscope/array.hpp>
#include <varscope/error.hpp>

#include <cstring>
#include <new>

namespace varscope {

namespace {

std::shared_ptr<void> allocate(std::size_t bytes) {
  static_assert(Array::alignment <= static_cast<std::size_t>(detail::alignment_of_memory(0)));
  // One byte at least, so that empty arrays have an address of their own too.
  const std::size_t allocated = bytes > 0 ? bytes : 1;
  try {
    return {detail::allocate_memory(allocated),
            [allocated](void* pointer) { detail::free_memory(pointer, allocated); }};
  } catch (const std::bad_alloc&) {
    throw ResourceExhaustedError("no memory for an array of " + std::to_string(bytes) + " bytes");
  }
}

std::size_t bytes_of(const Shape& shape, DType dtype) {
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(shape.num_elements(), static_cast<std::int64_t>(dtype_size(dtype)), &bytes)) {
    throw ValueError("an array of shape " + shape.to_string() + " is too large to address");
  }
  return static_cast<std::size_t>(bytes);
}

}  // namespace

Array::Array() : Array(Shape{}, DType::float32) {}

Array::Array(Shape shape, DType dtype) {
  *this = uninitialized(std::move(shape), dtype);
  std::memset(data_.get(), 0, num_bytes());
}

Array Array::uninitialized(Shape shape, DType dtype) {
  std::shared_ptr<void> memory = allocate(bytes_of(shape, dtype));
  void* data = memory.get();
  return wrap(std::move(shape), dtype, data, std::move(memory));
}

Array Array::wrap(Shape shape, DType dtype, void* data, std::shared_ptr<void> owner) {
  Array array{Unset{}};
  array.num_elements_ = shape.num_elements();
  array.shape_ = std::move(shape);
  array.dtype_ = dtype;
  array.data_ = std::shared_ptr<void>(std::move(owner), data);
  return array;
}

Array Array::from_elements(Shape shape, DType dtype, const void* values, std::size_t count) {
  if (static_cast<std::size_t>(shape.num_elements()) != count) {
    throw ValueError("an array of shape " + shape.to_string() + " needs " +
                     std::to_string(shape.num_elements()) + " values, but " + std::to_string(count) +
                     " were given");
  }
  Array array = uninitialized(std::move(shape), dtype);
  if (count > 0) std::memcpy(array.data(), values, array.num_bytes());
  return array;
}

void Array::require_dtype(DType wanted) const {
  if (dtype_ != wanted) {
    throw TypeError("the array " + description() + " was asked for its values as " +
                    std::string(dtype_name(wanted)) + "; ask for " + std::string(dtype_name(dtype_)));
  }
}

double Array::item() const {
  if (num_elements_ != 1) {
    throw ValueError("item() needs an array of exactly one element, but this one is " + description());
  }
  switch (dtype_) {
    case DType::float32:
      return static_cast<double>(*static_cast<const float*>(data()));
    case DType::float64:
      return *static_cast<const double*>(data());
    case DType::int32:
      return static_cast<double>(*static_cast<const std::int32_t*>(data()));
    case DType::int64:
      return static_cast<double>(*static_cast<const std::int64_t*>(data()));
    case DType::uint8:
    case DType::boolean:
      return static_cast<double>(*static_cast<const std::uint8_t*>(data()));
  }
  return 0;
}

Array Array::copy() const {
  Array other = uninitialized(shape_, dtype_);
  std::memcpy(other.data(), data(), num_bytes());
  return other;
}

Array Array::reshaped(Shape shape) const {
  if (shape.num_elements() != num_elements_) {
    throw ValueError("the array " + description() + " cannot be seen as shape " + shape.to_string() +
                     ": the numbers of elements differ");
  }
  Array other = *this;
  other.shape_ = std::move(shape);
  return other;
}

bool Array::same_bits(const Array& other) const noexcept {
  return dtype_ == other.dtype_ && shape_ == other.shape_ &&
         std::memcmp(data(), other.data(), num_bytes()) == 0;
}

std::string Array::description() const {
  return std::string(dtype_name(dtype_)) + shape_.to_string();
}

}  // namespace varscope
