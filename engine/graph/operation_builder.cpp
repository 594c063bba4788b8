// SPDX-License-Identifier: Apache-2.0
#include "graph/operation_builder.hpp"

#include "graph/constant_definition.hpp"
#include "graph/graph_state.hpp"
#include "scope/names.hpp"
#include "scope/scope_stack.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>

namespace varscope::detail {

namespace {

using Number = TensorLike::Number;

/// The tensor that the value is already, or an empty handle for what must become a constant.
Tensor tensor_of(const TensorLike& value) {
  if (const auto* tensor = std::get_if<Tensor>(&value.value())) return *tensor;
  if (const auto* variable = std::get_if<Variable>(&value.value())) return variable->value();
  return {};
}

template <typename T>
Array scalar_of(const Number& number) {
  // The limits of an integer type are exact in double or round up, so the upper one is compared strictly.
  if (std::is_integral_v<T>) {
    const double below = static_cast<double>(std::numeric_limits<T>::min());
    const double above = std::ldexp(1.0, std::numeric_limits<T>::digits);
    if (!number.integral || number.value < below || number.value >= above) {
      throw TypeError("the number " + std::to_string(number.value) + " does not fit the dtype " +
                      std::string(dtype_name(dtype_of<T>)) + " of the other inputs; cast one of them");
    }
  }
  return Array::scalar<T>(static_cast<T>(number.value));
}

Array constant_of(const TensorLike& value, DType number_dtype) {
  if (const auto* array = std::get_if<Array>(&value.value())) return array->copy();
  const Number& number = std::get<Number>(value.value());
  switch (number_dtype) {
    case DType::float32:
      return scalar_of<float>(number);
    case DType::float64:
      return scalar_of<double>(number);
    case DType::int32:
      return scalar_of<std::int32_t>(number);
    case DType::int64:
      return scalar_of<std::int64_t>(number);
    case DType::uint8:
      return scalar_of<std::uint8_t>(number);
    case DType::boolean:
      break;
  }
  throw TypeError("the number " + std::to_string(number.value) +
                  " cannot be used with tensors of dtype bool");
}

/// An operation on its way into the graph.
class Builder {
 public:
  Builder(OperationRequest&& request, DType number_dtype)
      : request_(std::move(request)), graph_(find_graph()), number_dtype_(find_dtype(number_dtype)) {}

  Operation build() {
    const std::string base = base_name();
    graph_.require_not_finalized("operation '" + base + "'");
    // The name first: an operation that is refused has used up its name, as in TensorFlow, where the name
    // scope of an operation opens before anything is checked.
    const std::string name = reserve(base);
    std::vector<std::optional<Array>> constants = with_place(base, [&] { return convert_inputs(); });
    std::vector<TensorSpec> outputs = with_place(base, [&] { return infer(); });
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < constants.size(); ++i) {
      const NamedInput& input = request_.inputs[i];
      inputs.push_back(constants[i] ? add_constant(name, input, std::move(*constants[i]))
                                    : tensor_of(*input.value));
    }
    add_control_dependencies(inputs);
    return Operation(&graph_.add(std::make_unique<OperationNode>(
        graph_.graph(), name, std::move(request_.definition), std::move(inputs),
        std::move(request_.control_inputs), std::move(outputs), request_.where)));
  }

 private:
  GraphState& find_graph() const {
    Graph* graph = nullptr;
    const auto require_same = [&](Graph& other, const std::string& name) {
      if (graph != nullptr && graph != &other) {
        throw ValueError(what() + ": '" + name + "' belongs to another graph than the other inputs");
      }
      graph = &other;
    };
    for (const NamedInput& input : request_.inputs) {
      if (std::holds_alternative<Array>(input.value->value()) ||
          std::holds_alternative<Number>(input.value->value())) {
        continue;
      }
      const Tensor tensor = tensor_of_input(input);
      require_same(tensor.graph(), tensor.name());
    }
    for (const Operation& control : request_.control_inputs) require_same(control.graph(), control.name());
    return (graph != nullptr ? *graph : get_default_graph()).state();
  }

  /// Those of control_dependencies() that the inputs do not imply.
  void add_control_dependencies(const std::vector<Tensor>& inputs) {
    std::vector<Operation>& control_inputs = request_.control_inputs;
    for (const Operation& operation : scope_stack(graph_).control_dependencies()) {
      const bool implied =
          std::find(control_inputs.begin(), control_inputs.end(), operation) != control_inputs.end() ||
          std::any_of(inputs.begin(), inputs.end(),
                      [&operation](const Tensor& input) { return input.op() == operation; });
      if (!implied) control_inputs.push_back(operation);
    }
  }

