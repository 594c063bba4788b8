// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>

BOOST_AUTO_TEST_SUITE(test_conv2d)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

/// Out positions and padding before, by the formulas of tf.nn.convolution.
struct Positions {
  std::int64_t out;
  std::int64_t before;
};

Positions positions(std::int64_t in, std::int64_t window, std::int64_t stride, std::int64_t dilation,
                    vs::Padding padding) {
  const std::int64_t covered = (window - 1) * dilation + 1;
  const auto ceil_of = [&](std::int64_t a) {
    return static_cast<std::int64_t>(std::ceil(static_cast<double>(a) / static_cast<double>(stride)));
  };
  if (padding == vs::Padding::valid) return {ceil_of(in - covered + 1), 0};
  const std::int64_t out = ceil_of(in);
  return {out, std::max<std::int64_t>((out - 1) * stride + covered - in, 0) / 2};
}

/// Element (n, y, x, c) of an NHWC array.
std::size_t at(const vs::Shape& shape, std::int64_t n, std::int64_t y, std::int64_t x, std::int64_t c) {
  return static_cast<std::size_t>(((n * shape[1] + y) * shape[2] + x) * shape[3] + c);
}

/// Adds to `expected` the product terms of output (n, y, x, k): the definition, loop by loop.
struct Judge {
  const vs::Shape& in;
  const vs::Shape& filter;
  const vs::Conv2DOptions& options;
  Positions rows;
  Positions columns;
  std::vector<double> image;
  std::vector<double> weights;

  void add_terms(Expected& expected, std::int64_t n, std::int64_t y, std::int64_t x, std::int64_t k) const {
    const std::int64_t groups = in[3] / filter[2];
    const std::int64_t group = k / (filter[3] / groups);
    for (std::int64_t r = 0; r < filter[0]; ++r) {
      for (std::int64_t s = 0; s < filter[1]; ++s) {
        const std::int64_t in_y = y * options.strides[1] + r * options.dilations[1] - rows.before;
        const std::int64_t in_x = x * options.strides[2] + s * options.dilations[2] - columns.before;
        if (in_y < 0 || in_y >= in[1] || in_x < 0 || in_x >= in[2]) continue;
        for (std::int64_t c = 0; c < filter[2]; ++c) {
          expected.add(at(expected.shape, n, y, x, k),
                       image[at(in, n, in_y, in_x, group * filter[2] + c)] * weights[at(filter, r, s, c, k)]);
        }
      }
    }
  }
};

Expected judge(const vs::Array& image, const vs::Array& filter, const vs::Conv2DOptions& options) {
  const vs::Shape& in = image.shape();
  const vs::Shape& window = filter.shape();
  const Positions rows =
      positions(in[1], window[0], options.strides[1], options.dilations[1], options.padding);
  const Positions columns =
      positions(in[2], window[1], options.strides[2], options.dilations[2], options.padding);
  Expected expected(vs::Shape{in[0], rows.out, columns.out, window[3]});
  const Judge terms{in, window, options, rows, columns, to_doubles(image), to_doubles(filter)};
  for (std::int64_t n = 0; n < in[0]; ++n) {
    for (std::int64_t y = 0; y < rows.out; ++y) {
      for (std::int64_t x = 0; x < columns.out; ++x) {
        for (std::int64_t k = 0; k < window[3]; ++k) terms.add_terms(expected, n, y, x, k);
      }
    }
  }
  return expected;
}

/// The rounding errors of a sum of so many products, plus bias and residual.
double epsilons(const vs::Shape& filter) {
  return static_cast<double>(filter[0] * filter[1] * filter[2]) + 4;
}

void check_accuracy(const vs::Array& image, const vs::Array& filter, const vs::Conv2DOptions& options,
                    const Expected& expected) {
  BOOST_TEST_CONTEXT("input " << image.description() << ", filter " << filter.shape().to_string()
                              << ", strides " << options.strides[1] << " " << options.strides[2]
                              << ", dilations " << options.dilations[1] << " " << options.dilations[2]
                              << (options.padding == vs::Padding::same ? ", SAME" : ", VALID")) {
    on_every_instruction_set(
        {image, filter},
        [&](const std::vector<vs::Tensor>& inputs) {
          return vs::conv2d(inputs[0], vs::reshape(inputs[1], filter.shape()), options);
        },
        [&](const vs::Array& result) {
          check_close(result, image.dtype(), expected, epsilons(filter.shape()));
        });
  }
}

