// SPDX-License-Identifier: Apache-2.0
// Everybody at once on one graph and one session: builders make variables and operations, runners read,
// trainers assign groups of variables, savers save, restorers go back. All variables hold one number in every
// version, so whoever sees two has seen parts of two versions.
//
//   build-release/tests/io/version_stress --seconds 600 --directory /dev/shm
//
// Prints what was done; exit status 1 if anything was wrong. VARSCOPE_TEST_SEED repeats the random choices.
#include "io/temporary_directory.hpp"
#include "support/random.hpp"

#include <varscope/varscope.hpp>

#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace vs = varscope;
using varscope::testing::Random;

namespace {

constexpr int kVariables = 8;
constexpr int kBuiltHere = 500;  // by each builder in the shared graph; from then on in graphs of its own

/// The one number that all elements of all arrays have.
std::int64_t version_of(const std::vector<vs::Array>& arrays) {
  const std::int64_t version = arrays[0].values<std::int64_t>()[0];
  for (const vs::Array& array : arrays) {
    for (const std::int64_t element : array.values<std::int64_t>()) {
      if (element != version) {
        throw std::runtime_error("two versions in one: " + std::to_string(version) + " and " +
                                 std::to_string(element));
      }
    }
  }
  return version;
}

class Stress {
 public:
  explicit Stress(std::string directory) : directory_(std::move(directory)) {
    const auto building = graph_.as_default();
    const auto scope = vs::variable_scope("model");
    for (int number = 0; number < kVariables; ++number) {
      variables_.push_back(vs::get_variable("v" + std::to_string(number), {3 + 50 * number},
                                            {.dtype = vs::int64, .initializer = vs::zeros_initializer()}));
      vs::Array ones = vs::Array::uninitialized(variables_.back().shape(), vs::int64);
      for (std::int64_t& element : ones.values<std::int64_t>()) element = 1;
      assignments_.push_back(vs::assign_add(variables_.back(), vs::constant(ones)).op());
      reads_.push_back(variables_.back().value());
      reads_.push_back(vs::add(variables_.back(), vs::constant(vs::Array::scalar(std::int64_t{0}))));
    }
    saver_.emplace(std::span<const vs::Variable>(variables_));
  }

  /// Gives whether nothing was wrong.
  bool run(std::chrono::seconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    std::vector<std::thread> threads;
    const auto start = [&](std::uint64_t stream, auto step) {
      threads.emplace_back([this, stream, step, end]() mutable {
        Random random(stream);
        try {
          while (std::chrono::steady_clock::now() < end && !failed_) step(random);
        } catch (const std::exception& error) {
          fail(error.what());
        }
      });
    };
    for (std::uint64_t number = 0; number < 2; ++number) {
      start(10 + number, [this](Random& random) { run_once(random); });
      start(20 + number, [this](Random& random) { train(random); });
      start(30 + number,
            [this, built = 0, number](Random& random) mutable { build(number, built++, random); });
    }
    start(40, [this](Random& random) { save(random); });
    start(50, [this](Random& random) { restore(random); });
    for (std::thread& thread : threads) thread.join();
    try {
      version_of(session_.read(variables_));
    } catch (const std::exception& error) {
      fail(error.what());
    }
    return !failed_;
  }

  void report() const {
    std::printf("%" PRIu64 " runs, %" PRIu64 " training steps, %" PRIu64 " restores, %" PRIu64
                " saves, %" PRIu64 " variables built: %s\n",
                runs_.load(), steps_.load(), restores_.load(), saves_.load(), built_.load(),
                failed_ ? "FAILED" : "every run saw exactly one version");
  }

 private:
  void fail(const std::string& what) {
    const std::lock_guard lock(output_);
    if (!failed_.exchange(true)) std::printf("%s\n", what.c_str());
  }

  void run_once(Random& random) {
    if (random.chance(0.2)) {
      version_of(session_.read(variables_));
    } else {
      version_of(session_.run({}, std::vector<vs::Fetch>(reads_.begin(), reads_.end())));
    }
    ++runs_;
  }

