// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

BOOST_AUTO_TEST_SUITE(test_reduce)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

enum class Kind { sum, mean, max };

vs::Tensor build(Kind kind, const vs::Tensor& input, const vs::ReduceOptions& options) {
  return kind == Kind::sum    ? vs::reduce_sum(input, options)
         : kind == Kind::mean ? vs::reduce_mean(input, options)
                              : vs::reduce_max(input, options);
}

/// `reduced` has one entry a dimension.
Expected judge(Kind kind, const vs::Array& input, const std::vector<bool>& reduced, bool keepdims) {
  const vs::Shape& shape = input.shape();
  std::vector<std::int64_t> kept;
  std::vector<std::size_t> strides(reduced.size(), 0);  // of the result
  std::size_t stride = 1;
  std::int64_t count = 1;
  for (std::size_t axis = reduced.size(); axis-- > 0;) {
    const std::int64_t extent = shape[static_cast<int>(axis)];
    if (reduced[axis]) {
      count *= extent;
      if (keepdims) kept.insert(kept.begin(), 1);
    } else {
      strides[axis] = stride;
      stride *= static_cast<std::size_t>(extent);
      kept.insert(kept.begin(), extent);
    }
  }
  Expected expected{vs::Shape(kept)};
  if (kind == Kind::max) {
    std::fill(expected.values.begin(), expected.values.end(), -std::numeric_limits<double>::infinity());
  }
  const std::vector<double> values = to_doubles(input);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::size_t rest = i;
    std::size_t at = 0;
    for (std::size_t axis = reduced.size(); axis-- > 0;) {
      const auto extent = static_cast<std::size_t>(shape[static_cast<int>(axis)]);
      at += rest % extent * strides[axis];
      rest /= extent;
    }
    if (kind == Kind::max) {
      expected.values[at] = std::max(expected.values[at], values[i]);
    } else {
      expected.add(at, values[i]);
    }
  }
  if (kind == Kind::mean) {
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
      expected.values[i] /= static_cast<double>(count);
      expected.magnitudes[i] /= static_cast<double>(count);
      if (!vs::is_floating(input.dtype())) expected.values[i] = std::trunc(expected.values[i]);
    }
  }
  return expected;
}

