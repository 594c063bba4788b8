// SPDX-License-Identifier: Apache-2.0
// Reverse accumulation over the graph, in the order of TensorFlow's tf.gradients: an operation's turn comes
// when everything that uses its outputs has had its own.
#include "graph/gradient_paths.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>
#include <varscope/gradients.hpp>
#include <varscope/graph.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/variable_scope.hpp>

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace varscope {

namespace {

using detail::GradientPaths;
using detail::OperationNode;

std::string element_of(const char* list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

std::string place(const SourceLocation& where) {
  return "gradients() at " + to_string(where);
}

Tensor tensor_of(const TensorLike& value, const std::string& element, const SourceLocation& where) {
  if (const auto* tensor = std::get_if<Tensor>(&value.value()); tensor != nullptr && *tensor) return *tensor;
  if (const auto* variable = std::get_if<Variable>(&value.value()); variable != nullptr && *variable) {
    return variable->value();
  }
  throw ValueError(
      place(where) + ": " + element +
      " is a number, an array or an empty handle, but must be a tensor of the graph or a variable");
}

std::vector<Tensor> tensors_of(const TensorList& list, const char* name, const SourceLocation& where) {
  std::vector<Tensor> tensors;
  for (const TensorLike& value : list.values()) {
    tensors.push_back(tensor_of(value, element_of(name, tensors.size()), where));
  }
  return tensors;
}

/// One call of gradients().
class Backpropagation {
 public:
  Backpropagation(std::vector<Tensor> ys, std::vector<Tensor> xs, const GradientsOptions& options,
                  const SourceLocation& where)
      : ys_(std::move(ys)),
        xs_(std::move(xs)),
        options_(options),
        where_(where),
        paths_((check(), ys_), xs_, options.stop_gradients) {}

  Graph& graph() const { return ys_.front().graph(); }

  std::vector<Tensor> run() {
    for (std::size_t i = 0; i < ys_.size(); ++i) {
      if (paths_.wanted(ys_[i])) gradients_[ys_[i]].push_back(gradient_of_y(i));
    }
    std::unordered_set<const OperationNode*> first;
    for (const Tensor& y : ys_) {
      if (paths_.wanted(y) && paths_.uses(*y.node()) == 0 && first.insert(y.node()).second) {
        ready_.push_back(y.node());
      }
    }
    for (; !ready_.empty(); ready_.pop_front()) visit(*ready_.front());
    std::vector<Tensor> results;
    for (const Tensor& x : xs_) results.push_back(sum_of_gradients(x));
    return results;
  }

 private:
  void check() const {
    if (ys_.empty()) throw ValueError(place(where_) + ": ys is empty; give at least one tensor");
    if (!options_.grad_ys.empty() && options_.grad_ys.size() != ys_.size()) {
      throw ValueError(place(where_) + ": grad_ys has " + std::to_string(options_.grad_ys.size()) +
                       " elements, but ys has " + std::to_string(ys_.size()) +
                       "; give one for each, an empty Tensor for ones");
    }
    for (std::size_t i = 0; i < ys_.size(); ++i) {
      require_same_graph(ys_[i], element_of("ys", i));
      if (!is_floating(ys_[i].dtype())) {
        throw TypeError(place(where_) + ": " + element_of("ys", i) + ", " + describe(ys_[i]) +
                        ", has no gradient: only float32 and float64 have; convert it with cast()");
      }
      if (i < options_.grad_ys.size() && options_.grad_ys[i]) check_grad_y(i);
    }
    for (std::size_t i = 0; i < xs_.size(); ++i) require_same_graph(xs_[i], element_of("xs", i));
    for (std::size_t i = 0; i < options_.stop_gradients.size(); ++i) {
      const std::string element = element_of("stop_gradients", i);
      if (!options_.stop_gradients[i])
        throw ValueError(place(where_) + ": " + element + " is an empty Tensor");
      require_same_graph(options_.stop_gradients[i], element);
    }
  }

  void check_grad_y(std::size_t i) const {
    const Tensor& given = options_.grad_ys[i];
    require_same_graph(given, element_of("grad_ys", i));
    const std::string what = place(where_) + ": " + element_of("grad_ys", i) + " is " + describe(given) +
                             ", but " + element_of("ys", i) + " is " + describe(ys_[i]);
    if (given.dtype() != ys_[i].dtype()) throw TypeError(what + "; both must have one dtype");
    if (!given.shape().compatible_with(ys_[i].shape())) throw ValueError(what + "; both must have one shape");
  }

  void require_same_graph(const Tensor& tensor, const std::string& element) const {
    if (&tensor.graph() == &ys_.front().graph()) return;
    throw ValueError(place(where_) + ": " + element + ", '" + tensor.name() +
                     "', belongs to another graph than ys[0], '" + ys_.front().name() + "'");
  }

  static std::string describe(const Tensor& tensor) {
    return "'" + tensor.name() + "' (" + std::string(dtype_name(tensor.dtype())) +
           tensor.shape().to_string() + ", made at " + to_string(tensor.op().where()) + ")";
  }

  Tensor gradient_of_y(std::size_t i) const {
    if (i < options_.grad_ys.size() && options_.grad_ys[i]) return options_.grad_ys[i];
    return ones_like(ys_[i], "grad_ys_" + std::to_string(i), where_);
  }

  /// Requires: all gradients that the operation's outputs get are there.
  void visit(const OperationNode& node) {
    std::vector<Tensor> of_outputs;
    bool some = false;
    for (int index = 0; index < static_cast<int>(node.outputs().size()); ++index) {
      const Tensor output(&node, index);
      const Tensor sum = sum_of_gradients(output);
      of_outputs.push_back(paths_.stopped(output) ? Tensor() : sum);
      some = some || of_outputs.back();
    }
    if (!paths_.passes(node)) return;
    const std::vector<Tensor> of_inputs =
        some ? apply_rule(node, of_outputs) : std::vector<Tensor>(node.inputs().size());
    for (std::size_t i = 0; i < of_inputs.size(); ++i) {
      const Tensor& input = node.inputs()[i];
      if (!paths_.wanted(input)) continue;
      if (of_inputs[i]) gradients_[input].push_back(of_inputs[i]);
      const auto [visits, is_new] = waiting_.try_emplace(input.node(), paths_.uses(*input.node()));
      if (--visits->second == 0) ready_.push_back(input.node());
    }
  }

  std::vector<Tensor> apply_rule(const OperationNode& node, const std::vector<Tensor>& of_outputs) const {
    std::optional<std::vector<Tensor>> of_inputs;
    {
      const NameScopeGuard inside = name_scope(node.name() + "_grad", {}, where_);
      of_inputs = node.definition()->build_gradients(Operation(&node), of_outputs);
    }
    if (!of_inputs) {
      throw UnimplementedError(
          place(where_) + ": operation " + detail::describe(node) +
          " has no gradient, but lies between xs and ys. Leave it out of the path, or put "
          "stop_gradient() around it if it counts as a constant");
    }
    require_fit(node, *of_inputs);
    return *of_inputs;
  }

  /// A rule that does not keep its promise is found here, not where its gradients are used.
  void require_fit(const OperationNode& node, const std::vector<Tensor>& of_inputs) const {
    bool fit = of_inputs.size() == node.inputs().size();
    for (std::size_t i = 0; fit && i < of_inputs.size(); ++i) {
      const Tensor& input = node.inputs()[i];
      fit = !of_inputs[i] || !paths_.wanted(input) ||
            (of_inputs[i].dtype() == input.dtype() && of_inputs[i].shape().compatible_with(input.shape()));
    }
    if (fit) return;
    throw RuntimeError(place(where_) + ": the gradient rule of operation " + detail::describe(node) +
                       " does not give gradients that fit its inputs; this is a mistake of the rule");
  }

  /// The sum of the gradients that the tensor has got, which replaces them; an empty handle if there is none.
  Tensor sum_of_gradients(const Tensor& tensor) {
    const auto found = gradients_.find(tensor);
    if (found == gradients_.end()) return {};
    std::vector<Tensor>& terms = found->second;
    if (terms.size() > 1) terms = {add_n(terms, {}, where_)};
    return terms.front();
  }

  const std::vector<Tensor> ys_;
  const std::vector<Tensor> xs_;
  const GradientsOptions& options_;
  const SourceLocation where_;
  const GradientPaths paths_;
  std::unordered_map<Tensor, std::vector<Tensor>> gradients_;      // that are to be summed
  std::unordered_map<const OperationNode*, std::size_t> waiting_;  // gradients that have not come yet
  std::deque<const OperationNode*> ready_;
};

}  // namespace

std::vector<Tensor> gradients(const TensorList& ys, const TensorList& xs, GradientsOptions options,
                              SourceLocation where) {
  std::vector<Tensor> y_tensors = tensors_of(ys, "ys", where);
  std::vector<Tensor> x_tensors = tensors_of(xs, "xs", where);
  Backpropagation backpropagation(std::move(y_tensors), std::move(x_tensors), options, where);
  const Graph::AsDefault building = backpropagation.graph().as_default();
  const NameScopeGuard scope = name_scope(options.name.empty() ? "gradients" : options.name, {}, where);
  return backpropagation.run();
}

}  // namespace varscope
