// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

BOOST_AUTO_TEST_SUITE(test_pooling)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

enum class Kind { max, average };

/// The elements of a window that lie in the image, along one dimension: [first, last).
struct Window {
  std::int64_t first;
  std::int64_t last;
};

std::int64_t positions(std::int64_t in, std::int64_t window, std::int64_t stride, vs::Padding padding) {
  const std::int64_t room = padding == vs::Padding::same ? in : in - window + 1;
  return (room + stride - 1) / stride;
}

Window window_at(std::int64_t position, std::int64_t in, std::int64_t window, std::int64_t stride,
                 vs::Padding padding) {
  const std::int64_t covered = (positions(in, window, stride, padding) - 1) * stride + window;
  const std::int64_t before = padding == vs::Padding::same ? std::max<std::int64_t>(0, covered - in) / 2 : 0;
  const std::int64_t first = position * stride - before;
  return {std::max<std::int64_t>(0, first), std::min(in, first + window)};
}

Expected judge(Kind kind, const vs::Array& image, const vs::PoolOptions& options) {
  const vs::Shape& in = image.shape();
  const std::vector<double> values = to_doubles(image);
  const auto rows = positions(in[1], options.ksize[1], options.strides[1], options.padding);
  const auto columns = positions(in[2], options.ksize[2], options.strides[2], options.padding);
  Expected expected(vs::Shape{in[0], rows, columns, in[3]});
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    const std::int64_t channel = index % in[3];
    const Window x =
        window_at(index / in[3] % columns, in[2], options.ksize[2], options.strides[2], options.padding);
    const Window y = window_at(index / in[3] / columns % rows, in[1], options.ksize[1], options.strides[1],
                               options.padding);
    const std::int64_t n = index / in[3] / columns / rows;
    double largest = -std::numeric_limits<double>::infinity();
    for (std::int64_t row = y.first; row < y.last; ++row) {
      for (std::int64_t column = x.first; column < x.last; ++column) {
        const auto at = ((n * in[1] + row) * in[2] + column) * in[3] + channel;
        largest = std::max(largest, values[static_cast<std::size_t>(at)]);
        expected.add(i, values[static_cast<std::size_t>(at)]);
      }
    }
    const auto count = static_cast<double>((y.last - y.first) * (x.last - x.first));
    expected.values[i] = kind == Kind::max ? largest : expected.values[i] / count;
    expected.magnitudes[i] = kind == Kind::max ? 0 : expected.magnitudes[i] / count;
  }
  return expected;
}

void check_values(Kind kind, const vs::Array& image, const vs::PoolOptions& options) {
  const Expected expected = judge(kind, image, options);
  BOOST_TEST_CONTEXT((kind == Kind::max ? "max" : "average")
                     << " of " << image.description() << ", window " << options.ksize[1] << " "
                     << options.ksize[2] << ", strides " << options.strides[1] << " " << options.strides[2]
                     << (options.padding == vs::Padding::same ? ", SAME" : ", VALID")) {
    on_every_instruction_set(
        {image},
        [&](const std::vector<vs::Tensor>& inputs) {
          return kind == Kind::max ? vs::max_pool(inputs[0], options) : vs::avg_pool(inputs[0], options);
        },
        [&](const vs::Array& result) {
          check_close(result, image.dtype(), expected,
                      kind == Kind::max ? 0 : static_cast<double>(options.ksize[1] * options.ksize[2]) + 2);
        });
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_agree_with_double_precision) {
  Random random;
  for (const Kind kind : {Kind::max, Kind::average}) {
    for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64}) {
      if (kind == Kind::average && !vs::is_floating(dtype)) continue;
      for (int repetition = 0; repetition < (dtype == vs::float32 ? 16 : 4); ++repetition) {
        vs::PoolOptions options;
        for (const std::size_t axis : {1U, 2U}) {
          options.ksize[axis] = random.integer(1, 4);
          options.strides[axis] = random.integer(1, 4);
        }
        options.padding = random.chance(0.5) ? vs::Padding::same : vs::Padding::valid;
        const vs::Shape shape = {random.integer(1, 3), random.integer(4, 12), random.integer(4, 12),
                                 random.integer(1, 40)};
        check_values(kind, random_array(random, shape, dtype, -9, 9), options);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(several_tiles_agree_with_double_precision) {
  Random random;
  const vs::Array image = random_array(random, {2, 60, 61, 32}, vs::float32);
  check_values(Kind::max, image, {.ksize = {1, 3, 3, 1}, .padding = vs::Padding::same});
  check_values(Kind::average, image, {.ksize = {1, 3, 3, 1}, .padding = vs::Padding::same});
  check_values(Kind::max, vs::Array({0, 4, 4, 2}), {});
}

BOOST_AUTO_TEST_CASE(names_and_partly_known_shapes_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor image = vs::placeholder({-1, 9, -1, 3});
  BOOST_TEST(vs::max_pool(image).op().name() == "MaxPool");
  BOOST_TEST(vs::avg_pool(image).op().type() == "AvgPool");
  BOOST_TEST(vs::max_pool(image).shape().to_string() == "[?,4,?,3]");
  BOOST_TEST(vs::max_pool(image, {.padding = vs::Padding::same}).shape().to_string() == "[?,5,?,3]");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused_with_operation_and_line) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor image = vs::placeholder({-1, 3, 9, 3});
  const auto refused = [&](vs::PoolOptions options) {
    return message_of<vs::ValueError>([&] { vs::max_pool(image, options); });
  };
  int line = 0;
  const std::string message = message_of<vs::ValueError>([&] {
    line = __LINE__ + 1;
    vs::max_pool(image, {.ksize = {1, 0, 2, 1}});
  });
  check_says(message, {"MaxPool", "ksize", "[1,0,2,1]", "test_pooling.cpp:" + std::to_string(line)});
  check_says(refused({.strides = {1, 2, 2, 2}}), {"MaxPool", "strides", "channels"});
  check_says(refused({.ksize = {1, 4, 1, 1}}), {"MaxPool", "height", "4", "3", "VALID"});
  check_says(message_of<vs::ValueError>([&] {
               vs::avg_pool(vs::placeholder({3, 3}));
             }),
             {"AvgPool", "rank 4", "[3,3]"});
  check_says(message_of<vs::TypeError>([&] {
               vs::avg_pool(vs::placeholder({1, 3, 3, 1}, {.dtype = vs::int32}));
             }),
             {"AvgPool", "int32[1,3,3,1]"});
}

BOOST_AUTO_TEST_SUITE_END()
