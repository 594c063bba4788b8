// SPDX-License-Identifier: Apache-2.0
// Collections: named lists of a graph's variables, tensors and operations, in the order of addition.
#pragma once

#include <varscope/export.hpp>
#include <varscope/tensor.hpp>
#include <varscope/variable.hpp>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace varscope {

/// The names of the collections that the library and TensorFlow know (tf.GraphKeys).
struct GraphKeys {
  static constexpr std::string_view GLOBAL_VARIABLES = "variables";
  static constexpr std::string_view TRAINABLE_VARIABLES = "trainable_variables";
  static constexpr std::string_view LOCAL_VARIABLES = "local_variables";
  static constexpr std::string_view MODEL_VARIABLES = "model_variables";
  static constexpr std::string_view MOVING_AVERAGE_VARIABLES = "moving_average_variables";
  static constexpr std::string_view REGULARIZATION_LOSSES = "regularization_losses";
  static constexpr std::string_view LOSSES = "losses";
  static constexpr std::string_view SUMMARIES = "summaries";
  static constexpr std::string_view TRAIN_OP = "train_op";
  static constexpr std::string_view UPDATE_OPS = "update_ops";
  static constexpr std::string_view GLOBAL_STEP = "global_step";
  static constexpr std::string_view SAVEABLE_OBJECTS = "saveable_objects";
};

/// An element of a collection. A value.
class VARSCOPE_API CollectionItem {
 public:
  CollectionItem(const Variable& variable) : value_(variable) {}     // NOLINT(google-explicit-constructor)
  CollectionItem(const Tensor& tensor) : value_(tensor) {}           // NOLINT(google-explicit-constructor)
  CollectionItem(const Operation& operation) : value_(operation) {}  // NOLINT(google-explicit-constructor)

  const std::variant<Variable, Tensor, Operation>& value() const noexcept { return value_; }
  /// "conv1/weights:0" of a variable or tensor, "conv1/Conv2D" of an operation.
  std::string name() const;
  Graph& graph() const;

  friend bool operator==(const CollectionItem&, const CollectionItem&) = default;

 private:
  std::variant<Variable, Tensor, Operation> value_;
};

/// Graph::add_to_collection() and Graph::get_collection() of the default graph.
VARSCOPE_API void add_to_collection(std::string_view name, const CollectionItem& item);
VARSCOPE_API std::vector<CollectionItem> get_collection(std::string_view name, std::string_view scope = {});

}  // namespace varscope
