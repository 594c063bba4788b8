// SPDX-License-Identifier: Apache-2.0
// Initializers: how variables start. They run on first use of the variable, not when it is made, in parallel,
// and the same seed gives the same bits on any number of threads and any instruction set (counter-based
// Philox). Formulas: TensorFlow's init_ops (version 2.0 of them); fans as there.
#pragma once

#include <varscope/array.hpp>
#include <varscope/dtype.hpp>
#include <varscope/export.hpp>
#include <varscope/shape.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace varscope {

/// The pair of seeds that one operation draws its random numbers with: graph seed and operation seed
/// combined.
struct SeedPair {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

namespace detail {
class InitializerBody;
}

/// What fills a new variable. An immutable value; copies are cheap and may be used from any thread.
class VARSCOPE_API Initializer {
 public:
  using Function = std::function<Array(const Shape& shape, DType dtype, SeedPair seeds)>;
  using FunctionWithoutShape = std::function<Array()>;

  /// None: get_variable takes the scope's, else the default of the dtype.
  Initializer() = default;

  /// A value: gives the variable its shape and dtype too, so that get_variable must not be given a shape
  /// (SEMANTICS M6). Numbers: double and float give float32, int gives int32, as in TensorFlow.
  Initializer(Array value);   // NOLINT(google-explicit-constructor): reads as in TensorFlow
  Initializer(float value);   // NOLINT(google-explicit-constructor)
  Initializer(double value);  // NOLINT(google-explicit-constructor)
  Initializer(int value);     // NOLINT(google-explicit-constructor)

  /// A function of the caller's: called once for a variable, with its full shape, on first use. It must
  /// return an array of that shape and dtype; what it throws comes out of the Session call that needed the
  /// variable.
  explicit Initializer(Function function);

  /// A function of the caller's that knows the shape and the dtype itself: called when the variable is made
  /// (not when it is shared), which must be asked for without a fully known shape (SEMANTICS M5). What it
  /// throws comes out of get_variable().
  explicit Initializer(FunctionWithoutShape function);

  explicit Initializer(std::shared_ptr<const detail::InitializerBody> body) noexcept
      : body_(std::move(body)) {}

  explicit operator bool() const noexcept { return body_ != nullptr; }

  /// Whether it is a value (which has a shape of its own, known before the variable is made).
  bool is_value() const noexcept;

  /// The values it gives. Throws ValueError if it cannot make that shape or dtype, TypeError for a dtype it
  /// has no numbers for.
  Array operator()(const Shape& shape, DType dtype = DType::float32, SeedPair seeds = {}) const;

  /// Same object (as Python's `is`).
  friend bool operator==(const Initializer&, const Initializer&) = default;

  const detail::InitializerBody* body() const noexcept { return body_.get(); }

