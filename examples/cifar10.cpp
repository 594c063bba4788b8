// SPDX-License-Identifier: Apache-2.0
// The network of TensorFlow's CIFAR-10 tutorial, trained on real images: stopped, resumed, evaluated with
// the moving averages of its weights, and restored by a second process.
#include "cifar10_data.hpp"
#include "cifar10_options.hpp"
#include "cifar10_pictures.hpp"
#include "cifar10_report.hpp"
#include "console.hpp"
#include "output_folder.hpp"
#include "training_loop.hpp"

#include <varscope/varscope.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>

namespace vs = varscope;
using namespace example;

// The layers. They own their variables by name; the scopes around a call decide which ones.
vs::Variable weights(vs::Shape shape, double stddev, double weight_decay) {
  return vs::get_variable("weights", shape,
                          {.initializer = vs::truncated_normal_initializer(0, stddev),
                           .regularizer = vs::l2_regularizer(weight_decay)});
}

vs::Variable biases(std::int64_t units, double start) {
  return vs::get_variable("biases", {units}, {.initializer = vs::constant_initializer(start)});
}

vs::Tensor conv(vs::Tensor images, double bias) {
  auto filters = weights({5, 5, images.shape()[3], 64}, 0.05, 0);
  auto offsets = biases(64, bias);
  return vs::relu(vs::bias_add(vs::conv2d(images, filters), offsets));
}

vs::Tensor pool(vs::Tensor images) {
  return vs::max_pool(images, {.ksize = {1, 3, 3, 1}, .strides = {1, 2, 2, 1}, .padding = vs::Padding::same});
}

vs::Tensor norm(vs::Tensor images) {
  return vs::local_response_normalization(images, {.depth_radius = 4, .alpha = 0.001 / 9, .beta = 0.75});
}

vs::Tensor full(vs::Tensor input, std::int64_t units, double stddev, double weight_decay, double bias) {
  auto matrix = weights({input.shape()[1], units}, stddev, weight_decay);
  auto offsets = biases(units, bias);
  return vs::matmul(input, matrix) + offsets;
}

vs::Tensor inference(vs::Tensor images) {
  vs::Tensor x;
  {
    auto scope = vs::variable_scope("conv1");  // "conv1/weights", "conv1/biases"
    x = norm(pool(conv(images, 0)));
  }
  {
    auto scope = vs::variable_scope("conv2");
    x = pool(norm(conv(x, 0.1)));
  }
  x = vs::reshape(x, {-1, kImageSize / 4 * (kImageSize / 4) * 64});
  {
    auto scope = vs::variable_scope("local3");
    x = vs::relu(full(x, 384, 0.04, 0.004, 0.1));
  }
  {
    auto scope = vs::variable_scope("local4");
    x = vs::relu(full(x, 192, 0.04, 0.004, 0.1));
  }
  auto scope = vs::variable_scope("softmax_linear");
  return full(x, kClasses, 1.0 / 192, 0, 0);
}

struct Model {
  vs::Graph graph;
  TrainingTower training;
  EvaluationTower evaluation;
  vs::Variable filters;
};

void build(Model& model, const DataSet& data, const Options& options, std::uint64_t seed) {
  auto building = model.graph.as_default();
  vs::set_random_seed(seed);
  const vs::Shape shape{-1, kImageSize, kImageSize, data.channels()};
  TrainingTower& training = model.training;
  training.step = vs::get_or_create_global_step();
  training.images = vs::placeholder(shape, {.name = "images"});
  training.labels = vs::placeholder({-1}, {.dtype = vs::int32, .name = "labels"});
  auto entropies = vs::sparse_softmax_cross_entropy_with_logits(training.labels, inference(training.images));
  vs::losses::add_loss(vs::reduce_mean(entropies, {.name = "cross_entropy"}));
  training.loss = vs::losses::get_total_loss();  // with the weight decay of the variables' regularizers

  const auto steps_per_epoch = std::max<std::int64_t>(1, data.training.labels.num_elements() / options.batch);
  auto rate = vs::exponential_decay(options.learning_rate, training.step, 20 * steps_per_epoch, 0.1,
                                    {.staircase = true});
  auto minimize = vs::MomentumOptimizer(rate, 0.9).minimize(training.loss, {.global_step = training.step});
  vs::ExponentialMovingAverage averages(0.9999, {.num_updates = training.step});
  {
    auto after = vs::control_dependencies({minimize});  // averages what the step has made of the weights
    training.train = averages.apply();
  }

  // The second tower finds the variables of the first one, and takes their averages instead.
  const vs::CustomGetter average = [&](const vs::VariableGetter& getter, vs::GetterArguments arguments) {
    return averages.average(getter(std::move(arguments)));
  };
  auto sharing = vs::variable_scope(vs::get_variable_scope(), {.reuse = true, .custom_getter = average});
  auto naming = vs::name_scope("evaluation");
  EvaluationTower& evaluation = model.evaluation;
  evaluation.images = vs::placeholder(shape, {.name = "images"});
  evaluation.logits = inference(evaluation.images);
  evaluation.predictions = vs::argmax(evaluation.logits, {.axis = 1, .output_type = vs::int32});
  model.filters = vs::get_variable("conv1/weights");
}

int train_and_evaluate(const Options& options) {
  const DataSet data = read_data(options);
  print_title(data);
  heading("Build: inference() twice over one set of variables");
  Model model;
  build(model, data, options, 1);
  print_variables(model.graph.trainable_variables());

  print_training_heading(options);
  make_output_folder(options.output);
  vs::Session session(model.graph, {.intra_op_parallelism_threads = options.threads});
  const std::string checkpoint =
      train(session, model.training, training_batches(data, options.batch),
            {.output = options.output, .steps = options.steps, .seconds = options.seconds});

  heading("Evaluate: the moving averages on test images");
  const Evaluation evaluation = evaluate(session, model.evaluation, test_batches(data));
  print_evaluation(data, evaluation);
  draw_confusion(options.output + "/confusion.png", evaluation);
  draw_filters(options.output + "/filters.png", session.read({model.filters})[0]);

  heading("Restore in a second process");
  const int status = compare_in_second_process(options, checkpoint, evaluation);
  if (status == 0) print_next_steps(options, checkpoint);
  return status;
}

// What the second process does: a new model with other random numbers, restored, run on the same images.
int restore_and_compare(const Options& options) {
  const DataSet data = read_data(options);
  Model model;
  build(model, data, options, 2);
  vs::Session session(model.graph, {.intra_op_parallelism_threads = options.threads});
  vs::Saver().restore(session, options.restore);
  return report_comparison(options, evaluate(session, model.evaluation, test_batches(data)));
}

int main(int argc, char** argv) {
  try {
    const Options options = parse_options(argc, argv);
    if (options.help) return print_help();
    return options.restore.empty() ? train_and_evaluate(options) : restore_and_compare(options);
  } catch (const std::exception& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "cifar10: %s\n", error.what());
    return 1;
  }
}
