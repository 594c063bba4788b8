// SPDX-License-Identifier: Apache-2.0
#include "graph/graph_state.hpp"
#include "scope/initializer_body.hpp"
#include "scope/variable_record.hpp"
#include "train/optimizer_body.hpp"
#include "train/slot_variables.hpp"
#include "train/update_operations.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/collection.hpp>
#include <varscope/control_flow_ops.hpp>
#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/moving_averages.hpp>
#include <varscope/variable_scope.hpp>

#include <algorithm>
#include <variant>

namespace varscope {

namespace {

/// What another variable starts with, also if that is replaced later (init_from_checkpoint()).
class InitialValueOf final : public detail::InitializerBody {
 public:
  explicit InitialValueOf(const detail::VariableRecord& record) : record_(record) {}

  std::string_view op_name() const noexcept override { return "initial_value"; }
  std::string_view op_type() const noexcept override { return "Identity"; }
  void check(const Shape&, DType) const override {}
  void fill(void* out, std::int64_t begin, std::int64_t end, const Shape& shape, DType dtype,
            SeedPair) const override {
    const detail::InitialValue start = now();
    start.initializer.body()->fill(out, begin, end, shape, dtype, start.seeds);
  }
  bool divisible() const noexcept override { return now().initializer.body()->divisible(); }
  double nanoseconds_per_element() const noexcept override {
    return record_.initializer().body()->nanoseconds_per_element();
  }

 private:
  detail::InitialValue now() const noexcept {
    return record_.graph().replaced_initializers().view().of(record_);
  }

