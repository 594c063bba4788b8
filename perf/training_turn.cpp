// SPDX-License-Identifier: Apache-2.0
// One turn of perf/compare_training: trains or runs a network of two convolutions and two dense layers on
// images that are made up, and prints the losses of its steps or the seconds that one takes.
//
//   training_turn losses   NETWORK STEPS THREADS PATH    also writes weights and data to the checkpoint PATH
//   training_turn step     NETWORK STEPS THREADS         median seconds of a training step
//   training_turn inference NETWORK STEPS THREADS        median seconds of a run to the logits
//
// NETWORK is "full" (28x28 images, 32 and 64 filters of 5x5, 1024 hidden units) or "tiny", for tests.
#include <varscope/varscope.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace vs = varscope;

namespace {

constexpr std::int64_t kBatch = 64;
constexpr std::int64_t kClasses = 10;
constexpr std::int64_t kBatches = 25;  // that come in turn
constexpr int kWarmUp = 3;

struct Sizes {
  std::int64_t image, filters1, filters2, hidden;
};

vs::Tensor weights_and_biases(vs::Tensor (*apply)(const vs::Tensor&, const vs::Tensor&),
                              const vs::Tensor& input, const vs::Shape& shape) {
  const vs::Variable weights = vs::get_variable("weights", shape);
  const vs::Variable biases =
      vs::get_variable("biases", {shape[shape.rank() - 1]}, {.initializer = vs::zeros_initializer()});
  return vs::bias_add(apply(input, weights.value()), biases);
}

vs::Tensor convolution(const vs::Tensor& input, std::int64_t channels, std::int64_t filters) {
  const auto apply = [](const vs::Tensor& x, const vs::Tensor& w) { return vs::conv2d(x, w); };
  return vs::max_pool(vs::relu(weights_and_biases(apply, input, {5, 5, channels, filters})));
}

vs::Tensor dense(const vs::Tensor& input, std::int64_t inputs, std::int64_t outputs) {
  const auto apply = [](const vs::Tensor& x, const vs::Tensor& w) { return vs::matmul(x, w); };
  return weights_and_biases(apply, input, {inputs, outputs});
}

struct Network {
  explicit Network(const Sizes& sizes) : building(graph.as_default()) {
    vs::set_random_seed(1);
    images = vs::placeholder({kBatch, sizes.image, sizes.image, 1}, {.name = "images"});
    labels = vs::placeholder({kBatch}, {.dtype = vs::int32, .name = "labels"});
    vs::Tensor value = images;
    {
      const auto scope = vs::variable_scope("conv1");
      value = convolution(value, 1, sizes.filters1);
    }
    {
      const auto scope = vs::variable_scope("conv2");
      value = convolution(value, sizes.filters1, sizes.filters2);
    }
    const std::int64_t pixels = (sizes.image / 4) * (sizes.image / 4);
    {
      const auto scope = vs::variable_scope("dense1");
      const vs::Tensor flat = vs::reshape(value, {-1, pixels * sizes.filters2});
      value = vs::relu(dense(flat, pixels * sizes.filters2, sizes.hidden));
    }
    {
      const auto scope = vs::variable_scope("dense2");
      logits = dense(value, sizes.hidden, kClasses);
    }
    loss = vs::reduce_mean(vs::sparse_softmax_cross_entropy_with_logits(labels, logits));
    train = vs::MomentumOptimizer(0.0005, 0.9).minimize(loss);
  }

  vs::Graph graph;
  vs::Graph::AsDefault building;
  vs::Tensor images, labels, logits, loss;
  vs::Operation train;
};

/// Images of ten kinds, each a pattern of its own under noise; the same for every machine and
/// peer.
std::pair<vs::Array, vs::Array> make_data(const Sizes& sizes) {
  vs::Array images = vs::Array::uninitialized({kBatches * kBatch, sizes.image, sizes.image, 1}, vs::float32);
  vs::Array labels = vs::Array::uninitialized({kBatches * kBatch}, vs::int32);
  std::uint32_t state = 1;
  const auto next = [&state] {  // Marsaglia's xorshift (2003)
    state ^= state << 13U;
    state ^= state >> 17U;
    state ^= state << 5U;
    return static_cast<float>(state >> 8U) / static_cast<float>(1U << 24U) - 0.5F;
  };
  const std::int64_t pixels = sizes.image * sizes.image;
  std::vector<float> patterns(static_cast<std::size_t>(kClasses * pixels));
  for (float& value : patterns) value = next();
  for (std::int64_t k = 0; k < kBatches * kBatch; ++k) {
    const std::int64_t label = k * 7 % kClasses;
    labels.values<std::int32_t>()[static_cast<std::size_t>(k)] = static_cast<std::int32_t>(label);
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
      images.values<float>()[static_cast<std::size_t>(k * pixels + pixel)] =
          patterns[static_cast<std::size_t>(label * pixels + pixel)] + next();
    }
  }
  return {std::move(images), std::move(labels)};
}

