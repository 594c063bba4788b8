// SPDX-License-Identifier: Apache-2.0
// Both kernels have three stages: a pass over the rows that leaves two numbers of each column of each block,
// which the middle stage merges, in double precision and in order, and a pass that writes the result.
//
// A few channels would fill no register, so some neighbouring rows count as one wide row of as many more
// columns; the middle stage merges the columns of a channel, too. Rows behind the last wide one, fewer than
// make one, are looked at there as they are.
#include "ops/batch_norm_kernel.hpp"

#include "core/instruction_set.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/simd/reference/batch_norm.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace varscope::detail {

namespace {

using simd::BatchNormBlock;

/// Wide rows are a multiple of this, which is a multiple of every instruction set's register, and at least so
/// many of those.
constexpr std::int64_t kColumnUnit = 16;
constexpr std::int64_t kLeastUnits = 4;
/// Columns of a block; a last one that would have fewer joins its neighbour.
constexpr std::int64_t kColumnsPerBlock = 256;
constexpr std::int64_t kElementsPerBlock = 2 * kElementsPerTile;
constexpr std::int64_t kMostRowsPerBlock = 1024;
/// Channels of a tile of the middle stage.
constexpr std::int64_t kChannelsPerTile = 64;

template <typename T>
simd::BatchNormFunctions<T> functions_of() {
  if constexpr (std::is_same_v<T, float>) {
    return kernel_set().batch_norm;
  } else {
    return simd::reference::batch_norm_functions<T>();
  }
}

/// A matrix [rows, channels] as wide rows, and those as blocks.
struct BatchNormCut {
  std::int64_t channels = 0;
  std::int64_t rows = 0;
  std::int64_t fold = 1;  // rows in a wide row
  std::int64_t columns = 0;
  std::int64_t wide_rows = 0;
  std::int64_t rows_per_block = 1;
  std::int64_t row_blocks = 0;
  std::int64_t column_blocks = 1;

  explicit BatchNormCut(const Shape& shape)
      : channels(shape[shape.rank() - 1]), rows(channels == 0 ? 0 : product(shape, 0, shape.rank() - 1)) {
    if (channels == 0) return;
    fold = kColumnUnit / std::gcd(channels, kColumnUnit);
    while (fold * channels < kLeastUnits * kColumnUnit) fold *= 2;
    columns = fold * channels;
    wide_rows = rows / fold;
    column_blocks = std::max<std::int64_t>(1, columns / kColumnsPerBlock);
    rows_per_block = std::min(kElementsPerBlock / std::min(columns, kColumnsPerBlock), kMostRowsPerBlock);
    row_blocks = (wide_rows + rows_per_block - 1) / rows_per_block;
  }

  std::int64_t blocks() const noexcept { return row_blocks * column_blocks; }
  std::int64_t first_rest() const noexcept { return wide_rows * fold; }
  std::int64_t rest() const noexcept { return rows - first_rest(); }
  std::int64_t channel_tiles() const noexcept { return (channels + kChannelsPerTile - 1) / kChannelsPerTile; }
  std::int64_t rows_of(std::int64_t row_block) const noexcept {
    return std::min(rows_per_block, wide_rows - row_block * rows_per_block);
  }

  std::int64_t row_block(std::int64_t tile) const noexcept { return tile / column_blocks; }
  std::int64_t first_column(std::int64_t tile) const noexcept {
    return tile % column_blocks * kColumnsPerBlock;
  }
  /// Where the tile's block begins in the matrix.
  std::int64_t offset(std::int64_t tile) const noexcept {
    return row_block(tile) * rows_per_block * columns + first_column(tile);
  }
  BatchNormBlock block(std::int64_t tile) const noexcept {
    const bool last = tile % column_blocks == column_blocks - 1;
    return {.rows = rows_of(row_block(tile)),
            .columns = last ? columns - first_column(tile) : kColumnsPerBlock,
            .stride = columns};
  }
};

/// What one tile of the middle stage sums for each of its channels.
using ChannelSums = std::array<double, kChannelsPerTile>;

template <typename T>
class BatchNormStages : public Kernel {
 public:
  int num_stages() const noexcept override { return 3; }

  std::int64_t num_tiles(int stage) const noexcept override {
    if (stage == 0) return has_first_pass_ ? cut_.blocks() : 0;
    if (stage == 1) return cut_.channel_tiles();
    return cut_.blocks() + (cut_.rest() > 0 ? 1 : 0);
  }

