// SPDX-License-Identifier: Apache-2.0
// Operations that make, reshape and move values. Names, defaults and shape rules are TensorFlow's.
//
// Every function adds one operation to the graph of its inputs (to the thread's default graph if they have
// none) and may be called from any thread at any time. `name` is the operation's name below the current name
// scope; empty means TensorFlow's default, given with each function. All of them throw ValueError or
// TypeError with the operation's name, the inputs and the line `where` when dtypes or known shapes do not
// fit, ValueError for an invalid name or inputs of different graphs, and RuntimeError if the graph is
// finalized; a call that throws has added nothing. A dimension that is not known yet is checked by the run.
#pragma once

#include <varscope/array.hpp>
#include <varscope/export.hpp>
#include <varscope/shape.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>
#include <varscope/tensor_like.hpp>
#include <varscope/tensor_list.hpp>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace varscope {

struct PlaceholderOptions {
  DType dtype = DType::float32;
  std::string name = {};  // empty: "Placeholder"
};

/// A tensor whose value every run is fed (tf.placeholder). The feed must have this dtype and a shape that
/// fits `shape`; -1 is a dimension of any size.
VARSCOPE_API Tensor placeholder(Shape shape = Shape::unknown(), PlaceholderOptions options = {},
                                SourceLocation where = SourceLocation::current());

struct ConstantOptions {
  /// Unset: that of the value; double and float numbers give float32, integers int32, as in TensorFlow.
  std::optional<DType> dtype = std::nullopt;
  /// Unset: that of the value. A single value is repeated to fill it.
  std::optional<Shape> shape = std::nullopt;
  std::string name = {};  // empty: "Const"
};

/// A tensor with a fixed value (tf.constant). The array's elements are copied, so that changing it later
/// changes nothing here. Throws ValueError if the values do not fill the shape, TypeError if converting them
/// to an integer dtype would lose a fraction.
VARSCOPE_API Tensor constant(const Array& value, ConstantOptions options = {},
                             SourceLocation where = SourceLocation::current());
VARSCOPE_API Tensor constant(std::initializer_list<double> values, ConstantOptions options = {},
                             SourceLocation where = SourceLocation::current());
VARSCOPE_API Tensor constant(std::initializer_list<int> values, ConstantOptions options = {},
                             SourceLocation where = SourceLocation::current());
template <typename T>
requires(std::integral<T> || std::floating_point<T>) Tensor
    constant(T value, ConstantOptions options = {}, SourceLocation where = SourceLocation::current()) {
  if constexpr (std::same_as<T, bool> || std::same_as<T, std::int64_t> || std::same_as<T, std::int32_t>) {
    return constant(Array::scalar<T>(value), std::move(options), where);
  } else if constexpr (std::integral<T>) {
    return constant(Array::scalar<std::int64_t>(static_cast<std::int64_t>(value)), std::move(options), where);
  } else {
    if (!options.dtype) options.dtype = DType::float32;
    return constant(Array::scalar<double>(static_cast<double>(value)), std::move(options), where);
  }
}

struct FillOptions {
  DType dtype = DType::float32;
  std::string name = {};  // empty: "zeros" or "ones"
};

/// A constant of zeros, of ones (tf.zeros, tf.ones). Throws ValueError if the shape is not fully known.
VARSCOPE_API Tensor zeros(Shape shape, FillOptions options = {},
                          SourceLocation where = SourceLocation::current());
VARSCOPE_API Tensor ones(Shape shape, FillOptions options = {},
                         SourceLocation where = SourceLocation::current());

/// Zeros, ones of the input's dtype and shape (tf.zeros_like, tf.ones_like; "zeros_like", "ones_like"): a
/// constant if the shape is known, else an operation that a run makes from the shape alone. Any dtype.
VARSCOPE_API Tensor zeros_like(const TensorLike& tensor, std::string_view name = {},
                               SourceLocation where = SourceLocation::current());
VARSCOPE_API Tensor ones_like(const TensorLike& tensor, std::string_view name = {},
                              SourceLocation where = SourceLocation::current());

/// The same values under another operation's name (tf.identity; "Identity"). Copies nothing.
VARSCOPE_API Tensor identity(const TensorLike& input, std::string_view name = {},
                             SourceLocation where = SourceLocation::current());

/// The same values, through which gradients() sees nothing (tf.stop_gradient; "StopGradient"). Copies
/// nothing.
VARSCOPE_API Tensor stop_gradient(const TensorLike& input, std::string_view name = {},
                                  SourceLocation where = SourceLocation::current());

