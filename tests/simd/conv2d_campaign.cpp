// SPDX-License-Identifier: Apache-2.0
// A campaign of random convolutions: every algorithm that takes the shape, on every instruction set of the
// machine, with every array beside memory that faults, against sums in double precision.
//
// Each case runs twice. With small integers all sums are exact in float32, so the results must be: bit by
// bit, for Winograd after rounding to the nearest integer. With real numbers the error must be within the
// contract of conv2d_error_factor(). The two runs have their guards on different sides.
//
// The tests run some thousands of cases. After changes to kernels or plans:
//
//   build-release/tests/simd/conv2d_campaign --count 100000 --threads 2
#include "conv2d_campaign_worker.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace varscope::simd::testing;

namespace {

struct Options {
  std::uint64_t seed = 0;
  std::uint64_t first = 0;
  std::uint64_t count = 1000;
  unsigned threads = 1;
};

void print_summary(const Options& options, std::uint64_t done, const Tally& tally, std::int64_t failures) {
  std::printf("%" PRIu64 " descriptors from %" PRIu64 " on, seed %" PRIu64 " (%" PRId64
              " mostly zeros, drawn again); runs and largest error as a share of its bound:",
              done, options.first, options.seed, tally.redrawn);
  for (const auto& [key, record] : tally.records) {
    std::printf(" %s %s %" PRId64 " %.3g,", key.first.c_str(), key.second.c_str(), record.runs, record.worst);
  }
  std::printf(" of them cut by:");
  for (const auto& [name, count] : tally.cuts) std::printf(" %s %" PRId64 ",", name.c_str(), count);
  std::printf(" %" PRId64 " failures\n", failures);
}

int run_campaign(const Options& options) {
  constexpr std::int64_t kMostFailures = 20;  // then all of it is broken
  std::atomic<std::uint64_t> next{0};         // cases; relaxed: they share no memory
  std::atomic<unsigned> working{options.threads};
  std::atomic<std::int64_t> failures{0};
  std::mutex mutex;  // of printing and of all
  Tally all;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.threads; ++i) {
    threads.emplace_back([&] {
      Worker worker(options.seed, [&](const std::string& failure) {
        failures += 1;
        const std::lock_guard lock(mutex);
        std::fprintf(stderr, "FAILED: %s\n", failure.c_str());
      });
      while (failures < kMostFailures) {
        const std::uint64_t number = next.fetch_add(1, std::memory_order_relaxed);
        if (number >= options.count) break;
        worker.run_case(options.first + number);
      }
      const std::lock_guard lock(mutex);
      all.add(worker.tally());
      --working;
    });
  }
  const auto started = [&] { return std::min(next.load(std::memory_order_relaxed), options.count); };
  auto printed = std::chrono::steady_clock::now();
  while (working > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const auto now = std::chrono::steady_clock::now();
    if (now - printed < std::chrono::seconds(1)) continue;
    printed = now;
    std::fprintf(stderr, "%" PRIu64 " of %" PRIu64 " descriptors, %" PRId64 " failures\n", started(),
                 options.count, failures.load());
  }
  for (std::thread& thread : threads) thread.join();
  print_summary(options, started(), all, failures);
  return failures == 0 && started() > 0 ? 0 : 1;
}

constexpr char kHelp[] =
    "conv2d_campaign [--count N] [--seed S] [--first I] [--threads T]\n"
    "\n"
    "Runs random convolutions with every algorithm and instruction set of this machine against sums in "
    "double\n"
    "precision, beside memory that faults. The last line says what ran; status 0 if nothing failed.\n"
    "\n"
    "  --count N    how many cases (1000)\n"
    "  --seed S     which cases; without it VARSCOPE_TEST_SEED, else others each time\n"
    "  --first I    the first case of the seed (0); a failure says how to repeat it alone\n"
    "  --threads T  cases at a time (1)\n";

[[noreturn]] void refuse(const std::string& why) {
  std::fprintf(stderr, "conv2d_campaign: %s; --help lists the options\n", why.c_str());
  std::exit(2);
}

Options parse(int count, char** arguments) {
  Options options;
  bool seed_given = false;
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    if (name == "--help" || name == "-h") {
      std::fputs(kHelp, stdout);
      std::exit(0);
    }
    if (name != "--count" && name != "--seed" && name != "--first" && name != "--threads")
      refuse("unknown option '" + name + "'");
    const std::string text = ++i < count ? arguments[i] : "";
    if (text.empty() || text.size() > 20 || text.find_first_not_of("0123456789") != std::string::npos)
      refuse(name + " needs a number, not '" + text + "'");
    const std::uint64_t value = std::strtoull(text.c_str(), nullptr, 10);
    if (name == "--count") options.count = value;
    if (name == "--first") options.first = value;
    if (name == "--threads")
      options.threads = static_cast<unsigned>(std::clamp<std::uint64_t>(value, 1, 256));
    if (name == "--seed") {
      options.seed = value;
      seed_given = true;
    }
  }
  if (!seed_given) options.seed = varscope::testing::seed();
  return options;
}

}  // namespace

int main(int count, char** arguments) {
  const Options options = parse(count, arguments);
  catch_faults();
  return run_campaign(options);
}
