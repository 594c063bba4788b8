// SPDX-License-Identifier: Apache-2.0
// Learning-rate schedules. Each is one operation on scalars; its formula is a function of doubles.
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/error.hpp>
#include <varscope/learning_rate.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <variant>

namespace varscope {

namespace {

using detail::TensorSpec;

/// From the inputs of the operation; must not throw.
using Formula = std::function<double(std::span<const double> inputs)>;

constexpr std::size_t kMostInputs = 4;

double number_at(const void* data, DType dtype) noexcept {
  switch (dtype) {
    case DType::float32:
      return static_cast<double>(*static_cast<const float*>(data));
    case DType::float64:
      return *static_cast<const double*>(data);
    case DType::int32:
      return static_cast<double>(*static_cast<const std::int32_t*>(data));
    case DType::int64:
      return static_cast<double>(*static_cast<const std::int64_t*>(data));
    case DType::uint8:
    case DType::boolean:
      break;
  }
  return 0;
}

/// `floating_result`: whether input 0 is a learning rate, whose dtype the result has; else it is float32.
class ScheduleDefinition final : public detail::OpDefinition {
 public:
  ScheduleDefinition(std::string_view type, std::vector<std::string_view> parameters, bool floating_result,
                     Formula formula)
      : type_(type),
        parameters_(std::move(parameters)),
        floating_result_(floating_result),
        formula_(std::move(formula)) {}

  std::string_view type() const noexcept override { return type_; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (i == 0 && floating_result_) {
        detail::require_floating(inputs[i], parameters_[i]);
      } else {
        detail::require_number(inputs[i], parameters_[i]);
      }
      if (inputs[i].shape.compatible_with(Shape{})) continue;
      throw ValueError("'" + std::string(parameters_[i]) + "' is " + detail::to_string(inputs[i]) +
                       ", but must be a scalar");
    }
    return {{floating_result_ ? inputs[0].dtype : DType::float32, Shape{}}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec> outputs) const override {
    std::vector<DType> dtypes;
    for (const TensorSpec& input : inputs) dtypes.push_back(input.dtype);
    return detail::visit_element_type<float, double>(
        outputs[0].dtype, [&]<typename T>(detail::ElementType<T>) {
          return detail::make_range_kernel(
              {.items = 1, .nanoseconds_per_item = 100, .description = "plain"},
              [dtypes, formula = formula_](std::int64_t, std::int64_t,
                                           const detail::KernelArguments& arguments) noexcept {
                double values[kMostInputs] = {};
                for (std::size_t i = 0; i < dtypes.size(); ++i)
                  values[i] = number_at(arguments.inputs[i], dtypes[i]);
                *detail::output<T>(arguments, 0) = static_cast<T>(formula({values, dtypes.size()}));
                return static_cast<const char*>(nullptr);
              });
        });
  }