void check_values(const vs::Array& image, const vs::Array& filter, vs::Conv2DOptions options) {
  Expected expected = judge(image, filter, options);
  if (options.algorithm.empty() || options.algorithm == "automatic") {
    options.accuracy = vs::Accuracy::strict;
    check_accuracy(image, filter, options, expected);
    options.accuracy = vs::Accuracy::fast;
    expected.share_magnitudes();
  }
  check_accuracy(image, filter, options, expected);
}

struct RandomConvolution {
  vs::Shape image;
  vs::Shape filter;
  vs::Conv2DOptions options;
};

RandomConvolution random_convolution(Random& random) {
  const auto small = [&](std::int64_t largest) { return random.integer<std::int64_t>(1, largest); };
  const std::int64_t groups = random.chance(0.5) ? 1 : small(4);
  const std::int64_t group_in = small(random.chance(0.5) ? 3 : 20);
  const std::int64_t group_out = small(random.chance(0.5) ? 5 : 40);
  RandomConvolution result;
  result.filter = {small(5), small(5), group_in, group_out * groups};
  result.options.padding = random.chance(0.5) ? vs::Padding::same : vs::Padding::valid;
  for (const std::size_t axis : {1U, 2U}) {
    result.options.strides[axis] = static_cast<int>(small(3));
    result.options.dilations[axis] = static_cast<int>(random.integer(0, 2) == 0 ? small(3) : 1);
  }
  const auto smallest = [&](int axis) {
    return result.options.padding == vs::Padding::same
               ? 1
               : (result.filter[axis] - 1) * result.options.dilations[static_cast<std::size_t>(axis + 1)] + 1;
  };
  result.image = {small(3), smallest(0) + random.integer(0, 12), smallest(1) + random.integer(0, 12),
                  group_in * groups};
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_agree_with_double_precision) {
  Random random;
  for (int repetition = 0; repetition < 40; ++repetition) {
    BOOST_TEST_CONTEXT("repetition " << repetition) {
      const RandomConvolution convolution = random_convolution(random);
      const vs::DType dtype = repetition % 4 == 0 ? vs::float64 : vs::float32;
      check_values(random_array(random, convolution.image, dtype),
                   random_array(random, convolution.filter, dtype), convolution.options);
    }
  }
}

BOOST_AUTO_TEST_CASE(integers_are_exact) {
  Random random;
  for (int repetition = 0; repetition < 8; ++repetition) {
    const std::int64_t channels = random.integer<std::int64_t>(1, 4);
    const vs::Array image = random_array(random, {2, 7, 6, channels}, vs::int32, -99, 99);
    const vs::Array filter = random_array(random, {3, 2, channels, 5}, vs::int32, -99, 99);
    vs::Graph graph;
    const auto building = graph.as_default();
    const vs::Tensor exact = vs::conv2d(vs::constant(image), vs::constant(filter));
    const vs::Tensor judge =
        vs::conv2d(vs::cast(vs::constant(image), vs::float64), vs::cast(vs::constant(filter), vs::float64));
    vs::Session session(graph);
    BOOST_TEST(session.run(exact).same_bits(session.run(vs::cast(judge, vs::int32))));
  }
}

BOOST_AUTO_TEST_CASE(the_shapes_of_real_layers_agree_with_double_precision) {
  Random random;

  const auto layer = [&](const vs::Shape& image, const vs::Shape& filter, std::array<int, 4> strides) {
    check_values(random_array(random, image, vs::float32), random_array(random, filter, vs::float32),
                 {.strides = strides});
  };
  layer({1, 16, 16, 32}, {5, 5, 32, 32}, {1, 1, 1, 1});
  layer({2, 14, 14, 1}, {5, 5, 1, 32}, {1, 1, 1, 1});
  layer({1, 23, 23, 3}, {7, 7, 3, 64}, {1, 2, 2, 1});
  layer({1, 30, 29, 256}, {3, 3, 256, 32}, {1, 2, 2, 1});  // more scratch than a stack should hold
  layer({1, 9, 9, 64}, {1, 1, 64, 48}, {1, 1, 1, 1});
  layer({1, 9, 9, 64}, {1, 1, 64, 48}, {1, 2, 2, 1});
  layer({1, 15, 15, 32}, {3, 3, 1, 32}, {1, 1, 1, 1});  // depthwise
  layer({1, 15, 15, 32}, {3, 3, 1, 64}, {1, 2, 2, 1});  // depthwise with two outputs a channel
}