 private:
  std::shared_ptr<const detail::InitializerBody> body_;
};

using Seed = std::optional<std::uint64_t>;

/// 0 everywhere; any dtype.
VARSCOPE_API Initializer zeros_initializer();
/// 1 everywhere; any dtype.
VARSCOPE_API Initializer ones_initializer();
/// `value` everywhere; converted to the variable's dtype. With `verify_shape` only variables of the value's
/// own shape can be made (here: scalars), others throw TypeError with both shapes.
VARSCOPE_API Initializer constant_initializer(double value = 0, bool verify_shape = false);
/// The values row-major; if there are fewer than elements the last one is repeated. Making a variable with
/// fewer elements than values throws ValueError with both counts. Throws ValueError if there are none.
VARSCOPE_API Initializer constant_initializer(std::span<const double> values, bool verify_shape = false);
VARSCOPE_API Initializer constant_initializer(std::initializer_list<double> values,
                                              bool verify_shape = false);
/// The same with the elements of an array; a variable of another dtype gets them converted. (An array is an
/// initializer by itself too: one that gives the variable its shape and dtype.) Throws ValueError for an
/// int64 beyond 2^53.
VARSCOPE_API Initializer constant_initializer(const Array& values, bool verify_shape = false);
/// Uniform on [minval, maxval). Floats; integers too if maxval is given (else ValueError when it runs).
VARSCOPE_API Initializer random_uniform_initializer(double minval = 0,
                                                    std::optional<double> maxval = std::nullopt,
                                                    Seed seed = std::nullopt);
/// Normal with that mean and standard deviation. Floats only, as all that follow.
VARSCOPE_API Initializer random_normal_initializer(double mean = 0, double stddev = 1,
                                                   Seed seed = std::nullopt);
/// Normal, with standard deviates of absolute value 2 and more drawn again.
VARSCOPE_API Initializer truncated_normal_initializer(double mean = 0, double stddev = 1,
                                                      Seed seed = std::nullopt);
/// Uniform on [-a, a), a = factor sqrt(3 / n), n being the product of all dimensions but the last, at least 1
/// (Sussillo and Abbott 2014). Throws ValueError if factor is negative.
VARSCOPE_API Initializer uniform_unit_scaling_initializer(double factor = 1, Seed seed = std::nullopt);

enum class FanMode { fan_in, fan_out, fan_avg };
enum class VarianceDistribution {
  truncated_normal,
  untruncated_normal,
  uniform,
  normal = truncated_normal,  ///< TensorFlow's other name for it
};

struct VarianceScalingOptions {
  double scale = 1;
  FanMode mode = FanMode::fan_in;
  VarianceDistribution distribution = VarianceDistribution::truncated_normal;
  Seed seed = std::nullopt;
};

/// Variance scale / max(1, fan). The truncated normal's standard deviation is divided by 0.87962566103423978,
/// the deviation that truncation at 2 leaves. Throws ValueError if scale <= 0.
VARSCOPE_API Initializer variance_scaling_initializer(VarianceScalingOptions options = {});

/// Glorot and Bengio 2010: variance scaling 1, fan_avg. The default for floating variables is the uniform
/// one.
VARSCOPE_API Initializer glorot_uniform_initializer(Seed seed = std::nullopt);
VARSCOPE_API Initializer glorot_normal_initializer(Seed seed = std::nullopt);
/// He et al. 2015: variance scaling 2, fan_in.
VARSCOPE_API Initializer he_uniform_initializer(Seed seed = std::nullopt);
VARSCOPE_API Initializer he_normal_initializer(Seed seed = std::nullopt);
/// LeCun et al. 1998: variance scaling 1, fan_in.
VARSCOPE_API Initializer lecun_uniform_initializer(Seed seed = std::nullopt);
VARSCOPE_API Initializer lecun_normal_initializer(Seed seed = std::nullopt);

/// Saxe et al. 2014: a random matrix with orthonormal columns, or rows if there are fewer of them, times
/// `gain`. Its rows are all dimensions but the last. It is Q of the QR factorization of a matrix of standard
/// normal numbers, with the signs that make R's diagonal positive; computed in double precision, on one
/// thread. Variables of less than two dimensions throw ValueError.
VARSCOPE_API Initializer orthogonal_initializer(double gain = 1, Seed seed = std::nullopt);
/// Xiao et al. 2018, for filters of convolutions in one to three dimensions: zero but for the tap in the
/// middle (before it if there are two), which is an orthogonal matrix of input by output channels, times
/// `gain`. Variables of less than three or more than five dimensions, or with more input than output
/// channels, throw ValueError.
VARSCOPE_API Initializer convolutional_delta_orthogonal_initializer(double gain = 1,
                                                                    Seed seed = std::nullopt);
/// TensorFlow's `initializers.identity`: `gain` on the main diagonal, 0 elsewhere. Variables that are no
/// matrix, square or not, throw ValueError.
VARSCOPE_API Initializer identity_initializer(double gain = 1);

struct Fans {
  double fan_in = 1;
  double fan_out = 1;
};

/// Rank 0: 1, 1. Rank 1: d, d. Rank 2: d0, d1. Higher: the product of all but the last two dimensions, times
/// the last but one (in) and the last (out). Throws ValueError if the shape is not fully known.
VARSCOPE_API Fans compute_fans(const Shape& shape);

}  // namespace varscope
