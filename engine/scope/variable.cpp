// SPDX-License-Identifier: Apache-2.0
#include "graph/graph_state.hpp"
#include "scope/variable_record.hpp"

#include <varscope/error.hpp>
#include <varscope/variable.hpp>

namespace varscope {

namespace {

const detail::VariableRecord& require(const detail::VariableRecord* record) {
  if (record == nullptr) {
    throw FailedPreconditionError("this Variable refers to nothing: get one from get_variable()");
  }
  return *record;
}

}  // namespace

std::string Variable::name() const {
  return require(record_).op_name() + ":0";
}
Operation Variable::op() const {
  return Operation(&require(record_).node());
}
const Shape& Variable::shape() const {
  return require(record_).shape();
}
DType Variable::dtype() const {
  return require(record_).dtype();
}
bool Variable::trainable() const {
  return require(record_).trainable();
}
Graph& Variable::graph() const {
  return require(record_).graph().graph();
}
const SourceLocation& Variable::where() const {
  return require(record_).where();
}
Tensor Variable::value() const {
  return Tensor(&require(record_).read_node(), 0);
}
Operation Variable::initializer() const {
  return Operation(&require(record_).assign_node());
}

}  // namespace varscope
