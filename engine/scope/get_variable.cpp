// SPDX-License-Identifier: Apache-2.0
// get_variable(): makes a variable, or finds one. The checks come in TensorFlow's order (SEMANTICS C, D, M).
#include "graph/graph_state.hpp"
#include "scope/define_variable.hpp"
#include "scope/initializer_body.hpp"
#include "scope/names.hpp"
#include "scope/path.hpp"
#include "scope/scope_stack.hpp"
#include "scope/variable_record.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/variable.hpp>

#include <memory>

namespace varscope::detail {

namespace {

/// One call of get_variable().
class VariableRequest {
 public:
  VariableRequest(std::string_view name, std::optional<Shape> shape, GetVariableOptions options,
                  const SourceLocation& where)
      : graph_(get_default_graph().state()),
        scope_(scope_stack(graph_).variable_scope()),
        path_(scope_.name(), PathHash(scope_.name_hash()), name),
        shape_(std::move(shape)),
        where_(where),
        trainable_(options.trainable) {
    require_matching_value(options);
    const bool own_initializer = static_cast<bool>(options.initializer);
    initializer_ = own_initializer ? std::move(options.initializer) : scope_.initializer();
    dtype_ = options.dtype.value_or(scope_.dtype());
    if (initializer_.is_value() && shape_.has_value()) {
      fail("shape " + shape_->to_string() + " must not be given with an initial value, which has the shape " +
           initializer_.body()->value()->shape().to_string() +
           (own_initializer ? "" : " (the initial value is the scope's initializer)"));
    }
  }

  const VariableRecord& get() {
    VariableRecord* const found = existing();
    return found == nullptr ? create() : use(*found);
  }

 private:
  VariableRecord* existing() const noexcept {
    const Registry<>::Entry* const entry = graph_.registry().find(path_);
    return entry == nullptr ? nullptr : entry->variable();
  }

  /// There is such a variable.
  const VariableRecord& use(VariableRecord& found) {
    found.complete();
    if (scope_.reuse() == Reuse(false)) refuse_existing(found);
    share(found);
    return found;
  }

  const VariableRecord& create() {
    require_creatable();
    std::unique_ptr<VariableRecord> fresh;
    try {
      fresh = std::make_unique<VariableRecord>(
          graph_,
          define_variable(graph_, {path_.to_string(), shape_, dtype_, initializer_, trainable_, where_}));
    } catch (const ValueError&) {
      // The operation in the way may be that of the variable itself, made by another thread since get()
      // looked. Who sees the operation sees the variable too.
      if (VariableRecord* const found = existing()) return use(*found);
      throw;
    }
    VariableRecord* const winner = graph_.registry().find_or_insert(path_).set_variable(fresh.get());
    if (winner != fresh.get()) return use(*winner);  // another thread was first: as if this call came later
    fresh.release();                                 // owned by the registry from here on
    winner->complete();
    return *winner;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw ValueError(describe_request(path_.to_string(), where_) + ": " + what);
  }

  /// M8: comes before the scope's defaults are looked at, so that a scope's dtype conflicts with no value.
  void require_matching_value(const GetVariableOptions& options) const {
    if (!options.dtype.has_value() || !options.initializer.is_value()) return;
    const DType of_value = options.initializer.body()->value()->dtype();
    if (of_value == *options.dtype) return;
    fail("the initial value's dtype and the explicit dtype don't match: " +
         std::string(dtype_name(of_value)) + " and " + std::string(dtype_name(*options.dtype)));
  }

  [[noreturn]] void refuse_existing(const VariableRecord& found) const {
    throw ValueError("variable " + found.key() + " already exists: it was defined at " +
                     to_string(found.where()) + ", and the scope '" + scope_.name() +
                     "' does not share variables (asked for at " + to_string(where_) +
                     "). To share it, open the scope with reuse=True ({.reuse = true}) or call "
                     "reuse_variables() on it; to make it if it is missing and share it else, use "
                     "reuse=AUTO_REUSE");
  }

  /// D4, D5, D6.
  void share(const VariableRecord& found) const {
    if (shape_.has_value() && !shape_->compatible_with(found.shape())) {
      refuse_sharing("shape", shape_->to_string(), found.shape().to_string(), found);
    }
    if (dtype_ != found.dtype()) {
      refuse_sharing("dtype", std::string(dtype_name(dtype_)), std::string(dtype_name(found.dtype())), found);
    }
  }

  [[noreturn]] void refuse_sharing(const std::string& what, const std::string& wanted,
                                   const std::string& there, const VariableRecord& found) const {
    fail("cannot be shared: wanted " + what + " " + wanted + ", found " + what + " " + there +
         " (defined at " + to_string(found.where()) + "). Ask for the " + what +
         " that it has, or for another name");
  }

  void require_creatable() const {
    const std::string name = path_.to_string();
    require_variable_name(name, where_);
    if (scope_.reuse() == Reuse(true)) refuse_missing(name);
    graph_.require_not_finalized(describe_request(name, where_));
  }

  const VariableRecord* find(std::string_view key) const {
    const Registry<>::Entry* const entry = graph_.registry().find(Path(key));
    return entry == nullptr ? nullptr : entry->variable();
  }

  [[noreturn]] void refuse_missing(const std::string& name) const {
    NearestNames nearest(name);
    graph_.variables().for_each([&](const VariableRecord& other) {
      if (find(other.key()) == &other) nearest.consider(other.key());  // not one that no path leads to
    });
    std::string message = "variable " + name +
                          " does not exist, or was not made with get_variable(); the scope '" +
                          scope_.name() + "' only shares variables (reuse=True; asked for at " +
                          to_string(where_) + "). To make it if it is missing, use reuse=AUTO_REUSE.";
    const char* separator = " Nearest: ";
    for (const std::string& other : nearest.names()) {
      message += separator + other + " (defined at " + to_string(find(other)->where()) + ")";
      separator = ", ";
    }
    throw ValueError(message);
  }

  GraphState& graph_;
  const VariableScope& scope_;
  const Path path_;
  const std::optional<Shape> shape_;
  const SourceLocation where_;
  const bool trainable_;
  Initializer initializer_;
  DType dtype_ = DType::float32;
};

}  // namespace

Variable get_variable(std::string_view name, std::optional<Shape> shape, GetVariableOptions options,
                      SourceLocation where) {
  return Variable(VariableRequest(name, std::move(shape), std::move(options), where).get());
}

}  // namespace varscope::detail

namespace varscope {

Variable get_variable(std::string_view name, Shape shape, GetVariableOptions options, SourceLocation where) {
  return detail::get_variable(name, std::optional<Shape>(std::move(shape)), std::move(options), where);
}

}  // namespace varscope
