// SPDX-License-Identifier: Apache-2.0
// One turn of perf/compare_checkpoints: saves or restores a model of many equal variables once, or moves the
// same bytes without any of a checkpoint's work, and prints the seconds that it took. What is restored is
// compared first.
//
//   checkpoint_turn save|restore|save_async|plain_write|plain_read VARIABLES BYTES PATH
//
// PATH is without ".h5"; the plain file is PATH.plain. Bytes are of each variable. 100 variables are in a
// scope.
#include <varscope/varscope.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace vs = varscope;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Model {
  Model(std::int64_t count, std::int64_t bytes) : graph(), building(graph.as_default()), session(graph) {
    for (std::int64_t k = 0; k < count; ++k) {
      const auto scope = vs::variable_scope("layer" + std::to_string(k / 100));
      variables.push_back(vs::get_variable("v" + std::to_string(k % 100), {bytes / 4},
                                           {.initializer = vs::zeros_initializer()}));
    }
  }

  void fill() {
    std::vector<std::pair<vs::Variable, vs::Array>> values;
    std::int64_t number = 0;
    for (const vs::Variable& variable : variables) {
      vs::Array array = vs::Array::uninitialized(variable.shape(), vs::float32);
      std::int64_t index = number++;
      for (float& element : array.values<float>()) element = static_cast<float>(index++ % 8191);
      values.emplace_back(variable, array);
    }
    session.load(values);
  }

  bool is_filled() {
    std::int64_t number = 0;
    for (const vs::Array& array : session.read(variables)) {
      std::int64_t index = number++;
      for (const float element : array.values<float>()) {
        if (element != static_cast<float>(index++ % 8191)) return false;
      }
    }
    return true;
  }

  vs::Graph graph;
  vs::Graph::AsDefault building;
  vs::Session session;
  std::vector<vs::Variable> variables;
};

/// Calls move(offset, size) for all of `total` bytes from two threads, a megabyte at a time.
template <typename Move>
void in_two_threads(std::int64_t total, const Move& move) {
  constexpr std::int64_t kPiece = std::int64_t{1} << 20;
  const auto half = [&](std::int64_t first) {
    for (std::int64_t at = first * kPiece; at < total; at += 2 * kPiece)
      move(at, std::min(kPiece, total - at));
  };
  std::thread other(half, 1);
  half(0);
  other.join();
}

double plain_write(std::int64_t total, const std::string& path) {
  std::vector<char> memory(static_cast<std::size_t>(total), 'x');
  ::unlink(path.c_str());
  const Clock::time_point start = Clock::now();
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0666);
  in_two_threads(total, [&](std::int64_t at, std::int64_t size) {
    if (::pwrite(file, memory.data() + at, static_cast<std::size_t>(size), at) != size) std::abort();
  });
  if (::fdatasync(file) != 0) std::abort();
  ::close(file);
  return seconds_since(start);
}

double plain_read(std::int64_t total, const std::string& path) {
  const Clock::time_point start = Clock::now();
  auto* const memory =
      static_cast<char*>(std::malloc(static_cast<std::size_t>(total)));  // untouched, as in a restore
  const int file = ::open(path.c_str(), O_RDONLY);
  in_two_threads(total, [&](std::int64_t at, std::int64_t size) {
    if (::pread(file, memory + at, static_cast<std::size_t>(size), at) != size) std::abort();
  });
  ::close(file);
  const double seconds = seconds_since(start);
  std::free(memory);
  return seconds;
}

double run(const std::string& turn, std::int64_t count, std::int64_t bytes, const std::string& path) {
  if (turn == "plain_write") return plain_write(count * bytes, path + ".plain");
  if (turn == "plain_read") return plain_read(count * bytes, path + ".plain");
  Model model(count, bytes);
  if (turn == "restore") {
    const Clock::time_point start = Clock::now();
    vs::Saver().restore(model.session, path);
    const double seconds = seconds_since(start);
    if (!model.is_filled()) throw vs::DataLossError("what was restored is not what was saved");
    return seconds;
  }
  model.fill();
  vs::Saver saver;
  if (turn == "save") {
    ::unlink((path + ".h5").c_str());
    const Clock::time_point start = Clock::now();
    saver.save(model.session, path);
    return seconds_since(start);
  }
  if (turn == "save_async") {  // only what the caller waits for
    const Clock::time_point start = Clock::now();
    const vs::SaveHandle handle = saver.save_async(model.session, path + ".async");
    const double seconds = seconds_since(start);
    handle.wait();
    return seconds;
  }
  throw vs::ValueError("unknown turn '" + turn + "'");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: checkpoint_turn save|save_async|restore|plain_write|plain_read VARIABLES BYTES PATH\n",
               stderr);
    return 2;
  }
  try {
    std::printf("%.6f\n", run(argv[1], std::atoll(argv[2]), std::atoll(argv[3]), argv[4]));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "checkpoint_turn: %s\n", error.what());
    return 1;
  }
}