  const char* run_tile(int stage, std::int64_t tile,
                       const KernelArguments& arguments) const noexcept override {
    if (stage == 1) {
      const std::int64_t first = tile * kChannelsPerTile;
      merge(first, std::min(kChannelsPerTile, cut_.channels - first), arguments);
    } else if (stage == 0) {
      measure(tile, arguments);
    } else if (tile < cut_.blocks()) {
      write(cut_.block(tile), cut_.offset(tile), cut_.first_column(tile), arguments);
    } else {
      const std::int64_t columns = cut_.rest() * cut_.channels;
      write({.rows = 1, .columns = columns, .stride = columns}, cut_.first_rest() * cut_.channels, 0,
            arguments);
    }
    return nullptr;
  }

  std::size_t workspace_bytes() const noexcept override {
    return static_cast<std::size_t>(numbers_ + kMostNumbers * cut_.columns) * sizeof(T);
  }

  double cost_nanoseconds() const noexcept override {
    return static_cast<double>(cut_.rows * cut_.channels) * (std::is_same_v<T, float> ? 0.4 : 4);
  }

  int in_place_input() const noexcept override { return 0; }

 protected:
  static constexpr std::int64_t kMostNumbers = 4;

  BatchNormStages(const Shape& shape, bool has_first_pass)
      : cut_(shape),
        has_first_pass_(has_first_pass),
        numbers_(has_first_pass ? 2 * cut_.row_blocks * cut_.columns : 0) {}

  virtual void measure(std::int64_t tile, const KernelArguments& arguments) const noexcept = 0;
  virtual void merge(std::int64_t first, std::int64_t channels,
                     const KernelArguments& arguments) const noexcept = 0;
  virtual void write(const BatchNormBlock& block, std::int64_t offset, std::int64_t first_column,
                     const KernelArguments& arguments) const noexcept = 0;

  /// What measure() leaves of each column of a block: one of two rows.
  T* measured(std::int64_t row_block, int which, const KernelArguments& arguments) const noexcept {
    return static_cast<T*>(arguments.workspace) + (2 * row_block + which) * cut_.columns;
  }
  /// What merge() leaves for write(), one of four rows.
  T* numbers(int which, const KernelArguments& arguments) const noexcept {
    return static_cast<T*>(arguments.workspace) + numbers_ + which * cut_.columns;
  }
  void set_number(int which, std::int64_t channel, double value,
                  const KernelArguments& arguments) const noexcept {
    T* const at = numbers(which, arguments) + channel;
    for (std::int64_t i = 0; i < cut_.fold; ++i) at[i * cut_.channels] = static_cast<T>(value);
  }

  /// Calls visit(row block, column) for each column of these channels in each block, `channels` columns from
  /// `column` on being one of each channel.
  template <typename Visit>
  void for_each_measured(std::int64_t first, const Visit& visit) const noexcept {
    for (std::int64_t block = 0; block < cut_.row_blocks; ++block) {
      for (std::int64_t i = 0; i < cut_.fold; ++i) visit(block, i * cut_.channels + first);
    }
  }

  BatchNormCut cut_;
  bool has_first_pass_;
  std::int64_t numbers_;  // where they begin in the workspace
  simd::BatchNormFunctions<T> functions_ = functions_of<T>();
};

template <typename T>
class BatchNormKernel final : public BatchNormStages<T> {
 public:
  BatchNormKernel(const Shape& shape, const BatchNormAttributes& attributes)
      : BatchNormStages<T>(shape, attributes.is_training), attributes_(attributes) {}

 private:
  using BatchNormStages<T>::cut_;
  using BatchNormStages<T>::functions_;
  enum Number { kMean, kFactor, kOffset };

  void measure(std::int64_t tile, const KernelArguments& arguments) const noexcept override {
    const std::int64_t block = cut_.row_block(tile);
    const std::int64_t column = cut_.first_column(tile);
    functions_.statistics(cut_.block(tile), input<T>(arguments, 0) + cut_.offset(tile),
                          this->measured(block, 0, arguments) + column,
                          this->measured(block, 1, arguments) + column);
  }

  void merge(std::int64_t first, std::int64_t channels,
             const KernelArguments& arguments) const noexcept override {
    ChannelSums means{};
    ChannelSums variances{};
    if (attributes_.is_training) {
      merge_means(first, channels, arguments, means);
      merge_variances(first, channels, arguments, means, variances);
    }
    const auto n = static_cast<double>(cut_.rows);
    const double correction = attributes_.is_training ? n / std::max(n - 1, 1.0) : 1;
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t channel = first + c;
      const auto at = static_cast<std::size_t>(c);
      const double mean =
          attributes_.is_training ? means[at] : static_cast<double>(input<T>(arguments, 3)[channel]);
      const double variance =
          attributes_.is_training ? variances[at] : static_cast<double>(input<T>(arguments, 4)[channel]);
      const auto scale = static_cast<double>(input<T>(arguments, 1)[channel]);
      this->set_number(kMean, channel, mean, arguments);
      this->set_number(kFactor, channel, scale / std::sqrt(variance + attributes_.epsilon), arguments);
      this->set_number(kOffset, channel, static_cast<double>(input<T>(arguments, 2)[channel]), arguments);
      for (const int i : {1, 3}) output<T>(arguments, i)[channel] = static_cast<T>(mean);
      output<T>(arguments, 2)[channel] = static_cast<T>(variance * correction);
      output<T>(arguments, 4)[channel] = static_cast<T>(variance);
    }
  }