/// The parts of `params` along its first dimension that `indices` (int32 or int64) name, as an array of the
/// shape of the indices followed by that of a part (tf.gather with axis 0; "GatherV2"). Any dtype of params.
/// Throws ValueError for a scalar; a run with an index below 0, or not below the first dimension, throws
/// InvalidArgumentError.
VARSCOPE_API Tensor gather(const TensorLike& params, const TensorLike& indices, std::string_view name = {},
                           SourceLocation where = SourceLocation::current());

/// The same elements, row-major, under another shape (tf.reshape; "Reshape"). One dimension may be -1: it is
/// what the others leave. Throws ValueError if two are, or if the numbers of elements differ. Copies nothing.
VARSCOPE_API Tensor reshape(const TensorLike& tensor, Shape shape, std::string_view name = {},
                            SourceLocation where = SourceLocation::current());

/// Dimension i of the result is dimension perm[i] of the input (tf.transpose; "transpose"). An empty `perm`
/// reverses the dimensions. Throws ValueError if `perm` is not a permutation of all of them.
VARSCOPE_API Tensor transpose(const TensorLike& a, std::vector<int> perm = {}, std::string_view name = {},
                              SourceLocation where = SourceLocation::current());

/// The values one after the other along dimension `axis`, counted from the end if negative (tf.concat;
/// "concat"). Throws ValueError if there are none, or if ranks or other dimensions differ.
VARSCOPE_API Tensor concat(const TensorList& values, int axis, std::string_view name = {},
                           SourceLocation where = SourceLocation::current());

/// How split() cuts: into so many equal parts, or into parts of the given sizes, `{2, 3}`.
class VARSCOPE_API SplitSizes {
 public:
  SplitSizes(int num_splits) : num_splits_(num_splits) {}  // NOLINT
  SplitSizes(std::initializer_list<std::int64_t> sizes) : sizes_(sizes), has_sizes_(true) {}
  explicit SplitSizes(std::vector<std::int64_t> sizes) : sizes_(std::move(sizes)), has_sizes_(true) {}
  bool equal_parts() const noexcept { return !has_sizes_; }
  int num_splits() const noexcept { return has_sizes_ ? static_cast<int>(sizes_.size()) : num_splits_; }
  const std::vector<std::int64_t>& sizes() const noexcept { return sizes_; }

 private:
  int num_splits_ = 0;
  std::vector<std::int64_t> sizes_;
  bool has_sizes_ = false;
};

/// Cuts along dimension `axis`, the inverse of concat() (tf.split; "split"). One of the sizes may be -1: what
/// the others leave. Throws ValueError if the dimension does not divide, or if the sizes do not add up to it.
VARSCOPE_API std::vector<Tensor> split(const TensorLike& value, const SplitSizes& num_or_size_splits,
                                       int axis = 0, std::string_view name = {},
                                       SourceLocation where = SourceLocation::current());

/// The block of extents `size` that starts at `begin` (tf.slice; "Slice"); a size of -1 means all that
/// remains. Throws ValueError if the lists have not one entry a dimension, or the block leaves the input.
VARSCOPE_API Tensor slice(const TensorLike& input, std::vector<std::int64_t> begin,
                          std::vector<std::int64_t> size, std::string_view name = {},
                          SourceLocation where = SourceLocation::current());

/// How many elements pad() adds before and after one dimension.
struct PadWidths {
  std::int64_t before = 0;
  std::int64_t after = 0;
};

struct PadOptions {
  double constant_value = 0;  // converted to the input's dtype
  std::string name = {};      // empty: "Pad"
};

/// Surrounds the tensor with a constant (tf.pad, mode CONSTANT; "Pad"): one pair of widths a dimension.
/// Throws ValueError for a negative width or a wrong number of pairs.
VARSCOPE_API Tensor pad(const TensorLike& tensor, std::vector<PadWidths> paddings, PadOptions options = {},
                        SourceLocation where = SourceLocation::current());

/// Converts every element (tf.cast; "Cast"); gives the tensor itself if it has that dtype already. To bool:
/// whether it is not zero. Floating to integer: toward zero; what does not fit becomes the nearest integer
/// that does, NaN becomes 0. Between integers: modulo 2^bits.
VARSCOPE_API Tensor cast(const TensorLike& x, DType dtype, std::string_view name = {},
                         SourceLocation where = SourceLocation::current());

}  // namespace varscope
