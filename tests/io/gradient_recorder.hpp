// SPDX-License-Identifier: Apache-2.0
// Runs single operations on random inputs, with their gradients, and keeps all that another implementation
// needs to judge them, as the variables of a checkpoint: of case 7, an operation "conv2d",
//
//   007_conv2d/attributes          strides, axes and so on, as JSON in bytes
//   007_conv2d/inputs/0, ..        those of float32 and float64 are what is derived by
//   007_conv2d/outputs/0, ..
//   007_conv2d/weights/0, ..       of the outputs, in the sum whose gradients are taken
//   007_conv2d/gradients/0, ..     of the inputs of the same number; missing where nothing flows
#pragma once

#include "support/random_arrays.hpp"

#include <varscope/array.hpp>
#include <varscope/tensor.hpp>

#include <functional>
#include <iomanip>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace varscope::testing {

/// Of numbers, flags, words and lists of them.
template <typename T>
std::string json(const T& value) {
  std::ostringstream text;
  text << std::boolalpha << std::setprecision(17);
  if constexpr (std::is_convertible_v<T, std::string_view>) {
    text << '"' << value << '"';
  } else if constexpr (requires { value.begin(); }) {
    std::string_view separator = "[";
    for (const auto& element : value) text << std::exchange(separator, ", ") << json(element);
    text << (separator == "[" ? "[]" : "]");
  } else {
    text << value;
  }
  return std::move(text).str();
}

class GradientRecorder {
 public:
  using Tensors = std::vector<Tensor>;
  /// The outputs, all of one dtype.
  using Build = std::function<Tensors(const Tensors& inputs)>;
  /// Names, and values from json().
  using Attributes = std::vector<std::pair<std::string, std::string>>;

  /// Which inputs are variables, and how much is known of the shapes while the graph is built, is random.
  void record(const std::string& operation, const Attributes& attributes, const std::vector<Array>& inputs,
              const Build& build);

  const std::vector<std::pair<std::string, Array>>& variables() const noexcept { return variables_; }

  Random& random() noexcept { return random_; }
  /// float32, and now and then float64.
  DType dtype() { return random_.chance(0.25) ? DType::float64 : DType::float32; }
  /// Whole numbers from -3 to 3, many of which are equal.
  Array few_values(const Shape& shape, DType dtype);

 private:
  Shape partly_known(const Shape& shape);

  Random random_;
  int cases_ = 0;
  std::vector<std::pair<std::string, Array>> variables_;
};

// Of each family of operations several random cases.
void record_math(GradientRecorder& recorder);
void record_arrays(GradientRecorder& recorder);
void record_nn(GradientRecorder& recorder);

}  // namespace varscope::testing
