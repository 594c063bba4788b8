// SPDX-License-Identifier: Apache-2.0
// The optimizers: which numbers, slots and update each has.
#include "train/optimizer_body.hpp"
#include "train/update_operations.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>
#include <varscope/initializer.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/optimizer.hpp>
#include <varscope/state_ops.hpp>

#include <variant>

namespace varscope {

namespace detail {

OptimizerBody::OptimizerBody(std::string name) : name_(std::move(name)) {
  if (name_.empty()) throw ValueError("an optimizer needs a name: its slots are called after it");
}

Variable OptimizerBody::zeros_slot(const Variable& variable, std::string_view slot_name,
                                   const SourceLocation& where) {
  return slot(
      variable, slot_name, [](const Variable&) { return zeros_initializer(); }, where);
}

Tensor hyperparameter(const TensorLike& value, std::string_view name) {
  Tensor tensor;
  if (const auto* number = std::get_if<TensorLike::Number>(&value.value())) {
    tensor = constant(Array::scalar(static_cast<float>(number->value)), {.name = std::string(name)},
                      value.where());
  } else if (const auto* array = std::get_if<Array>(&value.value())) {
    tensor = constant(*array, {.name = std::string(name)}, value.where());
  } else if (const auto* variable = std::get_if<Variable>(&value.value())) {
    tensor = variable->value();
  } else {
    tensor = std::get<Tensor>(value.value());
  }
  if (!is_floating(tensor.dtype()) || !tensor.shape().compatible_with(Shape{})) {
    throw TypeError("'" + std::string(name) + "' (given at " + to_string(value.where()) + ") is " +
                    tensor.name() + ", " + std::string(dtype_name(tensor.dtype())) +
                    tensor.shape().to_string() + ", but must be a scalar of float32 or float64");
  }
  return tensor;
}

}  // namespace detail

namespace {

using detail::hyperparameter;
using detail::OptimizerBody;
using detail::UpdateGradient;

/// Those that all of them have: a learning rate that is converted to the dtype of each variable.
class RatedBody : public OptimizerBody {
 public:
  RatedBody(const TensorLike& learning_rate, std::string name)
      : OptimizerBody(std::move(name)), learning_rate_(learning_rate) {}

  void prepare(const SourceLocation&) override { rate_ = hyperparameter(learning_rate_, "learning_rate"); }

 protected:
  const Tensor& rate() const noexcept { return rate_; }

  /// Each of them in the variable's dtype.
  static std::vector<Tensor> converted(std::vector<Tensor> numbers, const Variable& variable,
                                       const SourceLocation& where) {
    for (Tensor& number : numbers) number = cast(number, variable.dtype(), {}, where);
    return numbers;
  }

 private:
  TensorLike learning_rate_;
  Tensor rate_;
};

class GradientDescentBody final : public RatedBody {
 public:
  using RatedBody::RatedBody;

  Operation update(const UpdateGradient& gradient, const Variable& variable,
                   const SourceLocation& where) override {
    std::vector<Tensor> inputs = converted({rate()}, variable, where);
    inputs.push_back(gradient.values);
    return add_update(detail::kApplyGradientDescent, variable, {}, inputs, where, gradient.rows);
  }
};

class MomentumBody final : public RatedBody {
 public:
  MomentumBody(const TensorLike& learning_rate, const TensorLike& momentum, MomentumOptions options)
      : RatedBody(learning_rate, std::move(options.name)),
        momentum_(momentum),
        rule_(options.use_nesterov ? detail::kApplyNesterovMomentum : detail::kApplyMomentum) {}

  void create_slots(const std::vector<Variable>& variables, const SourceLocation& where) override {
    for (const Variable& variable : variables) (void)zeros_slot(variable, "momentum", where);
  }
  void prepare(const SourceLocation& where) override {
    RatedBody::prepare(where);
    prepared_ = hyperparameter(momentum_, "momentum");
  }
  Operation update(const UpdateGradient& gradient, const Variable& variable,
                   const SourceLocation& where) override {
    const std::vector<Tensor> numbers = converted({rate(), prepared_}, variable, where);
    return add_update(rule_, variable, {slot(variable, "momentum")},
                      {numbers[0], gradient.values, numbers[1]}, where, gradient.rows);
  }

 private:
  TensorLike momentum_;
  Tensor prepared_;
  const detail::UpdateRule& rule_;
};

class AdagradBody final : public RatedBody {
 public:
  AdagradBody(const TensorLike& learning_rate, AdagradOptions options)
      : RatedBody(learning_rate, std::move(options.name)), start_(options.initial_accumulator_value) {
    if (start_ > 0) return;
    throw ValueError("AdagradOptimizer's initial_accumulator_value is " + std::to_string(start_) +
                     ", but must be positive: it is divided by the root of it");
  }

  void create_slots(const std::vector<Variable>& variables, const SourceLocation& where) override {
    const auto initializer = [this](const Variable&) { return constant_initializer(start_); };
    for (const Variable& variable : variables) (void)slot(variable, "accumulator", initializer, where);
  }
  Operation update(const UpdateGradient& gradient, const Variable& variable,
                   const SourceLocation& where) override {
    const std::vector<Tensor> numbers = converted({rate()}, variable, where);
    return add_update(detail::kApplyAdagrad, variable, {slot(variable, "accumulator")},
                      {numbers[0], gradient.values}, where, gradient.rows);
  }

