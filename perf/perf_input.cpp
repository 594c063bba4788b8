// SPDX-License-Identifier: Apache-2.0
// Batches for training: batch/<images>/<what happens to them>, images per second that one thread makes. How
// many a network takes is what it is held against.
#include "benchmarks.hpp"

#include <varscope/varscope.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

namespace varscope::perf {

namespace {

struct ImageSize {
  const char* name;
  std::int64_t side;
  std::int64_t channels;
};
constexpr ImageSize kImageSizes[] = {{"28x28x1", 28, 1}, {"32x32x3", 32, 3}};

constexpr std::int64_t kBatchSize = 128;

/// Those of TensorFlow's CIFAR-10 tutorial: a crop of three quarters, and everything else.
ImageAugmentation all_of(const ImageSize& size) {
  return {.height = size.side * 3 / 4,
          .width = size.side * 3 / 4,
          .random_crop = true,
          .random_flip_left_right = true,
          .random_brightness = 63,
          .random_contrast_lower = 0.2F,
          .random_contrast_upper = 1.8F,
          .per_image_standardization = true};
}

/// As many images as MNIST has, with pixels that differ.
Array make_images(const ImageSize& size) {
  Array images({60000, size.side, size.side, size.channels}, DType::uint8);
  std::uint32_t state = 1;
  for (std::uint8_t& pixel : images.values<std::uint8_t>()) {
    state = state * 1664525 + 1013904223;
    pixel = static_cast<std::uint8_t>(state >> 24U);
  }
  return images;
}

/// Made by the measured thread itself, shuffled.
void run_batches(benchmark::State& state, const ImageSize& size, const ImageAugmentation& augment) {
  BatchIterator batches(make_images(size), Array({60000}, DType::int32),
                        {.batch_size = kBatchSize,
                         .seed = 1,
                         .shuffle = true,
                         .drop_remainder = true,
                         .augment = augment,
                         .prefetch = 0});
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(batches.next());
  state.counters["images/s"] =
      benchmark::Counter(static_cast<double>(kBatchSize), benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

void register_benchmarks() {
  for (const ImageSize& size : kImageSizes) {
    const std::string name = std::string("batch/") + size.name;
    benchmark::RegisterBenchmark((name + "/plain").c_str(),
                                 [size](benchmark::State& state) { run_batches(state, size, {}); });
    benchmark::RegisterBenchmark((name + "/augmented").c_str(),
                                 [size](benchmark::State& state) { run_batches(state, size, all_of(size)); });
  }
}

}  // namespace varscope::perf