void check_values(Kind kind, const vs::Array& input, const std::vector<int>& axes, bool keepdims) {
  std::vector<bool> reduced(static_cast<std::size_t>(input.shape().rank()));
  for (const int axis : axes) reduced[static_cast<std::size_t>(axis)] = true;
  const Expected expected = judge(kind, input, reduced, keepdims);
  const double terms = static_cast<double>(input.num_elements()) /
                       static_cast<double>(std::max<std::int64_t>(1, expected.shape.num_elements()));
  // Sums in float32 are blocked: their error grows more slowly than the number of terms. In float64 the judge
  // itself adds one by one.
  const double epsilons = kind == Kind::max              ? 0
                          : input.dtype() == vs::float32 ? 100 + std::sqrt(terms)
                                                         : 2 * terms + 2;
  std::string list;
  for (const int axis : axes) list += " " + std::to_string(axis);
  BOOST_TEST_CONTEXT("reduction " << static_cast<int>(kind) << " of " << input.description() << " over"
                                  << list) {
    on_every_instruction_set(
        {input},
        [&](const std::vector<vs::Tensor>& inputs) {
          return build(kind, inputs[0], {.axis = vs::Axes(axes), .keepdims = keepdims});
        },
        [&](const vs::Array& result) { check_close(result, input.dtype(), expected, epsilons); });
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_agree_with_double_precision) {
  Random random;
  for (const Kind kind : {Kind::sum, Kind::mean, Kind::max}) {
    for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64}) {
      for (int repetition = 0; repetition < (dtype == vs::float32 ? 12 : 5); ++repetition) {
        const vs::Shape shape = random_shape(random, random.integer(0, 5), 6);
        std::vector<int> axes;
        for (int axis = 0; axis < shape.rank(); ++axis) {
          if (random.chance(0.5)) axes.push_back(axis);
        }
        check_values(kind, random_array(random, shape, dtype, -99, 99), axes, random.chance(0.5));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(long_and_wide_reductions_agree_with_double_precision) {
  Random random;
  for (const Kind kind : {Kind::sum, Kind::mean, Kind::max}) {
    check_values(kind, random_array(random, {200003}, vs::float32), {0}, false);
    check_values(kind, random_array(random, {20011, 13}, vs::float32), {0}, false);
    check_values(kind, random_array(random, {131, 2049}, vs::float32), {0}, false);
    check_values(kind, random_array(random, {3, 67, 1500}, vs::float32), {1}, true);
    check_values(kind, random_array(random, {7, 31, 19, 23}, vs::float32), {0, 2}, false);
    check_values(kind, random_array(random, {2, 150, 5, 120}, vs::float64), {1, 3}, false);
    check_values(kind, random_array(random, {90001}, vs::int32, -99, 99), {0}, false);
  }
}

BOOST_AUTO_TEST_CASE(nan_is_kept_and_nothing_gives_the_neutral_value) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const vs::Array values = vs::Array::of<float>({2, 3}, {1, nan, 3, 4, 5, 6});
  for (const Kind kind : {Kind::sum, Kind::mean, Kind::max}) {
    const auto result = evaluate(
        {values}, [&](const std::vector<vs::Tensor>& inputs) { return build(kind, inputs[0], {.axis = 1}); });
    BOOST_TEST(std::isnan(result.values<float>()[0]));
    BOOST_TEST(!std::isnan(result.values<float>()[1]));
  }
  const auto of_nothing = [](Kind kind) {
    return evaluate(
               {vs::Array({2, 0})},
               [&](const std::vector<vs::Tensor>& inputs) { return build(kind, inputs[0], {.axis = 1}); })
        .values<float>()[1];
  };
  BOOST_TEST(of_nothing(Kind::sum) == 0);
  BOOST_TEST(std::isnan(of_nothing(Kind::mean)));
  BOOST_TEST(of_nothing(Kind::max) == -std::numeric_limits<float>::infinity());
}

BOOST_AUTO_TEST_CASE(names_and_partly_known_shapes_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor input = vs::placeholder({-1, 3, 4});
  BOOST_TEST(vs::reduce_sum(input).op().name() == "Sum");
  BOOST_TEST(vs::reduce_mean(input).op().name() == "Mean");
  BOOST_TEST(vs::reduce_max(input).op().name() == "Max");
  BOOST_TEST(vs::reduce_sum(input).shape().to_string() == "[]");
  BOOST_TEST(vs::reduce_sum(input, {.axis = 1}).shape().to_string() == "[?,4]");
  BOOST_TEST(vs::reduce_sum(input, {.axis = {-1, 0}}).shape().to_string() == "[3]");
  BOOST_TEST(vs::reduce_sum(input, {.axis = 0, .keepdims = true}).shape().to_string() == "[1,3,4]");
  BOOST_TEST(vs::reduce_sum(vs::placeholder()).shape().to_string() == "[]");
  BOOST_TEST(vs::reduce_sum(vs::placeholder(), {.axis = 1}).shape().to_string() == "<unknown>");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused_with_operation_and_line) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor input = vs::placeholder({2, 3});
  int line = 0;
  const std::string message = message_of<vs::ValueError>([&] {
    line = __LINE__ + 1;
    vs::reduce_sum(input, {.axis = 2});
  });
  check_says(message, {"Sum", "axis 2", "float32[2,3]", "test_reduce.cpp:" + std::to_string(line)});
  check_says(message_of<vs::ValueError>([&] {
               vs::reduce_mean(input, {.axis = {1, -1}});
             }),
             {"Mean", "axis 1", "twice"});
  check_says(message_of<vs::TypeError>([&] { vs::reduce_max(vs::placeholder({2}, {.dtype = vs::boolean})); }),
             {"Max", "bool[2]"});
}

BOOST_AUTO_TEST_SUITE_END()