 private:
  double start_;
};

class RMSPropBody final : public RatedBody {
 public:
  RMSPropBody(const TensorLike& learning_rate, RMSPropOptions options)
      : RatedBody(learning_rate, options.name), options_(std::move(options)) {}

  void create_slots(const std::vector<Variable>& variables, const SourceLocation& where) override {
    const auto from_one = [](const Variable&) { return ones_initializer(); };
    for (const Variable& variable : variables) {
      (void)slot(variable, "rms", from_one, where);
      if (options_.centered) (void)zeros_slot(variable, "mg", where);
      (void)zeros_slot(variable, "momentum", where);
    }
  }
  void prepare(const SourceLocation& where) override {
    RatedBody::prepare(where);
    decay_ = hyperparameter(options_.decay, "decay");
    momentum_ = hyperparameter(options_.momentum, "momentum");
    epsilon_ = hyperparameter(options_.epsilon, "epsilon");
  }
  Operation update(const UpdateGradient& gradient, const Variable& variable,
                   const SourceLocation& where) override {
    std::vector<Tensor> inputs = converted({rate(), decay_, momentum_, epsilon_}, variable, where);
    inputs.push_back(gradient.values);
    std::vector<Variable> slots{slot(variable, "rms"), slot(variable, "momentum")};
    if (options_.centered) slots.insert(slots.begin(), slot(variable, "mg"));
    return add_update(options_.centered ? detail::kApplyCenteredRMSProp : detail::kApplyRMSProp, variable,
                      slots, inputs, where, gradient.rows);
  }

 private:
  RMSPropOptions options_;
  Tensor decay_;
  Tensor momentum_;
  Tensor epsilon_;
};

/// What the power of a beta starts with. Throws TypeError unless it is a number: a tensor has no value yet.
Array number_of(const TensorLike& value, const char* name) {
  if (const auto* number = std::get_if<TensorLike::Number>(&value.value())) {
    return Array::scalar(static_cast<float>(number->value));
  }
  throw TypeError("AdamOptimizer's '" + std::string(name) + "' (given at " + to_string(value.where()) +
                  ") must be a number: its power starts with it");
}

class AdamBody final : public RatedBody {
 public:
  AdamBody(const TensorLike& learning_rate, AdamOptions options)
      : RatedBody(learning_rate, options.name),
        options_(std::move(options)),
        beta1_start_(number_of(options_.beta1, "beta1")),
        beta2_start_(number_of(options_.beta2, "beta2")) {}

  void create_slots(const std::vector<Variable>& variables, const SourceLocation& where) override {
    Graph& graph = variables.front().graph();
    beta1_power_ = scalar(graph, "beta1_power", beta1_start_, where);
    beta2_power_ = scalar(graph, "beta2_power", beta2_start_, where);
    for (const Variable& variable : variables) {
      (void)zeros_slot(variable, "m", where);
      (void)zeros_slot(variable, "v", where);
    }
  }
  void prepare(const SourceLocation& where) override {
    RatedBody::prepare(where);
    beta1_ = hyperparameter(options_.beta1, "beta1");
    beta2_ = hyperparameter(options_.beta2, "beta2");
    epsilon_ = hyperparameter(options_.epsilon, "epsilon");
  }
  Operation update(const UpdateGradient& gradient, const Variable& variable,
                   const SourceLocation& where) override {
    std::vector<Tensor> inputs =
        converted({beta1_power_, beta2_power_, rate(), beta1_, beta2_, epsilon_}, variable, where);
    inputs.push_back(gradient.values);
    return add_update(detail::kApplyAdam, variable, {slot(variable, "m"), slot(variable, "v")}, inputs,
                      where);
  }
  /// Both means decay in all rows, so all of the variable moves (TensorFlow's _apply_sparse_shared).
  bool takes_rows() const noexcept override { return false; }
  std::vector<Operation> finish(const SourceLocation& where) override {
    const auto raise = [&where](const Variable& power, const Tensor& beta) {
      const Tensor product = multiply(power, beta, "mul", where);
      return assign(power, product, {}, where).op();
    };
    const Operation first = raise(beta1_power_, beta1_);
    return {first, raise(beta2_power_, beta2_)};
  }

 private:
  AdamOptions options_;
  Array beta1_start_;
  Array beta2_start_;
  Variable beta1_power_;
  Variable beta2_power_;
  Tensor beta1_;
  Tensor beta2_;
  Tensor epsilon_;
};

}  // namespace

GradientDescentOptimizer::GradientDescentOptimizer(const TensorLike& learning_rate,
                                                   GradientDescentOptions options)
    : Optimizer(std::make_unique<GradientDescentBody>(learning_rate, std::move(options.name))) {}

MomentumOptimizer::MomentumOptimizer(const TensorLike& learning_rate, const TensorLike& momentum,
                                     MomentumOptions options)
    : Optimizer(std::make_unique<MomentumBody>(learning_rate, momentum, std::move(options))) {}

AdagradOptimizer::AdagradOptimizer(const TensorLike& learning_rate, AdagradOptions options)
    : Optimizer(std::make_unique<AdagradBody>(learning_rate, std::move(options))) {}

RMSPropOptimizer::RMSPropOptimizer(const TensorLike& learning_rate, RMSPropOptions options)
    : Optimizer(std::make_unique<RMSPropBody>(learning_rate, std::move(options))) {}

AdamOptimizer::AdamOptimizer(const TensorLike& learning_rate, AdamOptions options)
    : Optimizer(std::make_unique<AdamBody>(learning_rate, std::move(options))) {}

}  // namespace varscope
