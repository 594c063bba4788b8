// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

BOOST_AUTO_TEST_SUITE(test_softmax_cross_entropy)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

struct Judged {
  Expected loss;
  Expected backprop;
};

/// `weights`: the labels of each class.
Judged judge(const vs::Array& logits, const std::vector<double>& weights) {
  const auto classes = static_cast<std::size_t>(logits.shape()[logits.shape().rank() - 1]);
  const std::vector<double> x = to_doubles(logits);
  std::vector<std::int64_t> rows = logits.shape().dimensions();
  rows.pop_back();
  Judged judged{Expected(vs::Shape(rows)), Expected(logits.shape())};
  for (std::size_t row = 0; row < x.size() / classes; ++row) {
    const double* first = x.data() + row * classes;
    const double largest = *std::max_element(first, first + classes);
    double sum = 0;
    for (std::size_t j = 0; j < classes; ++j) sum += std::exp(first[j] - largest);
    for (std::size_t j = 0; j < classes; ++j) {
      const std::size_t at = row * classes + j;
      if (weights[at] != 0) judged.loss.add(row, weights[at] * (std::log(sum) + largest - first[j]));
      judged.backprop.add(at, std::exp(first[j] - largest) / sum);
      judged.backprop.add(at, -weights[at]);
    }
    judged.loss.magnitudes[row] += 1;
  }
  return judged;
}

void check_results(const vs::Array& logits, const vs::Array& labels, const std::vector<double>& weights,
                   bool sparse) {
  const Judged judged = judge(logits, weights);
  BOOST_TEST_CONTEXT("logits " << logits.description() << ", labels " << labels.description()) {
    on_every_instruction_set(
        {logits, labels},
        [&](const std::vector<vs::Tensor>& inputs) {
          const vs::Tensor loss = sparse ? vs::sparse_softmax_cross_entropy_with_logits(inputs[1], inputs[0])
                                         : vs::softmax_cross_entropy_with_logits(inputs[1], inputs[0]);
          return std::vector{loss, loss.op().output(1)};
        },
        [&](const std::vector<vs::Array>& results) {
          // As for the softmax, whose differences to the maximum are at most 40 here.
          check_close(results[0], logits.dtype(), judged.loss, 60);
          check_close(results[1], logits.dtype(), judged.backprop, 60);
        });
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_agree_with_double_precision) {
  Random random;
  for (int repetition = 0; repetition < 24; ++repetition) {
    const vs::DType dtype = repetition % 2 == 0 ? vs::float32 : vs::float64;
    const vs::Shape shape =
        repetition < 2 ? vs::Shape{200, 211} : random_shape(random, random.integer(2, 3), 19);
    const std::int64_t classes = shape[shape.rank() - 1];
    const vs::Array logits = random_array(random, shape, dtype, -20, 20);

    vs::Array probabilities = random_array(random, shape, dtype, 0, 1);
    check_results(logits, probabilities, to_doubles(probabilities), false);

    std::vector<std::int64_t> rows = shape.dimensions();
    rows.pop_back();
    const vs::DType label_dtype = random.chance(0.5) ? vs::int32 : vs::int64;
    vs::Array labels = random_array(random, vs::Shape(rows), vs::int64, 0, static_cast<double>(classes));
    std::vector<double> weights(static_cast<std::size_t>(shape.num_elements()));
    std::size_t row = 0;
    for (const std::int64_t label : labels.values<std::int64_t>()) {
      weights[row * static_cast<std::size_t>(classes) + static_cast<std::size_t>(label)] = 1;
      ++row;
    }
    if (label_dtype == vs::int32) {
      vs::Array narrow(labels.shape(), vs::int32);
      std::transform(labels.values<std::int64_t>().begin(), labels.values<std::int64_t>().end(),
                     narrow.values<std::int32_t>().begin(),
                     [](std::int64_t label) { return static_cast<std::int32_t>(label); });
      labels = narrow;
    }
    check_results(logits, labels, weights, true);
  }
}

BOOST_AUTO_TEST_CASE(large_logits_have_finite_losses) {
  const vs::Array logits =
      vs::Array::of<float>({2, 3}, {1000, 0, -1000, 3, 3, -std::numeric_limits<float>::infinity()});
  check_results(logits, vs::Array::of<std::int64_t>({2}, {2, 1}), {0, 0, 1, 0, 1, 0}, true);
  check_results(logits, vs::Array::of<float>({2, 3}, {0, 0.5F, 0.5F, 1, 0, 0}), {0, 0.5, 0.5, 1, 0, 0},
                false);
}

BOOST_AUTO_TEST_CASE(a_label_out_of_range_makes_the_run_throw) {
  for (const std::int64_t label : {-1, 3}) {
    check_says(
        message_of<vs::InvalidArgumentError>([&] {
          evaluate({vs::Array({2, 3}), vs::Array::of<std::int64_t>({2}, {0, label})},
                   [](const std::vector<vs::Tensor>& inputs) {
                     return vs::sparse_softmax_cross_entropy_with_logits(inputs[1], inputs[0]);
                   });
        }),
        {"label", "out of range", "SparseSoftmaxCrossEntropyWithLogits", "test_softmax_cross_entropy.cpp:"});
  }
}

BOOST_AUTO_TEST_CASE(an_empty_batch_gives_an_empty_loss) {
  const vs::Array loss = evaluate({vs::Array({0, 3}), vs::Array({0}, vs::int32)}, [](const auto& inputs) {
    return vs::sparse_softmax_cross_entropy_with_logits(inputs[1], inputs[0]);
  });
  BOOST_TEST(loss.shape().to_string() == "[0]");
}

BOOST_AUTO_TEST_CASE(names_shapes_and_refusals) {
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Tensor logits = vs::placeholder({-1, 10});
  const vs::Tensor labels = vs::placeholder({64}, {.dtype = vs::int64});
  const vs::Tensor sparse = vs::sparse_softmax_cross_entropy_with_logits(labels, logits);
  BOOST_TEST(sparse.op().name() == "SparseSoftmaxCrossEntropyWithLogits");
  BOOST_TEST(sparse.op().type() == "SparseSoftmaxCrossEntropyWithLogits");
  BOOST_TEST(sparse.shape().to_string() == "[64]");
  BOOST_TEST(sparse.op().output(1).shape().to_string() == "[64,10]");
  const vs::Tensor dense = vs::softmax_cross_entropy_with_logits(logits, logits);
  BOOST_TEST(dense.op().name() == "softmax_cross_entropy_with_logits_sg");
  BOOST_TEST(dense.op().type() == "SoftmaxCrossEntropyWithLogits");
  BOOST_TEST(dense.shape().to_string() == "[?]");
  const auto refused = [](const std::function<void()>& action) { return message_of<vs::ValueError>(action); };
  check_says(refused([&] {
               vs::softmax_cross_entropy_with_logits(vs::placeholder({-1, 9}), logits);
             }),
             {"[?,10]", "[?,9]", "same shape"});
  const vs::Tensor column = vs::placeholder({64, 1}, {.dtype = vs::int64});
  check_says(refused([&] { vs::sparse_softmax_cross_entropy_with_logits(column, logits); }),
             {"[64,1]", "[?,10]", "without their last dimension"});
  check_says(refused([&] {
               vs::sparse_softmax_cross_entropy_with_logits(labels, vs::placeholder({64, 0}));
             }),
             {"classes"});
  check_says(message_of<vs::TypeError>([&] { vs::sparse_softmax_cross_entropy_with_logits(logits, logits); }),
             {"labels", "int32", "float32"});
}

BOOST_AUTO_TEST_SUITE_END()
