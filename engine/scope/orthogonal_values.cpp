// SPDX-License-Identifier: Apache-2.0
// Compiled with -ffp-contract=off, see elementary_functions.hpp: additions, multiplications, divisions and
// square roots of IEEE 754, in an order that the sizes alone decide.
#include "scope/orthogonal_values.hpp"

#include "scope/random_values.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace varscope::detail {

namespace {

/// In eight sums of their own, so that a compiler may use vectors without changing the order.
double dot(const double* left, const double* right, std::int64_t count) noexcept {
  constexpr std::int64_t width = 8;
  std::array<double, width> sums{};
  std::int64_t index = 0;
  for (; index + width <= count; index += width) {
    for (std::int64_t lane = 0; lane < width; ++lane) {
      sums[static_cast<std::size_t>(lane)] += left[index + lane] * right[index + lane];
    }
  }
  for (std::int64_t lane = 0; index + lane < count; ++lane) {
    sums[static_cast<std::size_t>(lane)] += left[index + lane] * right[index + lane];
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/// The reflections H_k = I - factor_k v_k v_k' with H_(n-1) ... H_0 A = R. Columns are contiguous; v_k starts
/// at row k of column k, in place of what R does not need.
class Reflections {
 public:
  Reflections(std::vector<double> columns_of_a, std::int64_t rows, std::int64_t columns)
      : vectors_(std::move(columns_of_a)),
        factors_(static_cast<std::size_t>(columns)),
        signs_(static_cast<std::size_t>(columns)),
        rows_(rows),
        columns_(columns) {
    for (std::int64_t begin = 0; begin < columns_; begin += kPanel) {
      const std::int64_t end = std::min(begin + kPanel, columns_);
      for (std::int64_t column = begin; column < columns_; ++column) {
        for (std::int64_t k = begin; k < std::min(end, column); ++k) reflect(k, &vectors_[at(0, column)]);
        if (column < end) make(column);
      }
    }
  }

  /// Writes H_0 ... H_(n-1) S, S being the diagonal matrix of the signs of R's diagonal, column by column.
  void write_columns(double* q) const noexcept {
    std::fill_n(q, rows_ * columns_, 0.0);
    for (std::int64_t column = 0; column < columns_; ++column) {
      q[at(column, column)] = signs_[static_cast<std::size_t>(column)];
    }
    // H_k leaves the columns before k alone: they are zero from row k on until their own turn.
    for (std::int64_t begin = (columns_ - 1) / kPanel * kPanel; begin >= 0; begin -= kPanel) {
      for (std::int64_t column = begin; column < columns_; ++column) {
        for (std::int64_t k = std::min(begin + kPanel - 1, column); k >= begin; --k) {
          reflect(k, q + at(0, column));
        }
      }
    }
  }

 private:
  /// Reflections that are applied to a column while it is in the nearest cache; no bit depends on it.
  static constexpr std::int64_t kPanel = 16;

  std::size_t at(std::int64_t row, std::int64_t column) const noexcept {
    return static_cast<std::size_t>(column * rows_ + row);
  }

  /// Makes reflection k from column k, which H_0 to H_(k-1) have been applied to.
  void make(std::int64_t k) noexcept {
    double* const vector = &vectors_[at(k, k)];
    const double norm = std::sqrt(dot(vector, vector, rows_ - k));
    // R's diagonal element gets the other sign, so that nothing cancels.
    const bool negative = vector[0] < 0;
    signs_[static_cast<std::size_t>(k)] = negative ? 1 : -1;
    const double first = std::abs(vector[0]) + norm;
    vector[0] = negative ? -first : first;
    factors_[static_cast<std::size_t>(k)] = norm > 0 ? 1 / (norm * first) : 0;
  }

  void reflect(std::int64_t k, double* column) const noexcept {
    const double* const vector = &vectors_[at(k, k)];
    const std::int64_t count = rows_ - k;
    column += k;
    const double scale = factors_[static_cast<std::size_t>(k)] * dot(vector, column, count);
    for (std::int64_t row = 0; row < count; ++row) column[row] -= scale * vector[row];
  }

  std::vector<double> vectors_;
  std::vector<double> factors_;
  std::vector<double> signs_;
  const std::int64_t rows_;
  const std::int64_t columns_;
};

}  // namespace

std::vector<double> random_orthonormal_columns(std::int64_t rows, std::int64_t columns, SeedPair seeds) {
  const std::int64_t count = rows * columns;
  std::vector<double> matrix(static_cast<std::size_t>(count));
  fill_normal<double>({matrix.data(), 0, count}, seeds, 0, 1);
  std::vector<double> by_columns(static_cast<std::size_t>(count));
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      by_columns[static_cast<std::size_t>(column * rows + row)] =
          matrix[static_cast<std::size_t>(row * columns + column)];
    }
  }
  Reflections(std::move(by_columns), rows, columns).write_columns(matrix.data());
  return matrix;
}

}  // namespace varscope::detail