  const detail::VariableRecord& record_;
};

Initializer initial_value_of(const Variable& variable) {
  return Initializer(std::make_shared<InitialValueOf>(*variable.record()));
}

constexpr std::string_view kSlot = "average";

void require_averageable(const std::string& name, DType dtype, bool has_average, const std::string& what) {
  if (!is_floating(dtype)) {
    throw ValueError(what + ": " + name + " is " + std::string(dtype_name(dtype)) +
                     ", but averages are of float32 and float64");
  }
  if (has_average) throw ValueError(what + ": " + name + " has an average already");
}

void add_averaged_variable(const Variable& variable) {
  const std::vector<Variable> known = moving_average_variables();
  if (std::find(known.begin(), known.end(), variable) != known.end()) return;
  variable.graph().add_to_collection(GraphKeys::MOVING_AVERAGE_VARIABLES, variable);
}

/// Inside the name scope: the decay of this run.
Tensor decay_now(const TensorLike& decay, const std::optional<TensorLike>& num_updates,
                 const SourceLocation& where) {
  const Tensor most = detail::hyperparameter(decay, "decay");
  if (!num_updates) return most;
  const Tensor updates = cast(*num_updates, most.dtype(), "num_updates", where);
  return minimum(most, divide(add(1.0, updates, "add", where), add(10.0, updates, "add", where), {}, where),
                 {}, where);
}

}  // namespace

ExponentialMovingAverage::ExponentialMovingAverage(const TensorLike& decay, MovingAverageOptions options)
    : decay_(decay), options_(std::move(options)), averages_(std::make_unique<detail::SlotVariables>()) {
  if (options_.name.empty())
    throw ValueError("a moving average needs a name: its variables are called after it");
}
ExponentialMovingAverage::ExponentialMovingAverage(ExponentialMovingAverage&&) noexcept = default;
ExponentialMovingAverage& ExponentialMovingAverage::operator=(ExponentialMovingAverage&&) noexcept = default;
ExponentialMovingAverage::~ExponentialMovingAverage() = default;

Operation ExponentialMovingAverage::apply(const std::vector<Variable>& var_list, SourceLocation where) {
  const std::string what = options_.name + "'s apply() at " + to_string(where);
  std::vector<Variable> variables;
  for (const Variable& variable : var_list) {
    for (const Variable& part : variable.partitions()) {
      require_averageable("variable " + part.name(), part.dtype(), static_cast<bool>(average(part)), what);
      variables.push_back(part);
    }
  }
  if (variables.empty()) throw ValueError(what + ": there are no variables to average");
  const Graph::AsDefault building = variables.front().graph().as_default();
  for (const Variable& variable : variables) {
    (void)averages_->get_or_make(variable, kSlot, options_.name, &initial_value_of, where);
    add_averaged_variable(variable);
  }
  const NameScopeGuard scope = name_scope(options_.name, {}, where);
  const Tensor decay = decay_now(decay_, options_.num_updates, where);
  std::vector<Operation> updates;
  for (const Variable& variable : variables) {
    updates.push_back(detail::add_moving_average_of(average(variable), variable,
                                                    cast(decay, variable.dtype(), {}, where), where));
  }
  return group(updates, scope.name(), where);
}

Operation ExponentialMovingAverage::apply(SourceLocation where) {
  return apply(trainable_variables(), where);
}

Operation ExponentialMovingAverage::apply_tensors(const std::vector<Tensor>& tensors, SourceLocation where) {
  const std::string what = options_.name + "'s apply_tensors() at " + to_string(where);
  if (tensors.empty()) throw ValueError(what + ": there are no tensors to average");
  for (const Tensor& tensor : tensors) {
    require_averageable(tensor.name(), tensor.dtype(), static_cast<bool>(average(tensor)), what);
  }
  const Graph::AsDefault building = tensors.front().graph().as_default();
  for (const Tensor& tensor : tensors) (void)averages_->get_or_make(tensor, options_.name, where);
  const NameScopeGuard scope = name_scope(options_.name, {}, where);
  const Tensor decay = decay_now(decay_, options_.num_updates, where);
  std::vector<Operation> updates;
  for (const Tensor& tensor : tensors) {
    updates.push_back(detail::add_update(detail::kAssignMovingAverage, average(tensor), {},
                                         {tensor, cast(decay, tensor.dtype(), {}, where)}, where));
  }
  return group(updates, scope.name(), where);
}

Variable ExponentialMovingAverage::average(const Variable& variable) const {
  return averages_->find(variable, kSlot);
}

Variable ExponentialMovingAverage::average(const Tensor& tensor) const {
  return averages_->find(tensor);
}

std::string ExponentialMovingAverage::average_name(const Variable& variable) const {
  if (variable.is_partitioned()) {
    const Variable first = average(variable.partitions().front());
    return first ? first.partitioned_variable().name() : variable.name() + "/" + options_.name;
  }
  if (const Variable existing = average(variable)) return existing.op().name();
  return variable.graph().state().unique_name(variable.op().name() + "/" + options_.name, false);
}

std::map<std::string, Variable> ExponentialMovingAverage::variables_to_restore() const {
  std::map<std::string, Variable> by_name;
  const auto whole_of = [](const Variable& variable) {
    const Variable whole = variable.partitioned_variable();
    return whole ? whole : variable;
  };
  for (const std::vector<Variable>& averaged : {trainable_variables(), moving_average_variables()}) {
    for (const Variable& variable : averaged) {
      by_name.insert_or_assign(average_name(whole_of(variable)), whole_of(variable));
    }
  }
  const std::map<std::string, Variable> of_averages = by_name;
  for (const Variable& variable : global_variables()) {
    const Variable whole = whole_of(variable);
    const bool is_averaged = std::any_of(of_averages.begin(), of_averages.end(),
                                         [&whole](const auto& entry) { return entry.second == whole; });
    if (!is_averaged) by_name.try_emplace(whole.is_partitioned() ? whole.name() : whole.op().name(), whole);
  }
  return by_name;
}

std::vector<Variable> moving_average_variables() {
  std::vector<Variable> variables;
  for (const CollectionItem& item : get_collection(GraphKeys::MOVING_AVERAGE_VARIABLES)) {
    if (const auto* const variable = std::get_if<Variable>(&item.value())) variables.push_back(*variable);
  }
  return variables;
}

}  // namespace varscope
