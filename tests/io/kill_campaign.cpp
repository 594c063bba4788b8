// SPDX-License-Identifier: Apache-2.0
// Kills a program that saves in a loop, at random moments, again and again: the newest complete checkpoint
// must always load and be right, the others that are there untouched, and what save() had returned must be
// there. The next round goes on from it, in the same directory. Some rounds compress, some do not.
//
//   build-release/tests/io/kill_campaign --count 20000 --directory /dev/shm
//
// Prints a line at the end, and on a terminal how far it is; exit status 1 if anything was wrong.
// VARSCOPE_TEST_SEED repeats the moments.
#include "support/random.hpp"

#include <varscope/varscope.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace vs = varscope;

namespace {

constexpr std::int64_t kElements = 270000;  // of the larger variable: two blocks of data

float element_of(std::int64_t step, std::int64_t variable, std::int64_t index) {
  return static_cast<float>((step * 31 + variable * 7 + index) & 1023);
}

vs::Array value_of(std::int64_t step, std::int64_t variable) {
  vs::Array array = vs::Array::uninitialized({variable == 0 ? kElements : 50}, vs::float32);
  std::int64_t index = 0;
  for (float& element : array.values<float>()) element = element_of(step, variable, index++);
  return array;
}

const std::array<std::string, 3> kNames = {"scope/large", "scope/small", "bias"};

void fail(const std::string& what) {
  throw std::runtime_error(what);
}

/// All of a checkpoint is of one step; returns it.
std::int64_t check_checkpoint(const std::string& path) {
  const vs::CheckpointReader reader(path);
  if (reader.entries().size() != kNames.size() || !reader.global_step())
    fail(path + " has not what was saved");
  for (std::size_t variable = 0; variable < kNames.size(); ++variable) {
    const vs::Array expected = value_of(*reader.global_step(), static_cast<std::int64_t>(variable));
    if (!reader.read(kNames[variable]).same_bits(expected))
      fail(path + ": " + kNames[variable] + " is wrong");
  }
  return *reader.global_step();
}

/// Checks what the killed one left, then saves until it is killed. Reports each step that save() has
/// returned.
void work(const std::string& directory, std::int64_t returned, int report) {
  std::int64_t step = 0;
  const vs::LatestCheckpoint latest = vs::find_latest_checkpoint(directory);
  if (!latest.skipped.empty()) fail(latest.skipped.front().reason);
  if (latest.path) step = check_checkpoint(*latest.path);
  if (step < returned)
    fail("step " + std::to_string(returned) + " was saved, but " + std::to_string(step) + " is found");
  std::vector<std::pair<std::int64_t, std::string>> all;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    const std::string path = file.path();
    if (path.ends_with(".h5")) all.emplace_back(check_checkpoint(path), path);
  }
  std::sort(all.begin(), all.end());

  vs::Graph graph;
  const auto building = graph.as_default();
  std::vector<vs::Variable> variables;
  for (std::size_t k = 0; k < kNames.size(); ++k) {
    variables.push_back(vs::get_variable(kNames[k], value_of(0, static_cast<std::int64_t>(k)).shape()));
  }
  vs::Session session(graph);
  vs::Saver saver({.max_to_keep = 3, .compression_level = static_cast<int>(returned % 2)});
  std::vector<std::string> earlier;
  for (const auto& [number, path] : all) earlier.push_back(path);
  saver.recover_last_checkpoints(earlier);
  if (latest.path) saver.restore(session, *latest.path);
  const auto tell = [&](std::int64_t number) {
    if (::write(report, &number, sizeof number) != sizeof number) ::_exit(2);
  };
  tell(0);  // the saves begin
  for (;;) {
    ++step;
    std::vector<std::pair<vs::Variable, vs::Array>> values;
    for (std::size_t k = 0; k < variables.size(); ++k) {
      values.emplace_back(variables[k], value_of(step, static_cast<std::int64_t>(k)));
    }
    session.load(values);
    saver.save(session, directory + "/m", {.global_step = step});
    tell(step);
  }
}

constexpr const char* kHelp =
    "kill_campaign [--count N] [--directory D]\n"
    "Kills a program that saves in a loop at N random moments (300), in a new folder below D (the system's "
    "for\n"
    "temporary files); checks after each that the newest checkpoint is there and right.\n";

struct Options {
  std::int64_t count = 300;
  std::string directory = std::filesystem::temp_directory_path();
};

/// One round. Returns the last step that was reported, at least `returned`.
std::int64_t kill_once(const std::string& directory, std::int64_t returned, vs::testing::Random& random) {
  int ends[2];
  if (::pipe(ends) != 0) fail("no pipe");
  const pid_t child = ::fork();
  if (child < 0) fail("no process");
  if (child == 0) {
    ::close(ends[0]);
    try {
      work(directory, returned, ends[1]);
    } catch (const std::exception& error) {
      std::printf("%s\n", error.what());
      std::fflush(stdout);
    }
    ::_exit(3);
  }
  ::close(ends[1]);
  // Mostly while it saves; sometimes before, while it still checks and restores.
  std::int64_t step = 0;
  if (random.integer(0, 9) != 0 && ::read(ends[0], &step, sizeof step) != sizeof step) {
    ::waitpid(child, nullptr, 0);
    fail("the program ended by itself");
  }
  std::this_thread::sleep_for(std::chrono::microseconds(random.integer(0, 20000)));
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  while (::read(ends[0], &step, sizeof step) == sizeof step) returned = std::max(returned, step);
  ::close(ends[0]);
  if (!WIFSIGNALED(status)) fail("the program ended by itself");
  return returned;
}

int run(const Options& options) {
  std::string directory = options.directory + "/varscope-kill-" + std::string(6, 'X');  // for mkdtemp()
  if (::mkdtemp(directory.data()) == nullptr) fail("cannot make a directory in " + options.directory);
  std::int64_t returned = 0;
  std::int64_t round = 0;
  try {
    vs::testing::Random random;
    const bool shown = ::isatty(STDERR_FILENO) == 1;
    for (; round < options.count; ++round) {
      returned = kill_once(directory, returned, random);
      if (shown && round % 50 == 49)
        std::fprintf(stderr, "\r%" PRId64 " of %" PRId64 " kills ", round + 1, options.count);
    }
    if (shown) std::fprintf(stderr, "\r%40s\r", "");
    std::printf("%" PRId64 " kills, %" PRId64 " checkpoints saved: 0 lost, 0 wrong\n", round, returned);
  } catch (const std::exception& error) {
    std::printf("round %" PRId64 ": %s; the files are in %s\n", round, error.what(), directory.c_str());
    return 1;
  }
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int k = 1; k < argc; k += 2) {
    const std::string name = argv[k];
    const bool known = name == "--count" || name == "--directory";
    if (!known || k + 1 == argc) {
      std::fputs(kHelp, name == "--help" ? stdout : stderr);
      return name == "--help" ? 0 : 2;
    }
    if (name == "--count") options.count = std::strtoll(argv[k + 1], nullptr, 10);
    if (name == "--directory") options.directory = argv[k + 1];
  }
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
