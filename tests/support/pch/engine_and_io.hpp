// SPDX-License-Identifier: Apache-2.0
// Precompiled for the tests of engine/ and io/. Each of them includes what it uses all the same:
// -Db_pch=false.
#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>