/// Elements [at * size, (at + 1) * size) of the first dimension, without a copy.
vs::Array part(const vs::Array& array, std::int64_t at, vs::Shape shape) {
  const auto bytes = static_cast<std::size_t>(shape.num_elements()) * vs::dtype_size(array.dtype());
  vs::Array batch = vs::Array::uninitialized(std::move(shape), array.dtype());
  std::copy_n(static_cast<const char*>(array.data()) + static_cast<std::size_t>(at) * bytes, bytes,
              static_cast<char*>(batch.data()));
  return batch;
}

struct Turn {
  std::string what;
  Sizes sizes;
  int steps;
  int threads;
  std::string path;
};

std::vector<std::vector<vs::Array>> make_feeds(const Turn& turn) {
  const auto [images, labels] = make_data(turn.sizes);
  std::vector<std::vector<vs::Array>> feeds;
  for (std::int64_t at = 0; at < kBatches; ++at) {
    feeds.push_back(
        {part(images, at, {kBatch, turn.sizes.image, turn.sizes.image, 1}), part(labels, at, {kBatch})});
  }
  return feeds;
}

void print_losses(const Turn& turn, Network& network, vs::Session& session) {
  const auto [images, labels] = make_data(turn.sizes);
  std::vector<vs::Variable> variables = network.graph.trainable_variables();
  const std::vector<vs::Array> values = session.read(variables);
  std::vector<std::pair<std::string, vs::Array>> saved = {{"images", images}, {"labels", labels}};
  for (std::size_t i = 0; i < variables.size(); ++i) saved.emplace_back(variables[i].op().name(), values[i]);
  vs::write_checkpoint(turn.path, saved);
  const std::vector<std::vector<vs::Array>> feeds = make_feeds(turn);
  const vs::Callable step =
      session.make_callable({network.images, network.labels}, {network.loss, network.train});
  for (int at = 0; at < turn.steps; ++at) {
    const std::vector<vs::Array>& feed = feeds[static_cast<std::size_t>(at) % feeds.size()];
    std::printf("%.9g\n", step(feed).front().item());
  }
}

double median_seconds(const Turn& turn, Network& network, vs::Session& session) {
  const std::vector<std::vector<vs::Array>> feeds = make_feeds(turn);
  const vs::Callable run = turn.what == "step" ? session.make_callable({network.images, network.labels},
                                                                       {network.loss, network.train})
                                               : session.make_callable({network.images}, {network.logits});
  const std::size_t num_feeds = turn.what == "step" ? 2 : 1;
  std::vector<vs::Array> results(num_feeds);
  std::vector<double> seconds;
  for (int at = 0; at < kWarmUp + turn.steps; ++at) {
    const std::vector<vs::Array>& feed = feeds[static_cast<std::size_t>(at) % feeds.size()];
    const auto start = std::chrono::steady_clock::now();
    run.run_into({feed.data(), num_feeds}, results);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (at >= kWarmUp) seconds.push_back(took.count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2),
                   seconds.end());
  return seconds[seconds.size() / 2];
}

void take(const Turn& turn) {
  Network network(turn.sizes);
  vs::Session session(network.graph, {.intra_op_parallelism_threads = turn.threads});
  if (turn.what == "losses") {
    print_losses(turn, network, session);
  } else {
    std::printf("%.9g\n", median_seconds(turn, network, session));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const bool known = words.size() >= 4 && ((words[0] == "losses" && words.size() == 5) ||
                                           words[0] == "step" || words[0] == "inference");
  if (!known) {
    std::fputs("training_turn losses|step|inference full|tiny STEPS THREADS [PATH]\n", stderr);
    return 2;
  }
  const Sizes sizes = words[1] == "full" ? Sizes{28, 32, 64, 1024} : Sizes{12, 4, 8, 16};
  try {
    take({words[0], sizes, std::atoi(words[2].c_str()), std::atoi(words[3].c_str()),
          words.size() > 4 ? words[4] : std::string()});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "training_turn: %s\n", error.what());
    return 1;
  }
  return 0;
}
