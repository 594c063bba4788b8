// SPDX-License-Identifier: Apache-2.0
// Arithmetic, matrix products and reductions. Names, defaults and shape rules are TensorFlow's.
//
// Every function adds one operation to the graph of its inputs (to the thread's default graph if they have
// none) and may be called from any thread at any time. `name` is the operation's name below the current name
// scope; empty means TensorFlow's default, given with each function. All of them throw ValueError or
// TypeError with the operation's name, the inputs and the line `where` when dtypes or known shapes do not
// fit, ValueError for an invalid name or inputs of different graphs, and RuntimeError if the graph is
// finalized; a call that throws has added nothing. A dimension that is not known yet is checked by the run.
//
// Results are the same bits for any number of threads. Integers wrap around as in two's complement.
#pragma once

#include <varscope/export.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>
#include <varscope/tensor_like.hpp>
#include <varscope/tensor_list.hpp>

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace varscope {

// Functions of two tensors of one dtype, broadcast against each other as in numpy: shapes are aligned at
// their last dimensions, and a dimension of 1 is repeated. Of float32, float64, int32, int64;
// add, subtract and multiply of uint8 too, which wraps.

/// x + y (tf.add; "Add").
VARSCOPE_API Tensor add(const TensorLike& x, const TensorLike& y, std::string_view name = {},
                        SourceLocation where = SourceLocation::current());
/// x - y (tf.subtract; "Sub").
VARSCOPE_API Tensor subtract(const TensorLike& x, const TensorLike& y, std::string_view name = {},
                             SourceLocation where = SourceLocation::current());
/// x * y, element by element (tf.multiply; "Mul").
VARSCOPE_API Tensor multiply(const TensorLike& x, const TensorLike& y, std::string_view name = {},
                             SourceLocation where = SourceLocation::current());
/// x / y (tf.divide; "truediv"). Integers are converted and give float64, as Python's division does in
/// TensorFlow; div() divides them as integers.
VARSCOPE_API Tensor divide(const TensorLike& x, const TensorLike& y, std::string_view name = {},
                           SourceLocation where = SourceLocation::current());
/// x / y, of integers truncated toward zero (tf.div; "div"). An integer division by zero makes the run throw
/// InvalidArgumentError.
VARSCOPE_API Tensor div(const TensorLike& x, const TensorLike& y, std::string_view name = {},
                        SourceLocation where = SourceLocation::current());
/// The larger, the smaller of each pair; NaN if either is (tf.maximum, tf.minimum; "Maximum", "Minimum").
VARSCOPE_API Tensor maximum(const TensorLike& x, const TensorLike& y, std::string_view name = {},
                            SourceLocation where = SourceLocation::current());
VARSCOPE_API Tensor minimum(const TensorLike& x, const TensorLike& y, std::string_view name = {},
                            SourceLocation where = SourceLocation::current());

/// The sum of tensors of one dtype and shape, added in their order (tf.add_n; "AddN"); nothing is broadcast.
/// float32, float64, int32, int64, uint8. Gives a single tensor itself, unless a name is given. Throws
/// ValueError for an empty list or different shapes.
VARSCOPE_API Tensor add_n(const TensorList& inputs, std::string_view name = {},
                          SourceLocation where = SourceLocation::current());

// Functions of each element, of float32, float64, int32, int64.

/// -x (tf.negative; "Neg").
VARSCOPE_API Tensor negative(const TensorLike& x, std::string_view name = {},
                             SourceLocation where = SourceLocation::current());
/// |x| (tf.abs; "Abs").
VARSCOPE_API Tensor abs(const TensorLike& x, std::string_view name = {},
                        SourceLocation where = SourceLocation::current());
/// x * x (tf.square; "Square").
VARSCOPE_API Tensor square(const TensorLike& x, std::string_view name = {},
                           SourceLocation where = SourceLocation::current());

// Of float32 and float64 only; outside their domain they give infinities and NaN as IEEE 754 says.

/// e to the x (tf.exp; "Exp").
VARSCOPE_API Tensor exp(const TensorLike& x, std::string_view name = {},
                        SourceLocation where = SourceLocation::current());
/// The natural logarithm (tf.log; "Log").
VARSCOPE_API Tensor log(const TensorLike& x, std::string_view name = {},
                        SourceLocation where = SourceLocation::current());
/// The square root (tf.sqrt; "Sqrt").
VARSCOPE_API Tensor sqrt(const TensorLike& x, std::string_view name = {},
                         SourceLocation where = SourceLocation::current());

struct MatMulOptions {
  bool transpose_a = false;
  bool transpose_b = false;
  std::string name = {};  // empty: "MatMul"
};

/// The matrix product op(a) * op(b) over the last two dimensions, [.., rows, depth] times [.., depth,
/// columns]; op transposes these where the options say so (tf.matmul; "MatMul"). Dimensions before them, if
/// there are any, count independent products; they broadcast: where one side has 1 or no such dimension, its
/// matrices are used again (BatchMatMulV2). float32, float64, int32, int64 and uint8; sums of integers wrap.
/// Throws ValueError if a rank is below 2, or depths or those dimensions do not fit.
VARSCOPE_API Tensor matmul(const TensorLike& a, const TensorLike& b, MatMulOptions options = {},
                           SourceLocation where = SourceLocation::current());

/// Dimensions: all of them (the default), one, `.axis = 1`, or several, `.axis = {1, 2}`. Negative ones count
/// from the end.
class VARSCOPE_API Axes {
 public:
  Axes() = default;
  Axes(int axis) : axes_{axis}, all_(false) {}  // NOLINT: `.axis = 1`
  Axes(std::initializer_list<int> axes) : axes_(axes), all_(false) {}
  explicit Axes(std::vector<int> axes) : axes_(std::move(axes)), all_(false) {}
  bool all() const noexcept { return all_; }
  const std::vector<int>& list() const noexcept { return axes_; }

 private:
  std::vector<int> axes_;
  bool all_ = true;
};

struct ReduceOptions {
  Axes axis = {};
  bool keepdims = false;  // reduced dimensions stay, with extent 1
  std::string name = {};  // empty: "Sum", "Mean" or "Max"
};

/// Sum, mean, maximum over some dimensions (tf.reduce_sum, tf.reduce_mean, tf.reduce_max; "Sum", "Mean",
/// "Max"). float32, float64, int32, int64; the mean of integers is truncated toward zero. Over nothing the
/// sum is 0, the mean NaN (0 for integers), the maximum the lowest value. NaN in, NaN out. The order of
/// additions follows from the shape alone. Throws ValueError for an axis out of range or named twice.
VARSCOPE_API Tensor reduce_sum(const TensorLike& input, ReduceOptions options = {},
                               SourceLocation where = SourceLocation::current());
VARSCOPE_API Tensor reduce_mean(const TensorLike& input, ReduceOptions options = {},
                                SourceLocation where = SourceLocation::current());
VARSCOPE_API Tensor reduce_max(const TensorLike& input, ReduceOptions options = {},
                               SourceLocation where = SourceLocation::current());

struct ArgMaxOptions {
  int axis = 0;
  DType output_type = DType::int64;  // or int32
  std::string name = {};             // empty: "ArgMax"
};

/// The index of the largest element along one dimension, which the result lacks (tf.argmax; "ArgMax"); of
/// equal ones the first, and the first NaN if there is one. Throws ValueError for an axis out of range or an
/// empty dimension.
VARSCOPE_API Tensor argmax(const TensorLike& input, ArgMaxOptions options = {},
                           SourceLocation where = SourceLocation::current());

// Operators, where at least one side is a Tensor or Variable: add "add", subtract "sub", multiply "mul",
// divide "truediv", negative "Neg". They report mistakes at the line of the operator.

namespace detail {

/// A Tensor or Variable on one side of an operator.
class VARSCOPE_API TensorOperand : public TensorLike {
 public:
  TensorOperand(const Tensor& tensor, SourceLocation where = SourceLocation::current())  // NOLINT
      : TensorLike(tensor, where) {}
  TensorOperand(const Variable& variable,
                SourceLocation where = SourceLocation::current())  // NOLINT
      : TensorLike(variable, where) {}
};

/// A number or array on the left side of an operator.
class VARSCOPE_API ConstantOperand : public TensorLike {
 public:
  ConstantOperand(const Array& array, SourceLocation where = SourceLocation::current())  // NOLINT
      : TensorLike(array, where) {}
  template <typename T>
  requires(std::integral<T> || std::floating_point<T>)
      ConstantOperand(T number, SourceLocation where = SourceLocation::current())  // NOLINT
      : TensorLike(number, where) {}
};

}  // namespace detail

VARSCOPE_API Tensor operator+(const detail::TensorOperand& x, const TensorLike& y);
VARSCOPE_API Tensor operator+(const detail::ConstantOperand& x, const detail::TensorOperand& y);
VARSCOPE_API Tensor operator-(const detail::TensorOperand& x, const TensorLike& y);
VARSCOPE_API Tensor operator-(const detail::ConstantOperand& x, const detail::TensorOperand& y);
VARSCOPE_API Tensor operator*(const detail::TensorOperand& x, const TensorLike& y);
VARSCOPE_API Tensor operator*(const detail::ConstantOperand& x, const detail::TensorOperand& y);
VARSCOPE_API Tensor operator/(const detail::TensorOperand& x, const TensorLike& y);
VARSCOPE_API Tensor operator/(const detail::ConstantOperand& x, const detail::TensorOperand& y);
VARSCOPE_API Tensor operator-(const detail::TensorOperand& x);

}  // namespace varscope
