// SPDX-License-Identifier: Apache-2.0
#include "open_checkpoint.hpp"

#include <varscope/inspect.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace varscope {

namespace {

class Accumulator {
 public:
  template <typename T>
  void add(std::span<const std::byte> piece) {
    // A sum for each piece first: the error grows with the pieces' number and length, not with their product.
    double piece_sum = 0;
    for (std::size_t at = 0; at < piece.size(); at += sizeof(T)) {
      T element;
      std::memcpy(&element, piece.data() + at, sizeof(T));
      piece_sum += add_element(static_cast<double>(element));
    }
    sum_ += piece_sum;
  }

  VariableStatistics result() const {
    VariableStatistics statistics = statistics_;
    const std::int64_t numbers = statistics.elements - statistics.nans;
    if (numbers > 0) {
      statistics.min = min_;
      statistics.max = max_;
      statistics.mean = sum_ / static_cast<double>(numbers);
    } else {
      statistics.min = statistics.max = statistics.mean = std::numeric_limits<double>::quiet_NaN();
    }
    return statistics;
  }

 private:
  /// Returns what the element adds to the sum.
  double add_element(double value) {
    ++statistics_.elements;
    if (std::isnan(value)) {
      ++statistics_.nans;
      return 0;
    }
    if (std::isinf(value)) ++statistics_.infinities;
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
    return value;
  }

  VariableStatistics statistics_;
  double min_ = std::numeric_limits<double>::infinity();
  double max_ = -std::numeric_limits<double>::infinity();
  double sum_ = 0;
};

}  // namespace

VariableStatistics variable_statistics(const CheckpointReader& checkpoint, std::string_view name) {
  const CheckpointEntry& entry = checkpoint.entry(name);
  Accumulator accumulator;
  checkpoint.file().read_pieces(entry, [&](std::span<const std::byte> piece) {
    switch (entry.dtype) {
      case DType::float32:
        return accumulator.add<float>(piece);
      case DType::float64:
        return accumulator.add<double>(piece);
      case DType::int32:
        return accumulator.add<std::int32_t>(piece);
      case DType::int64:
        return accumulator.add<std::int64_t>(piece);
      case DType::uint8:
      case DType::boolean:
        return accumulator.add<std::uint8_t>(piece);
    }
  });
  return accumulator.result();
}

}  // namespace varscope
