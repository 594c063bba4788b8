// SPDX-License-Identifier: Apache-2.0
// Writes the fuzzer's first inputs: small checkpoints that together use all of the format.
//
//   write_corpus DIRECTORY
#include "checkpoint_writer.hpp"
#include "io/version_1_checkpoint.hpp"

#include <varscope/checkpoint.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace vs = varscope;

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: write_corpus DIRECTORY\n", stderr);
    return 2;
  }
  using Variables = std::vector<std::pair<std::string, vs::Array>>;
  const bool flags[] = {true, false};
  const Variables types = {{"a/f", vs::Array::of<float>({2}, {1, 2})},
                           {"a/d", vs::Array::scalar(1.0)},
                           {"a/b/i", vs::Array::scalar<std::int32_t>(1)},
                           {"b/l", vs::Array::scalar<std::int64_t>(1)},
                           {"b/u", vs::Array::of<std::uint8_t>({1, 3}, {1, 2, 3})},
                           {"m", vs::Array::of<bool>({2}, std::span<const bool>(flags))},
                           {"e", vs::Array(vs::Shape{0, 3}, vs::float32)}};
  const std::string directory = argv[1];
  vs::write_checkpoint(directory + "/empty.h5", {});
  vs::write_checkpoint(directory + "/one.h5", Variables{{"v", vs::Array::scalar(1.0f)}});
  vs::write_checkpoint(directory + "/types.h5", types, {.global_step = 1});
  vs::write_checkpoint(directory + "/names.h5", Variables{{"x//%:.", vs::Array::scalar(1.0f)},
                                                          {"../x/./y", vs::Array::scalar(1.0f)},
                                                          {std::string(300, 'n'), vs::Array::scalar(1.0f)}});
  const varscope::io::ChunkSizes sizes{.smallest_data = 16, .usual_chunk = 64};
  const auto compressed = [&](const char* name, const Variables& variables) {
    varscope::io::write_checkpoint(varscope::io::posix_file_system(), directory + name, variables,
                                   {.global_step = 1, .compression_level = 6}, nullptr, sizes);
  };
  compressed("/chunks.h5", {{"f", vs::Array(vs::Shape{3, 7, 2}, vs::float32)},
                            {"l", vs::Array(vs::Shape{2, 4}, vs::int64)},
                            {"u", vs::Array::of<std::uint8_t>({20}, std::vector<std::uint8_t>(20, 7))},
                            {"m", vs::Array(vs::Shape{2, 3, 40}, vs::boolean)}});
  compressed("/chunk.h5", {{"f", vs::Array(vs::Shape{15}, vs::float32)}});
  // Zeros at the end can be left out (read_untrusted.hpp).
  vs::write_checkpoint(directory + "/blocks.h5",
                       Variables{{"v", vs::Array(vs::Shape{(1 << 18) + 8}, vs::float32)}});
  std::filesystem::resize_file(directory + "/blocks.h5", 1024);
  std::ofstream(directory + "/version_1.h5", std::ios::binary) << varscope::testing::version_1_checkpoint();
  return 0;
}
