// SPDX-License-Identifier: Apache-2.0
// TensorList: what a function accepts that takes any number of tensors.
#pragma once

#include <varscope/export.hpp>
#include <varscope/tensor.hpp>
#include <varscope/tensor_like.hpp>
#include <varscope/variable.hpp>

#include <initializer_list>
#include <utility>
#include <vector>

namespace varscope {

/// Several tensors: `{a, b}`, what split() gave, or variables, each of which means its value.
class VARSCOPE_API TensorList {
 public:
  TensorList(std::initializer_list<TensorLike> values) : values_(values) {}
  TensorList(std::vector<TensorLike> values) : values_(std::move(values)) {}  // NOLINT: reads as in Python
  TensorList(const std::vector<Tensor>& values)                               // NOLINT: reads as in Python
      : values_(values.begin(), values.end()) {}
  TensorList(const std::vector<Variable>& values)  // NOLINT: reads as in Python
      : values_(values.begin(), values.end()) {}
  const std::vector<TensorLike>& values() const noexcept { return values_; }

 private:
  std::vector<TensorLike> values_;
};

}  // namespace varscope