  void write(const BatchNormBlock& block, std::int64_t offset, std::int64_t first_column,
             const KernelArguments& arguments) const noexcept override {
    functions_.normalize(block, input<T>(arguments, 0) + offset,
                         this->numbers(kMean, arguments) + first_column,
                         this->numbers(kFactor, arguments) + first_column,
                         this->numbers(kOffset, arguments) + first_column, output<T>(arguments, 0) + offset);
  }

  /// A block's mean is that of its distances to the block's first row. NaN if there are no rows.
  double mean_of(std::int64_t block, std::int64_t column, const KernelArguments& arguments) const noexcept {
    const T* const first = input<T>(arguments, 0) + block * cut_.rows_per_block * cut_.columns;
    return static_cast<double>(first[column]) +
           static_cast<double>(this->measured(block, 0, arguments)[column]);
  }

  void merge_means(std::int64_t first, std::int64_t channels, const KernelArguments& arguments,
                   ChannelSums& means) const noexcept {
    this->for_each_measured(first, [&](std::int64_t block, std::int64_t column) {
      const auto n = static_cast<double>(cut_.rows_of(block));
      for (std::int64_t c = 0; c < channels; ++c)
        means[static_cast<std::size_t>(c)] += n * mean_of(block, column + c, arguments);
    });
    const T* x = input<T>(arguments, 0) + cut_.first_rest() * cut_.channels + first;
    for (std::int64_t row = 0; row < cut_.rest(); ++row, x += cut_.channels) {
      for (std::int64_t c = 0; c < channels; ++c)
        means[static_cast<std::size_t>(c)] += static_cast<double>(x[c]);
    }
    for (double& mean : means) mean /= static_cast<double>(cut_.rows);
  }

  /// Of all groups: the squares within each, and n times the square of the distance of its mean.
  void merge_variances(std::int64_t first, std::int64_t channels, const KernelArguments& arguments,
                       const ChannelSums& means, ChannelSums& variances) const noexcept {
    this->for_each_measured(first, [&](std::int64_t block, std::int64_t column) {
      const auto n = static_cast<double>(cut_.rows_of(block));
      const T* const squares = this->measured(block, 1, arguments) + column;
      for (std::int64_t c = 0; c < channels; ++c) {
        const auto at = static_cast<std::size_t>(c);
        const double distance = mean_of(block, column + c, arguments) - means[at];
        variances[at] += static_cast<double>(squares[c]) + n * (distance * distance);
      }
    });
    const T* x = input<T>(arguments, 0) + cut_.first_rest() * cut_.channels + first;
    for (std::int64_t row = 0; row < cut_.rest(); ++row, x += cut_.channels) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const auto at = static_cast<std::size_t>(c);
        const double distance = static_cast<double>(x[c]) - means[at];
        variances[at] += distance * distance;
      }
    }
    for (double& variance : variances) variance /= static_cast<double>(cut_.rows);
  }

  BatchNormAttributes attributes_;
};

/// With r = 1 / sqrt(variance + epsilon) and sums over the n rows (S. Ioffe and C. Szegedy, "Batch
/// normalization", 2015, section 3):
///   of offset: sum of g;  of scale: r * sum of g (x - mean)
///   of x: scale r (g - sum of g / n - (x - mean) r^2 * sum of g (x - mean) / n), or scale r g unless
///   training
template <typename T>
class BatchNormGradKernel final : public BatchNormStages<T> {
 public:
  BatchNormGradKernel(const Shape& shape, const BatchNormAttributes& attributes)
      : BatchNormStages<T>(shape, true), attributes_(attributes) {}

 private:
  using BatchNormStages<T>::cut_;
  using BatchNormStages<T>::functions_;
  enum Number { kMean, kOfG, kOfX, kConstant };
  enum Input { kBackprop, kX, kScale, kInputMean, kVariance };

