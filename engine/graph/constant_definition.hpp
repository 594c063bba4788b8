// SPDX-License-Identifier: Apache-2.0
// ConstantDefinition: an operation whose value is known when the graph is built (TensorFlow's Const).
#pragma once

#include "graph/op_definition.hpp"

namespace varscope::detail {

class ConstantDefinition final : public OpDefinition {
 public:
  /// Requires: nobody writes the array's elements from now on.
  explicit ConstantDefinition(Array value) : value_(std::move(value)) {}

  std::string_view type() const noexcept override { return "Const"; }
  std::vector<TensorSpec> infer(std::span<const TensorSpec>) const override {
    return {{value_.dtype(), value_.shape()}};
  }
  std::unique_ptr<Kernel> make_kernel(std::span<const TensorSpec>,
                                      std::span<const TensorSpec>) const override {
    return nullptr;  // never asked: the role says that the value is there already
  }
  OpRole role() const noexcept override { return OpRole::constant; }
  const Array* constant_value() const noexcept override { return &value_; }

 private:
  Array value_;
};

}  // namespace varscope::detail
