// SPDX-License-Identifier: Apache-2.0
// OptimizerBody: what one optimizer does to a variable. Each optimizer derives its own, in optimizers.cpp;
// the order of the work, and the names around it, are in optimizer.cpp.
#pragma once

#include "train/slot_variables.hpp"

#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>
#include <varscope/tensor_like.hpp>
#include <varscope/variable.hpp>

#include <string>
#include <vector>

namespace varscope::detail {

/// The gradient of a variable: an array of its shape or, of lookups, the rows that are not zero
/// (ops/indexed_slices.hpp).
struct UpdateGradient {
  Tensor values;
  Tensor rows;  // which they are, as add_update() takes them; empty for all
};

class OptimizerBody {
 public:
  /// Throws ValueError for an empty name.
  explicit OptimizerBody(std::string name);
  virtual ~OptimizerBody() = default;
  OptimizerBody(const OptimizerBody&) = delete;
  OptimizerBody& operator=(const OptimizerBody&) = delete;

  const std::string& name() const noexcept { return name_; }
  const SlotVariables& slots() const noexcept { return slots_; }

  // In the order in which apply_gradients() calls them. The default graph is that of the variables.

  /// Makes the slots that are missing.
  virtual void create_slots(const std::vector<Variable>& /*variables*/, const SourceLocation& /*where*/) {}
  /// Makes tensors of the numbers, inside the optimizer's name scope.
  virtual void prepare(const SourceLocation& where) = 0;
  /// Adds the operation that updates the variable; its output 0 is the new value.
  virtual Operation update(const UpdateGradient& gradient, const Variable& variable,
                           const SourceLocation& where) = 0;
  /// Whether a gradient may be some rows: then the others, and those of the slots, stay as they are.
  virtual bool takes_rows() const noexcept { return true; }
  /// Adds what comes after all updates, and gives that.
  virtual std::vector<Operation> finish(const SourceLocation& /*where*/) { return {}; }

 protected:
  /// A slot whose variable is named after the optimizer.
  Variable slot(const Variable& variable, std::string_view slot_name, const SlotInitializer& initializer,
                const SourceLocation& where) {
    return slots_.get_or_make(variable, slot_name, name_, initializer, where);
  }
  Variable zeros_slot(const Variable& variable, std::string_view slot_name, const SourceLocation& where);
  Variable slot(const Variable& variable, std::string_view slot_name) const {
    return slots_.find(variable, slot_name);
  }
  /// A variable of one for all variables.
  Variable scalar(Graph& graph, const std::string& name, const Array& initial_value,
                  const SourceLocation& where) {
    return slots_.get_or_make_scalar(graph, name, initial_value, where);
  }

 private:
  std::string name_;
  SlotVariables slots_;
};

/// A number of an optimizer as a tensor called `name`: a constant, float32 if it is a number, or the tensor
/// that it is. Throws TypeError unless it is a floating scalar.
Tensor hyperparameter(const TensorLike& value, std::string_view name);

}  // namespace varscope::detail
