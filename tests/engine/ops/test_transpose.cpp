// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <numeric>

BOOST_AUTO_TEST_SUITE(test_transpose)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

void check_values(const vs::Array& input, const std::vector<int>& perm) {
  const vs::Shape& in = input.shape();
  std::vector<std::int64_t> dimensions;
  for (const int axis : perm) dimensions.push_back(in[axis]);
  Expected expected{vs::Shape(dimensions)};
  const std::vector<double> values = to_doubles(input);
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    std::vector<std::int64_t> index(perm.size());  // in the input
    auto rest = static_cast<std::int64_t>(i);
    for (std::size_t axis = perm.size(); axis-- > 0;) {
      index[static_cast<std::size_t>(perm[axis])] = rest % dimensions[axis];
      rest /= dimensions[axis];
    }
    std::int64_t at = 0;
    for (int axis = 0; axis < in.rank(); ++axis) at = at * in[axis] + index[static_cast<std::size_t>(axis)];
    expected.values[i] = values[static_cast<std::size_t>(at)];
  }
  std::string list;
  for (const int axis : perm) list += " " + std::to_string(axis);
  BOOST_TEST_CONTEXT(input.description() << " by" << list) {
    on_every_instruction_set(
        {input}, [&](const std::vector<vs::Tensor>& inputs) { return vs::transpose(inputs[0], perm); },
        [&](const vs::Array& result) { check_equal(result, input.dtype(), expected); });
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_are_at_their_places) {
  Random random;
  for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64, vs::uint8, vs::boolean}) {
    for (int repetition = 0; repetition < 8; ++repetition) {
      const vs::Shape shape = random_shape(random, random.integer(1, 5), 6);
      std::vector<int> perm(static_cast<std::size_t>(shape.rank()));
      std::iota(perm.begin(), perm.end(), 0);
      for (std::size_t i = perm.size(); i > 1; --i) {
        std::swap(perm[i - 1], perm[random.integer<std::size_t>(0, i - 1)]);
      }
      check_values(random_array(random, shape, dtype, 0, 2), perm);
    }
  }
}

BOOST_AUTO_TEST_CASE(large_transposes_are_cut_alike) {
  Random random;
  check_values(random_array(random, {131, 1100}, vs::float32), {1, 0});
  check_values(random_array(random, {1100, 67}, vs::int64, 0, 99), {1, 0});
  check_values(random_array(random, {5, 40, 30, 17}, vs::float32), {0, 3, 1, 2});
  check_values(random_array(random, {5, 40, 30, 17}, vs::float32), {0, 2, 1, 3});
  check_values(random_array(random, {20, 30, 7, 11}, vs::float32), {3, 1, 2, 0});
  check_values(vs::Array({3, 0, 2}), {2, 0, 1});
}

BOOST_AUTO_TEST_CASE(names_and_partly_known_shapes_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor input = vs::placeholder({-1, 2, 3});
  BOOST_TEST(vs::transpose(input).op().name() == "transpose");
  BOOST_TEST(vs::transpose(input).shape().to_string() == "[3,2,?]");
  BOOST_TEST(vs::transpose(input, {1, 0, 2}).shape().to_string() == "[2,?,3]");
  BOOST_TEST(vs::transpose(vs::placeholder(), {1, 0}).shape().to_string() == "[?,?]");
  BOOST_TEST(vs::transpose(vs::placeholder()).shape().to_string() == "<unknown>");
  int line = 0;
  const std::string message = message_of<vs::ValueError>([&] {
    line = __LINE__ + 1;
    vs::transpose(input, {0, 1, 1});
  });
  check_says(message, {"transpose", "[0,1,1]", "test_transpose.cpp:" + std::to_string(line)});
  check_says(message_of<vs::ValueError>([&] {
               vs::transpose(input, {1, 0});
             }),
             {"transpose", "[?,2,3]", "rank 2"});
}

BOOST_AUTO_TEST_SUITE_END()
