// SPDX-License-Identifier: Apache-2.0
// Precompiled for the tests of simd/. Each of them includes what it uses all the same: -Db_pch=false.
#include <varscope/simd/kernel_set.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>
