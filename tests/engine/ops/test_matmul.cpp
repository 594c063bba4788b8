// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>

BOOST_AUTO_TEST_SUITE(test_matmul)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

/// One product in a batch of `batch`: sizes, and how a and b are stored.
struct Product {
  std::int64_t batch;  // 0: matrices without a batch
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t depth;
  bool transpose_a;
  bool transpose_b;

  vs::Shape stored(bool transpose, std::int64_t of_rows, std::int64_t of_columns) const {
    if (transpose) std::swap(of_rows, of_columns);
    return batch == 0 ? vs::Shape{of_rows, of_columns} : vs::Shape{batch, of_rows, of_columns};
  }
  vs::Shape shape_of_a() const { return stored(transpose_a, rows, depth); }
  vs::Shape shape_of_b() const { return stored(transpose_b, depth, columns); }
};

Expected judge(const Product& product, const vs::Array& a, const vs::Array& b) {
  Expected expected(product.stored(false, product.rows, product.columns));
  const std::vector<double> of_a = to_doubles(a);
  const std::vector<double> of_b = to_doubles(b);
  const auto element = [](const std::vector<double>& matrix, bool transpose, std::int64_t start,
                          std::int64_t rows, std::int64_t columns, std::int64_t row, std::int64_t column) {
    return matrix[static_cast<std::size_t>(start +
                                           (transpose ? column * rows + row : row * columns + column))];
  };
  std::size_t index = 0;
  for (std::int64_t n = 0; n < std::max<std::int64_t>(1, product.batch); ++n) {
    for (std::int64_t i = 0; i < product.rows; ++i) {
      for (std::int64_t j = 0; j < product.columns; ++j, ++index) {
        for (std::int64_t k = 0; k < product.depth; ++k) {
          expected.add(index, element(of_a, product.transpose_a, n * product.rows * product.depth,
                                      product.rows, product.depth, i, k) *
                                  element(of_b, product.transpose_b, n * product.depth * product.columns,
                                          product.depth, product.columns, k, j));
        }
      }
    }
  }
  return expected;
}

void check_values(Random& random, const Product& product, vs::DType dtype) {
  const vs::Array a = random_array(random, product.shape_of_a(), dtype, -9, 9);
  const vs::Array b = random_array(random, product.shape_of_b(), dtype, -9, 9);
  const Expected expected = judge(product, a, b);
  BOOST_TEST_CONTEXT(a.description() << " times " << b.description() << ", transposed " << product.transpose_a
                                     << product.transpose_b) {
    on_every_instruction_set(
        {a, b},
        [&](const std::vector<vs::Tensor>& inputs) {
          return vs::matmul(inputs[0], inputs[1],
                            {.transpose_a = product.transpose_a, .transpose_b = product.transpose_b});
        },
        [&](const vs::Array& result) {
          check_close(result, dtype, expected, static_cast<double>(product.depth) + 2);
        });
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_agree_with_double_precision) {
  Random random;
  for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64}) {
    for (int repetition = 0; repetition < 16; ++repetition) {
      const std::int64_t largest = repetition < 8 ? 9 : 70;
      check_values(random,
                   {.batch = random.integer<std::int64_t>(0, 3),
                    .rows = random.integer<std::int64_t>(1, largest),
                    .columns = random.integer<std::int64_t>(1, largest),
                    .depth = random.integer<std::int64_t>(1, largest),
                    .transpose_a = random.chance(0.5),
                    .transpose_b = random.chance(0.5)},
                   dtype);
    }
  }
}

BOOST_AUTO_TEST_CASE(bytes_wrap_around) {
  const vs::Tensor product = vs::matmul(vs::Array::of<std::uint8_t>({1, 2}, {200, 3}),
                                        vs::Array::of<std::uint8_t>({2, 2}, {2, 1, 5, 100}));
  BOOST_TEST((product.dtype() == vs::uint8));
  vs::Session session;
  const vs::Array values = session.run(product);
  BOOST_TEST(values.values<std::uint8_t>()[0] == 415 - 256);
  BOOST_TEST(values.values<std::uint8_t>()[1] == 500 - 256);
}

BOOST_AUTO_TEST_CASE(batches_broadcast_as_if_they_were_repeated) {
  Random random;
  const auto extent = [&] { return random.integer<std::int64_t>(1, 3); };
  for (int repetition = 0; repetition < 24; ++repetition) {
    const std::int64_t rows = extent() * 5, columns = extent() * 7, depth = extent() * 3;
    // [outer, inner, rows, depth] times one of [depth, columns], [inner | 1, ..], [outer | 1, inner | 1, ..].
    const std::int64_t outer = extent(), inner = extent();
    std::vector<std::int64_t> of_b;
    if (repetition % 3 == 2) of_b.push_back(random.chance(0.5) ? outer : 1);
    if (repetition % 3 >= 1) of_b.push_back(random.chance(0.5) ? inner : 1);
    const std::int64_t b_outer = of_b.size() == 2 ? of_b[0] : 1;
    const std::int64_t b_inner = of_b.empty() ? 1 : of_b.back();
    of_b.insert(of_b.end(), {depth, columns});
    const vs::DType dtype = random.chance(0.7) ? vs::float32 : vs::float64;
    const vs::Array a = random_array(random, {outer, inner, rows, depth}, dtype);
    const vs::Array b = random_array(random, vs::Shape(of_b), dtype);
    const std::vector<double> left = to_doubles(a), right = to_doubles(b);
    const bool swapped = random.chance(0.5);  // both sides broadcast: transposed, b' a' = (a b)'
    Expected expected(swapped ? vs::Shape{outer, inner, columns, rows}
                              : vs::Shape{outer, inner, rows, columns});
    for (std::int64_t n = 0; n < outer * inner; ++n) {
      const std::int64_t b_matrix = (b_outer == 1 ? 0 : n / inner) * b_inner + (b_inner == 1 ? 0 : n % inner);
      for (std::int64_t i = 0; i < rows * columns; ++i) {
        const std::int64_t row = i / columns, column = i % columns;
        const std::int64_t place = swapped ? column * rows + row : i;
        for (std::int64_t k = 0; k < depth; ++k) {
          expected.add(static_cast<std::size_t>(n * rows * columns + place),
                       left[static_cast<std::size_t>((n * rows + row) * depth + k)] *
                           right[static_cast<std::size_t>((b_matrix * depth + k) * columns + column)]);
        }
      }
    }
    on_every_instruction_set(
        {a, b},
        [&](const std::vector<vs::Tensor>& inputs) {
          if (!swapped) return vs::matmul(inputs[0], inputs[1]);
          return vs::matmul(inputs[1], inputs[0], {.transpose_a = true, .transpose_b = true});
        },
        [&](const vs::Array& result) {
          check_close(result, dtype, expected, static_cast<double>(depth) + 4);
        });
  }
}