  /// One group of assignments, which a run sees as a whole or not at all; sometimes it looks at the result.
  void train(Random& random) {
    std::vector<vs::Fetch> fetches(assignments_.begin(), assignments_.end());
    if (random.chance(0.3)) {
      fetches.insert(fetches.end(), reads_.begin(), reads_.begin() + 1);
      (void)session_.run({}, fetches);
    } else {
      (void)session_.run({}, fetches);
    }
    ++steps_;
    if (random.chance(0.05)) std::this_thread::yield();
  }

  void build(std::uint64_t builder, int number, Random& random) {
    vs::Graph own;
    vs::Graph& graph = number < kBuiltHere ? graph_ : own;
    const auto building = graph.as_default();
    const auto scope = vs::variable_scope("built", {.reuse = vs::AUTO_REUSE});
    const vs::Variable shared = vs::get_variable("shared" + std::to_string(number), {2});
    if (shared.name() != "built/shared" + std::to_string(number) + ":0")
      throw std::runtime_error(shared.name());
    const auto below = vs::variable_scope("builder" + std::to_string(builder));
    const vs::Variable mine =
        vs::get_variable("v" + std::to_string(number), {2}, {.initializer = vs::ones_initializer()});
    const vs::Tensor sum = vs::add(mine, shared);
    ++built_;
    if (&graph == &graph_ && random.chance(0.05)) {
      const vs::Array value = session_.run(vs::subtract(sum, shared));
      if (value.values<float>().size() != 2) throw std::runtime_error("a new operation gives something else");
    }
  }

  void save(Random& random) {
    const std::string path = directory_ + "/stress";
    const std::int64_t number = static_cast<std::int64_t>(++saves_);
    const std::string saved = random.chance(0.5)
                                  ? saver_->save(session_, path, {.global_step = number})
                                  : saver_->save_async(session_, path, {.global_step = number}).wait();
    vs::Session other(graph_);
    saver_->restore(other, saved);
    version_of(other.read(variables_));
    const std::lock_guard lock(output_);
    last_saved_ = saved;
  }

  /// To what was saved last, or to a number of its own.
  void restore(Random& random) {
    std::string path;
    {
      const std::lock_guard lock(output_);
      path = last_saved_;
    }
    if (!path.empty() && random.chance(0.5)) {
      try {
        saver_->restore(session_, path);
      } catch (const vs::Error& error) {
        const bool says_so = error.code() == vs::ErrorCode::not_found || error.code() == vs::ErrorCode::value;
        if (!says_so || std::filesystem::exists(path)) throw;
        return;  // newer ones have taken its place, just now or before we began
      }
    } else {
      const auto version = random.integer<std::int64_t>(0, 1000000);
      std::vector<std::pair<vs::Variable, vs::Array>> values;
      for (const vs::Variable& variable : variables_) {
        vs::Array array = vs::Array::uninitialized(variable.shape(), vs::int64);
        for (std::int64_t& element : array.values<std::int64_t>()) element = version;
        values.emplace_back(variable, std::move(array));
      }
      session_.load(values);
    }
    ++restores_;
    std::this_thread::sleep_for(std::chrono::microseconds(random.integer(0, 2000)));
  }

  const std::string directory_;
  vs::Graph graph_;
  std::vector<vs::Variable> variables_;
  std::vector<vs::Operation> assignments_;
  std::vector<vs::Tensor> reads_;
  vs::Session session_{graph_};
  std::optional<vs::Saver> saver_;  // made when the variables are
  std::mutex output_;
  std::string last_saved_;
  std::atomic<bool> failed_{false};
  std::atomic<std::uint64_t> runs_{0}, steps_{0}, restores_{0}, saves_{0}, built_{0};
};

}  // namespace

int main(int argc, char** argv) {
  std::chrono::seconds time(3);
  std::string directory;
  for (int index = 1; index + 1 < argc; index += 2) {
    const std::string name = argv[index];
    if (name == "--seconds") time = std::chrono::seconds(std::atoi(argv[index + 1]));
    if (name == "--directory") directory = argv[index + 1];
  }
  const varscope::testing::TemporaryDirectory temporary;
  if (directory.empty()) {
    directory = temporary.path();
  } else {
    directory += "/varscope-stress";
    std::filesystem::create_directory(directory);
  }
  try {
    Stress stress(directory);
    const bool good = stress.run(time);
    stress.report();
    return good ? 0 : 1;
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
