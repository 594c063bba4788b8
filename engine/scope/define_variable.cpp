// SPDX-License-Identifier: Apache-2.0
#include "scope/define_variable.hpp"

#include "graph/graph_state.hpp"
#include "scope/initializer_body.hpp"
#include "scope/names.hpp"
#include "scope/seeds.hpp"

#include <varscope/error.hpp>

namespace varscope::detail {

namespace {

/// An operation that was given its name literally may have the name of the variable's without having reserved
/// it (A6). As in TensorFlow, that is an error. (Should such an operation come at this very moment in another
/// thread, the variable's gets a suffix.)
void require_free_operation_name(GraphState& graph, const VariableWish& wish) {
  std::string name = wish.key;
  if (name.empty()) return;  // it will be made unique
  if (name.back() == '/') {
    name.pop_back();
  } else {
    name = graph.unique_name(name, false);
  }
  if (const OperationNode* const other = graph.find_operation(name)) {
    throw ValueError(describe_request(wish.key, wish.where) +
                     ": the graph has an operation of that name already, " + describe(*other));
  }
}

}  // namespace

std::string describe_request(std::string_view key, const SourceLocation& where) {
  return "variable " + std::string(key) + " (asked for at " + to_string(where) + ")";
}

void require_variable_name(std::string_view key, const SourceLocation& where) {
  if (key.empty()) return;  // TensorFlow names it by its type: see VariableRecord::settle_nodes()
  try {
    require_valid_op_name(key);
  } catch (const ValueError& error) {
    throw ValueError(describe_request(key, where) + ": " + error.what());
  }
}

VariableRecord::Definition define_variable(GraphState& graph, VariableWish wish) {
  const std::string what = describe_request(wish.key, wish.where);
  Shape shape = wish.shape.value_or(Shape::unknown());
  if (wish.initializer.is_value()) {
    const Array& value = *wish.initializer.body()->value();
    if (!wish.shape.has_value()) shape = value.shape();
    wish.dtype = value.dtype();
  } else if (!wish.initializer) {
    wish.initializer = is_floating(wish.dtype) ? glorot_uniform_initializer() : zeros_initializer();
  }
  if (!shape.fully_known()) {
    if (const std::optional<Array> value = wish.initializer.body()->produce()) {
      if (!shape.compatible_with(value->shape())) {
        throw ValueError(what + ": its shape is " + shape.to_string() + ", but the initializer gave " +
                         value->description());
      }
      shape = value->shape();
      wish.dtype = value->dtype();
      wish.initializer = produced_initializer(*value);
    }
  }
  if (!shape.fully_known()) {
    throw ValueError(what + ": its shape is " + shape.to_string() +
                     ", but an initializer needs a fully known shape. Give one, or an initial value as the "
                     "initializer and no shape");
  }
  const InitializerBody& body = *wish.initializer.body();
  try {
    (void)shape.num_elements();  // throws if that is too many
    body.check(shape, wish.dtype);
  } catch (const ValueError& error) {
    throw ValueError(what + ": " + error.what());
  } catch (const TypeError& error) {
    throw TypeError(what + ": " + error.what());
  }
  require_free_operation_name(graph, wish);
  const SeedPair seeds = body.random() ? combine_seeds(graph, body.seed()) : SeedPair{};
  if (!wish.collections.has_value()) wish.collections = {std::string(GraphKeys::GLOBAL_VARIABLES)};
  return {std::move(wish.key),
          std::move(shape),
          wish.dtype,
          std::move(wish.initializer),
          seeds,
          wish.trainable,
          std::move(wish.where),
          std::move(*wish.collections),
          std::move(wish.constraint)};
}

}  // namespace varscope::detail
