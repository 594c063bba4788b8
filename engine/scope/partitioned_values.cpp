// SPDX-License-Identifier: Apache-2.0
#include <varscope/partitioned_values.hpp>

#include <cstddef>
#include <cstring>

namespace varscope {

namespace {

/// How the elements of a part lie among those of the whole: `count` pieces without gaps.
struct Layout {
  std::size_t count = 1;  // of pieces
  std::size_t piece = 0;  // bytes of one
  std::size_t whole = 0;  // bytes from the begin of one piece to that of the next in the whole
  std::size_t begin = 0;  // of the first in the whole
};

/// Row-major: one piece for each index along the axes before the one that is cut.
Layout layout_of(const PartitionInfo& info, const Shape& part, DType dtype) {
  const Shape& full = info.full_shape();
  const int axis = info.single_slice_dim(part).value_or(0);
  Layout layout;
  std::size_t inner = dtype_size(dtype);
  for (int before = 0; before < axis; ++before) layout.count *= static_cast<std::size_t>(full[before]);
  for (int after = axis + 1; after < full.rank(); ++after) inner *= static_cast<std::size_t>(full[after]);
  layout.piece = inner * static_cast<std::size_t>(part[axis]);
  layout.whole = inner * static_cast<std::size_t>(full[axis]);
  layout.begin = inner * static_cast<std::size_t>(info.single_offset(part));
  return layout;
}

}  // namespace

Array join_partitions(const Variable& variable, std::span<const Array> parts) {
  Array whole = Array::uninitialized(variable.shape(), variable.dtype());
  auto* const to = static_cast<std::byte*>(whole.data());
  const std::vector<Variable> variables = variable.partitions();
  for (std::size_t index = 0; index < parts.size(); ++index) {
    const auto* const from = static_cast<const std::byte*>(parts[index].data());
    const Layout layout = layout_of(variables[index].partition_info(), parts[index].shape(), whole.dtype());
    for (std::size_t k = 0; k < layout.count && layout.piece > 0; ++k) {
      std::memcpy(to + layout.begin + k * layout.whole, from + k * layout.piece, layout.piece);
    }
  }
  return whole;
}

Array cut_partition(const Array& whole, const PartitionInfo& info, const Shape& part) {
  Array result = Array::uninitialized(part, whole.dtype());
  const auto* const from = static_cast<const std::byte*>(whole.data());
  auto* const to = static_cast<std::byte*>(result.data());
  const Layout layout = layout_of(info, part, whole.dtype());
  for (std::size_t k = 0; k < layout.count && layout.piece > 0; ++k) {
    std::memcpy(to + k * layout.piece, from + layout.begin + k * layout.whole, layout.piece);
  }
  return result;
}

}  // namespace varscope
