// SPDX-License-Identifier: Apache-2.0
// IndexedSlices: the gradient of a lookup as the rows that were looked up, and not as an array as large as
// the table. Gradients are tensors all the same: the one of a lookup is an operation that adds the rows up
// (UnsortedSegmentSum), and nobody computes it unless something asks for it. What can do with the rows alone
// (optimizers, clipping by the global norm) takes them from here; so nothing else has to know of them.
#pragma once

#include <varscope/shape.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>

#include <optional>
#include <string_view>

namespace varscope::detail {

/// Row indices(i) of an array of `dense_shape` is the sum of all values(i) that have that index, or zero.
struct IndexedSlices {
  Tensor values;   // [n, ..row]
  Tensor indices;  // [n], int32 or int64
  Shape dense_shape;
};

/// The slices that a gradient is the sum of: of a lookup, or, one behind the other as in TensorFlow, of
/// several whose gradients were added. Nullopt for any other tensor, and where the shape is not known.
std::optional<IndexedSlices> indexed_slices_of(const Tensor& gradient, const SourceLocation& where);

/// The tensor that indexed_slices_of() gives these slices of.
Tensor dense_of(const IndexedSlices& slices, std::string_view name, const SourceLocation& where);

/// With one row for each index.
struct DistinctSlices {
  Tensor values;  // [n, ..row]: the sums of rows of one index
  Tensor rows;    // [n], int64: the indices, ascending; then -1, and nothing in `values`
};

/// TensorFlow's _deduplicate_indexed_slices(). Rows of one index are added in their order. A run with an
/// index out of range throws InvalidArgumentError.
DistinctSlices distinct_slices(const IndexedSlices& slices, const SourceLocation& where);

}  // namespace varscope::detail
