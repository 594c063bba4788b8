// SPDX-License-Identifier: Apache-2.0
#include "ops/indexed_slices.hpp"

#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/gather.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>
#include <varscope/tensor_list.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace varscope::detail {

namespace {

constexpr const char* kIndexOutOfRange =
    "an index is out of range: each must be at least 0 and below the first dimension of what is looked up in";

/// Where a row of the slices is, and what it belongs to.
struct Slice {
  std::int64_t row;
  std::int64_t position;
};

/// The first stage sorts the slices by their rows, the second adds up those of each.
template <typename T, typename Index>
class DistinctSlicesKernel final : public Kernel {
 public:
  DistinctSlicesKernel(std::int64_t count, std::int64_t length, std::int64_t rows)
      : count_(count), length_(length), rows_(rows), per_tile_(items_per_tile(length)) {}

  int num_stages() const noexcept override { return 2; }
  std::int64_t num_tiles(int stage) const noexcept override {
    return stage == 0 ? 1 : (count_ + per_tile_ - 1) / per_tile_;
  }
  std::size_t workspace_bytes() const noexcept override {
    return static_cast<std::size_t>(count_) * sizeof(Slice) +
           static_cast<std::size_t>(count_ + 1) * sizeof(std::int64_t);
  }
  double cost_nanoseconds() const noexcept override {
    return static_cast<double>(count_) * (60 + 0.4 * static_cast<double>(length_));
  }

  const char* run_tile(int stage, std::int64_t tile,
                       const KernelArguments& arguments) const noexcept override {
    if (stage == 0) return sort(arguments);
    const std::int64_t* const rows = output<std::int64_t>(arguments, 1);
    const std::int64_t end = std::min(count_, (tile + 1) * per_tile_);
    for (std::int64_t i = tile * per_tile_; i < end && rows[i] >= 0; ++i) add_up(i, arguments);
    return nullptr;
  }

 private:
  Slice* slices(const KernelArguments& arguments) const noexcept {
    return static_cast<Slice*>(arguments.workspace);
  }
  /// Of each distinct row the first of its slices; one more than there are rows.
  std::int64_t* firsts(const KernelArguments& arguments) const noexcept {
    return static_cast<std::int64_t*>(static_cast<void*>(slices(arguments) + count_));
  }

  const char* sort(const KernelArguments& arguments) const noexcept {
    const Index* const indices = input<Index>(arguments, 1);
    Slice* const all = slices(arguments);
    for (std::int64_t i = 0; i < count_; ++i) {
      all[i] = {.row = static_cast<std::int64_t>(indices[i]), .position = i};
      if (all[i].row < 0 || all[i].row >= rows_) return kIndexOutOfRange;
    }
    std::sort(all, all + count_, [](const Slice& a, const Slice& b) {
      return a.row != b.row ? a.row < b.row : a.position < b.position;
    });
    std::int64_t* const rows = output<std::int64_t>(arguments, 1);
    std::int64_t* const first = firsts(arguments);
    std::int64_t distinct = 0;
    for (std::int64_t i = 0; i < count_; ++i) {
      if (i > 0 && all[i].row == all[i - 1].row) continue;
      rows[distinct] = all[i].row;
      first[distinct++] = i;
    }
    first[distinct] = count_;
    std::fill(rows + distinct, rows + count_, -1);
    return nullptr;
  }

  void add_up(std::int64_t distinct, const KernelArguments& arguments) const noexcept {
    const T* const values = input<T>(arguments, 0);
    const Slice* const all = slices(arguments);
    const std::int64_t first = firsts(arguments)[distinct];
    const std::int64_t last = firsts(arguments)[distinct + 1];
    T* const sum = output<T>(arguments, 0) + distinct * length_;
    std::copy_n(values + all[first].position * length_, length_, sum);
    for (std::int64_t i = first + 1; i < last; ++i) {
      const T* const value = values + all[i].position * length_;
      for (std::int64_t j = 0; j < length_; ++j) sum[j] += value[j];
    }
  }

