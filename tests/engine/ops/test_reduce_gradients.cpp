// SPDX-License-Identifier: Apache-2.0
#include "support/gradient_check.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

BOOST_AUTO_TEST_SUITE(test_reduce_gradients)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

using Tensors = std::vector<vs::Tensor>;
using Reduce = vs::Tensor (*)(const vs::TensorLike& input, vs::ReduceOptions options,
                              vs::SourceLocation where);

/// Some of the dimensions, in any order, counted from the start or the end.
vs::Axes random_axes(Random& random, int rank) {
  if (random.chance(0.3)) return {};
  std::vector<int> axes;
  for (int axis = rank - 1; axis >= 0; --axis) {
    if (random.chance(0.5)) axes.push_back(random.chance(0.5) ? axis : axis - rank);
  }
  return vs::Axes(axes);
}

/// Values of which no two are nearer than 0.1.
vs::Array distinct(Random& random, const vs::Shape& shape) {
  vs::Array result(shape, vs::float64);
  const auto values = result.values<double>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = 0.1 * static_cast<double>(i) - 1;
    std::swap(values[i], values[random.integer<std::size_t>(0, i)]);
  }
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(sums_means_and_maxima_agree_with_differences) {
  Random random;
  for (const Reduce reduce : {Reduce(&vs::reduce_sum), Reduce(&vs::reduce_mean), Reduce(&vs::reduce_max)}) {
    for (int repetition = 0; repetition < 8; ++repetition) {
      const vs::Shape shape = random_shape(random, random.integer(0, 4), 4);
      const vs::Axes axes = random_axes(random, shape.rank());
      const bool keepdims = random.chance(0.5);
      BOOST_TEST_CONTEXT(shape.to_string() << " over " << axes.list().size() << " axes"
                                           << (axes.all() ? " (all)" : "") << (keepdims ? ", kept" : "")) {
        check_gradients({distinct(random, shape)}, [&](const Tensors& inputs) {
          return reduce(inputs[0], {.axis = axes, .keepdims = keepdims}, vs::SourceLocation::current());
        });
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(second_derivatives_are_found) {
  Random random(1);
  for (const Reduce reduce : {Reduce(&vs::reduce_sum), Reduce(&vs::reduce_mean), Reduce(&vs::reduce_max)}) {
    for (const vs::Axes& axes : {vs::Axes(), vs::Axes(1), vs::Axes({0, 2})}) {
      check_gradients({distinct(random, {2, 3, 2})}, [&](const Tensors& inputs) {
        const vs::Tensor loss = vs::square(reduce(inputs[0], {.axis = axes}, vs::SourceLocation::current()));
        return vs::gradients({loss}, inputs)[0];
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(equal_maxima_share_the_gradient_equally) {
  const vs::Array x = vs::Array::of<double>({2, 4}, {1, 5, 5, 2, 7, 7, 7, 7});
  const auto gradient = [&](const vs::Array& input, const vs::Array& weights) {
    return weighted_gradients(
        {input}, [](const Tensors& inputs) { return vs::reduce_max(inputs[0], {.axis = 1}); }, weights)[0];
  };
  const vs::Array weights = vs::Array::of<double>({2}, {6, 8});
  BOOST_TEST(gradient(x, weights).same_bits(vs::Array::of<double>({2, 4}, {0, 3, 3, 0, 2, 2, 2, 2})));
  vs::Array with_nan = x.copy();
  with_nan.values<double>()[2] = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> of = to_doubles(gradient(with_nan, weights));
  for (std::size_t i = 0; i < 8; ++i) BOOST_TEST(std::isnan(of[i]) == (i < 4));
}

BOOST_AUTO_TEST_CASE(large_tensors_agree_with_the_formula) {
  Random random(2);
  const vs::Array x = random_array(random, {7, 30000}, vs::float32);
  const vs::Array weights = random_array(random, {30000}, vs::float64);
  Expected expected(x.shape());
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    expected.add(i, weights.values<double>()[i % 30000] / 7);
  }
  const vs::Array result = weighted_gradients(
      {x}, [](const Tensors& inputs) { return vs::reduce_mean(inputs[0], {.axis = 0}); }, weights)[0];
  check_close(result, vs::float32, expected, 2);
}

BOOST_AUTO_TEST_CASE(empty_tensors_have_empty_gradients) {
  const vs::Array empty(vs::Shape{3, 0}, vs::float64);
  for (const Reduce reduce : {Reduce(&vs::reduce_sum), Reduce(&vs::reduce_mean), Reduce(&vs::reduce_max)}) {
    const vs::Array result = weighted_gradients(
        {empty},
        [&](const Tensors& inputs) { return reduce(inputs[0], {.axis = 1}, vs::SourceLocation::current()); },
        vs::Array({3}, vs::float64))[0];
    BOOST_TEST(result.shape().to_string() == "[3,0]");
  }
}

BOOST_AUTO_TEST_SUITE_END()
