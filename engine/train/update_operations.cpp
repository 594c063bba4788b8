// SPDX-License-Identifier: Apache-2.0
#include "train/update_operations.hpp"

#include "core/instruction_set.hpp"
#include "graph/operation_builder.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "scope/variable_record.hpp"
#include "train/row_update_kernel.hpp"
#include "train/update_arguments.hpp"

#include <varscope/error.hpp>
#include <varscope/simd/reference/optimizers.hpp>

#include <array>
#include <memory>
#include <span>
#include <string>

namespace varscope::detail {

namespace {

/// Where the inputs of an operation are: the variable first, its slots behind it, then the others; a gradient
/// that is a variable of its own comes right behind the slots. Of a sparse update the gradient is some rows,
/// and the last input which.
class UpdateDefinition final : public OpDefinition {
 public:
  UpdateDefinition(const UpdateRule& rule, bool sparse, std::vector<const VariableRecord*> variables)
      : rule_(rule), sparse_(sparse), variables_(std::move(variables)) {}

  std::string_view type() const noexcept override { return sparse_ ? rule_.sparse_type : rule_.type; }
  OpRole role() const noexcept override { return OpRole::assign_update; }
  std::span<const VariableRecord* const> variables() const noexcept override { return variables_; }

  int changed_rows_input() const noexcept override {
    return sparse_ ? static_cast<int>(num_outputs() + rule_.inputs.size()) : -1;
  }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& variable = inputs[0];
    require_floating(variable, "var");
    for (std::size_t slot = 1; slot < num_outputs(); ++slot) {
      if (inputs[slot] == variable) continue;
      throw ValueError(named(variables_[slot]) + " is " + to_string(inputs[slot]) + ", but " +
                       named(variables_[0]) + " is " + to_string(variable));
    }
    for (std::size_t i = 0; i < rule_.inputs.size(); ++i) {
      const auto& [name, kind] = rule_.inputs[i];
      const TensorSpec& given = inputs[num_outputs() + i];
      require_same_dtype(variable, "var", given, name);
      const Shape wanted = kind != UpdateInput::gradient ? Shape{}
                           : sparse_                     ? with_any_rows(variable.shape)
                                                         : variable.shape;
      if (given.shape.compatible_with(wanted)) continue;
      throw ValueError("'" + std::string(name) + "' is " + to_string(given) + ", but must have the shape " +
                       wanted.to_string() +
                       (kind == UpdateInput::gradient ? " of " + named(variables_[0]) : ""));
    }
    if (sparse_) require_dtype(inputs.back(), "indices", {DType::int64});
    return {inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(num_outputs())};
  }

  std::unique_ptr<Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                      std::span<const TensorSpec>) const override {
    const bool vectorized = inputs[0].dtype == DType::float32;
    const RangeOptions options = {
        .items = inputs[0].shape.num_elements(),
        .items_per_tile = kElementsPerTile,
        .nanoseconds_per_item = rule_.nanoseconds_per_element * (vectorized ? 1 : 4),
        .description = vectorized ? kernel_set().name : "plain"};
    if (vectorized)
      return make_update_kernel<float>(inputs, options, kernel_set().optimizers.*rule_.vectorized);
    static constexpr auto plain = simd::reference::optimizer_functions<double>();
    return visit_element_type<double>(inputs[0].dtype, [&]<typename T>(ElementType<T>) {
      return make_update_kernel<T>(inputs, options, plain.*rule_.plain);
    });
  }

 private:
  std::size_t num_outputs() const noexcept { return 1 + static_cast<std::size_t>(rule_.num_slots); }

  static std::string named(const VariableRecord* record) {
    return "variable " + record->op_name() + " (made at " + varscope::to_string(record->where()) + ")";
  }

  static Shape with_any_rows(const Shape& shape) {
    std::vector<std::int64_t> dimensions = shape.dimensions();
    dimensions[0] = unknown_dimension;
    return Shape(std::move(dimensions));
  }

  template <typename T>
  std::unique_ptr<Kernel> make_update_kernel(std::span<const TensorSpec> inputs, const RangeOptions& options,
                                             simd::OptimizerFunction<T> function) const {
    if (sparse_) {
      return std::make_unique<RowUpdateKernel<T>>(rule_, function, inputs[0].shape,
                                                  inputs.back().shape.num_elements(), options);
    }
    return make_range_kernel(options, [function, &rule = rule_](std::int64_t first, std::int64_t last,
                                                                const KernelArguments& arguments) noexcept {
      const UpdateArguments<T> update(rule, arguments);
      simd::OptimizerArrays<T> arrays = {.variable = input<T>(arguments, 0) + first,
                                         .gradient = update.gradient + first,
                                         .new_variable = output<T>(arguments, 0) + first};
      for (int slot = 0; slot < rule.num_slots; ++slot) {
        arrays.slots[slot] = input<T>(arguments, slot + 1) + first;
        arrays.new_slots[slot] = output<T>(arguments, slot + 1) + first;
      }
      function(arrays, update.numbers, last - first);
      return static_cast<const char*>(nullptr);
    });
  }

  const UpdateRule& rule_;
  const bool sparse_;
  const std::vector<const VariableRecord*> variables_;
};

constexpr NamedUpdateInput kGradientDescentInputs[] = {{"alpha", UpdateInput::learning_rate},
                                                       {"delta", UpdateInput::gradient}};
