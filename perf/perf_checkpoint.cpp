// SPDX-License-Identifier: Apache-2.0
// Saving and restoring: <save|restore>/<variables>x<size>, bytes of values per second. A save ends when the
// file is on the device, so its speed is mostly that of the disk below the working folder.
#include "benchmarks.hpp"

#include <varscope/varscope.hpp>

#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>
#include <unistd.h>

namespace varscope::perf {

namespace {

struct ModelSize {
  const char* name;
  int variables;
  std::int64_t elements;
};
constexpr ModelSize kModelSizes[] = {
    {"1x64MiB", 1, 16 << 20}, {"64x1MiB", 64, 256 << 10}, {"1000x4KiB", 1000, 1 << 10}};

// A model with that many variables, all initialized, and a folder of its own that goes with it.
class SavedModel {
 public:
  explicit SavedModel(const ModelSize& size) {
    std::filesystem::create_directories(folder_);
    const auto building = graph_.as_default();
    for (int at = 0; at < size.variables; ++at) {
      const auto scope = variable_scope("layer" + std::to_string(at));
      get_variable("weights", {size.elements}, {.initializer = constant_initializer(0.5)});
    }
    session_ = std::make_unique<Session>(graph_);
    session_->read(graph_.global_variables());
    bytes_ = static_cast<double>(size.variables) * static_cast<double>(size.elements) * sizeof(float);
  }
  ~SavedModel() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  SavedModel(const SavedModel&) = delete;
  SavedModel& operator=(const SavedModel&) = delete;

  std::string save() { return saver_.save(*session_, (folder_ / "model").string()); }
  void restore(const std::string& path) { saver_.restore(*session_, path); }
  double bytes() const { return bytes_; }

 private:
  std::filesystem::path folder_ = "varscope-perf-" + std::to_string(getpid());
  Graph graph_;
  std::unique_ptr<Session> session_;
  Saver saver_;
  double bytes_ = 0;
};

void set_speed(benchmark::State& state, const SavedModel& model) {
  state.counters["bytes/s"] =
      benchmark::Counter(model.bytes(), benchmark::Counter::kIsIterationInvariantRate);
}

void run_save(benchmark::State& state, const ModelSize& size) {
  SavedModel model(size);
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(model.save());
  set_speed(state, model);
}

void run_restore(benchmark::State& state, const ModelSize& size) {
  SavedModel model(size);
  const std::string path = model.save();
  for ([[maybe_unused]] auto _ : state) model.restore(path);
  set_speed(state, model);
}

}  // namespace

void register_benchmarks() {
  for (const ModelSize& size : kModelSizes) {
    const std::string name = size.name;
    benchmark::RegisterBenchmark(("save/" + name).c_str(), [size](benchmark::State& state) {
      run_save(state, size);
    })->UseRealTime();
    benchmark::RegisterBenchmark(("restore/" + name).c_str(), [size](benchmark::State& state) {
      run_restore(state, size);
    })->UseRealTime();
  }
}

}  // namespace varscope::perf
