// SPDX-License-Identifier: Apache-2.0
// The rules of operations that move values, or convert them.
#include "support/gradient_check.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <numeric>
#include <string>

BOOST_AUTO_TEST_SUITE(test_move_gradients)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

using Tensors = std::vector<vs::Tensor>;

std::vector<vs::Array> arrays(Random& random, const std::vector<vs::Shape>& shapes) {
  std::vector<vs::Array> results;
  for (const vs::Shape& shape : shapes) results.push_back(random_array(random, shape, vs::float64));
  return results;
}

/// Something that is not linear, so that the gradients that come in differ from run to run.
vs::Tensor bent(const vs::Tensor& x) {
  return vs::square(x);
}

}  // namespace

BOOST_AUTO_TEST_CASE(reshaped_tensors_agree_with_differences) {
  Random random;
  check_gradients(arrays(random, {{4, 3}}), [](const Tensors& x) {
    return bent(vs::reshape(x[0], {2, -1, 2}));
  });
  check_gradients(arrays(random, {{1}}), [](const Tensors& x) { return bent(vs::reshape(x[0], {})); });
  check_gradients(arrays(random, {{2, 3}}), [](const Tensors& x) { return bent(vs::identity(x[0])); });
}

BOOST_AUTO_TEST_CASE(transposed_tensors_agree_with_differences) {
  Random random(1);
  for (int repetition = 0; repetition < 6; ++repetition) {
    const vs::Shape shape = random_shape(random, random.integer(1, 4), 4);
    std::vector<int> perm(shape.dimensions().size());
    std::iota(perm.begin(), perm.end(), 0);
    for (std::size_t i = 1; i < perm.size(); ++i) std::swap(perm[i], perm[random.integer<std::size_t>(0, i)]);
    if (repetition == 0) perm.clear();
    BOOST_TEST_CONTEXT(shape.to_string()) {
      check_gradients(arrays(random, {shape}),
                      [&](const Tensors& x) { return bent(vs::transpose(x[0], perm)); });
    }
  }
}

BOOST_AUTO_TEST_CASE(joined_tensors_agree_with_differences) {
  Random random(2);
  for (const int axis : {0, 1, -1}) {
    BOOST_TEST_CONTEXT("axis " << axis) {
      std::vector<std::vector<std::int64_t>> parts(3, {2, 3, 2});
      for (auto& part : parts) part[axis < 0 ? 2 : static_cast<std::size_t>(axis)] = random.integer(1, 4);
      check_gradients(arrays(random, {vs::Shape(parts[0]), vs::Shape(parts[1]), vs::Shape(parts[2])}),
                      [&](const Tensors& x) { return bent(vs::concat(x, axis)); });
    }
  }
  check_gradients(arrays(random, {{2, 2}}), [](const Tensors& x) { return bent(vs::concat(x, 0)); });
  check_gradients(arrays(random, {{2, 2}}), [](const Tensors& x) {
    return bent(vs::concat({x[0], x[0]}, 1));
  });
}

BOOST_AUTO_TEST_CASE(parts_of_tensors_agree_with_differences) {
  Random random(3);
  check_gradients(arrays(random, {{4, 3}}), [](const Tensors& x) {
    const Tensors parts = vs::split(x[0], 2, 0);
    return bent(parts[0]) * parts[1];
  });
  check_gradients(arrays(random, {{2, 6}}), [](const Tensors& x) {
    const Tensors parts = vs::split(x[0], {1, -1, 2}, 1);
    return bent(parts[1]);  // nothing depends on the others
  });
}

BOOST_AUTO_TEST_CASE(blocks_agree_with_differences) {
  Random random(4);
  check_gradients(arrays(random, {{4, 5}}), [](const Tensors& x) {
    return bent(vs::slice(x[0], {1, 2}, {2, 3}));
  });
  check_gradients(arrays(random, {{3, 2, 3}}), [](const Tensors& x) {
    return bent(vs::slice(x[0], {0, 1, 0}, {-1, 1, 2}));
  });
  check_gradients(arrays(random, {{3}}), [](const Tensors& x) { return bent(vs::slice(x[0], {1}, {-1})); });
}

BOOST_AUTO_TEST_CASE(padded_tensors_agree_with_differences) {
  Random random(5);
  check_gradients(arrays(random, {{2, 3}}), [](const Tensors& x) {
    return bent(vs::pad(x[0], {{1, 2}, {0, 3}}));
  });
  check_gradients(arrays(random, {{2, 3}}), [](const Tensors& x) {
    return bent(vs::pad(x[0], {{0, 0}, {2, 0}}, {.constant_value = 3}));
  });
}

BOOST_AUTO_TEST_CASE(converted_tensors_agree_with_differences) {
  Random random(6);
  check_gradients(arrays(random, {{2, 3}}),
                  [](const Tensors& x) { return bent(vs::cast(x[0], vs::float64)); });
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor x = vs::placeholder({3}, {.dtype = vs::float32});
  const vs::Tensor of = vs::gradients({vs::cast(x, vs::float64) * 2}, {x})[0];
  BOOST_TEST((of.dtype() == vs::float32));
  BOOST_TEST(of.op().name() == "gradients/Cast_grad/Cast");
  BOOST_TEST(!vs::gradients({vs::cast(vs::cast(x, vs::int32), vs::float32)}, {x})[0]);
}

BOOST_AUTO_TEST_CASE(second_derivatives_are_found) {
  Random random(7);
  const auto check = [&](const std::vector<vs::Shape>& shapes, const Build& build) {
    check_gradients(arrays(random, shapes), [&](const Tensors& x) {
      const vs::Tensor y = build(x);
      return vs::gradients({y * y * y}, {x[0]})[0];
    });
  };
  check({{2, 3}}, [](const Tensors& x) { return vs::reshape(x[0], {-1}); });
  check({{2, 3}}, [](const Tensors& x) { return vs::transpose(x[0]); });
  check({{2, 3}, {1, 3}}, [](const Tensors& x) { return vs::concat(x, 0); });
  check({{2, 4}}, [](const Tensors& x) { return vs::split(x[0], 2, 1)[0]; });
  check({{3, 4}}, [](const Tensors& x) { return vs::slice(x[0], {1, 1}, {-1, 2}); });
  check({{2, 2}}, [](const Tensors& x) { return vs::pad(x[0], {{1, 0}, {0, 2}}); });
  check({{2, 2}}, [](const Tensors& x) { return vs::identity(x[0]); });
}

BOOST_AUTO_TEST_SUITE_END()
