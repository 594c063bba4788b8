// SPDX-License-Identifier: Apache-2.0
// Kills a program that trains, at random moments, and starts it again until it has come to its end: the final
// weights and slots must have the bits of a training that nobody killed. The program saves every few steps
// and goes on from the latest checkpoint, with the batches that come next.
//
//   build-release/tests/io/resume_campaign --kills 100 --directory /dev/shm
//
// Also trains on 1, 2 and 4 threads, with the same bits. Prints a line at the end, and on a terminal how far
// it is; exit status 1 if anything was wrong. VARSCOPE_TEST_SEED repeats the moments.
#include "support/random.hpp"

#include <varscope/varscope.hpp>

#include <chrono>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace vs = varscope;

namespace {

constexpr const char* kHelp =
    "resume_campaign [--kills N] [--directory D]\n"
    "Kills a program that trains at N random moments at least (100), and lets it go on from its checkpoints, "
    "in\n"
    "new folders below D (the system's for temporary files); compares what comes out with a training that "
    "was\n"
    "never killed, bit by bit.\n";

constexpr std::int64_t kSteps = 120;
constexpr std::int64_t kSavedEvery = 4;

void fail(const std::string& what) {
  throw std::runtime_error(what);
}

/// A network with everything that has to be in a checkpoint: slots, powers, averages, the global step,
/// dropout.
struct Training {
  explicit Training(int threads) : building(graph.as_default()) {
    vs::set_random_seed(7);
    images = vs::placeholder({-1, 8, 8, 3}, {.name = "images"});
    labels = vs::placeholder({-1}, {.dtype = vs::int32, .name = "labels"});
    step = vs::create_global_step();
    const vs::Tensor features = vs::dropout(hidden(images), 0.5, {.step = step.value()});
    const vs::Tensor logits = vs::matmul(features, vs::get_variable("out/weights", {64, 4}));
    const vs::Tensor loss = vs::reduce_mean(vs::sparse_softmax_cross_entropy_with_logits(labels, logits));
    vs::AdamOptimizer optimizer(vs::exponential_decay(0.01, step, 10, 0.9));
    const vs::Operation minimize = optimizer.minimize(loss, {.global_step = step});
    const auto after = vs::control_dependencies({minimize});
    train = vs::ExponentialMovingAverage(0.9, {.num_updates = step}).apply();
    session =
        std::make_unique<vs::Session>(graph, vs::SessionOptions{.intra_op_parallelism_threads = threads});
  }

  std::int64_t steps_made() { return static_cast<std::int64_t>(session->read({step})[0].item()); }

  std::vector<vs::Array> values() { return session->read(graph.global_variables()); }

  vs::Graph graph;
  vs::Graph::AsDefault building;
  vs::Tensor images, labels;
  vs::Variable step;
  vs::Operation train;
  std::unique_ptr<vs::Session> session;

