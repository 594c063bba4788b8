// SPDX-License-Identifier: Apache-2.0
// The vocabulary of the scope tests: what SEMANTICS calls op(), op_names(), ns() and store_keys(), and a
// graph of its own for each case.
#pragma once

#include "graph/graph_state.hpp"
#include "graph/operation_builder.hpp"
#include "scope/variable_record.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/variable.hpp>
#include <varscope/variable_scope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace varscope {
inline std::ostream& operator<<(std::ostream& out, Reuse reuse) {
  return out << (reuse == AUTO_REUSE ? "AUTO_REUSE" : reuse == Reuse(true) ? "True" : "False");
}
inline std::ostream& operator<<(std::ostream& out, DType dtype) {
  return out << dtype_name(dtype);
}
}  // namespace varscope

namespace varscope::testing {

using Names = std::vector<std::string>;

/// An empty default graph, on a thread that is at its root scope.
struct NewGraph {
  Graph graph;
  Graph::AsDefault building = graph.as_default();
};

/// An operation that only has a name.
class NamedOperation final : public detail::OpDefinition {
 public:
  std::string_view type() const noexcept override { return "Op"; }
  detail::OpRole role() const noexcept override { return detail::OpRole::no_op; }
  std::vector<detail::TensorSpec> infer(std::span<const detail::TensorSpec>) const override {
    return {detail::TensorSpec{DType::float32, Shape{}}};
  }
  std::unique_ptr<detail::Kernel> make_kernel(std::span<const detail::TensorSpec>,
                                              std::span<const detail::TensorSpec>) const override {
    throw UnimplementedError("an operation for tests");
  }
};

/// Makes an operation that asks for that name (none: its type's); gives the name that it really got.
inline std::string op(std::string_view name = {}) {
  return detail::add_operation(
             {.definition = std::make_shared<NamedOperation>(), .name = name, .default_name = "Op"})
      .name();
}

inline Names op_names() {
  Names names;
  for (const Operation& operation : get_default_graph().operations()) names.push_back(operation.name());
  return names;
}

inline bool has_op(std::string_view name) {
  const Names names = op_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

inline Names store_keys() {
  Names keys;
  get_default_graph().state().variables().for_each(
      [&](const detail::VariableRecord& record) { keys.push_back(record.key()); });
  std::sort(keys.begin(), keys.end());
  return keys;
}

/// The current name scope without the final "/".
inline std::string ns() {
  std::string name = current_name_scope();
  if (!name.empty()) name.pop_back();
  return name;
}

/// For BOOST_CHECK_EXCEPTION: the message holds every one of these facts.
inline auto says(Names facts) {
  return [facts = std::move(facts)](const Error& error) {
    const std::string message = error.what();
    bool all = true;
    for (const std::string& fact : facts) {
      if (message.find(fact) != std::string::npos) continue;
      BOOST_TEST_MESSAGE("\"" << message << "\" does not say \"" << fact << "\"");
      all = false;
    }
    return all;
  };
}

}  // namespace varscope::testing
