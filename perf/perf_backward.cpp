// SPDX-License-Identifier: Apache-2.0
// Convolution layers forwards and backwards, batch normalization, and the gradients of pooling:
// <operation>/<instruction set>/<layer>/threads:<n>. Each result is compared with the plain reference before
// it is timed. conv2d_backprop_input and conv2d_backprop_filter do as many operations as conv2d.
#include "conv_layers.hpp"
#include "operation_run.hpp"

#include <varscope/varscope.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>

namespace varscope::perf {

namespace {

// Uniform on [-1, 1), the same on every machine. (Of smooth data convolutions make small numbers, beside
// which the errors of their large terms look wrong.)
Array noise(const Shape& shape, std::uint32_t number) {
  Array array = Array::uninitialized(shape, DType::float32);
  std::uint32_t state = number + 1;
  for (float& value : array.values<float>()) {
    state = state * 1664525U + 1013904223U;  // W. Press et al., "Numerical Recipes", section 7.1
    value = static_cast<float>(state >> 8U) * 0x1p-23F - 1.0F;
  }
  return array;
}

std::vector<OperationCase> layer_cases(const tools::ConvLayer& layer) {
  const auto stride = static_cast<int>(layer.stride);
  const auto dilation = static_cast<int>(layer.dilation);
  const Conv2DOptions options = {
      .strides = {1, stride, stride, 1},
      .padding = layer.padding == tools::ConvPadding::same ? Padding::same : Padding::valid,
      .dilations = {1, dilation, dilation, 1}};
  const Shape image = layer.input_shape();
  const Shape filter = layer.filter_shape();
  const Shape result = layer.output_shape();
  const double operations = layer.floating_point_operations();
  return {
      {"conv2d",
       layer.name,
       {image, filter},
       [=](const auto& in) { return conv2d(in[0], in[1], options); },
       operations},
      {"conv2d_backprop_input",
       layer.name,
       {filter, result},
       [=](const auto& in) { return conv2d_backprop_input(image, in[0], in[1], options); },
       operations},
      {"conv2d_backprop_filter",
       layer.name,
       {image, result},
       [=](const auto& in) { return conv2d_backprop_filter(in[0], filter, in[1], options); },
       operations},
  };
}

std::vector<OperationCase> pooling_cases() {
  std::vector<OperationCase> cases;
  for (const int size : {2, 3}) {
    const PoolOptions options = {.ksize = {1, size, size, 1}, .padding = Padding::same};
    const Shape image{64, 28, 28, 32};
    const Shape result{64, 14, 14, 32};
    const std::string name = "28x28x32_b64_" + std::to_string(size) + "x" + std::to_string(size) + "_s2";
    cases.push_back({"max_pool", name, {image}, [=](const auto& in) { return max_pool(in[0], options); }});
    cases.push_back({"max_pool_and_grad", name, {image, result}, [=](const auto& in) {
                       return max_pool_grad(in[0], max_pool(in[0], options), in[1], options);
                     }});
    cases.push_back({"avg_pool_grad", name, {result}, [=](const auto& in) {
                       return avg_pool_grad(image, in[0], options);
                     }});
  }
  return cases;
}

std::vector<OperationCase> batch_norm_cases() {
  std::vector<OperationCase> cases;
  for (const Shape& image : {Shape{64, 32, 32, 64}, Shape{32, 14, 14, 256}, Shape{64, 32, 32, 3}}) {
    const Shape channels{image[3]};
    const std::string name = std::to_string(image[1]) + "x" + std::to_string(image[2]) + "x" +
                             std::to_string(image[3]) + "_b" + std::to_string(image[0]);
    cases.push_back({"fused_batch_norm", name, {image, channels}, [](const auto& in) {
                       return fused_batch_norm(in[0], in[1], in[1]).y;
                     }});
    cases.push_back({"fused_batch_norm_inference", name, {image, channels}, [](const auto& in) {
                       return fused_batch_norm(
                                  in[0], in[1], in[1],
                                  {.mean = in[1], .variance = square(in[1]), .is_training = false})
                           .y;
                     }});
    cases.push_back({"fused_batch_norm_grad", name, {image, image, channels}, [](const auto& in) {
                       return fused_batch_norm_grad(in[0], in[1], in[2], in[2], square(in[2])).x;
                     }});
  }
  return cases;
}

}  // namespace

void register_benchmarks() {
  const char* given = std::getenv("VARSCOPE_PERF_LAYERS");
  std::vector<OperationCase> cases = pooling_cases();
  for (OperationCase& of : batch_norm_cases()) cases.push_back(std::move(of));
  for (const tools::ConvLayer& layer :
       tools::read_conv_layers(given != nullptr ? given : VARSCOPE_LAYER_FILE)) {
    for (OperationCase& of : layer_cases(layer)) cases.push_back(std::move(of));
  }
  for (const OperationCase& of : cases) {
    for (const int threads : measured_thread_counts()) {
      for (const std::string& isa : measured_instruction_sets()) {
        const std::string name =
            of.operation + "/" + isa + "/" + of.size + "/threads:" + std::to_string(threads);
        benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
          run_case(state, of, noise, isa, threads);
        })->UseRealTime();
      }
    }
  }
}

}  // namespace varscope::perf
