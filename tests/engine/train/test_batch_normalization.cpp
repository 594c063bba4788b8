// SPDX-License-Identifier: Apache-2.0
// The layer of tf.layers.batch_normalization: names, collections, averages.
#include "support/evaluate.hpp"
#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_batch_normalization)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

struct Fixture {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();
};

std::vector<std::string> names_of(const std::vector<vs::Variable>& variables) {
  std::vector<std::string> names;
  for (const vs::Variable& variable : variables) names.push_back(variable.name());
  return names;
}

using Names = std::vector<std::string>;

/// Of each channel.
struct Statistics {
  std::vector<double> means, variances;
};

Statistics statistics_of(const vs::Array& batch, std::size_t channels, bool corrected) {
  const std::vector<double> x = to_doubles(batch);
  const double n = static_cast<double>(x.size() / channels);
  Statistics result{std::vector<double>(channels), std::vector<double>(channels)};
  for (std::size_t i = 0; i < x.size(); ++i) result.means[i % channels] += x[i] / n;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double distance = x[i] - result.means[i % channels];
    result.variances[i % channels] += distance * distance / (corrected ? n - 1 : n);
  }
  return result;
}

void check_near(const vs::Array& actual, const std::vector<double>& expected, double tolerance) {
  const std::vector<double> is = to_doubles(actual);
  BOOST_REQUIRE(is.size() == expected.size());
  for (std::size_t i = 0; i < is.size(); ++i) {
    BOOST_TEST(std::fabs(is[i] - expected[i]) <= tolerance, is[i] << " instead of " << expected[i]);
  }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(layers, Fixture)

BOOST_AUTO_TEST_CASE(names_and_collections) {
  const vs::Tensor images = vs::placeholder({-1, 8, 8, 3});
  const vs::Tensor first = vs::layers::batch_normalization(images, {.training = true});
  BOOST_TEST(first.op().name() == "batch_normalization/FusedBatchNorm");
  BOOST_TEST(first.shape().to_string() == "[?,8,8,3]");
  const Names variables = {"batch_normalization/gamma:0", "batch_normalization/beta:0",
                           "batch_normalization/moving_mean:0", "batch_normalization/moving_variance:0"};
  BOOST_TEST(names_of(graph.global_variables()) == variables, boost::test_tools::per_element());
  BOOST_TEST((names_of(graph.trainable_variables()) == Names{variables[0], variables[1]}));
  std::vector<vs::Operation> updates = vs::layers::get_update_ops();
  BOOST_REQUIRE(updates.size() == 2);
  BOOST_TEST(updates[0].name() == "batch_normalization/AssignMovingAvg");
  BOOST_TEST(updates[1].name() == "batch_normalization/AssignMovingAvg_1");
  BOOST_TEST(vs::get_collection(vs::GraphKeys::UPDATE_OPS).size() == 2);

  (void)vs::layers::batch_normalization(images);  // no training, no updates
  BOOST_TEST(graph.global_variables()[4].name() == "batch_normalization_1/gamma:0");
  {
    const auto scope = vs::variable_scope("conv1");
    (void)vs::layers::batch_normalization(images, {.training = true, .name = "bn"});
  }
  BOOST_TEST(graph.global_variables()[10].name() == "conv1/bn/moving_mean:0");
  BOOST_TEST(vs::layers::get_update_ops().size() == 4);
  updates = vs::layers::get_update_ops("conv1/");
  BOOST_REQUIRE(updates.size() == 2);
  BOOST_TEST(updates[0].name() == "conv1/bn/AssignMovingAvg");

  vs::add_to_collection(vs::GraphKeys::UPDATE_OPS, first);  // a tensor stands for its operation
  BOOST_TEST((vs::layers::get_update_ops().back() == first.op()));
}

BOOST_AUTO_TEST_CASE(beta_and_gamma_may_be_left_out_or_fixed) {
  const vs::Tensor images = vs::placeholder({2, 2, 2, 3});
  const vs::Tensor rows = vs::placeholder({2, 3});
  for (const vs::Tensor& inputs : {images, rows}) {
    (void)vs::layers::batch_normalization(inputs, {.training = true, .center = false, .scale = false});
  }
  (void)vs::layers::batch_normalization(images, {.trainable = false});
  BOOST_TEST(graph.global_variables().size() == 8);
  BOOST_TEST(graph.trainable_variables().empty());
  vs::Session session(graph);
  const vs::Array image = vs::Array::of<float>({2, 1, 1, 3}, {3, 0, -3, 1, 0, -1});
  const vs::Tensor plain = vs::layers::batch_normalization(
      vs::constant(image), {.training = true, .epsilon = 0.0625, .center = false, .scale = false});
  const double deviation = std::sqrt(1.0625);
  check_near(session.run({}, {plain}), {1 / deviation, 0, -1 / deviation, -1 / deviation, 0, 1 / deviation},
             1e-6);
}

BOOST_AUTO_TEST_CASE(variables_start_as_the_layer_says_and_are_neither_regularized_nor_cut) {
  const auto scope = vs::variable_scope("s", {.initializer = vs::constant_initializer(7.0F),
                                              .regularizer = vs::l2_regularizer(0.5),
                                              .partitioner = vs::fixed_size_partitioner(2)});
  (void)vs::layers::batch_normalization(
      vs::placeholder({2, 2, 2, 4}),
      {.training = true, .moving_mean_initializer = vs::constant_initializer(3.0F), .name = "bn"});
  const std::vector<vs::Variable> variables = graph.global_variables();
  const Names expected = {"s/bn/gamma/part_0:0", "s/bn/gamma/part_1:0", "s/bn/beta/part_0:0",
                          "s/bn/beta/part_1:0",  "s/bn/moving_mean:0",  "s/bn/moving_variance:0"};
  BOOST_TEST(names_of(variables) == expected, boost::test_tools::per_element());
  vs::Session session(graph);
  const std::vector<vs::Array> values = session.read(variables);
  check_near(values[0], {1, 1}, 0);
  check_near(values[2], {0, 0}, 0);
  check_near(values[4], {3, 3, 3, 3}, 0);
  check_near(values[5], {1, 1, 1, 1}, 0);
  for (const vs::Tensor& loss : vs::losses::get_regularization_losses()) {
    BOOST_TEST(loss.name().find("moving") == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(averages_follow_the_batches) {
  Random random(1);
  for (const vs::Shape& shape : {vs::Shape{4, 3, 2, 5}, vs::Shape{9, 5}, vs::Shape{3, 4, 5}}) {
    const bool image = shape.rank() == 4;
    for (const vs::DType dtype : {vs::float32, vs::float64}) {
      vs::Graph own;
      const auto in_own = own.as_default();
      const vs::Tensor x = vs::placeholder(shape, {.dtype = dtype});
      const vs::Tensor y = vs::layers::batch_normalization(x, {.training = true, .momentum = 0.75});
      const vs::Tensor evaluated =
          vs::layers::batch_normalization(x, {.name = "batch_normalization", .reuse = true});
      vs::Session session(own);
      std::vector<double> means(5, 0), variances(5, 1);
      const double tolerance = dtype == vs::float32 ? 1e-5 : 1e-13;
      for (int step = 0; step < 6; ++step) {
        const vs::Array batch = random_array(random, shape, dtype, -1, 3);
        const Statistics statistics = statistics_of(batch, 5, false);
        const Statistics averaged = statistics_of(batch, 5, image);
        const vs::Array result = session.run({{x, batch}}, {y});
        std::vector<double> expected = to_doubles(batch), inferred = expected;
        for (std::size_t i = 0; i < expected.size(); ++i) {
          const std::size_t c = i % 5;
          expected[i] = (expected[i] - statistics.means[c]) / std::sqrt(statistics.variances[c] + 0.001);
          inferred[i] = (inferred[i] - means[c]) / std::sqrt(variances[c] + 0.001);
        }
        check_near(result, expected, tolerance);
        // Running the layer alone moves nothing.
        check_near(session.run({{x, batch}}, {evaluated}), inferred, tolerance);
        (void)session.run({{x, batch}}, vs::group(vs::layers::get_update_ops()));
        for (std::size_t c = 0; c < 5; ++c) {
          means[c] = 0.75 * means[c] + 0.25 * averaged.means[c];
          variances[c] = 0.75 * variances[c] + 0.25 * averaged.variances[c];
        }
        const auto read = session.read({own.global_variables()[2], own.global_variables()[3]});
        check_near(read[0], means, tolerance);
        check_near(read[1], variances, tolerance);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(training_is_the_same_bits_on_any_number_of_threads) {
  Random random(2);
  const vs::Tensor x = vs::placeholder({-1, 16, 16, 8});
  const vs::Tensor target = vs::placeholder({-1, 16, 16, 32});
  const vs::Variable filter = vs::get_variable("filter", {3, 3, 8, 32});
  const vs::Tensor normalized = vs::layers::batch_normalization(vs::conv2d(x, filter), {.training = true});
  const vs::Tensor loss = vs::reduce_mean(vs::square(vs::relu(normalized) - target));
  vs::Operation train;
  {
    const auto after = vs::control_dependencies(vs::layers::get_update_ops());
    train = vs::AdamOptimizer(0.01).minimize(loss);
  }
  const vs::Array batch = random_array(random, {6, 16, 16, 8}, vs::float32);
  const vs::Array wanted = random_array(random, {6, 16, 16, 32}, vs::float32, 0, 1);
  std::vector<std::vector<vs::Array>> values;
  for (const int threads : {1, 2, 4}) {
    vs::Session session(graph, {.intra_op_parallelism_threads = threads});
    const double before = session.run({{x, batch}, {target, wanted}}, {loss}).item();
    for (int step = 0; step < 5; ++step) (void)session.run({{x, batch}, {target, wanted}}, train);
    const double after = session.run({{x, batch}, {target, wanted}}, {loss}).item();
    BOOST_TEST(after < before);
    values.push_back(session.read(graph.global_variables()));
  }
  for (std::size_t i = 0; i < values[0].size(); ++i) {
    BOOST_TEST(values[0][i].same_bits(values[1][i]), graph.global_variables()[i].name());
    BOOST_TEST(values[0][i].same_bits(values[2][i]), graph.global_variables()[i].name());
  }
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
  const auto refused = [](const std::function<void()>& action) { return message_of<vs::ValueError>(action); };
  check_says(refused([&] {
               (void)vs::layers::batch_normalization(vs::placeholder({-1, 2, 2, -1}));
             }),
             {"batch_normalization()", "test_batch_normalization.cpp", "[?,2,2,?]"});
  check_says(refused([&] { (void)vs::layers::batch_normalization(vs::placeholder({3})); }), {"rank"});
  check_says(refused([&] { (void)vs::layers::batch_normalization(vs::placeholder(vs::Shape::unknown())); }),
             {"known rank"});
  const vs::Tensor integers = vs::placeholder({2, 3}, {.dtype = vs::int32});
  check_says(message_of<vs::TypeError>([&] { (void)vs::layers::batch_normalization(integers); }), {"int32"});
  BOOST_TEST(graph.global_variables().empty());
  (void)vs::layers::batch_normalization(vs::placeholder({2, 3}), {.name = "bn"});
  BOOST_CHECK_THROW((void)vs::layers::batch_normalization(vs::placeholder({2, 3}), {.name = "bn"}),
                    vs::ValueError);
  BOOST_CHECK_NO_THROW(
      (void)vs::layers::batch_normalization(vs::placeholder({2, 3}), {.name = "bn", .reuse = true}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
