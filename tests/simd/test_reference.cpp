// SPDX-License-Identifier: Apache-2.0
// The plain references for the element types that have no fast kernels.
#include "support.hpp"

#include <varscope/simd/reference/conv2d.hpp>
#include <varscope/simd/reference/elementwise.hpp>
#include <varscope/simd/reference/matmul.hpp>
#include <varscope/simd/reference/pooling.hpp>
#include <varscope/simd/reference/reduce.hpp>
#include <varscope/simd/reference/softmax.hpp>
#include <varscope/simd/reference/transpose.hpp>

#include <boost/mpl/list.hpp>

BOOST_AUTO_TEST_SUITE(test_reference)

using namespace varscope::simd;

using Integers = boost::mpl::list<std::int32_t, std::int64_t>;
using Numbers = boost::mpl::list<double, std::int32_t, std::int64_t>;

BOOST_AUTO_TEST_CASE_TEMPLATE(integers_wrap_around, T, Integers) {
  constexpr T lowest = std::numeric_limits<T>::min();
  constexpr T highest = std::numeric_limits<T>::max();
  BOOST_TEST(reference::Add::apply<T>(highest, 1) == lowest);
  BOOST_TEST(reference::Sub::apply<T>(lowest, 1) == highest);
  BOOST_TEST(reference::Mul::apply<T>(highest, 2) == T(-2));
  BOOST_TEST(reference::Div::apply<T>(lowest, -1) == lowest);
  BOOST_TEST(reference::Div::apply<T>(-7, 2) == T(-3));
  BOOST_TEST(reference::Neg::apply<T>(lowest) == lowest);
  BOOST_TEST(reference::Abs::apply<T>(lowest) == lowest);
  BOOST_TEST(reference::Abs::apply<T>(-5) == T(5));
  BOOST_TEST(reference::Square::apply<T>(-5) == T(25));
  BOOST_TEST(reference::Relu::apply<T>(-5) == T(0));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(pairs_and_scalars, T, Numbers) {
  const T a[] = {1, 2, 3};
  const T b[] = {3, 2, 1};
  T dst[3];
  reference::for_each_pair<reference::Sub, false, false>(a, b, dst, 3);
  BOOST_TEST((dst[0] == T(-2) && dst[1] == T(0) && dst[2] == T(2)));
  reference::for_each_pair<reference::Maximum, false, true>(a, b, dst, 3);
  BOOST_TEST((dst[0] == T(3) && dst[1] == T(3) && dst[2] == T(3)));
  reference::for_each_pair<reference::Minimum, true, false>(a, b, dst, 3);
  BOOST_TEST((dst[0] == T(1) && dst[1] == T(1) && dst[2] == T(1)));
  reference::for_each_element<reference::Neg>(a, dst, 3);
  BOOST_TEST((dst[0] == T(-1) && dst[1] == T(-2) && dst[2] == T(-3)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(products, T, Numbers) {
  const T a[] = {1, 2, 3, 4, 5, 6};  // 2 x 3, or 3 x 2 transposed
  const T b[] = {1, 0, 2, 1, 0, 1};  // 3 x 2, or 2 x 3 transposed
  const T bias[] = {10, -100};
  T c[4];
  reference::matmul_rows<T>({.rows = 2, .columns = 2, .depth = 3}, a, b, bias, Activation::relu, c, 0, 2);
  BOOST_TEST((c[0] == T(15) && c[1] == T(0) && c[2] == T(24) && c[3] == T(0)));
  reference::matmul_rows<T>({.rows = 2, .columns = 2, .depth = 3, .transpose_a = true, .transpose_b = true},
                            a, b, nullptr, Activation::none, c, 0, 2);
  BOOST_TEST((c[0] == T(11) && c[1] == T(6) && c[2] == T(14) && c[3] == T(8)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(convolution, T, Numbers) {
  // Ones over a 3x3 image with SAME padding count the neighbours.
  const Conv2DShape shape = {.in_height = 3,
                             .in_width = 3,
                             .out_height = 3,
                             .out_width = 3,
                             .filter_height = 3,
                             .filter_width = 3,
                             .pad_top = 1,
                             .pad_left = 1};
  const std::vector<T> ones(9, T(1));
  std::vector<T> output(9);
  reference::conv2d_rows<T>(shape, ones.data(), ones.data(), nullptr, ones.data(), Activation::none,
                            output.data(), 0, 3);
  const std::vector<T> expected = {5, 7, 5, 7, 10, 7, 5, 7, 5};
  BOOST_TEST(output == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(pooling, T, Numbers) {
  const Pool2DShape shape = {.in_width = 3, .out_width = 3, .window_width = 3, .pad_left = 1};
  const T input[] = {2, 4, 9};
  T output[3];
  reference::max_pool2d(shape, input, output, 0, 1);
  BOOST_TEST((output[0] == T(4) && output[1] == T(9) && output[2] == T(9)));
  reference::average_pool2d(shape, input, output, 0, 1);
  BOOST_TEST((output[0] == T(3) && output[1] == T(5) && output[2] == T(13) / T(2)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(reductions, T, Numbers) {
  const T src[] = {1, 2, 3, 4, 5, 9};  // [1, 3, 2]
  T dst[2];
  reference::sum_axis(src, dst, 1, 3, 2);
  BOOST_TEST((dst[0] == T(9) && dst[1] == T(15)));
  reference::mean_axis(src, dst, 1, 3, 2);
  BOOST_TEST((dst[0] == T(3) && dst[1] == T(5)));
  reference::max_axis(src, dst, 1, 3, 2);
  BOOST_TEST((dst[0] == T(5) && dst[1] == T(9)));
  std::int64_t index[2];
  reference::argmax_axis(src, index, 1, 3, 2);
  BOOST_TEST((index[0] == 2 && index[1] == 2));
  T transposed[6];
  reference::transpose_2d(src, 2, transposed, 3, 3, 2);
  BOOST_TEST(
      (transposed[0] == T(1) && transposed[1] == T(3) && transposed[3] == T(2) && transposed[5] == T(9)));
}

BOOST_AUTO_TEST_CASE(softmax_of_doubles) {
  const double src[] = {1000.0, 1000.0 + std::log(3.0)};
  double dst[2];
  reference::softmax_rows(src, dst, 1, 2);
  BOOST_TEST(std::fabs(dst[0] - 0.25) < 1e-12);
  BOOST_TEST(std::fabs(dst[1] - 0.75) < 1e-12);
}

BOOST_AUTO_TEST_SUITE_END()