BOOST_AUTO_TEST_CASE(large_and_empty_products_agree_with_double_precision) {
  Random random;
  for (const bool transpose : {false, true}) {
    check_values(random, {0, 200, 130, 300, transpose, transpose}, vs::float32);
    check_values(random, {0, 1, 300, 500, false, transpose}, vs::float32);
    check_values(random, {2, 3, 4, 0, transpose, transpose}, vs::float32);
    check_values(random, {2, 0, 4, 5, transpose, transpose}, vs::float32);
    check_values(random, {0, 3, 0, 5, transpose, transpose}, vs::float64);
  }
}

BOOST_AUTO_TEST_CASE(bias_and_relu_after_it_give_the_same_values) {
  Random random;
  for (int repetition = 0; repetition < 8; ++repetition) {
    const Product product = {.batch = random.integer<std::int64_t>(0, 2),
                             .rows = random.integer<std::int64_t>(1, 40),
                             .columns = random.integer<std::int64_t>(1, 40),
                             .depth = random.integer<std::int64_t>(1, 40)};
    const vs::Array a = random_array(random, product.shape_of_a(), vs::float32);
    const vs::Array b = random_array(random, product.shape_of_b(), vs::float32);
    const vs::Array bias = random_array(random, {product.columns}, vs::float32);
    Expected expected = judge(product, a, b);
    const std::vector<double> of_bias = to_doubles(bias);
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
      expected.add(i, of_bias[i % of_bias.size()]);
      expected.values[i] = std::max(expected.values[i], 0.0);
    }
    on_every_instruction_set(
        {a, b, bias},
        [](const std::vector<vs::Tensor>& inputs) {
          return vs::relu(vs::bias_add(vs::matmul(inputs[0], inputs[1]), inputs[2]));
        },
        [&](const vs::Array& result) {
          check_close(result, vs::float32, expected, static_cast<double>(product.depth) + 4);
        });
  }
}

BOOST_AUTO_TEST_CASE(shapes_that_are_partly_known_are_inferred) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const auto shape_of = [](vs::Shape a, vs::Shape b, vs::MatMulOptions options) {
    return vs::matmul(vs::placeholder(std::move(a)), vs::placeholder(std::move(b)), std::move(options))
        .shape()
        .to_string();
  };
  BOOST_TEST(shape_of({-1, 3}, {3, 4}, {}) == "[?,4]");
  BOOST_TEST(shape_of({3, -1}, {4, 3}, {.transpose_a = true, .transpose_b = true}) == "[?,4]");
  BOOST_TEST(shape_of({-1, 2, 3}, {5, 3, 4}, {}) == "[5,2,4]");
  BOOST_TEST(shape_of(vs::Shape::unknown(), {3, 4}, {}) == "<unknown>");  // of any rank
  BOOST_TEST(shape_of({2, -1, 3, 4}, {7, 4, 5}, {}) == "[2,7,3,5]");
  BOOST_TEST(vs::matmul(vs::placeholder({2, 2}), vs::placeholder({2, 2})).op().name() == "MatMul_5");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused_with_operation_and_line) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor a = vs::placeholder({2, 3});
  const auto refused = [&](const vs::Tensor& b, vs::MatMulOptions options) {
    return message_of<vs::ValueError>([&] { vs::matmul(a, b, options); });
  };
  int line = 0;
  const std::string message = message_of<vs::ValueError>([&] {
    line = __LINE__ + 1;
    vs::matmul(a, a);
  });
  check_says(message, {"MatMul", "[2,3]", "test_matmul.cpp:" + std::to_string(line)});
  check_says(refused(a, {.transpose_a = true, .transpose_b = true}),
             {"MatMul", "(transposed)", "(2)", "(3)"});
  check_says(refused(vs::placeholder({3}), {}), {"MatMul", "[3]", "rank"});
  check_says(message_of<vs::ValueError>([] {
               vs::matmul(vs::placeholder({2, 4, 5}), vs::placeholder({3, 5, 4}));
             }),
             {"MatMul", "[2,4,5]", "[3,5,4]", "independent"});
  const vs::Tensor integers = vs::placeholder({3, 2}, {.dtype = vs::int32});
  check_says(message_of<vs::TypeError>([&] { vs::matmul(a, integers); }), {"MatMul", "int32[3,2]"});
  const vs::Tensor flags = vs::placeholder({3, 2}, {.dtype = vs::boolean});
  check_says(message_of<vs::TypeError>([&] { vs::matmul(flags, flags); }), {"MatMul", "bool[3,2]"});
}

BOOST_AUTO_TEST_SUITE_END()
