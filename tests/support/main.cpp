// SPDX-License-Identifier: Apache-2.0
// The main() of every Boost.Test program, compiled once.
#define BOOST_TEST_MODULE varscope
#include <boost/test/unit_test.hpp>
