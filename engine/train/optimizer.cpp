// SPDX-License-Identifier: Apache-2.0
#include "graph/operation_node.hpp"
#include "ops/indexed_slices.hpp"
#include "train/optimizer_body.hpp"

#include <varscope/collection.hpp>
#include <varscope/control_flow_ops.hpp>
#include <varscope/error.hpp>
#include <varscope/gradients.hpp>
#include <varscope/graph.hpp>
#include <varscope/optimizer.hpp>
#include <varscope/state_ops.hpp>
#include <varscope/tensor_list.hpp>
#include <varscope/variable_scope.hpp>

#include <algorithm>

namespace varscope {

Optimizer::Optimizer(std::unique_ptr<detail::OptimizerBody> body) noexcept : body_(std::move(body)) {}
Optimizer::Optimizer(Optimizer&&) noexcept = default;
Optimizer& Optimizer::operator=(Optimizer&&) noexcept = default;
Optimizer::~Optimizer() = default;

const std::string& Optimizer::name() const noexcept {
  return body_->name();
}

Variable Optimizer::get_slot(const Variable& variable, std::string_view name) const {
  return body_->slots().find(variable, name);
}

std::vector<std::string> Optimizer::get_slot_names() const {
  return body_->slots().slot_names();
}

std::vector<Variable> Optimizer::variables(const Graph& graph) const {
  return body_->slots().variables(graph);
}

namespace {

std::string list_of(const std::vector<GradientAndVariable>& grads_and_vars) {
  std::string names;
  for (const GradientAndVariable& pair : grads_and_vars) {
    names += (names.empty() ? "" : ", ") + (pair.variable ? pair.variable.name() : "(an empty Variable)");
  }
  return names;
}

void require_integer_scalar(const Variable& global_step, const std::string& what) {
  const DType dtype = global_step.dtype();
  if ((dtype == DType::int32 || dtype == DType::int64) && global_step.shape() == Shape{}) return;
  throw TypeError(what + ": the global step " + global_step.name() + " (made at " +
                  to_string(global_step.where()) + ") is " + std::string(dtype_name(global_step.dtype())) +
                  global_step.shape().to_string() + ", but must be an integer scalar");
}

/// Of lookups, the rows that were looked up.
detail::UpdateGradient gradient_of(const detail::OptimizerBody& body, const GradientAndVariable& pair,
                                   const SourceLocation& where) {
  if (!body.takes_rows()) return {pair.gradient, {}};
  const std::optional<detail::IndexedSlices> slices = detail::indexed_slices_of(pair.gradient, where);
  if (!slices || slices->dense_shape != pair.variable.shape()) return {pair.gradient, {}};
  const detail::DistinctSlices distinct = detail::distinct_slices(*slices, where);
  return {distinct.values, distinct.rows};
}

/// The update of one variable, and what its constraint makes of it (SEMANTICS P2).
Operation add_constrained_update(detail::OptimizerBody& body, const GradientAndVariable& pair,
                                 const SourceLocation& where) {
  const NameScopeGuard inside = name_scope("update_" + pair.variable.op().name(), {}, where);
  const Operation update = body.update(gradient_of(body, pair, where), pair.variable, where);
  const Constraint& constraint = pair.variable.constraint();
  if (!constraint) return update;
  return assign(pair.variable, constraint(update.output(0)), {}, where).op();
}

void add_train_op(Graph& graph, const Operation& train_op) {
  const std::vector<CollectionItem> known = graph.get_collection(GraphKeys::TRAIN_OP);
  if (std::find(known.begin(), known.end(), CollectionItem(train_op)) != known.end()) return;
  graph.add_to_collection(GraphKeys::TRAIN_OP, train_op);
}

}  // namespace

std::vector<GradientAndVariable> Optimizer::compute_gradients(const Tensor& loss,
                                                              const ComputeGradientsOptions& options,
                                                              SourceLocation where) {
  const std::string what = name() + "'s compute_gradients() at " + to_string(where);
  if (!loss) throw ValueError(what + ": the loss is an empty Tensor");
  std::vector<Variable> variables;
  for (const Variable& variable :
       options.var_list.empty() ? loss.graph().trainable_variables() : options.var_list) {
    for (const Variable& part : variable.partitions()) {
      if (!is_floating(part.dtype())) {
        throw ValueError(what + ": variable " + part.name() + " (made at " + to_string(part.where()) +
                         ") is " + std::string(dtype_name(part.dtype())) +
                         ", but gradients are of float32 and float64");
      }
      variables.push_back(part);
    }
  }
  if (variables.empty()) {
    throw ValueError(what +
                     ": there are no variables to train; make one that is trainable, or give var_list");
  }
  GradientsOptions gradients_options;
  if (options.grad_loss) gradients_options.grad_ys = {options.grad_loss};
  const Graph::AsDefault building = loss.graph().as_default();
  const std::vector<Tensor> found =
      gradients({TensorLike(loss, where)}, variables, std::move(gradients_options), where);
  std::vector<GradientAndVariable> pairs;
  for (std::size_t i = 0; i < variables.size(); ++i) pairs.push_back({found[i], variables[i]});
  return pairs;
}

Operation Optimizer::apply_gradients(const std::vector<GradientAndVariable>& grads_and_vars,
                                     const ApplyGradientsOptions& options, SourceLocation where) {
  const std::string what = name() + "'s apply_gradients() at " + to_string(where);
  if (grads_and_vars.empty()) throw ValueError(what + ": there are no variables to change");
  std::vector<GradientAndVariable> used;
  std::vector<Variable> variables;
  for (const GradientAndVariable& pair : grads_and_vars) {
    if (!pair.gradient) continue;
    (void)pair.variable.initializer();  // throws unless it is a single variable
    used.push_back(pair);
    variables.push_back(pair.variable);
  }
  if (used.empty()) {
    throw ValueError(what + ": no gradient was given for any variable of " + list_of(grads_and_vars));
  }
  if (options.global_step) require_integer_scalar(options.global_step, what);

  Graph& graph = variables.front().graph();
  const Graph::AsDefault building = graph.as_default();
  body_->create_slots(variables, where);
  const NameScopeGuard scope = name_scope(options.name.empty() ? name() : options.name, {}, where);
  body_->prepare(where);
  std::vector<Operation> updates;
  for (const GradientAndVariable& pair : used) {
    updates.push_back(add_constrained_update(*body_, pair, where));
  }
  {
    const ControlDependenciesGuard after_updates = control_dependencies(updates);
    const std::vector<Operation> last = body_->finish(where);
    updates.insert(updates.end(), last.begin(), last.end());
  }
  Operation train_op;
  if (options.global_step) {
    const ControlDependenciesGuard after_updates = control_dependencies({group(updates, "update", where)});
    train_op = assign_add(options.global_step, 1, scope.name(), where).op();
  } else {
    train_op = group(updates, scope.name(), where);
  }
  add_train_op(graph, train_op);
  return train_op;
}

Operation Optimizer::minimize(const Tensor& loss, const MinimizeOptions& options, SourceLocation where) {
  const std::vector<GradientAndVariable> pairs =
      compute_gradients(loss, {.var_list = options.var_list, .grad_loss = options.grad_loss}, where);
  if (std::none_of(pairs.begin(), pairs.end(),
                   [](const GradientAndVariable& pair) { return static_cast<bool>(pair.gradient); })) {
    throw ValueError(name() + "'s minimize() at " + to_string(where) + ": the loss " + loss.name() +
                     " depends on none of the variables " + list_of(pairs));
  }
  return apply_gradients(pairs, {.global_step = options.global_step, .name = options.name}, where);
}

}  // namespace varscope
