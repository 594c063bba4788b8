// SPDX-License-Identifier: Apache-2.0
// InitializerBody: what an Initializer refers to.
#pragma once

#include <varscope/array.hpp>
#include <varscope/dtype.hpp>
#include <varscope/initializer.hpp>
#include <varscope/shape.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace varscope::detail {

/// Immutable; every member may be called from any thread.
class InitializerBody {
 public:
  virtual ~InitializerBody() = default;

  /// What its operation is called below "<variable>/Initializer/" ("random_uniform"), and its type
  /// ("RandomUniform"). Static texts.
  virtual std::string_view op_name() const noexcept = 0;
  virtual std::string_view op_type() const noexcept = 0;

  /// Throws ValueError or TypeError if it cannot make that. Requires: a fully known shape. get_variable()
  /// asks before it makes the variable.
  virtual void check(const Shape& shape, DType dtype) const = 0;

  /// Writes the elements [begin, end) of an array whose first element is at `out`. Element i depends on i,
  /// the shape, the dtype and the seeds only, so that ranges may be filled at once and in any order.
  /// Requires: check() passes; the whole range unless divisible().
  virtual void fill(void* out, std::int64_t begin, std::int64_t end, const Shape& shape, DType dtype,
                    SeedPair seeds) const = 0;

  /// Whether a part of a partitioned variable is filled as if its shape were that of the whole (SEMANTICS
  /// R11): true where the shape gives the scale alone.
  virtual bool scales_by_full_shape() const noexcept { return false; }

  /// Whether fill() may be given a part of the elements.
  virtual bool divisible() const noexcept { return true; }

  /// Rough cost of one element, to decide how many threads pay.
  virtual double nanoseconds_per_element() const noexcept { return 0.5; }

  /// The value if it is one.
  virtual const Array* value() const noexcept { return nullptr; }

  /// The value that a function without shape gives, called now; none from any other kind.
  virtual std::optional<Array> produce() const { return std::nullopt; }

  /// Whether it draws random numbers, and the seed it was made with.
  virtual bool random() const noexcept { return false; }
  virtual Seed seed() const noexcept { return {}; }
};

/// What a variable starts with whose value produce() gave: not a value of the caller's, since its operation
/// is named like what an initializer makes ("v/Initializer/initial_value").
Initializer produced_initializer(Array value);

}  // namespace varscope::detail