 private:
  const std::string_view type_;
  const std::vector<std::string_view> parameters_;
  const bool floating_result_;
  const Formula formula_;
};

/// Numbers do not take each other's dtype here: a fraction is float32, as in TensorFlow, and a count is
/// exact.
TensorLike with_own_dtype(const TensorLike& value, bool floating) {
  const auto* const number = std::get_if<TensorLike::Number>(&value.value());
  if (number == nullptr) return value;
  if (floating || !number->integral) {
    return {Array::scalar(static_cast<float>(number->value)), value.where()};
  }
  return {Array::scalar(static_cast<std::int64_t>(number->value)), value.where()};
}

struct Parameter {
  std::string_view name;
  TensorLike value;
};

Tensor build_schedule(std::string_view type, const std::vector<Parameter>& parameters, bool floating_result,
                      Formula formula, std::string_view name, const SourceLocation& where) {
  std::vector<std::string_view> names;
  std::vector<detail::NamedInput> inputs;
  for (const Parameter& parameter : parameters) {
    names.push_back(parameter.name);
    inputs.push_back({parameter.name, &parameter.value});
  }
  return detail::build(
      std::make_shared<ScheduleDefinition>(type, std::move(names), floating_result, std::move(formula)),
      std::move(inputs), name, type, where);
}

/// learning_rate, global_step, decay_steps, and decay_rate if there is one.
std::vector<Parameter> decay_parameters(const TensorLike& learning_rate, const TensorLike& global_step,
                                        const TensorLike& decay_steps) {
  return {{"learning_rate", with_own_dtype(learning_rate, true)},
          {"global_step", with_own_dtype(global_step, false)},
          {"decay_steps", with_own_dtype(decay_steps, false)}};
}

/// A schedule of the learning rate, the decays so far, and the decay rate.
template <typename RateAfter>
Tensor build_decay(std::string_view type, const TensorLike& learning_rate, const TensorLike& global_step,
                   const TensorLike& decay_steps, const TensorLike& decay_rate, const DecayOptions& options,
                   const SourceLocation& where, RateAfter rate_after) {
  std::vector<Parameter> parameters = decay_parameters(learning_rate, global_step, decay_steps);
  parameters.push_back({"decay_rate", with_own_dtype(decay_rate, true)});
  const auto formula = [staircase = options.staircase, rate_after](std::span<const double> inputs) {
    const double decays = inputs[1] / inputs[2];
    return rate_after(inputs[0], staircase ? std::floor(decays) : decays, inputs[3]);
  };
  return build_schedule(type, parameters, true, formula, options.name, where);
}

}  // namespace

Tensor exponential_decay(const TensorLike& learning_rate, const TensorLike& global_step,
                         const TensorLike& decay_steps, const TensorLike& decay_rate, DecayOptions options,
                         SourceLocation where) {
  return build_decay(
      "ExponentialDecay", learning_rate, global_step, decay_steps, decay_rate, options, where,
      [](double rate, double decays, double factor) { return rate * std::pow(factor, decays); });
}

Tensor natural_exp_decay(const TensorLike& learning_rate, const TensorLike& global_step,
                         const TensorLike& decay_steps, const TensorLike& decay_rate, DecayOptions options,
                         SourceLocation where) {
  return build_decay(
      "NaturalExpDecay", learning_rate, global_step, decay_steps, decay_rate, options, where,
      [](double rate, double decays, double factor) { return rate * std::exp(-factor * decays); });
}

Tensor inverse_time_decay(const TensorLike& learning_rate, const TensorLike& global_step,
                          const TensorLike& decay_steps, const TensorLike& decay_rate, DecayOptions options,
                          SourceLocation where) {
  return build_decay("InverseTimeDecay", learning_rate, global_step, decay_steps, decay_rate, options, where,
                     [](double rate, double decays, double factor) { return rate / (1 + factor * decays); });
}

Tensor polynomial_decay(const TensorLike& learning_rate, const TensorLike& global_step,
                        const TensorLike& decay_steps, PolynomialDecayOptions options, SourceLocation where) {
  // The end as the float32 constant that it is in TensorFlow.
  const auto formula = [end = static_cast<double>(static_cast<float>(options.end_learning_rate)),
                        power = options.power, cycle = options.cycle](std::span<const double> inputs) {
    double steps = inputs[2];
    if (cycle) steps *= std::max(1.0, std::ceil(inputs[1] / steps));
    const double done = std::min(inputs[1], steps) / steps;
    return (inputs[0] - end) * std::pow(1 - done, power) + end;
  };
  return build_schedule("PolynomialDecay", decay_parameters(learning_rate, global_step, decay_steps), true,
                        formula, options.name, where);
}

Tensor cosine_decay(const TensorLike& learning_rate, const TensorLike& global_step,
                    const TensorLike& decay_steps, CosineDecayOptions options, SourceLocation where) {
  const auto formula = [alpha = options.alpha](std::span<const double> inputs) {
    constexpr double pi = 3.14159265358979323846;
    const double done = std::min(inputs[1], inputs[2]) / inputs[2];
    return inputs[0] * ((1 - alpha) * (1 + std::cos(pi * done)) / 2 + alpha);
  };
  return build_schedule("CosineDecay", decay_parameters(learning_rate, global_step, decay_steps), true,
                        formula, options.name, where);
}

Tensor piecewise_constant(const TensorLike& global_step, std::vector<double> boundaries,
                          std::vector<double> values, std::string_view name, SourceLocation where) {
  const std::string what = "piecewise_constant() at " + to_string(where);
  if (values.size() != boundaries.size() + 1) {
    throw ValueError(what + ": " + std::to_string(boundaries.size()) + " boundaries need " +
                     std::to_string(boundaries.size() + 1) + " values, but " + std::to_string(values.size()) +
                     " were given");
  }
  if (std::adjacent_find(boundaries.begin(), boundaries.end(), std::greater_equal<>()) != boundaries.end()) {
    throw ValueError(what + ": every boundary must be larger than the one before");
  }
  auto formula = [boundaries = std::move(boundaries),
                  values = std::move(values)](std::span<const double> inputs) {
    const auto not_below = std::lower_bound(boundaries.begin(), boundaries.end(), inputs[0]);
    return values[static_cast<std::size_t>(not_below - boundaries.begin())];
  };
  return build_schedule("PiecewiseConstant", {{"x", with_own_dtype(global_step, false)}}, false,
                        std::move(formula), name, where);
}

}  // namespace varscope
