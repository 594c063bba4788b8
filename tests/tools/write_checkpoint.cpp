// SPDX-License-Identifier: Apache-2.0
// Writes a small checkpoint with known values for the tests of `varscope inspect`: write_checkpoint FILE
#include <varscope/varscope.hpp>

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

namespace vs = varscope;

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::vector<std::pair<std::string, vs::Array>> variables{
      {"step", vs::Array::scalar<std::int32_t>(7)},
      {"image_filters/conv1/weights", vs::Array::of<float>({2, 3}, {-1.5F, 0.0F, 0.5F, 1.0F, 2.0F, 4.0F})},
      {"image_filters/conv1/biases", vs::Array::of<float>({3}, {0.25F, 0.25F, 0.25F})},
      {"image_filters/conv2/weights", vs::Array::of<double>({2}, {10.0, 20.0})},
      {"image_filters/conv2", vs::Array::of<float>({2}, {1.0F, std::nanf("")})},
      {"image_filters/conv3", vs::Array(vs::Shape{0, 3})},
  };
  vs::write_checkpoint(argv[1], variables, {.global_step = 42});
  return 0;
}
