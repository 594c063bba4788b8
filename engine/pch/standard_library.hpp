// SPDX-License-Identifier: Apache-2.0
// Precompiled for engine/ and io/: a third of the time that most of their files take to compile. Each of them includes
// what it uses all the same: -Db_pch=false.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>
