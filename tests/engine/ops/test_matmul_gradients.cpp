// SPDX-License-Identifier: Apache-2.0
#include "support/gradient_check.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <utility>

BOOST_AUTO_TEST_SUITE(test_matmul_gradients)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

using Tensors = std::vector<vs::Tensor>;

/// `batch` and then a matrix of that size, transposed or not.
vs::Shape matrices(std::vector<std::int64_t> batch, std::int64_t rows, std::int64_t columns,
                   bool transposed) {
  batch.push_back(transposed ? columns : rows);
  batch.push_back(transposed ? rows : columns);
  return vs::Shape(std::move(batch));
}

void check(Random& random, const std::vector<std::int64_t>& batch_a,
           const std::vector<std::int64_t>& batch_b) {
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      const auto rows = random.integer<std::int64_t>(1, 4);
      const auto depth = random.integer<std::int64_t>(1, 4);
      const auto columns = random.integer<std::int64_t>(1, 4);
      const vs::Shape a = matrices(batch_a, rows, depth, transpose_a);
      const vs::Shape b = matrices(batch_b, depth, columns, transpose_b);
      BOOST_TEST_CONTEXT(a.to_string() << (transpose_a ? "'" : "") << " times " << b.to_string()
                                       << (transpose_b ? "'" : "")) {
        check_gradients({random_array(random, a, vs::float64), random_array(random, b, vs::float64)},
                        [&](const Tensors& inputs) {
                          return vs::matmul(inputs[0], inputs[1],
                                            {.transpose_a = transpose_a, .transpose_b = transpose_b});
                        });
      }
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(products_agree_with_differences) {
  Random random;
  check(random, {}, {});
  check(random, {3}, {3});
  check(random, {2, 3}, {2, 3});
}

BOOST_AUTO_TEST_CASE(matrices_that_are_used_again_get_the_sum) {
  Random random(1);
  check(random, {3}, {});
  check(random, {}, {3});
  check(random, {2, 1}, {3});
  check(random, {1, 3}, {2, 1});
  check(random, {2, 3}, {});
}

BOOST_AUTO_TEST_CASE(a_matrix_times_itself_gets_both_gradients) {
  Random random(2);
  check_gradients({random_array(random, {3, 3}, vs::float64)},
                  [](const Tensors& inputs) { return vs::matmul(inputs[0], inputs[0]); });
}

BOOST_AUTO_TEST_CASE(a_second_derivative_is_found) {
  Random random(3);
  check_gradients({random_array(random, {2, 3}, vs::float64), random_array(random, {3, 2}, vs::float64)},
                  [](const Tensors& inputs) {
                    const vs::Tensor product = vs::matmul(inputs[0], inputs[1]);
                    return vs::gradients({vs::square(product)}, {inputs[0]})[0];
                  });
}

BOOST_AUTO_TEST_CASE(larger_products_agree_in_float32) {
  Random random(4);
  check_gradients(
      {random_array(random, {17, 3}, vs::float64), random_array(random, {3, 21}, vs::float64),
       random_array(random, {21}, vs::float64)},
      [](const Tensors& inputs) { return vs::tanh(vs::matmul(inputs[0], inputs[1]) + inputs[2]); });
}

BOOST_AUTO_TEST_CASE(one_matrix_for_a_batch_gets_one_product_of_all_rows) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor a = vs::placeholder({-1, 5, 3});
  const vs::Tensor b = vs::placeholder({3, 4});
  const vs::Tensor of_b = vs::gradients({vs::matmul(a, b)}, {b})[0];
  BOOST_TEST(of_b.op().type() == "MatMul");
  BOOST_TEST(of_b.shape().to_string() == "[3,4]");
}

BOOST_AUTO_TEST_CASE(names_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor a = vs::placeholder({-1, 3});
  const vs::Tensor b = vs::placeholder({3, 4});
  const Tensors of = vs::gradients({vs::matmul(a, b)}, {a, b});
  BOOST_TEST(of[0].op().name() == "gradients/MatMul_grad/MatMul");
  BOOST_TEST(of[1].op().name() == "gradients/MatMul_grad/MatMul_1");
  BOOST_TEST(of[0].shape().to_string() == "[?,3]");
  BOOST_TEST(of[1].shape().to_string() == "[3,4]");
}

BOOST_AUTO_TEST_SUITE_END()