constexpr NamedUpdateInput kMomentumInputs[] = {
    {"lr", UpdateInput::learning_rate}, {"grad", UpdateInput::gradient}, {"momentum", UpdateInput::momentum}};
constexpr NamedUpdateInput kAdagradInputs[] = {{"lr", UpdateInput::learning_rate},
                                               {"grad", UpdateInput::gradient}};
constexpr NamedUpdateInput kRMSPropInputs[] = {{"lr", UpdateInput::learning_rate},
                                               {"rho", UpdateInput::decay},
                                               {"momentum", UpdateInput::momentum},
                                               {"epsilon", UpdateInput::epsilon},
                                               {"grad", UpdateInput::gradient}};
constexpr NamedUpdateInput kAdamInputs[] = {{"beta1_power", UpdateInput::decay_power},
                                            {"beta2_power", UpdateInput::decay_2_power},
                                            {"lr", UpdateInput::learning_rate},
                                            {"beta1", UpdateInput::decay},
                                            {"beta2", UpdateInput::decay_2},
                                            {"epsilon", UpdateInput::epsilon},
                                            {"grad", UpdateInput::gradient}};
constexpr NamedUpdateInput kMovingAverageInputs[] = {{"value", UpdateInput::gradient},
                                                     {"decay", UpdateInput::decay}};

template <typename T>
using Functions = simd::OptimizerFunctions<T>;

/// The variables themselves, then the other inputs; of a sparse update `rows` behind those.
Operation build_update(const UpdateRule& rule, const std::vector<Variable>& variables,
                       std::vector<Tensor> others, const Tensor& rows, const SourceLocation& where) {
  const bool sparse = static_cast<bool>(rows);
  if (sparse) others.push_back(rows);
  std::vector<const VariableRecord*> records;
  std::vector<TensorLike> values;
  for (const Variable& variable : variables) {
    values.emplace_back(variable.initializer().inputs().front(), where);  // throws unless it is a single one
    records.push_back(variable.record());
  }
  for (const Tensor& other : others) values.emplace_back(other, where);
  std::vector<NamedInput> inputs;
  const std::size_t num_set = 1 + static_cast<std::size_t>(rule.num_slots);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t behind = i - num_set;
    inputs.push_back({i < num_set                    ? "var"
                      : behind == rule.inputs.size() ? "indices"
                                                     : rule.inputs[behind].name,
                      &values[i]});
  }
  return add_operation({.definition = std::make_shared<UpdateDefinition>(rule, sparse, std::move(records)),
                        .inputs = std::move(inputs),
                        .default_name = sparse ? rule.sparse_type : rule.type,
                        .where = where});
}

}  // namespace

constinit const UpdateRule kApplyGradientDescent = {"ApplyGradientDescent",
                                                    "SparseApplyGradientDescent",
                                                    0,
                                                    kGradientDescentInputs,
                                                    &Functions<float>::gradient_descent,
                                                    &Functions<double>::gradient_descent,
                                                    0.4};
constinit const UpdateRule kApplyMomentum = {"ApplyMomentum",
                                             "SparseApplyMomentum",
                                             1,
                                             kMomentumInputs,
                                             &Functions<float>::momentum,
                                             &Functions<double>::momentum,
                                             0.6};
constinit const UpdateRule kApplyNesterovMomentum = {"ApplyMomentum",
                                                     "SparseApplyMomentum",
                                                     1,
                                                     kMomentumInputs,
                                                     &Functions<float>::nesterov_momentum,
                                                     &Functions<double>::nesterov_momentum,
                                                     0.6};
constinit const UpdateRule kApplyAdagrad = {"ApplyAdagrad",
                                            "SparseApplyAdagrad",
                                            1,
                                            kAdagradInputs,
                                            &Functions<float>::adagrad,
                                            &Functions<double>::adagrad,
                                            0.8};
constinit const UpdateRule kApplyRMSProp = {"ApplyRMSProp",
                                            "SparseApplyRMSProp",
                                            2,
                                            kRMSPropInputs,
                                            &Functions<float>::rmsprop,
                                            &Functions<double>::rmsprop,
                                            1};
constinit const UpdateRule kApplyCenteredRMSProp = {"ApplyCenteredRMSProp",
                                                    "SparseApplyCenteredRMSProp",
                                                    3,
                                                    kRMSPropInputs,
                                                    &Functions<float>::centered_rmsprop,
                                                    &Functions<double>::centered_rmsprop,
                                                    1.3};
constinit const UpdateRule kApplyAdam = {
    "ApplyAdam", "", 2, kAdamInputs, &Functions<float>::adam, &Functions<double>::adam, 1};
constinit const UpdateRule kAssignMovingAverage = {"AssignMovingAvg",
                                                   "",
                                                   0,
                                                   kMovingAverageInputs,
                                                   &Functions<float>::moving_average,
                                                   &Functions<double>::moving_average,
                                                   0.4};

Operation add_update(const UpdateRule& rule, const Variable& variable, const std::vector<Variable>& slots,
                     const std::vector<Tensor>& inputs, const SourceLocation& where, const Tensor& rows) {
  std::vector<Variable> variables{variable};
  variables.insert(variables.end(), slots.begin(), slots.end());
  return build_update(rule, variables, inputs, rows, where);
}

Operation add_moving_average_of(const Variable& average, const Variable& value, const Tensor& decay,
                                const SourceLocation& where) {
  return build_update(kAssignMovingAverage, {average, value}, {decay}, {}, where);
}

}  // namespace varscope::detail
