// SPDX-License-Identifier: Apache-2.0
// Array: values in memory, with a dtype and a fully known shape. What is fed to a session and what comes
// back; what numpy.ndarray is to TensorFlow.
#pragma once

#include <varscope/dtype.hpp>
#include <varscope/export.hpp>
#include <varscope/shape.hpp>

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>

namespace varscope {

/// A dense row-major array. Copies share the elements (like numpy references); `copy()` makes them separate.
/// Const members are safe from any thread; writing elements is safe while nobody else reads or writes them.
class VARSCOPE_API Array {
 public:
  /// Alignment of the first element, in bytes: a cache line, and the widest vector register.
  static constexpr std::size_t alignment = 64;

  /// A float32 scalar zero.
  Array();

  /// Elements set to zero. Throws ValueError if the shape is not fully known or too large to address,
  /// ResourceExhaustedError if there is no memory for it.
  explicit Array(Shape shape, DType dtype = DType::float32);

  /// The same without setting the elements, for callers that write all of them.
  static Array uninitialized(Shape shape, DType dtype);

  /// A scalar of the dtype that fits the C++ type.
  template <typename T>
  static Array scalar(T value) {
    return of<T>(Shape{}, {value});
  }

  /// The given values, row-major. Throws ValueError, naming both counts, if they are not num_elements() many.
  template <typename T>
  static Array of(Shape shape, std::initializer_list<T> values) {
    return from_elements(std::move(shape), dtype_of<T>, values.begin(), values.size());
  }
  template <typename T>
  static Array of(Shape shape, std::span<const T> values) {
    return from_elements(std::move(shape), dtype_of<T>, values.data(), values.size());
  }

  /// Uses elements that something else owns; `owner` is kept until the last copy of the array is gone.
  /// Requires: `data` holds num_elements() elements of `dtype`, aligned for its type.
  static Array wrap(Shape shape, DType dtype, void* data, std::shared_ptr<void> owner);

  const Shape& shape() const noexcept { return shape_; }
  DType dtype() const noexcept { return dtype_; }
  std::int64_t num_elements() const noexcept { return num_elements_; }
  std::size_t num_bytes() const noexcept {
    return static_cast<std::size_t>(num_elements_) * dtype_size(dtype_);
  }

  void* data() noexcept { return data_.get(); }
  const void* data() const noexcept { return data_.get(); }

  /// The elements in row-major order. Throws TypeError, naming both types, if T is not the array's dtype.
  template <typename T>
  std::span<T> values() {
    require_dtype(dtype_of<T>);
    return {static_cast<T*>(data()), static_cast<std::size_t>(num_elements_)};
  }
  template <typename T>
  std::span<const T> values() const {
    require_dtype(dtype_of<T>);
    return {static_cast<const T*>(data()), static_cast<std::size_t>(num_elements_)};
  }

  /// The only element, converted to double. Throws ValueError if there is not exactly one element.
  double item() const;

  /// A separate array with equal elements.
  Array copy() const;

  /// The same elements under another shape; shares them. Throws ValueError if the counts differ.
  Array reshaped(Shape shape) const;

  /// Whether this is the only Array that refers to its elements.
  bool unique() const noexcept { return data_.use_count() == 1; }

  /// Equal dtype, shape and bits of every element (so NaN equals the same NaN, and 0.0 differs from -0.0).
  bool same_bits(const Array& other) const noexcept;

  /// "float32[2,3]".
  std::string description() const;

 private:
  struct Unset {};
  explicit Array(Unset) {}
  static Array from_elements(Shape shape, DType dtype, const void* values, std::size_t count);
  void require_dtype(DType wanted) const;

  std::shared_ptr<void> data_;
  Shape shape_;
  std::int64_t num_elements_ = 1;
  DType dtype_ = DType::float32;
};

}  // namespace varscope