  Tensor tensor_of_input(const NamedInput& input) const {
    const auto* variable = std::get_if<Variable>(&input.value->value());
    const Tensor tensor = variable == nullptr || *variable ? tensor_of(*input.value) : Tensor{};
    if (!tensor) {
      throw ValueError(what() + ": input '" + std::string(input.parameter) +
                       "' is an empty Tensor or Variable; assign it the result of an operation first");
    }
    return tensor;
  }

  /// Numbers take the dtype of the first input that has one.
  DType find_dtype(DType otherwise) const {
    for (const NamedInput& input : request_.inputs) {
      if (!std::holds_alternative<Number>(input.value->value())) return spec_of(*input.value).dtype;
    }
    return otherwise;
  }

  std::string what() const {
    const std::string_view name = request_.name.empty() ? request_.default_name : request_.name;
    return "operation '" + std::string(name) + "' (" + std::string(request_.definition->type()) + ") at " +
           to_string(request_.where);
  }

  /// The name before it is made unique, with the scope in front; a final "/" is kept.
  std::string base_name() const {
    const std::string name(request_.name.empty() ? request_.default_name : request_.name);
    const bool literal = name.size() > 1 && name.back() == '/';
    std::string full = literal ? name : scope_stack(graph_).qualify(name);
    require_valid_op_name(literal ? std::string_view(full).substr(0, full.size() - 1) : full);
    return full;
  }

  std::string reserve(const std::string& base) {
    if (base.back() != '/') return graph_.unique_name(base);
    std::string name = base.substr(0, base.size() - 1);
    if (const OperationNode* existing = graph_.find_operation(name)) {
      throw ValueError(
          what() + ": the graph has an operation of exactly that name already, " + describe(*existing) +
          ". A name that ends in '/' is taken as it is; leave the '/' away to have it made unique");
    }
    return name;
  }

  /// What `step` gives; what it throws gets the operation and its line.
  template <typename Step>
  std::invoke_result_t<Step> with_place(const std::string& base, const Step& step) const {
    try {
      return step();
    } catch (const ValueError& error) {
      throw ValueError(message(base, error));
    } catch (const TypeError& error) {
      throw TypeError(message(base, error));
    }
  }

  /// The constants that numbers and arrays become; empty for inputs that are tensors already.
  std::vector<std::optional<Array>> convert_inputs() const {
    std::vector<std::optional<Array>> constants;
    for (const NamedInput& input : request_.inputs) {
      if (tensor_of(*input.value)) {
        constants.emplace_back();
      } else {
        constants.emplace_back(constant_of(*input.value, number_dtype_));
      }
    }
    return constants;
  }

  std::vector<TensorSpec> infer() const {
    std::vector<TensorSpec> inputs;
    for (const NamedInput& input : request_.inputs) inputs.push_back(spec_of(*input.value, number_dtype_));
    return request_.definition->infer(inputs);
  }

  std::string message(const std::string& base, const Error& error) const {
    return "operation '" + base + "' (" + std::string(request_.definition->type()) + ") at " +
           to_string(request_.where) + ": " + error.what();
  }

  /// "foo/add/x" for the number x of the operation "foo/add".
  Tensor add_constant(const std::string& name, const NamedInput& input, Array value) {
    auto constant = std::make_shared<ConstantDefinition>(std::move(value));
    std::vector<TensorSpec> outputs = constant->infer({});
    return {&graph_.add(std::make_unique<OperationNode>(
                graph_.graph(), graph_.unique_name(name + "/" + std::string(input.parameter)),
                std::move(constant), std::vector<Tensor>{}, std::vector<Operation>{}, std::move(outputs),
                input.value->where())),
            0};
  }

  OperationRequest request_;
  GraphState& graph_;
  DType number_dtype_;
};

}  // namespace

TensorSpec spec_of(const TensorLike& value, DType number_dtype) {
  if (const auto* array = std::get_if<Array>(&value.value())) return {array->dtype(), array->shape()};
  if (std::holds_alternative<Number>(value.value())) return {number_dtype, Shape{}};
  const Tensor tensor = tensor_of(value);
  return {tensor.dtype(), tensor.shape()};
}

Operation add_operation(OperationRequest request, DType number_dtype) {
  return Builder(std::move(request), number_dtype).build();
}

}  // namespace varscope::detail
