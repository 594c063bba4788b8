// SPDX-License-Identifier: Apache-2.0
// create_partitioned_variables(): the older way to a partitioned variable, by its slicing.
#pragma once

#include <varscope/dtype.hpp>
#include <varscope/export.hpp>
#include <varscope/initializer.hpp>
#include <varscope/reuse.hpp>
#include <varscope/shape.hpp>
#include <varscope/source_location.hpp>
#include <varscope/variable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace varscope {

struct CreatePartitionedVariablesOptions {
  DType dtype = DType::float32;
  bool trainable = true;
  /// Unset: "variables".
  std::optional<std::vector<std::string>> collections = std::nullopt;
  /// Of the scope; empty: "PartitionedVariable", made unique.
  std::string name = {};
  std::optional<Reuse> reuse = std::nullopt;
};

/// Opens a variable scope, makes or shares the variable of exactly its name, cut into `slicing[i]` parts
/// along axis i (at most one above 1), and gives the parts: `<scope>/part_0`, `<scope>/part_1`, ... An empty
/// initializer means the scope's, else the default of the dtype. Throws ValueError if the slicing does not
/// fit the shape (see Partitioner), the shape is a scalar's, a reuse flag is given without a name, or the
/// scope has a custom getter, and what get_variable() throws. From any thread; lock-free. (SEMANTICS R15; new
/// programs give get_variable() a partitioner.)
VARSCOPE_API std::vector<Variable> create_partitioned_variables(
    Shape shape, std::vector<std::int64_t> slicing, Initializer initializer,
    CreatePartitionedVariablesOptions options = {}, SourceLocation where = SourceLocation::current());

}  // namespace varscope
