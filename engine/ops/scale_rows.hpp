// SPDX-License-Identifier: Apache-2.0
// Rows times numbers, for gradient rules: what a multiplication would need another dimension for, of shapes
// that may not be known yet.
#pragma once

#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>

namespace varscope::detail {

/// rows [.., n] times scales [..]: each row by its number. float32 and float64.
Tensor scale_rows(const Tensor& rows, const Tensor& scales, const SourceLocation& where);

}  // namespace varscope::detail
