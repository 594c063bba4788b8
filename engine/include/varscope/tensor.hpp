// SPDX-License-Identifier: Apache-2.0
// Operation and Tensor: handles to the nodes of a Graph and to what they compute. Nothing is computed while a
// graph is built; a Session does that. The words are TensorFlow's.
#pragma once

#include <varscope/array.hpp>
#include <varscope/dtype.hpp>
#include <varscope/export.hpp>
#include <varscope/shape.hpp>
#include <varscope/source_location.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace varscope {

class Graph;
class Tensor;
class FeedDict;

namespace detail {
class OperationNode;
}

/// A node of a graph. A handle as small as a pointer, valid as long as its Graph; const, hence thread-safe.
class VARSCOPE_API Operation {
 public:
  /// Refers to nothing; every other member throws FailedPreconditionError on it.
  Operation() = default;
  explicit Operation(const detail::OperationNode* node) noexcept : node_(node) {}

  explicit operator bool() const noexcept { return node_ != nullptr; }

  /// "conv1/Conv2D": unique in the graph.
  const std::string& name() const;
  /// "Conv2D": TensorFlow's name of the kind of operation.
  std::string_view type() const;
  Graph& graph() const;

  std::vector<Tensor> inputs() const;
  /// Operations that run before this one although it uses none of their outputs.
  std::vector<Operation> control_inputs() const;
  int num_outputs() const;
  /// Output `index`. Throws OutOfRangeError if there is no such output.
  Tensor output(int index) const;
  std::vector<Tensor> outputs() const;

  /// The line of the user's program that made it.
  const SourceLocation& where() const;

  /// Whether both refer to the same node.
  friend bool operator==(const Operation&, const Operation&) = default;

  const detail::OperationNode* node() const noexcept { return node_; }

 private:
  const detail::OperationNode* node_ = nullptr;
};

/// One output of an operation: a symbol for values that a run will compute. A handle, valid as long as its
/// Graph; const, hence thread-safe.
class VARSCOPE_API Tensor {
 public:
  /// Refers to nothing; every other member throws FailedPreconditionError on it.
  Tensor() = default;
  Tensor(const detail::OperationNode* node, int index) noexcept : node_(node), index_(index) {}

  explicit operator bool() const noexcept { return node_ != nullptr; }

  /// "conv1/Conv2D:0": the operation's name and the output's index.
  std::string name() const;
  Operation op() const;
  int value_index() const noexcept { return index_; }
  DType dtype() const;
  /// What is known of the shape while the graph is built.
  const Shape& shape() const;
  Graph& graph() const;

  /// Its value in the default session of this thread (Session::as_default()). Throws ValueError if there is
  /// none, and whatever Session::run throws.
  Array eval() const;
  Array eval(const FeedDict& feeds) const;

  /// Whether both refer to the same output of the same operation (identity, as in TensorFlow 1.x).
  friend bool operator==(const Tensor&, const Tensor&) = default;

  const detail::OperationNode* node() const noexcept { return node_; }

 private:
  const detail::OperationNode* node_ = nullptr;
  int index_ = 0;
};

/// Values for the placeholders of one run, as TensorFlow's feed_dict: `{{image1, a}, {image2, b}}`.
class VARSCOPE_API FeedDict {
 public:
  using Feed = std::pair<Tensor, Array>;
  FeedDict() = default;
  FeedDict(std::initializer_list<Feed> feeds) : feeds_(feeds) {}
  explicit FeedDict(std::vector<Feed> feeds) : feeds_(std::move(feeds)) {}
  void add(const Tensor& tensor, Array value) { feeds_.emplace_back(tensor, std::move(value)); }
  const std::vector<Feed>& feeds() const noexcept { return feeds_; }

 private:
  std::vector<Feed> feeds_;
};

}  // namespace varscope

template <>
struct std::hash<varscope::Tensor> {
  std::size_t operator()(const varscope::Tensor& tensor) const noexcept {
    return std::hash<const void*>{}(tensor.node()) ^ (static_cast<std::size_t>(tensor.value_index()) << 1U);
  }
};
