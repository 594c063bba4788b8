// SPDX-License-Identifier: Apache-2.0
#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>
#include <varscope/losses.hpp>
#include <varscope/math_ops.hpp>

#include <variant>

namespace varscope::losses {

namespace {

std::vector<Tensor> tensors_of(std::string_view collection, std::string_view scope) {
  std::vector<Tensor> tensors;
  for (const CollectionItem& item : get_collection(collection, scope)) {
    if (const auto* const tensor = std::get_if<Tensor>(&item.value())) tensors.push_back(*tensor);
  }
  return tensors;
}

}  // namespace

void add_loss(const Tensor& loss, std::string_view loss_collection) {
  if (!loss) throw ValueError("add_loss() was given an empty Tensor");
  add_to_collection(loss_collection, loss);
}

std::vector<Tensor> get_losses(std::string_view scope, std::string_view loss_collection) {
  return tensors_of(loss_collection, scope);
}

std::vector<Tensor> get_regularization_losses(std::string_view scope) {
  return tensors_of(GraphKeys::REGULARIZATION_LOSSES, scope);
}

Tensor get_regularization_loss(std::string_view scope, std::string_view name, SourceLocation where) {
  const std::vector<Tensor> regularization = get_regularization_losses(scope);
  if (regularization.empty()) return constant(0.0, {}, where);
  return add_n(regularization, name.empty() ? "total_regularization_loss" : name, where);
}

Tensor get_total_loss(bool add_regularization_losses, std::string_view name, SourceLocation where) {
  std::vector<Tensor> all = get_losses();
  if (add_regularization_losses) {
    const std::vector<Tensor> regularization = get_regularization_losses();
    all.insert(all.end(), regularization.begin(), regularization.end());
  }
  if (all.empty()) {
    throw ValueError(
        "get_total_loss() at " + to_string(where) +
        ": the graph has collected no losses; add one with add_loss(), or minimize a loss itself");
  }
  return add_n(all, name.empty() ? "total_loss" : name, where);
}

}  // namespace varscope::losses
