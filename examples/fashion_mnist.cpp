// SPDX-License-Identifier: Apache-2.0
// How well a network learns Fashion-MNIST: the accuracy of two networks on the test images, from a seed. A
// training that was stopped goes on with the same bits.
#include "console.hpp"
#include "evaluation.hpp"
#include "fashion_mnist_data.hpp"
#include "fashion_mnist_networks.hpp"
#include "fashion_mnist_options.hpp"
#include "output_folder.hpp"
#include "training_loop.hpp"

#include <varscope/varscope.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

namespace vs = varscope;
using namespace example;

// How each network is trained unless the command line says otherwise.
struct Recipe {
  vs::Tensor (*network)(vs::Tensor images, const Mode& mode);
  std::int64_t epochs;
  double learning_rate;
  bool shifted_images;
  vs::Operation (*minimize)(const vs::Tensor& loss, const vs::Tensor& rate, const vs::Variable& step);
};

vs::Operation with_adam(const vs::Tensor& loss, const vs::Tensor& rate, const vs::Variable& step) {
  return vs::AdamOptimizer(rate).minimize(loss, {.global_step = step});
}

vs::Operation with_momentum(const vs::Tensor& loss, const vs::Tensor& rate, const vs::Variable& step) {
  return vs::MomentumOptimizer(rate, 0.9, {.use_nesterov = true}).minimize(loss, {.global_step = step});
}

Recipe recipe_of(const std::string& network) {
  if (network == "two_convolutions") return {two_convolutions, 6, 0.001, false, with_adam};
  if (network == "small") return {small, 15, 0.1, true, with_momentum};
  throw std::runtime_error("--network is two_convolutions or small, not '" + network + "'");
}

struct Model {
  vs::Graph graph;
  TrainingTower training;
  EvaluationTower evaluation;
};

void build(Model& model, const Recipe& recipe, const Options& options, std::int64_t steps) {
  auto building = model.graph.as_default();
  vs::set_random_seed(static_cast<std::uint64_t>(options.seed));
  const vs::Shape shape{-1, kImageSize, kImageSize, 1};
  TrainingTower& training = model.training;
  training.step = vs::get_or_create_global_step();
  training.images = vs::placeholder(shape, {.name = "images"});
  training.labels = vs::placeholder({-1}, {.dtype = vs::int32, .name = "labels"});
  auto logits = recipe.network(training.images, {.training = true, .step = training.step.value()});
  auto entropies = vs::sparse_softmax_cross_entropy_with_logits(training.labels, logits);
  vs::losses::add_loss(vs::reduce_mean(entropies, {.name = "cross_entropy"}));
  training.loss = vs::losses::get_total_loss();  // with the weight decay of the variables' regularizers
  auto rate = vs::cosine_decay(options.learning_rate.value_or(recipe.learning_rate), training.step, steps);
  {
    auto after = vs::control_dependencies(vs::layers::get_update_ops());  // averages of batch normalization
    training.train = recipe.minimize(training.loss, rate, training.step);
  }

  auto sharing = vs::variable_scope(vs::get_variable_scope(), {.reuse = true});
  auto naming = vs::name_scope("evaluation");
  EvaluationTower& evaluation = model.evaluation;
  evaluation.images = vs::placeholder(shape, {.name = "images"});
  evaluation.logits = recipe.network(evaluation.images, {});
  evaluation.predictions = vs::argmax(evaluation.logits, {.axis = 1, .output_type = vs::int32});
}

std::int64_t parameters_of(const vs::Graph& graph) {
  std::int64_t sum = 0;
  for (const vs::Variable& variable : graph.trainable_variables()) sum += variable.shape().num_elements();
  return sum;
}

int run(const Options& options) {
  const Recipe recipe = recipe_of(options.network);
  const DataSet data = read_data(options);
  vs::BatchIterator batches = training_batches(data, options, recipe.shifted_images);
  const std::int64_t epochs = options.epochs.value_or(recipe.epochs);
  const std::int64_t steps = epochs * batches.batches_per_epoch();
  Model model;
  build(model, recipe, options, steps);
  const std::int64_t parameters = parameters_of(model.graph);

  heading("Train: " + options.network + ", " + count_of(parameters) + " parameters, on " +
          count_of(data.training.labels.num_elements()) + " images, " + std::to_string(epochs) +
          " epochs, seed " + std::to_string(options.seed));
  make_output_folder(options.output);
  vs::Session session(model.graph, {.intra_op_parallelism_threads = options.threads});
  const std::int64_t saved_every = batches.batches_per_epoch();
  train(session, model.training, std::move(batches),
        {.output = options.output,
         .steps = std::min(steps, options.steps.value_or(steps)),
         .steps_between_saves = saved_every,
         .progress_lines = static_cast<std::size_t>(epochs)});

  heading(options.hold_out > 0 ? "Evaluate: training images held out" : "Evaluate: test images");
  const Evaluation evaluation = evaluate(session, model.evaluation, test_batches(data));
  print_evaluation(data, evaluation);
  std::printf("\n%s accuracy %.4f, %lld parameters\n", options.hold_out > 0 ? "held-out" : "test",
              evaluation.accuracy(), static_cast<long long>(parameters));
  return 0;
}

int main(int argc, char** argv) {
  try {
    const Options options = parse_options(argc, argv);
    return options.help ? print_help() : run(options);
  } catch (const std::exception& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "fashion_mnist: %s\n", error.what());
    return 1;
  }
}
