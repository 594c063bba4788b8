// SPDX-License-Identifier: Apache-2.0
// Orthogonal, delta-orthogonal and identity.
#include "scope/initializer_body.hpp"
#include "scope/initializer_checks.hpp"
#include "scope/orthogonal_values.hpp"

#include <varscope/error.hpp>
#include <varscope/initializer.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace varscope {

namespace {

/// A view of a row-major matrix.
template <typename Float>
struct Matrix {
  Float* elements;
  std::int64_t rows;
  std::int64_t columns;
};

/// Orthonormal columns, or rows if there are fewer of them, times the gain. Requires: not empty.
template <typename Float>
void fill_orthogonal(const Matrix<Float>& matrix, double gain, SeedPair seeds) {
  const bool wide = matrix.rows < matrix.columns;
  const std::int64_t length = std::max(matrix.rows, matrix.columns);
  const std::int64_t vectors = std::min(matrix.rows, matrix.columns);
  const std::vector<double> values = detail::random_orthonormal_columns(length, vectors, seeds);
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    for (std::int64_t column = 0; column < matrix.columns; ++column) {
      const std::int64_t from = wide ? row * length + column : column * length + row;
      matrix.elements[row * matrix.columns + column] =
          static_cast<Float>(gain * values[static_cast<std::size_t>(from)]);
    }
  }
}

/// What the initializers of this file have in common.
class MatrixInitializer : public detail::InitializerBody {
 public:
  /// `name` is a static text: what messages call it.
  MatrixInitializer(std::string_view name, double gain) : name_(name), gain_(gain) {
    detail::require_finite(name, "gain", gain);
  }

 protected:
  [[noreturn]] void refuse(const std::string& wanted, const Shape& shape) const {
    throw ValueError(std::string(name_) + " needs " + wanted + ", not " + shape.to_string());
  }

  const std::string_view name_;
  const double gain_;
};

class OrthogonalInitializer final : public MatrixInitializer {
 public:
  OrthogonalInitializer(double gain, Seed seed)
      : MatrixInitializer("orthogonal_initializer", gain), seed_(seed) {}

  std::string_view op_name() const noexcept override { return "mul_1"; }  // gain * the reshaped Q
  std::string_view op_type() const noexcept override { return "Qr"; }
  bool divisible() const noexcept override { return false; }
  bool random() const noexcept override { return true; }
  Seed seed() const noexcept override { return seed_; }

  void check(const Shape& shape, DType dtype) const override {
    detail::require_floating(name_, dtype);
    if (shape.rank() < 2) refuse("a shape of two or more dimensions", shape);
  }

  void fill(void* out, std::int64_t, std::int64_t, const Shape& shape, DType dtype,
            SeedPair seeds) const override {
    const std::int64_t elements = shape.num_elements();
    if (elements == 0) return;
    const std::int64_t columns = shape[shape.rank() - 1];
    const std::int64_t rows = elements / columns;
    if (dtype == DType::float64) {
      return fill_orthogonal<double>({static_cast<double*>(out), rows, columns}, gain_, seeds);
    }
    fill_orthogonal<float>({static_cast<float*>(out), rows, columns}, gain_, seeds);
  }

 private:
  const Seed seed_;
};

class DeltaOrthogonalInitializer final : public MatrixInitializer {
 public:
  DeltaOrthogonalInitializer(double gain, Seed seed)
      : MatrixInitializer("convolutional_delta_orthogonal_initializer", gain), seed_(seed) {}

  std::string_view op_name() const noexcept override { return "ScatterNd"; }
  std::string_view op_type() const noexcept override { return "ScatterNd"; }
  bool divisible() const noexcept override { return false; }
  bool random() const noexcept override { return true; }
  Seed seed() const noexcept override { return seed_; }

  void check(const Shape& shape, DType dtype) const override {
    detail::require_floating(name_, dtype);
    const int rank = shape.rank();
    if (rank < 3 || rank > 5) refuse("a shape of three to five dimensions", shape);
    if (shape[rank - 2] > shape[rank - 1]) {
      refuse("no more input channels (the last but one dimension) than output channels (the last)", shape);
    }
  }

  void fill(void* out, std::int64_t, std::int64_t, const Shape& shape, DType dtype,
            SeedPair seeds) const override {
    if (dtype == DType::float64) return fill_as<double>(out, shape, seeds);
    fill_as<float>(out, shape, seeds);
  }

 private:
  template <typename Float>
  void fill_as(void* out, const Shape& shape, SeedPair seeds) const {
    const std::int64_t elements = shape.num_elements();
    if (elements == 0) return;
    auto* const values = static_cast<Float*>(out);
    std::fill_n(values, elements, Float{0});
    const int rank = shape.rank();
    std::int64_t centre = 0;
    for (int axis = 0; axis < rank - 2; ++axis) centre = centre * shape[axis] + (shape[axis] - 1) / 2;
    const std::int64_t rows = shape[rank - 2];
    const std::int64_t columns = shape[rank - 1];
    fill_orthogonal<Float>({values + centre * rows * columns, rows, columns}, gain_, seeds);
  }

  const Seed seed_;
};

class IdentityInitializer final : public MatrixInitializer {
 public:
  explicit IdentityInitializer(double gain) : MatrixInitializer("identity_initializer", gain) {}

  std::string_view op_name() const noexcept override { return "mul"; }  // gain * the identity
  std::string_view op_type() const noexcept override { return "MatrixDiag"; }

  void check(const Shape& shape, DType dtype) const override {
    detail::require_floating(name_, dtype);
    if (shape.rank() != 2) refuse("a shape of two dimensions", shape);
  }

  void fill(void* out, std::int64_t begin, std::int64_t end, const Shape& shape, DType dtype,
            SeedPair) const override {
    if (dtype == DType::float64) return fill_as<double>(out, begin, end, shape);
    fill_as<float>(out, begin, end, shape);
  }

  double nanoseconds_per_element() const noexcept override { return 0.25; }

 private:
  template <typename Float>
  void fill_as(void* out, std::int64_t begin, std::int64_t end, const Shape& shape) const {
    auto* const values = static_cast<Float*>(out);
    std::fill(values + begin, values + end, Float{0});
    const std::int64_t step = shape[1] + 1;  // from one diagonal element to the next
    const std::int64_t diagonal = std::min(shape[0], shape[1]);
    for (std::int64_t index = (begin + step - 1) / step; index < diagonal && index * step < end; ++index) {
      values[index * step] = static_cast<Float>(gain_);
    }
  }
};

}  // namespace

Initializer orthogonal_initializer(double gain, Seed seed) {
  return Initializer(std::make_shared<OrthogonalInitializer>(gain, seed));
}

Initializer convolutional_delta_orthogonal_initializer(double gain, Seed seed) {
  return Initializer(std::make_shared<DeltaOrthogonalInitializer>(gain, seed));
}

Initializer identity_initializer(double gain) {
  return Initializer(std::make_shared<IdentityInitializer>(gain));
}

}  // namespace varscope
