// SPDX-License-Identifier: Apache-2.0
// Writes a checkpoint for check_with_h5py.py, which knows by a rule of its own what every element must be:
// element k of the variable number v is (k * 7 + v * 13) % 101 - 50, or of unsigned types 50 more, or of
// bools whether that is odd.
//
//   write_sample PATH                writes the checkpoint
//   write_sample --compressed PATH   writes it compressed
//   write_sample --read PATH         reads another one, and says what is wrong with it
#include <varscope/checkpoint.hpp>
#include <varscope/error.hpp>

#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace vs = varscope;

namespace {

template <typename T>
void fill(vs::Array& array, int variable, int shift) {
  std::int64_t k = 0;
  for (T& element : array.values<T>()) element = static_cast<T>((k++ * 7 + variable * 13) % 101 - shift);
}

vs::Array sample(vs::Shape shape, vs::DType dtype, int variable) {
  vs::Array array(std::move(shape), dtype);
  switch (dtype) {
    case vs::DType::float32:
      fill<float>(array, variable, 50);
      break;
    case vs::DType::float64:
      fill<double>(array, variable, 50);
      break;
    case vs::DType::int32:
      fill<std::int32_t>(array, variable, 50);
      break;
    case vs::DType::int64:
      fill<std::int64_t>(array, variable, 50);
      break;
    case vs::DType::uint8:
      fill<std::uint8_t>(array, variable, 0);
      break;
    case vs::DType::boolean: {
      std::int64_t k = 0;
      for (bool& element : array.values<bool>()) element = ((k++ * 7 + variable * 13) % 101) % 2 != 0;
      break;
    }
  }
  return array;
}

int write(const std::string& path, int compression_level) {
  const std::vector<std::pair<std::string, vs::Array>> variables = {
      {"conv1/weights", sample({5, 5, 3, 32}, vs::float32, 0)},
      {"conv1/weights/Momentum", sample({5, 5, 3, 32}, vs::float64, 1)},
      {"conv1/biases", sample({32}, vs::int32, 2)},
      {"global_step", sample({}, vs::int64, 3)},
      {"foo//pixels", sample({7, 11}, vs::uint8, 4)},
      {"../mask", sample({3, 3}, vs::boolean, 5)},
      {"empty", sample({4, 0}, vs::float32, 6)},
      {"large", sample({700, 1000}, vs::float32, 8)},
      {"100%: \xC3\xA4", sample({2}, vs::float32, 7)},
  };
  vs::write_checkpoint(path, variables, {.global_step = 77, .compression_level = compression_level});
  return 0;
}

int read(const std::string& path) {
  try {
    vs::CheckpointReader(path).verify();
    std::puts("ok");
    return 0;
  } catch (const vs::Error& error) {
    std::printf("%s: %s\n", std::string(vs::error_name(error.code())).c_str(), error.what());
    return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) return write(argv[1], 0);
  if (argc == 3 && std::strcmp(argv[1], "--compressed") == 0) return write(argv[2], 6);
  if (argc == 3 && std::strcmp(argv[1], "--read") == 0) return read(argv[2]);
  return 2;
}