 private:
  static vs::Tensor hidden(const vs::Tensor& input) {
    const auto scope = vs::variable_scope("conv");
    const vs::Tensor filtered = vs::conv2d(input, vs::get_variable("weights", {3, 3, 3, 4}));
    const vs::Tensor biased = vs::bias_add(filtered, vs::get_variable("biases", {4}));
    return vs::reshape(vs::max_pool(vs::relu(biased)), {-1, 64});
  }
};

vs::BatchIterator make_batches() {
  constexpr std::int64_t kExamples = 50;
  vs::Array images(vs::Shape{kExamples, 8, 8, 3}, vs::uint8);
  vs::Array labels(vs::Shape{kExamples}, vs::int32);
  std::uint32_t number = 1;
  for (std::uint8_t& pixel : images.values<std::uint8_t>()) {
    number = number * 1664525U + 1013904223U;  // Numerical Recipes' generator
    pixel = static_cast<std::uint8_t>(number >> 24U);
  }
  for (std::int32_t& label : labels.values<std::int32_t>()) {
    number = number * 1664525U + 1013904223U;
    label = static_cast<std::int32_t>(number >> 30U);
  }
  return {images,
          labels,
          {.batch_size = 16,
           .seed = 3,
           .shuffle = true,
           .augment = {.random_flip_left_right = true, .per_image_standardization = true}}};
}

/// Trains to the end, from the latest checkpoint in `directory` if there is one; an empty name: without any.
std::vector<vs::Array> train(const std::string& directory, int threads) {
  Training training(threads);
  vs::Saver saver;
  if (!directory.empty()) {
    if (const auto latest = vs::latest_checkpoint(directory)) saver.restore(*training.session, *latest);
  }
  vs::BatchIterator batches = make_batches();
  batches.seek(training.steps_made());
  for (std::int64_t step = training.steps_made(); step < kSteps; ++step) {
    const vs::Batch batch = batches.next();
    (void)training.session->run({{training.images, batch.images}, {training.labels, batch.labels}},
                                training.train);
    if (!directory.empty() && (step + 1) % kSavedEvery == 0) {
      saver.save(*training.session, directory + "/m", {.global_step = step + 1});
    }
  }
  return training.values();
}

void require_same(const std::vector<vs::Array>& expected, const std::vector<vs::Array>& values,
                  const std::string& what) {
  if (values.size() != expected.size()) fail(what + ": there are other variables");
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i].same_bits(expected[i])) fail(what + ": variable " + std::to_string(i) + " has other bits");
  }
}

/// Starts the training in a process of its own and kills it after a while. Whether it had ended by then.
bool train_and_kill(const std::string& directory, int microseconds) {
  const pid_t child = ::fork();
  if (child < 0) fail("no process");
  if (child == 0) {
    int status = 0;
    try {
      (void)train(directory, 1);
    } catch (const std::exception& error) {
      std::printf("%s\n", error.what());
      std::fflush(stdout);
      status = 1;
    }
    ::_exit(status);
  }
  std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) fail("the training failed");
  return WIFEXITED(status);
}

struct Options {
  std::int64_t kills = 100;
  std::string directory = std::filesystem::temp_directory_path();
};

void run(const Options& options) {
  std::string directory = options.directory + "/varscope-resume-" + std::string(6, 'X');  // for mkdtemp()
  if (::mkdtemp(directory.data()) == nullptr) fail("cannot make a directory in " + options.directory);
  vs::testing::Random random;
  std::int64_t kills = 0, trainings = 0;
  // Children first: they must not be made by a process that has threads.
  std::vector<std::string> folders;
  for (; kills < options.kills; ++trainings) {
    folders.push_back(directory + "/" + std::to_string(trainings));
    std::filesystem::create_directory(folders.back());
    while (!train_and_kill(folders.back(), random.integer(0, 40000))) ++kills;
    if (::isatty(STDERR_FILENO) == 1) std::fprintf(stderr, "\r%" PRId64 " kills ", kills);
  }
  const std::vector<vs::Array> expected = train({}, 1);
  for (const std::string& folder : folders) {
    // Nothing is left to be done: what was saved last is the end.
    require_same(expected, train(folder, 1), "after " + std::to_string(kills) + " kills, in " + folder);
  }
  for (const int threads : {2, 4}) {
    require_same(expected, train({}, threads), "on " + std::to_string(threads) + " threads");
  }
  std::printf("%" PRId64 " kills of %" PRId64 " trainings, and 1, 2 and 4 threads: the same bits\n", kills,
              trainings);
  std::filesystem::remove_all(directory);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int k = 1; k < argc; k += 2) {
    const std::string name = argv[k];
    const bool known = name == "--kills" || name == "--directory";
    if (!known || k + 1 == argc) {
      std::fputs(kHelp, name == "--help" ? stdout : stderr);
      return name == "--help" ? 0 : 2;
    }
    if (name == "--kills") options.kills = std::strtoll(argv[k + 1], nullptr, 10);
    if (name == "--directory") options.directory = argv[k + 1];
  }
  try {
    run(options);
    return 0;
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
