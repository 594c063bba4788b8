// SPDX-License-Identifier: Apache-2.0
// CollectionMember: one addition to the collections of a graph.
#pragma once

#include <varscope/collection.hpp>

#include <optional>
#include <string>

namespace varscope::detail {

class VariableRecord;

/// Either a new variable, which goes into all of its collections at once, or an item that was added to one.
struct CollectionMember {
  const VariableRecord* variable = nullptr;  ///< of a new variable; the member belongs to its record
  std::string collection = {};
  std::optional<CollectionItem> item = {};
};

}  // namespace varscope::detail
