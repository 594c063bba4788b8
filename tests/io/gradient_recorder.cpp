// SPDX-License-Identifier: Apache-2.0
#include "gradient_recorder.hpp"

#include <varscope/varscope.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <span>

namespace varscope::testing {

namespace {

Array bytes_of(std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  return Array::of<std::uint8_t>({static_cast<std::int64_t>(text.size())},
                                 std::span<const std::uint8_t>(bytes, text.size()));
}

std::string object(const GradientRecorder::Attributes& attributes) {
  std::string text = "{";
  for (const auto& [name, value] : attributes) {
    if (text.size() > 1) text += ", ";
    text += json(name) + ": " + value;
  }
  return text + "}";
}

bool floating(const Array& array) {
  return array.dtype() == DType::float32 || array.dtype() == DType::float64;
}

}  // namespace

Array GradientRecorder::few_values(const Shape& shape, DType dtype) {
  Array array = random_array(random_, shape, dtype, -3, 4);
  const auto round_down = [](auto values) {
    for (auto& value : values) value = std::min(std::floor(value), decltype(value + 0)(3));
  };
  if (dtype == DType::float32) {
    round_down(array.values<float>());
  } else {
    round_down(array.values<double>());
  }
  return array;
}

Shape GradientRecorder::partly_known(const Shape& shape) {
  const double known = random_.pick<double>({1, 1, 0.5, 0});
  if (known == 0 && random_.chance(0.5)) return Shape::unknown();
  std::vector<std::int64_t> dimensions = shape.dimensions();
  for (std::int64_t& extent : dimensions) {
    if (!random_.chance(known)) extent = unknown_dimension;
  }
  return Shape(std::move(dimensions));
}

void GradientRecorder::record(const std::string& operation, const Attributes& attributes,
                              const std::vector<Array>& inputs, const Build& build) {
  char number[16];
  std::snprintf(number, sizeof number, "%03d_", cases_++);
  const std::string scope = number + operation;
  const auto keep = [&](const char* kind, std::size_t index, const Array& value) {
    variables_.emplace_back(scope + "/" + kind + "/" + std::to_string(index), value);
  };
  variables_.emplace_back(scope + "/attributes", bytes_of(object(attributes)));

  Graph graph;
  const auto building = graph.as_default();
  FeedDict feeds;
  std::vector<std::pair<Variable, Array>> loaded;
  Tensors xs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    keep("inputs", i, inputs[i]);
    const std::string name = "x" + std::to_string(i);
    if (floating(inputs[i]) && random_.chance(0.25)) {
      loaded.emplace_back(get_variable(name, inputs[i].shape(),
                                       {.dtype = inputs[i].dtype(), .initializer = zeros_initializer()}),
                          inputs[i]);
      xs.push_back(loaded.back().first.value());
    } else {
      xs.push_back(placeholder(partly_known(inputs[i].shape()), {.dtype = inputs[i].dtype(), .name = name}));
      feeds.add(xs.back(), inputs[i]);
    }
  }

  const Tensors outputs = build(xs);
  Tensors weights;
  for (const Tensor& output : outputs) {
    weights.push_back(placeholder(output.shape(), {.dtype = output.dtype()}));
  }
  Tensors derivatives;
  if (random_.chance(0.5)) {
    derivatives = gradients(outputs, xs, {.grad_ys = weights});
  } else {
    Tensors sums;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      sums.push_back(reduce_sum(multiply(weights[i], outputs[i])));
    }
    derivatives = gradients(sums, xs);
  }

  Session session(graph);
  session.load(loaded);
  std::vector<Fetch> fetches(outputs.begin(), outputs.end());
  const std::vector<Array> values = session.run(feeds, fetches);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Array weight = random_array(random_, values[i].shape(), values[i].dtype());
    keep("outputs", i, values[i]);
    keep("weights", i, weight);
    feeds.add(weights[i], weight);
  }
  fetches.clear();
  std::vector<std::size_t> inputs_of_fetches;
  for (std::size_t i = 0; i < derivatives.size(); ++i) {
    if (!derivatives[i]) continue;
    fetches.emplace_back(derivatives[i]);
    inputs_of_fetches.push_back(i);
  }
  const std::vector<Array> results = session.run(feeds, fetches);
  for (std::size_t i = 0; i < results.size(); ++i) keep("gradients", inputs_of_fetches[i], results[i]);
}

}  // namespace varscope::testing
