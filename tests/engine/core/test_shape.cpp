// SPDX-License-Identifier: Apache-2.0
#include "support/messages.hpp"

#include <varscope/error.hpp>
#include <varscope/shape.hpp>

#include <boost/test/unit_test.hpp>

#include <limits>

BOOST_AUTO_TEST_SUITE(test_shape)

using varscope::Shape;
using varscope::ValueError;

BOOST_AUTO_TEST_CASE(scalars_vectors_and_unknown_shapes) {
  BOOST_TEST(Shape{}.rank() == 0);
  BOOST_TEST(Shape{}.num_elements() == 1);
  BOOST_TEST((Shape{5, 5, 32, 64}.num_elements() == 5 * 5 * 32 * 64));
  BOOST_TEST((Shape{3, 0, 2}.num_elements() == 0));
  BOOST_TEST(!Shape::unknown().has_rank());
  BOOST_TEST(!Shape::unknown().fully_known());
  BOOST_TEST((!Shape{-1, 3}.fully_known()));
  BOOST_TEST((Shape{2, 3}.fully_known()));
}

BOOST_AUTO_TEST_CASE(text) {
  BOOST_TEST((Shape{5, 5, 32, 32}.to_string() == "[5,5,32,32]"));
  BOOST_TEST((Shape{-1, 64}.to_string() == "[?,64]"));
  BOOST_TEST(Shape{}.to_string() == "[]");
  BOOST_TEST(Shape::unknown().to_string() == "<unknown>");
}

BOOST_AUTO_TEST_CASE(impossible_dimensions_are_refused) {
  BOOST_CHECK_EXCEPTION((Shape{2, -2}), ValueError, [](const auto& error) {
    return varscope::testing::contains(error, {"-2", "-1"});
  });
}

BOOST_AUTO_TEST_CASE(the_number_of_elements_must_be_known_and_must_fit) {
  BOOST_CHECK_EXCEPTION((Shape{-1, 2}.num_elements()), ValueError,
                        [](const auto& error) { return varscope::testing::contains(error, {"[?,2]"}); });
  BOOST_CHECK_THROW(Shape::unknown().num_elements(), ValueError);
  const std::int64_t large = std::numeric_limits<std::int64_t>::max();
  BOOST_TEST((Shape{large, 1}.num_elements() == large));
  BOOST_CHECK_THROW((Shape{large, 2}.num_elements()), ValueError);
}

BOOST_AUTO_TEST_CASE(compatibility_and_merging) {
  BOOST_TEST((Shape{-1, 3}.compatible_with({2, 3})));
  BOOST_TEST((Shape{-1, 3}.compatible_with({-1, -1})));
  BOOST_TEST((!Shape{2, 3}.compatible_with({3, 2})));
  BOOST_TEST((!Shape{2}.compatible_with(Shape{})));
  BOOST_TEST((Shape::unknown().compatible_with({2, 3})));
  BOOST_TEST((Shape{-1, 3}.merged_with({2, -1}) == Shape{2, 3}));
  BOOST_TEST((Shape::unknown().merged_with({2, -1}) == Shape{2, -1}));
  BOOST_CHECK_EXCEPTION((Shape{2, 3}.merged_with({2, 4})), ValueError, [](const auto& error) {
    return varscope::testing::contains(error, {"[2,3]", "[2,4]"});
  });
}

BOOST_AUTO_TEST_SUITE_END()
