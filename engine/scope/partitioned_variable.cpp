// SPDX-License-Identifier: Apache-2.0
// Partitioned variables: one name, several variables (SEMANTICS R). The checks come in TensorFlow's order.
#include "graph/graph_state.hpp"
#include "scope/part_initializer.hpp"
#include "scope/partitioned_record.hpp"
#include "scope/variable_record.hpp"
#include "scope/variable_store.hpp"

#include <varscope/error.hpp>
#include <varscope/variable_scope.hpp>

#include <algorithm>
#include <memory>

namespace varscope::detail {

namespace {

std::string list_text(const std::vector<std::int64_t>& numbers) {
  std::string text = "[";
  for (const std::int64_t number : numbers) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(number);
  }
  return text + "]";
}

/// As in TensorFlow, where only a tensor would say the shape, a value beside a partitioner says none.
void require_full_shape(const std::string& what, const Shape& shape, const Initializer& initializer) {
  if (shape.fully_known()) return;
  std::string advice = ". Give every dimension";
  if (initializer.is_value()) {
    advice = ". Its initial value does not say it where there is a partitioner: give the shape " +
             initializer.body()->value()->shape().to_string() + " too";
  }
  throw ValueError(what + ": the shape of a new partitioned variable must be fully defined, but is " +
                   shape.to_string() + advice);
}

void require_shape_of_value(const std::string& what, const Shape& shape, const Initializer& initializer) {
  if (!initializer.is_value()) return;
  const Shape& found = initializer.body()->value()->shape();
  if (found == shape) return;
  throw ValueError(what + ": the initial value has the shape " + found.to_string() +
                   ", but the variable is to have " + shape.to_string() + ". Give the same shape for both");
}

/// What the partitioner says, checked (R9).
std::vector<std::int64_t> call_partitioner(const std::string& what, const Partitioner& partitioner,
                                           const Shape& shape, DType dtype) {
  if (shape.rank() < 1) {
    throw ValueError(what + ": a partitioned variable must have rank at least 1, not the shape " +
                     shape.to_string());
  }
  std::vector<std::int64_t> partitions = partitioner(shape, dtype);
  const auto refuse = [&](const std::string& why) {
    throw ValueError(what + ": the partitioner gave the partitions " + list_text(partitions) +
                     " for the shape " + shape.to_string() + ", but " + why);
  };
  if (partitions.size() != static_cast<std::size_t>(shape.rank())) {
    refuse("there must be one number for each axis");
  }
  if (std::any_of(partitions.begin(), partitions.end(), [](std::int64_t parts) { return parts < 1; })) {
    refuse("each must be at least 1");
  }
  if (std::count_if(partitions.begin(), partitions.end(), [](std::int64_t parts) { return parts > 1; }) > 1) {
    refuse("only one axis may be cut");
  }
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (partitions[static_cast<std::size_t>(axis)] > std::max<std::int64_t>(shape[axis], 1)) {
      refuse("axis " + std::to_string(axis) + " has fewer elements than parts");
    }
  }
  return partitions;
}

}  // namespace

Variable variable_of(const PartitionedRecord& record) noexcept {
  for (const Variable& part : record.parts()) part.record()->set_part_of(record);
  return Variable(record);
}

const PartitionedRecord* VariableStore::find_partitioned(const Path& path) const noexcept {
  const Registry<>::Entry* const entry = graph_.registry().find(path);
  return entry == nullptr ? nullptr : entry->partitioned();
}

Variable VariableStore::get_partitioned(const std::string& name, const GetterArguments& arguments) const {
  const std::string what = describe_request(name, arguments.where);
  if (const VariableRecord* const other = find(Path(name))) {
    throw ValueError(what + ": a partitioner was given, but an unpartitioned variable of that name exists, " +
                     "defined at " + to_string(other->where()) +
                     ". Ask for it without a partitioner, or give another name");
  }
  const Shape shape = arguments.shape.value_or(Shape::unknown());
  std::optional<std::vector<std::int64_t>> partitions;
  if (arguments.partitioner) {
    require_full_shape(what, shape, arguments.initializer);
    partitions = call_partitioner(what, arguments.partitioner, shape, arguments.dtype);
  }
  if (const PartitionedRecord* const found = find_partitioned(Path(name))) {
    GetterArguments wanted = arguments;
    wanted.shape = shape;
    return use_partitioned(*found, wanted, partitions);
  }
  if (arguments.reuse == Reuse(true)) refuse_missing(name, arguments.where);
  require_shape_of_value(what, shape, arguments.initializer);
  return create_partitioned(name, shape, *partitions, arguments);
}

Variable VariableStore::use_partitioned(const PartitionedRecord& found, const GetterArguments& arguments,
                                        const std::optional<std::vector<std::int64_t>>& partitions) const {
  const SourceLocation& defined = found.parts().front().where();
  if (arguments.reuse == Reuse(false)) refuse_existing(found.name(), defined, arguments.where);
  require_sharable(found.name(), arguments.shape, arguments.dtype, found.shape(), found.dtype(), defined,
                   arguments.where);
  if (partitions.has_value() && *partitions != found.partitions()) {
    throw ValueError(describe_request(found.name(), arguments.where) +
                     ": cannot be shared: wanted partitions " + list_text(*partitions) +
                     ", found partitions " + list_text(found.partitions()) + " (defined at " +
                     to_string(defined) + "). Use the same partitioner, or none");
  }
  return variable_of(found);
}

Variable VariableStore::create_partitioned(const std::string& name, const Shape& shape,
                                           const std::vector<std::int64_t>& partitions,
                                           const GetterArguments& arguments) const {
  const auto cut = std::max_element(partitions.begin(), partitions.end());
  const int axis = *cut > 1 ? static_cast<int>(cut - partitions.begin()) : 0;
  const std::int64_t count = *cut;
  std::vector<Variable> parts;
  DType dtype = arguments.dtype;
  std::vector<std::int64_t> offset(partitions.size(), 0);
  for (std::int64_t index = 0; index < count; ++index) {
    // R2: the first ones get one more.
    std::vector<std::int64_t> extents = shape.dimensions();
    std::int64_t& extent = extents[static_cast<std::size_t>(axis)];
    extent = extent / count + (index < extent % count ? 1 : 0);
    GetterArguments part = arguments;
    part.shape = Shape(extents);
    part.partitioner = {};
    const std::string part_name = name + "/part_" + std::to_string(index);
    // As in TensorFlow, where the operations that cut the initial value are in this scope.
    { const NameScopeGuard inside = name_scope(part_name + "/PartitionedInitializer"); }
    if (part.initializer) {
      part.initializer = initializer_of_part(part.initializer, PartitionInfo(shape, offset), *part.shape);
      if (part.initializer.is_value()) part.shape.reset();
    } else if (is_floating(part.dtype)) {
      part.initializer =
          initializer_of_part(glorot_uniform_initializer(), PartitionInfo(shape, offset), *part.shape);
    }
    const VariableRecord& record = get_single(Path(part_name), part);
    dtype = record.dtype();
    parts.emplace_back(record);
    offset[static_cast<std::size_t>(axis)] += extents[static_cast<std::size_t>(axis)];
  }
  auto fresh = std::make_unique<const PartitionedRecord>(name, shape, dtype, partitions, std::move(parts));
  const PartitionedRecord* const winner =
      graph_.registry().find_or_insert(Path(name)).set_partitioned(fresh.get());
  if (winner != fresh.get()) return use_partitioned(*winner, arguments, partitions);
  fresh.release();  // owned by the registry from here on
  return variable_of(*winner);
}

}  // namespace varscope::detail
