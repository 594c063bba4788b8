// SPDX-License-Identifier: Apache-2.0
#include "scope/variable_store.hpp"

#include "graph/graph_state.hpp"
#include "scope/create_variable.hpp"
#include "scope/initializer_body.hpp"
#include "scope/names.hpp"
#include "scope/partitioned_record.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/variable_scope.hpp>

#include <memory>

namespace varscope::detail {

namespace {

void require_shape_beside_value(const Path& path, const GetterArguments& arguments) {
  if (!arguments.initializer.is_value() || !arguments.shape.has_value()) return;
  throw ValueError(describe_request(path.to_string(), arguments.where) + ": shape " +
                   arguments.shape->to_string() +
                   " must not be given with an initial value, which has the shape " +
                   arguments.initializer.body()->value()->shape().to_string() +
                   " (the initial value may be the scope's initializer)");
}

}  // namespace

void refuse_existing(const std::string& name, const SourceLocation& defined, const SourceLocation& asked) {
  throw ValueError("variable " + name + " already exists: it was defined at " + to_string(defined) +
                   ", and the scope does not share variables (asked for at " + to_string(asked) +
                   "). To share it, open the scope with reuse=True ({.reuse = true}) or call "
                   "reuse_variables() on it; to make it if it is missing and share it else, use "
                   "reuse=AUTO_REUSE");
}

void require_sharable(const std::string& name, const std::optional<Shape>& wanted_shape, DType wanted_dtype,
                      const Shape& shape, DType dtype, const SourceLocation& defined,
                      const SourceLocation& asked) {
  const auto refuse = [&](const std::string& what, const std::string& wanted, const std::string& there) {
    throw ValueError(describe_request(name, asked) + ": cannot be shared: wanted " + what + " " + wanted +
                     ", found " + what + " " + there + " (defined at " + to_string(defined) +
                     "). Ask for the " + what + " that it has, or for another name");
  };
  if (wanted_shape.has_value() && !wanted_shape->compatible_with(shape)) {
    refuse("shape", wanted_shape->to_string(), shape.to_string());
  }
  if (wanted_dtype != dtype) {
    refuse("dtype", std::string(dtype_name(wanted_dtype)), std::string(dtype_name(dtype)));
  }
}

Variable VariableStore::get(const Path& path, GetterArguments arguments) const {
  const bool scalar =
      arguments.shape.has_value() && arguments.shape->has_rank() && arguments.shape->rank() == 0;
  if (arguments.partitioner && !scalar) return get_partitioned(path.to_string(), arguments);
  if (arguments.reuse == Reuse(true) && !arguments.partitioner && find_partitioned(path) != nullptr) {
    return get_partitioned(path.to_string(), arguments);  // R6: found without its partitioner
  }
  return Variable(get_single(path, arguments));
}

VariableRecord* VariableStore::find(const Path& path) const noexcept {
  const Registry<>::Entry* const entry = graph_.registry().find(path);
  return entry == nullptr ? nullptr : entry->variable();
}

const VariableRecord& VariableStore::get_single(const Path& path, const GetterArguments& arguments) const {
  if (find_partitioned(path) != nullptr) {
    throw ValueError(describe_request(path.to_string(), arguments.where) +
                     ": no partitioner was given, but a partitioned variable of that name exists (" +
                     path.to_string() +
                     "/part_0). Give the partitioner that it was made with, or share it with reuse=True");
  }
  require_shape_beside_value(path, arguments);
  VariableRecord* const found = find(path);
  return found == nullptr ? create(path, arguments) : use(*found, arguments);
}

/// There is such a variable.
const VariableRecord& VariableStore::use(VariableRecord& found, const GetterArguments& arguments) const {
  found.complete();
  if (arguments.reuse == Reuse(false)) refuse_existing(found.key(), found.where(), arguments.where);
  require_sharable(found.key(), arguments.shape, arguments.dtype, found.shape(), found.dtype(), found.where(),
                   arguments.where);
  return found;
}

const VariableRecord& VariableStore::create(const Path& path, const GetterArguments& arguments) const {
  const std::string name = path.to_string();
  require_variable_name(name, arguments.where);
  if (arguments.reuse == Reuse(true)) refuse_missing(name, arguments.where);
  graph_.require_not_finalized(describe_request(name, arguments.where));
  ScopeStack& stack = scope_stack(graph_);
  if (!stack.creators().empty()) return create_by_creators(path, stack, arguments);
  std::unique_ptr<VariableRecord> fresh;
  try {
    fresh = std::make_unique<VariableRecord>(
        graph_, define_variable(graph_, {name, arguments.shape, arguments.dtype, arguments.initializer,
                                         arguments.trainable, arguments.where, arguments.collections,
                                         arguments.constraint}));
  } catch (const ValueError&) {
    // The operation in the way may be that of the variable itself, made by another thread since get()
    // looked. Who sees the operation sees the variable too.
    if (VariableRecord* const found = find(path)) return use(*found, arguments);
    throw;
  }
  VariableRecord* const winner = graph_.registry().find_or_insert(path).set_variable(fresh.get());
  if (winner != fresh.get()) return use(*winner, arguments);  // another thread was first
  fresh.release();                                            // owned by the registry from here on
  winner->complete();
  if (arguments.regularizer) regularize(name, *winner, arguments.regularizer);
  return *winner;
}

/// U3: what the creators give is kept under the path.
const VariableRecord& VariableStore::create_by_creators(const Path& path, ScopeStack& stack,
                                                        const GetterArguments& arguments) const {
  const std::string name = path.to_string();
  VariableRecord& made = create_variable_by_creators(
      graph_, stack,
      {name, arguments.shape, arguments.dtype, arguments.initializer, arguments.trainable,
       arguments.collections, arguments.constraint, arguments.where},
      "");
  VariableRecord* const winner = graph_.registry().find_or_insert(path).set_variable(&made, true);
  if (winner != &made) return use(*winner, arguments);  // another thread was first, or a creator itself
  if (arguments.regularizer) regularize(name, *winner, arguments.regularizer);
  return *winner;
}

/// O1: once, by the thread that made the variable.
void VariableStore::regularize(const std::string& name, const VariableRecord& record,
                               const Regularizer& regularizer) const {
  const NameScopeGuard below = name_scope(name + "/Regularizer/");
  const Tensor loss = regularizer(Variable(record));
  if (loss) graph_.graph().add_to_collection(GraphKeys::REGULARIZATION_LOSSES, loss);
}

void VariableStore::refuse_missing(const std::string& name, const SourceLocation& where) const {
  NearestNames nearest(name);
  graph_.variables().for_each([&](const VariableRecord& other) {
    if (find(Path(other.key())) == &other) nearest.consider(other.key());  // not one that no path leads to
  });
  std::string message =
      "variable " + name +
      " does not exist, or was not made with get_variable(); the scope only shares variables "
      "(reuse=True; asked for at " +
      to_string(where) + "). To make it if it is missing, use reuse=AUTO_REUSE.";
  const char* separator = " Nearest: ";
  for (const std::string& other : nearest.names()) {
    message += separator + other + " (defined at " + to_string(find(Path(other))->where()) + ")";
    separator = ", ";
  }
  throw ValueError(message);
}

}  // namespace varscope::detail
