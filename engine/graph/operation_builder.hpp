// SPDX-License-Identifier: Apache-2.0
// The one way into a graph: turns what an operation's function was given into a node, or throws and leaves
// the graph as it was.
#pragma once

#include "graph/op_definition.hpp"

#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>
#include <varscope/tensor_like.hpp>

#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace varscope::detail {

/// One input with the name of its parameter, which names the constant that a number or array becomes
/// ("add/x").
struct NamedInput {
  std::string_view parameter;
  const TensorLike* value;
};

struct OperationRequest {
  std::shared_ptr<const OpDefinition> definition;
  std::vector<NamedInput> inputs = {};
  std::vector<Operation> control_inputs = {};
  /// The caller's name; empty: default_name. A final "/" means literally that name (SEMANTICS A6).
  std::string_view name = {};
  std::string_view default_name = {};
  SourceLocation where = {};
};

/// Adds the operation to the default graph (or to that of its inputs). Numbers take the dtype of the first
/// input that has one (`number_dtype` if none has). Order: reserve the name (a refused
/// operation keeps it, as in TensorFlow), convert inputs, infer (throws with the operation's name and `where`
/// added), append. Throws ValueError for an invalid name, inputs of different graphs, an empty tensor handle;
/// RuntimeError if the graph is finalized.
Operation add_operation(OperationRequest request, DType number_dtype = DType::float32);

/// What an operation with one output returns.
inline Tensor add_tensor(OperationRequest request, DType number_dtype = DType::float32) {
  return add_operation(std::move(request), number_dtype).output(0);
}

/// dtype and shape of an input before it is one: a number has no shape but the scalar's, and the dtype
/// `number_dtype`.
TensorSpec spec_of(const TensorLike& value, DType number_dtype = DType::float32);

}  // namespace varscope::detail
