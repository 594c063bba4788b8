// SPDX-License-Identifier: Apache-2.0
// VariableStore: makes and finds the variables of a graph by their full names. The checks come in
// TensorFlow's order (SEMANTICS C, D, M, R).
#pragma once

#include "scope/define_variable.hpp"
#include "scope/path.hpp"
#include "scope/variable_record.hpp"

#include <varscope/custom_getter.hpp>
#include <varscope/variable.hpp>

#include <vector>

namespace varscope::detail {

class PartitionedRecord;
class ScopeStack;

/// Refers to a graph; keeps nothing itself. Lock-free, but for what the caller's functions do.
class VariableStore {
 public:
  explicit VariableStore(GraphState& graph) noexcept : graph_(graph) {}

  /// The variable `path`, partitioned if the arguments have a partitioner and the shape is no scalar. The
  /// name among the arguments is not looked at. Requires: the name scope is the root. Throws ValueError or
  /// TypeError.
  Variable get(const Path& path, GetterArguments arguments) const;

 private:
  VariableRecord* find(const Path& path) const noexcept;
  const PartitionedRecord* find_partitioned(const Path& path) const noexcept;

  const VariableRecord& get_single(const Path& path, const GetterArguments& arguments) const;
  const VariableRecord& create(const Path& path, const GetterArguments& arguments) const;
  const VariableRecord& use(VariableRecord& found, const GetterArguments& arguments) const;
  const VariableRecord& create_by_creators(const Path& path, ScopeStack& stack,
                                           const GetterArguments& arguments) const;
  void regularize(const std::string& name, const VariableRecord& record,
                  const Regularizer& regularizer) const;

  Variable get_partitioned(const std::string& name, const GetterArguments& arguments) const;
  Variable use_partitioned(const PartitionedRecord& found, const GetterArguments& arguments,
                           const std::optional<std::vector<std::int64_t>>& partitions) const;
  Variable create_partitioned(const std::string& name, const Shape& shape,
                              const std::vector<std::int64_t>& partitions,
                              const GetterArguments& arguments) const;

  /// D3, with the nearest names.
  [[noreturn]] void refuse_missing(const std::string& name, const SourceLocation& where) const;

  GraphState& graph_;
};

/// D2: what to do about a name that exists.
[[noreturn]] void refuse_existing(const std::string& name, const SourceLocation& defined,
                                  const SourceLocation& asked);

/// D4, D5: throws ValueError unless an existing variable fits what was asked for.
void require_sharable(const std::string& name, const std::optional<Shape>& wanted_shape, DType wanted_dtype,
                      const Shape& shape, DType dtype, const SourceLocation& defined,
                      const SourceLocation& asked);

}  // namespace varscope::detail
