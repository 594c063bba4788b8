// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_add_n)

namespace vs = varscope;
using namespace varscope::testing;

BOOST_AUTO_TEST_CASE(values_agree_with_double_precision) {
  Random random;
  for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64, vs::uint8}) {
    for (const std::int64_t columns : {1, 7, 2049, 20000}) {
      const vs::Shape shape{2, columns};
      std::vector<vs::Array> inputs;
      Expected expected(shape);
      for (int count = random.integer(1, 6); count > 0; --count) {
        inputs.push_back(random_array(random, shape, dtype, dtype == vs::uint8 ? 0 : -9, 9));
        const std::vector<double> values = to_doubles(inputs.back());
        for (std::size_t i = 0; i < values.size(); ++i) expected.add(i, values[i]);
      }
      BOOST_TEST_CONTEXT(inputs.size() << " of " << inputs[0].description()) {
        on_every_instruction_set(
            inputs, [](const std::vector<vs::Tensor>& tensors) { return vs::add_n(tensors, "sum"); },
            [&](const vs::Array& result) { check_close(result, dtype, expected, 6); });
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(one_tensor_may_be_added_several_times) {
  // The sum may take the memory of what was computed for it alone: not before it has read it twice.
  const vs::Array x = vs::Array::of<float>({3}, {1, 2, 3});
  const vs::Array result = evaluate({x}, [](const std::vector<vs::Tensor>& inputs) {
    const vs::Tensor twice = inputs[0] * 2;
    const vs::Tensor thrice = inputs[0] * 3;
    return vs::add_n({twice, thrice, twice, twice});
  });
  BOOST_TEST(result.same_bits(vs::Array::of<float>({3}, {9, 18, 27})));
}

BOOST_AUTO_TEST_CASE(names_shapes_and_errors_are_those_of_tensorflow) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor x = vs::placeholder({-1, 3});
  const vs::Tensor y = vs::placeholder({2, -1});
  const vs::Tensor sum = vs::add_n({x, y});
  BOOST_TEST(sum.op().name() == "AddN");
  BOOST_TEST(sum.op().type() == "AddN");
  BOOST_TEST(sum.shape().to_string() == "[2,3]");
  BOOST_TEST((vs::add_n({x}) == x));
  BOOST_TEST(vs::add_n({x}, "named").op().name() == "named");
  int line = 0;
  const std::string message = message_of<vs::ValueError>([&] {
    line = __LINE__ + 1;
    vs::add_n({x, vs::placeholder({3})});
  });
  check_says(message, {"AddN", "inputs_1", "float32[3]", "[?,3]", "test_add_n.cpp:" + std::to_string(line)});
  check_says(message_of<vs::ValueError>([] { vs::add_n(std::vector<vs::Tensor>{}); }), {"at least one"});
  check_says(message_of<vs::TypeError>([&] {
               vs::add_n({x, vs::placeholder({2, 3}, {.dtype = vs::float64})});
             }),
             {"inputs_0", "inputs_1", "float64[2,3]"});
  check_says(
      message_of<vs::TypeError>([&] { vs::add_n({vs::placeholder({}, {.dtype = vs::boolean})}, "b"); }),
      {"bool"});
}

BOOST_AUTO_TEST_SUITE_END()