  void measure(std::int64_t tile, const KernelArguments& arguments) const noexcept override {
    const std::int64_t row_block = cut_.row_block(tile);
    const std::int64_t first = cut_.first_column(tile);
    const BatchNormBlock block = cut_.block(tile);
    std::array<T, 2 * kColumnsPerBlock> mean;
    const T* const means = input<T>(arguments, kInputMean);
    for (std::int64_t j = 0; j < block.columns; ++j)
      mean[static_cast<std::size_t>(j)] = means[(first + j) % cut_.channels];
    functions_.gradient_sums(block, input<T>(arguments, kBackprop) + cut_.offset(tile),
                             input<T>(arguments, kX) + cut_.offset(tile), mean.data(),
                             this->measured(row_block, 0, arguments) + first,
                             this->measured(row_block, 1, arguments) + first);
  }

  void merge(std::int64_t first, std::int64_t channels,
             const KernelArguments& arguments) const noexcept override {
    ChannelSums sums{};
    ChannelSums products{};
    add_sums(first, channels, arguments, sums, products);
    const auto n = static_cast<double>(cut_.rows);
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t channel = first + c;
      const double sum = sums[static_cast<std::size_t>(c)];
      const double product = products[static_cast<std::size_t>(c)];
      const auto variance = static_cast<double>(input<T>(arguments, kVariance)[channel]);
      const double r = 1 / std::sqrt(variance + attributes_.epsilon);
      const double of_g = static_cast<double>(input<T>(arguments, kScale)[channel]) * r;
      const bool training = attributes_.is_training;
      const double mean = training ? static_cast<double>(input<T>(arguments, kInputMean)[channel]) : 0;
      this->set_number(kMean, channel, mean, arguments);
      this->set_number(kOfG, channel, of_g, arguments);
      this->set_number(kOfX, channel, training ? -of_g * r * r * product / n : 0, arguments);
      this->set_number(kConstant, channel, training ? -of_g * sum / n : 0, arguments);
      output<T>(arguments, 1)[channel] = static_cast<T>(r * product);
      output<T>(arguments, 2)[channel] = static_cast<T>(sum);
    }
  }

  void write(const BatchNormBlock& block, std::int64_t offset, std::int64_t first_column,
             const KernelArguments& arguments) const noexcept override {
    const auto number = [&](Number which) { return this->numbers(which, arguments) + first_column; };
    const T* const g = input<T>(arguments, kBackprop) + offset;
    T* const dx = output<T>(arguments, 0) + offset;
    if (!attributes_.is_training) {
      return functions_.normalize(block, g, number(kMean), number(kOfG), number(kConstant), dx);
    }
    functions_.gradient(
        block, g, input<T>(arguments, kX) + offset,
        {.mean = number(kMean), .of_g = number(kOfG), .of_x = number(kOfX), .constant = number(kConstant)},
        dx);
  }

  void add_sums(std::int64_t first, std::int64_t channels, const KernelArguments& arguments,
                ChannelSums& sums, ChannelSums& products) const noexcept {
    this->for_each_measured(first, [&](std::int64_t block, std::int64_t column) {
      const T* const sum = this->measured(block, 0, arguments) + column;
      const T* const product = this->measured(block, 1, arguments) + column;
      for (std::int64_t c = 0; c < channels; ++c) {
        sums[static_cast<std::size_t>(c)] += static_cast<double>(sum[c]);
        products[static_cast<std::size_t>(c)] += static_cast<double>(product[c]);
      }
    });
    for (std::int64_t row = cut_.first_rest(); row < cut_.rows; ++row) {
      const T* const g = input<T>(arguments, kBackprop) + row * cut_.channels + first;
      const T* const x = input<T>(arguments, kX) + row * cut_.channels + first;
      const T* const mean = input<T>(arguments, kInputMean) + first;
      for (std::int64_t c = 0; c < channels; ++c) {
        const auto of_g = static_cast<double>(g[c]);
        sums[static_cast<std::size_t>(c)] += of_g;
        products[static_cast<std::size_t>(c)] +=
            of_g * (static_cast<double>(x[c]) - static_cast<double>(mean[c]));
      }
    }
  }

  BatchNormAttributes attributes_;
};

}  // namespace

std::unique_ptr<Kernel> make_batch_norm_kernel(const TensorSpec& x, const BatchNormAttributes& attributes) {
  return visit_element_type<float, double>(x.dtype,
                                           [&]<typename T>(ElementType<T>) -> std::unique_ptr<Kernel> {
                                             return std::make_unique<BatchNormKernel<T>>(x.shape, attributes);
                                           });
}

std::unique_ptr<Kernel> make_batch_norm_grad_kernel(const TensorSpec& x,
                                                    const BatchNormAttributes& attributes) {
  return visit_element_type<float, double>(
      x.dtype, [&]<typename T>(ElementType<T>) -> std::unique_ptr<Kernel> {
        return std::make_unique<BatchNormGradKernel<T>>(x.shape, attributes);
      });
}

}  // namespace varscope::detail
