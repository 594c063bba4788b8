// SPDX-License-Identifier: Apache-2.0
// Random matrices with orthonormal columns: the same seeds give the same bits on every machine.
#pragma once

#include <varscope/initializer.hpp>

#include <cstdint>
#include <vector>

namespace varscope::detail {

/// Q of the QR factorization of a matrix of standard normal numbers (number i, row-major, is that of
/// fill_normal<double>), each column times the sign of R's diagonal element, which makes Q uniform among such
/// matrices (Mezzadri, "How to generate random matrices from the classical compact groups", 2007). Column by
/// column. In double precision, by Householder's reflections (1958): the columns are orthonormal within a
/// small multiple of the number of columns times 2^-53.
///
/// Takes 4 rows columns^2 - 4/3 columns^3 multiplications and additions on the calling thread, and room for
/// twice the matrix; throws std::bad_alloc if there is none. Requires: 1 <= columns <= rows.
std::vector<double> random_orthonormal_columns(std::int64_t rows, std::int64_t columns, SeedPair seeds);

}  // namespace varscope::detail
