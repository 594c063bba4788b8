// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_concat)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

/// The shape with another extent along one dimension.
vs::Shape with_extent(const vs::Shape& shape, int axis, std::int64_t extent) {
  std::vector<std::int64_t> dimensions = shape.dimensions();
  dimensions[static_cast<std::size_t>(axis)] = extent;
  return vs::Shape(dimensions);
}

/// Row-major elements of the parts along `axis`, one outer index after the other.
std::vector<double> joined(const std::vector<vs::Array>& parts, int axis) {
  std::vector<double> result;
  std::int64_t outer = 1;
  for (int before = 0; before < axis; ++before) outer *= parts[0].shape()[before];
  for (std::int64_t index = 0; index < outer; ++index) {
    for (const vs::Array& part : parts) {
      const std::vector<double> values = to_doubles(part);
      const auto run = static_cast<std::int64_t>(values.size()) / outer;
      result.insert(result.end(), values.begin() + index * run, values.begin() + (index + 1) * run);
    }
  }
  return result;
}

void check_values(const std::vector<vs::Array>& parts, int axis) {
  std::vector<std::int64_t> sizes;
  std::int64_t sum = 0;
  for (const vs::Array& part : parts) sum += sizes.emplace_back(part.shape()[axis]);
  const vs::DType dtype = parts[0].dtype();
  Expected whole(with_extent(parts[0].shape(), axis, sum));
  whole.values = joined(parts, axis);
  BOOST_TEST_CONTEXT(parts.size() << " of " << parts[0].description() << " along axis " << axis) {
    vs::Array result;
    on_every_instruction_set(
        parts, [&](const std::vector<vs::Tensor>& inputs) { return vs::concat(inputs, axis); },
        [&](const vs::Array& concatenated) {
          check_equal(concatenated, dtype, whole);
          result = concatenated;
        });
    on_every_instruction_set(
        {result},
        [&](const std::vector<vs::Tensor>& inputs) {
          return vs::split(vs::reshape(inputs[0], whole.shape), vs::SplitSizes(sizes), axis);
        },
        [&](const std::vector<vs::Array>& again) {
          BOOST_TEST_REQUIRE(again.size() == parts.size());
          for (std::size_t i = 0; i < parts.size(); ++i) BOOST_TEST(again[i].same_bits(parts[i]));
        });
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(split_is_the_inverse_of_concat) {
  Random random;
  for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64, vs::uint8, vs::boolean}) {
    for (int repetition = 0; repetition < 5; ++repetition) {
      const vs::Shape shape = random_shape(random, random.integer(1, 4), 5);
      const int axis = random.integer(0, shape.rank() - 1);
      std::vector<vs::Array> parts;
      for (int count = random.integer(1, 4); count > 0; --count) {
        parts.push_back(random_array(
            random, with_extent(shape, axis, random.integer<std::int64_t>(count == 1 ? 1 : 0, 5)), dtype, 0,
            2));
      }
      check_values(parts, axis);
    }
  }
  const vs::Array large = random_array(random, {300, 200}, vs::float32);
  check_values({large, large, large}, 0);
  check_values({large, large}, 1);
}

BOOST_AUTO_TEST_CASE(split_cuts_into_equal_parts_and_what_is_left) {
  const vs::Array values = vs::Array::of<float>({6}, {0, 1, 2, 3, 4, 5});
  const auto parts = evaluate_many({values}, [](const std::vector<vs::Tensor>& inputs) {
    const vs::Tensor whole = vs::reshape(inputs[0], {6});
    std::vector<vs::Tensor> result = vs::split(whole, 3);
    for (const vs::Tensor& part : vs::split(whole, {1, -1, 2})) result.push_back(part);
    return result;
  });
  BOOST_TEST_REQUIRE(parts.size() == 6U);
  BOOST_TEST(parts[1].same_bits(vs::Array::of<float>({2}, {2, 3})));
  BOOST_TEST(parts[3].same_bits(vs::Array::of<float>({1}, {0})));
  BOOST_TEST(parts[4].same_bits(vs::Array::of<float>({3}, {1, 2, 3})));
}

BOOST_AUTO_TEST_CASE(names_and_partly_known_shapes_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor a = vs::placeholder({-1, 3});
  const vs::Tensor b = vs::placeholder({2, -1});
  BOOST_TEST(vs::concat({a, b}, 0).shape().to_string() == "[?,3]");
  BOOST_TEST(vs::concat({a, b}, -1).shape().to_string() == "[2,?]");
  BOOST_TEST(vs::concat({a, b}, 0).op().name() == "concat_2");
  const std::vector<vs::Tensor> parts = vs::split(a, {1, 2}, 1);
  BOOST_TEST(parts[1].name() == "split:1");
  BOOST_TEST(parts[1].shape().to_string() == "[?,2]");
  BOOST_TEST(vs::concat(parts, 1).shape().to_string() == "[?,3]");
  BOOST_TEST(vs::split(a, 2)[0].shape().to_string() == "[?,3]");
  BOOST_TEST(vs::split(vs::placeholder(), 2)[1].shape().to_string() == "<unknown>");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused_with_operation_and_line) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor a = vs::placeholder({2, 3});
  const auto concat_refused = [](const vs::TensorList& values, int axis) {
    return message_of<vs::ValueError>([&] { vs::concat(values, axis); });
  };
  int line = 0;
  const std::string message = message_of<vs::ValueError>([&] {
    line = __LINE__ + 1;
    vs::concat({a, vs::placeholder({4, 4})}, 0);
  });
  check_says(message, {"concat", "values_1", "[4,4]", "test_concat.cpp:" + std::to_string(line)});
  check_says(concat_refused({a, vs::placeholder({2})}, 0), {"concat", "values_1", "[2]", "rank 2"});
  check_says(concat_refused({a, a}, 2), {"concat", "axis 2"});
  check_says(concat_refused({}, 0), {"concat", "at least one"});
  check_says(message_of<vs::TypeError>([&] {
               vs::concat({a, vs::placeholder({2, 3}, {.dtype = vs::int32})}, 0);
             }),
             {"concat", "int32[2,3]"});
  const auto split_refused = [&](const vs::SplitSizes& sizes, int axis) {
    return message_of<vs::ValueError>([&] { vs::split(a, sizes, axis); });
  };
  check_says(split_refused(2, 1), {"split", "[2,3]", "2 equal parts"});
  check_says(split_refused({1, 1}, 1), {"split", "[1,1]", "add up to 2"});
  check_says(split_refused({-1, -1}, 1), {"split", "[-1,-1]"});
  check_says(split_refused(0, 0), {"split", "at least one"});
  check_says(split_refused(1, 5), {"split", "axis 5"});
}

BOOST_AUTO_TEST_SUITE_END()