BOOST_AUTO_TEST_CASE(bias_residual_and_relu_around_it_give_the_same_values) {
  Random random;
  for (int repetition = 0; repetition < 12; ++repetition) {
    BOOST_TEST_CONTEXT("repetition " << repetition) {
      const RandomConvolution convolution = random_convolution(random);
      const vs::Array image = random_array(random, convolution.image, vs::float32);
      const vs::Array filter = random_array(random, convolution.filter, vs::float32);
      Expected expected = judge(image, filter, convolution.options);
      const vs::Array bias = random_array(random, {convolution.filter[3]}, vs::float32);
      const vs::Array residual = random_array(random, expected.shape, vs::float32);
      const bool with_residual = random.chance(0.5);
      const std::vector<double> of_bias = to_doubles(bias);
      const std::vector<double> of_residual = to_doubles(residual);
      for (std::size_t i = 0; i < expected.values.size(); ++i) {
        expected.add(i, of_bias[i % of_bias.size()]);
        if (with_residual) expected.add(i, of_residual[i]);
        expected.values[i] = std::max(expected.values[i], 0.0);
      }
      const auto check = [&](const vs::Conv2DOptions& options) {
        on_every_instruction_set(
            {image, filter, bias, residual},
            [&](const std::vector<vs::Tensor>& inputs) {
              const vs::Tensor window = vs::reshape(inputs[1], filter.shape());
              const vs::Tensor sum = vs::conv2d(inputs[0], window, options) + inputs[2];
              return vs::relu(with_residual ? sum + inputs[3] : sum);
            },
            [&](const vs::Array& result) {
              check_close(result, vs::float32, expected, epsilons(filter.shape()));
            });
      };
      vs::Conv2DOptions strict = convolution.options;
      strict.accuracy = vs::Accuracy::strict;
      check(strict);
      expected.share_magnitudes();
      check(convolution.options);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_empty_batch_gives_an_empty_result) {
  const vs::Array result =
      evaluate({vs::Array({0, 4, 4, 2}), vs::Array({3, 3, 2, 5})}, [](const std::vector<vs::Tensor>& inputs) {
        return vs::conv2d(inputs[0], vs::reshape(inputs[1], {3, 3, 2, 5}));
      });
  BOOST_TEST(result.shape().to_string() == "[0,4,4,5]");
}

BOOST_AUTO_TEST_CASE(every_algorithm_agrees_where_it_applies) {
  Random random;

  const vs::Array image = random_array(random, {1, 7, 7, 16}, vs::float32);
  const vs::Array filter = random_array(random, {1, 1, 16, 24}, vs::float32);
  for (const char* algorithm : {"", "automatic", "reference"}) {
    check_values(image, filter, {.algorithm = algorithm});
  }
}

BOOST_AUTO_TEST_CASE(one_filter_is_packed_for_each_stride) {
  Random random;
  for (const char* algorithm : {"winograd_2x2", "winograd_4x4", "winograd_1x4"}) {
    for (const std::int64_t size : {3, 5}) {
      const vs::Array image = random_array(random, {1, 24, 24, 16}, vs::float32);
      const vs::Array filter = random_array(random, {size, size, 16, 32}, vs::float32);
      // The strides' results, of one session that has all of them.
      const auto results = [&](const std::vector<int>& strides) {
        vs::Graph graph;
        const auto building = graph.as_default();
        const vs::Tensor weights = vs::get_variable("weights", {.initializer = filter});
        std::vector<vs::Fetch> all;
        for (const int stride : strides) {
          all.push_back(vs::conv2d(vs::constant(image), weights,
                                   {.strides = {1, stride, stride, 1}, .algorithm = algorithm}));
        }
        vs::Session session(graph);
        return session.run({}, all);
      };
      BOOST_TEST_CONTEXT(algorithm << ", " << size << "x" << size) {
        const std::vector<vs::Array> both = results({1, 2});
        BOOST_TEST(both[0].same_bits(results({1})[0]));
        BOOST_TEST(both[1].same_bits(results({2})[0]));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(shapes_that_are_partly_known_are_inferred_as_in_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor filter = vs::placeholder({5, 3, 4, 8});
  const auto shape_of = [&](vs::Shape image, vs::Conv2DOptions options) {
    return vs::conv2d(vs::placeholder(std::move(image)), filter, std::move(options)).shape().to_string();
  };
  BOOST_TEST(shape_of({-1, 64, 64, 4}, {}) == "[?,64,64,8]");
  BOOST_TEST(shape_of({-1, 65, 64, 4}, {.strides = {1, 2, 3, 1}}) == "[?,33,22,8]");
  BOOST_TEST(shape_of({2, 65, 64, 4}, {.strides = {1, 2, 3, 1}, .padding = vs::Padding::valid}) ==
             "[2,31,21,8]");
  BOOST_TEST(shape_of({2, 65, 64, 4}, {.padding = vs::Padding::valid, .dilations = {1, 2, 5, 1}}) ==
             "[2,57,54,8]");
  BOOST_TEST(shape_of({2, -1, 64, 4}, {.padding = vs::Padding::valid}) == "[2,?,62,8]");
  BOOST_TEST(shape_of({-1, -1, -1, 8}, {}) == "[?,?,?,8]");  // two groups
  const vs::Tensor named = vs::conv2d(vs::placeholder({1, 8, 8, 4}), filter);
  BOOST_TEST(named.op().type() == "Conv2D");
  BOOST_TEST(named.op().name().substr(0, 6) == "Conv2D");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused_with_operation_and_line) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor image = vs::placeholder({-1, 8, 8, 4});
  const vs::Tensor filter = vs::placeholder({3, 3, 4, 8});
  const auto operations = graph.operations().size();
  const auto refused = [&](const vs::Tensor& x, const vs::Tensor& f, vs::Conv2DOptions options) {
    return message_of<vs::ValueError>([&] { vs::conv2d(x, f, options); });
  };
  int line = 0;
  const std::string message = message_of<vs::ValueError>([&] {
    line = __LINE__ + 1;
    vs::conv2d(image, filter, {.strides = {1, 0, 1, 1}});
  });
  check_says(message, {"Conv2D", "strides", "[1,0,1,1]", "test_conv2d.cpp:" + std::to_string(line)});
  check_says(refused(image, filter, {.strides = {2, 1, 1, 1}}), {"Conv2D", "strides", "batch"});
  check_says(refused(image, filter, {.dilations = {1, 1, -1, 1}}), {"Conv2D", "dilations", "[1,1,-1,1]"});
  check_says(refused(image, filter, {.algorithm = "magic"}), {"Conv2D", "magic", "direct", "reference"});
  check_says(refused(image, filter, {.padding = vs::Padding::valid, .dilations = {1, 4, 1, 1}}),
             {"Conv2D", "height", "9", "8"});
  BOOST_TEST(graph.operations().size() == operations);
  check_says(refused(vs::placeholder({-1, 8, 8, 6}), filter, {}), {"Conv2D", "[?,8,8,6]", "6", "4"});
  check_says(refused(vs::placeholder({1, 8, 8, 12}), filter, {}), {"Conv2D", "3 groups", "8"});
  const vs::Tensor any_channels = vs::placeholder({1, 8, 8, -1});  // checked by the run
  const vs::Tensor later = vs::conv2d(any_channels, filter);
  vs::Session session(graph);
  check_says(
      message_of<vs::InvalidArgumentError>([&] {
        session.run({{any_channels, vs::Array({1, 8, 8, 6})}, {filter, vs::Array({3, 3, 4, 8})}}, later);
      }),
      {"Conv2D", "[1,8,8,6]", "6", "4"});
  check_says(refused(vs::placeholder({8, 8, 4}), filter, {}), {"Conv2D", "'input'", "rank 4", "[8,8,4]"});
  check_says(refused(image, vs::placeholder({3, 3, 0, 8}), {}), {"Conv2D", "empty"});
  const vs::Tensor integers = vs::placeholder({1, 8, 8, 4}, {.dtype = vs::int32});
  check_says(message_of<vs::TypeError>([&] { vs::conv2d(integers, filter); }), {"Conv2D", "int32[1,8,8,4]"});
}

BOOST_AUTO_TEST_CASE(an_algorithm_that_does_not_apply_is_refused_by_the_run) {
  const vs::Array image({1, 4, 4, 8});
  const vs::Array filter({3, 3, 8, 8});
  const std::string message = message_of<vs::UnimplementedError>([&] {
    evaluate({image, filter}, [](const std::vector<vs::Tensor>& inputs) {
      return vs::conv2d(inputs[0], vs::reshape(inputs[1], {3, 3, 8, 8}), {.algorithm = "pointwise"});
    });
  });
  check_says(message, {"pointwise", "Conv2D", "[3,3,8,8]", "test_conv2d.cpp:"});
}

BOOST_AUTO_TEST_SUITE_END()
