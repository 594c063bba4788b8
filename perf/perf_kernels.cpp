// SPDX-License-Identifier: Apache-2.0
// The kernels other than convolution, run as users run them: <operation>/<instruction set>/<size>. Sizes are
// named by the cache of a typical core that inputs and output fit in. Each result is compared with the plain
// reference before it is timed.
#include "operation_run.hpp"

#include <varscope/varscope.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>

namespace varscope::perf {

namespace {

Array smooth_values(const Shape& shape, std::uint32_t /*number*/) {
  Array array = Array::uninitialized(shape, DType::float32);
  double at = 0;
  for (float& value : array.values<float>()) value = static_cast<float>(std::sin(at += 0.7391));
  return array;
}

struct VectorSize {
  const char* name;
  std::int64_t elements;
};
constexpr VectorSize kVectorSizes[] = {
    {"L1", 2 * 1024}, {"L2", 64 * 1024}, {"L3", 1024 * 1024}, {"memory", 32 * 1024 * 1024}};

std::vector<OperationCase> elementwise_cases() {
  std::vector<OperationCase> cases;
  for (const VectorSize& size : kVectorSizes) {
    const std::vector<Shape> one{{size.elements}};
    const std::vector<Shape> two{{size.elements}, {size.elements}};
    cases.push_back({"add", size.name, two, [](auto in) { return add(in[0], in[1]); }});
    cases.push_back({"multiply", size.name, two, [](auto in) { return multiply(in[0], in[1]); }});
    cases.push_back({"relu", size.name, one, [](auto in) { return relu(in[0]); }});
    cases.push_back({"exp", size.name, one, [](auto in) { return exp(in[0]); }});
    cases.push_back({"tanh", size.name, one, [](auto in) { return tanh(in[0]); }});
    cases.push_back({"sigmoid", size.name, one, [](auto in) { return sigmoid(in[0]); }});
    cases.push_back({"reduce_sum", size.name, one, [](auto in) { return reduce_sum(in[0]); }});
  }
  return cases;
}

std::vector<OperationCase> matrix_cases() {
  std::vector<OperationCase> cases;
  for (const std::int64_t size : {64, 256, 1024}) {
    const double products = static_cast<double>(size * size) * static_cast<double>(size);
    cases.push_back({"matmul",
                     std::to_string(size),
                     {{size, size}, {size, size}},
                     [](auto in) { return matmul(in[0], in[1]); },
                     2 * products});
    cases.push_back({"matmul_transpose_b",
                     std::to_string(size),
                     {{size, size}, {size, size}},
                     [](auto in) { return matmul(in[0], in[1], {.transpose_b = true}); },
                     2 * products});
    cases.push_back(
        {"transpose", std::to_string(size), {{size, size}}, [](auto in) { return transpose(in[0]); }});
    cases.push_back(
        {"softmax", std::to_string(size), {{size, size}}, [](auto in) { return softmax(in[0]); }});
    cases.push_back({"reduce_mean_rows", std::to_string(size), {{size, size}}, [](auto in) {
                       return reduce_mean(in[0], {.axis = 1});
                     }});
    cases.push_back({"reduce_max_columns", std::to_string(size), {{size, size}}, [](auto in) {
                       return reduce_max(in[0], {.axis = 0});
                     }});
    cases.push_back({"bias_add", std::to_string(size), {{size, size}, {size}}, [](auto in) {
                       return bias_add(in[0], in[1]);
                     }});
  }
  return cases;
}

std::vector<OperationCase> image_cases() {
  const std::vector<Shape> image{{1, 56, 56, 64}};
  const auto window = [](int size, int stride) {
    return PoolOptions{
        .ksize = {1, size, size, 1}, .strides = {1, stride, stride, 1}, .padding = Padding::same};
  };
  return {
      {"max_pool_3x3_s2", "56x56x64", image, [=](auto in) { return max_pool(in[0], window(3, 2)); }},
      {"max_pool_2x2_s2", "56x56x64", image, [=](auto in) { return max_pool(in[0], window(2, 2)); }},
      {"avg_pool_3x3_s1", "56x56x64", image, [=](auto in) { return avg_pool(in[0], window(3, 1)); }},
      {"transpose_to_nchw", "56x56x64", image,
       [](auto in) {
         return transpose(in[0], {0, 3, 1, 2});
       }},
  };
}

}  // namespace

void register_benchmarks() {
  for (const auto& cases : {elementwise_cases(), matrix_cases(), image_cases()}) {
    for (const OperationCase& of : cases) {
      for (const std::string& isa : measured_instruction_sets())
        benchmark::RegisterBenchmark(
            (of.operation + "/" + isa + "/" + of.size).c_str(),
            [=](benchmark::State& state) { run_case(state, of, smooth_values, isa, 1); });
    }
  }
}

}  // namespace varscope::perf
