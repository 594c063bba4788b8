// SPDX-License-Identifier: Apache-2.0
#include "scope/partitioned_record.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/graph.hpp>
#include <varscope/variable_scope.hpp>

namespace varscope::detail {

Tensor concatenate_partitions(const PartitionedRecord& record) {
  const Graph::AsDefault building = record.parts().front().graph().as_default();
  const SourceLocation& where = record.parts().front().where();
  Tensor whole = record.parts().front().value();
  if (record.parts().size() > 1) {
    const NameScopeGuard inside = name_scope(record.name() + "/ConcatPartitions/");
    const std::vector<TensorLike> parts(record.parts().begin(), record.parts().end());
    whole = concat(parts, record.axis(), {}, where);
  }
  const NameScopeGuard root = name_scope(std::nullopt);
  return identity(whole, record.name(), where);
}

}  // namespace varscope::detail