  std::int64_t count_;
  std::int64_t length_;
  std::int64_t rows_;
  std::int64_t per_tile_;
};

/// Inputs: values [n, ..row], indices [n]. Outputs: those of DistinctSlices.
class DistinctSlicesDefinition final : public OpDefinition {
 public:
  explicit DistinctSlicesDefinition(std::int64_t rows) : rows_(rows) {}

  std::string_view type() const noexcept override { return "DeduplicateIndexedSlices"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    require_floating(inputs[0], "values");
    require_dtype(inputs[1], "indices", {DType::int32, DType::int64});
    return {inputs[0], {DType::int64, inputs[1].shape}};
  }

  std::unique_ptr<Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                      std::span<const TensorSpec>) const override {
    const Shape& values = inputs[0].shape;
    const std::int64_t length = product(values, 1, values.rank());
    return visit_element_type<float, double>(inputs[0].dtype, [&]<typename T>(ElementType<T>) {
      return visit_element_type<std::int32_t, std::int64_t>(
          inputs[1].dtype, [&]<typename Index>(ElementType<Index>) -> std::unique_ptr<Kernel> {
            return std::make_unique<DistinctSlicesKernel<T, Index>>(values[0], length, rows_);
          });
    });
  }

 private:
  std::int64_t rows_;
};

IndexedSlices flattened(const Tensor& values, const Tensor& indices, const Shape& dense,
                        const SourceLocation& where) {
  std::vector<std::int64_t> rows = dense.dimensions();
  rows[0] = unknown_dimension;
  return {reshape(values, Shape(std::move(rows)), {}, where),
          reshape(indices, Shape{unknown_dimension}, {}, where), dense};
}

/// The lookups whose gradients are added up in this one; none if something else is, too.
std::vector<Operation> lookups_of(const Tensor& gradient) {
  const Operation operation = gradient.op();
  if (operation.type() == kGatherGradType) return {operation};
  if (operation.type() != "AddN") return {};
  std::vector<Operation> lookups;
  for (const Tensor& term : operation.inputs()) {
    if (term.op().type() != kGatherGradType) return {};
    lookups.push_back(term.op());
  }
  return lookups;
}

}  // namespace

std::optional<IndexedSlices> indexed_slices_of(const Tensor& gradient, const SourceLocation& where) {
  const Shape& dense = gradient.shape();
  if (!dense.fully_known() || dense.num_elements() == 0) return std::nullopt;
  const std::vector<Operation> lookups = lookups_of(gradient);
  if (lookups.empty()) return std::nullopt;
  std::vector<IndexedSlices> all;
  for (const Operation& lookup : lookups) {
    all.push_back(flattened(lookup.inputs()[0], lookup.inputs()[1], dense, where));
  }
  if (all.size() == 1) return all.front();
  std::vector<TensorLike> values;
  std::vector<TensorLike> indices;
  for (const IndexedSlices& slices : all) {
    values.emplace_back(slices.values, where);
    indices.emplace_back(cast(slices.indices, DType::int64, {}, where), where);
  }
  return IndexedSlices{concat(values, 0, {}, where), concat(indices, 0, {}, where), dense};
}

Tensor dense_of(const IndexedSlices& slices, std::string_view name, const SourceLocation& where) {
  return gather_gradient(slices.values, slices.indices, slices.dense_shape, name, where);
}

DistinctSlices distinct_slices(const IndexedSlices& slices, const SourceLocation& where) {
  const TensorLike values(slices.values, where);
  const TensorLike indices(slices.indices, where);
  const Tensor sums =
      build(std::make_shared<DistinctSlicesDefinition>(slices.dense_shape[0]),
            {{"values", &values}, {"indices", &indices}}, {}, "DeduplicateIndexedSlices", where);
  return {sums, sums.op().output(1)};
}

}  // namespace varscope::detail
