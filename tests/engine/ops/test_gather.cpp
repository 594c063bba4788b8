// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/gradient_check.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_gather)

namespace vs = varscope;
using namespace varscope::testing;

BOOST_AUTO_TEST_CASE(rows_are_those_that_the_indices_name) {
  Random random;
  for (int repetition = 0; repetition < 12; ++repetition) {
    const vs::DType dtype =
        random.pick<vs::DType>({vs::float32, vs::float64, vs::int32, vs::int64, vs::uint8});
    const vs::Shape shape = random_shape(random, random.integer(1, 3), 40);
    const vs::Array params = random_array(random, shape, dtype, 0, 99);
    const vs::Array indices =
        random_array(random, random_shape(random, random.integer(1, 2), 30),
                     random.chance(0.5) ? vs::int32 : vs::int64, 0, static_cast<double>(shape[0]));
    std::vector<std::int64_t> dimensions = indices.shape().dimensions();
    dimensions.insert(dimensions.end(), shape.dimensions().begin() + 1, shape.dimensions().end());
    Expected expected{vs::Shape(dimensions)};
    const std::vector<double> of_params = to_doubles(params);
    const std::vector<double> of_indices = to_doubles(indices);
    const std::size_t length = of_params.size() / static_cast<std::size_t>(shape[0]);
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
      expected.values[i] = of_params[static_cast<std::size_t>(of_indices[i / length]) * length + i % length];
    }
    BOOST_TEST_CONTEXT(params.description() << " at " << indices.description()) {
      on_every_instruction_set(
          {params, indices}, [](const auto& in) { return vs::gather(in[0], in[1]); },
          [&](const vs::Array& result) { check_equal(result, dtype, expected); });
    }
  }
}

BOOST_AUTO_TEST_CASE(gradients_are_those_of_differences) {
  Random random;
  const vs::Array indices = vs::Array::of<std::int32_t>({2, 3}, {4, 0, 4, 1, 1, 4});
  check_gradients({random_array(random, {5, 3}, vs::float64)},
                  [&](const auto& in) { return vs::gather(in[0], vs::constant(indices)); });
  check_gradients({random_array(random, {5, 2, 2}, vs::float64)},
                  [&](const auto& in) { return vs::embedding_lookup(in[0], vs::constant(indices)); });
}

BOOST_AUTO_TEST_CASE(gradients_of_many_rows_add_up_in_order) {
  Random random;
  const vs::Array indices = random_array(random, {3000}, vs::int64, 0, 700);
  check_gradients({random_array(random, {700, 1}, vs::float64)},
                  [&](const auto& in) { return vs::gather(in[0], vs::constant(indices)); });
}

BOOST_AUTO_TEST_CASE(an_index_out_of_range_makes_the_run_throw) {
  for (const std::int64_t index : {-1, 4}) {
    check_says(message_of<vs::InvalidArgumentError>([&] {
                 evaluate({vs::Array({4, 2}), vs::Array::of<std::int64_t>({2}, {3, index})},
                          [](const auto& in) { return vs::gather(in[0], in[1]); });
               }),
               {"index", "out of range", "GatherV2", "test_gather.cpp:"});
  }
}

BOOST_AUTO_TEST_CASE(names_shapes_and_refusals) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor params = vs::placeholder({100, 8});
  const vs::Tensor ids = vs::placeholder({-1, 5}, {.dtype = vs::int32});
  const vs::Tensor rows = vs::gather(params, ids);
  BOOST_TEST(rows.op().name() == "GatherV2");
  BOOST_TEST(rows.op().type() == "GatherV2");
  BOOST_TEST(rows.shape().to_string() == "[?,5,8]");
  BOOST_TEST(vs::embedding_lookup(params, ids).op().name() == "embedding_lookup");
  check_says(message_of<vs::ValueError>([&] { vs::gather(vs::placeholder(vs::Shape{}), ids); }),
             {"'params'", "rank of 1", "GatherV2"});
  check_says(message_of<vs::TypeError>([&] { vs::gather(params, params); }), {"indices", "int32", "float32"});
}

BOOST_AUTO_TEST_SUITE_END()
