// SPDX-License-Identifier: Apache-2.0
#include "graph/operation_builder.hpp"
#include "ops/shape_rules.hpp"
#include "train/update_operations.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/batch_normalization.hpp>
#include <varscope/collection.hpp>
#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/variable_scope.hpp>

#include <optional>
#include <variant>

namespace varscope::layers {

namespace {

using detail::TensorSpec;

constexpr int kImageRank = 4;

/// The number of channels.
std::int64_t require_channels(const TensorSpec& inputs, const SourceLocation& where) {
  const std::string what =
      "layers::batch_normalization() at " + to_string(where) + ": 'inputs' is " + detail::to_string(inputs);
  if (!is_floating(inputs.dtype)) {
    throw TypeError(what + ", but must be float32 or float64; convert it with cast()");
  }
  if (!inputs.shape.has_rank() || inputs.shape.rank() < 2) {
    throw ValueError(what + ", but must have a known rank of 2 or more: [batch, .., channels]");
  }
  const std::int64_t channels = inputs.shape[inputs.shape.rank() - 1];
  if (channels == unknown_dimension) {
    throw ValueError(what + ", but its last dimension must be known: the layer has variables of that size");
  }
  return channels;
}

Initializer or_else(const Initializer& given, Initializer otherwise) {
  return given ? given : otherwise;
}

/// What the layer consists of; beta and gamma only where the options ask for them.
struct LayerVariables {
  std::optional<TensorLike> gamma;
  std::optional<TensorLike> beta;
  Variable moving_mean;
  Variable moving_variance;
};

LayerVariables get_variables(VariableScope& scope, const Shape& channels, DType dtype,
                             const BatchNormalizationOptions& options, const SourceLocation& where) {
  LayerVariables variables;
  if (options.scale) {
    variables.gamma = get_variable("gamma", channels,
                                   {.dtype = dtype,
                                    .initializer = or_else(options.gamma_initializer, ones_initializer()),
                                    .trainable = options.trainable,
                                    .regularizer = options.gamma_regularizer},
                                   where);
  }
  if (options.center) {
    variables.beta = get_variable("beta", channels,
                                  {.dtype = dtype,
                                   .initializer = or_else(options.beta_initializer, zeros_initializer()),
                                   .trainable = options.trainable,
                                   .regularizer = options.beta_regularizer},
                                  where);
  }
  // As TensorFlow's layer does: a partitioned variable could not be assigned.
  scope.set_partitioner({});
  const auto average = [&](std::string_view name, const Initializer& initializer) {
    return get_variable(
        name, channels,
        {.dtype = dtype, .initializer = initializer, .trainable = false, .regularizer = no_regularizer()},
        where);
  };
  variables.moving_mean =
      average("moving_mean", or_else(options.moving_mean_initializer, zeros_initializer()));
  variables.moving_variance =
      average("moving_variance", or_else(options.moving_variance_initializer, ones_initializer()));
  return variables;
}

/// What the layer computes: its result, and in training what the averages follow.
struct Normalized {
  Tensor result;
  Tensor mean;
  Tensor variance;
};

Normalized normalize_image(const TensorLike& inputs, const LayerVariables& variables, const Shape& channels,
                           DType dtype, const BatchNormalizationOptions& options,
                           const SourceLocation& where) {
  FusedBatchNormOptions fused = {.epsilon = options.epsilon, .is_training = options.training};
  if (!options.training) {
    fused.mean = variables.moving_mean;
    fused.variance = variables.moving_variance;
  }
  const TensorLike scale =
      variables.gamma ? *variables.gamma : ones(channels, {.dtype = dtype, .name = "scale"}, where);
  const TensorLike offset =
      variables.beta ? *variables.beta : zeros(channels, {.dtype = dtype, .name = "offset"}, where);
  const FusedBatchNorm result = fused_batch_norm(inputs, scale, offset, std::move(fused), where);
  return {result.y, result.batch_mean, result.batch_variance};
}

Normalized normalize(const TensorLike& inputs, const LayerVariables& variables, int rank,
                     const BatchNormalizationOptions& options, const SourceLocation& where) {
  Normalized normalized{{}, variables.moving_mean.value(), variables.moving_variance.value()};
  if (options.training) {
    std::vector<int> all_but_channels;
    for (int axis = 0; axis + 1 < rank; ++axis) all_but_channels.push_back(axis);
    const Moments of_batch = moments(inputs, Axes(std::move(all_but_channels)), {}, where);
    normalized.mean = of_batch.mean;
    normalized.variance = of_batch.variance;
  }
  normalized.result =
      varscope::batch_normalization(inputs, normalized.mean, normalized.variance, variables.beta,
                                    variables.gamma, options.epsilon, {}, where);
  return normalized;
}

}  // namespace

Tensor batch_normalization(const TensorLike& inputs, BatchNormalizationOptions options,
                           SourceLocation where) {
  const TensorSpec given = detail::spec_of(inputs);
  const Shape channels = {require_channels(given, where)};
  VariableScopeGuard scope =
      options.name.empty()
          ? variable_scope(std::nullopt, {.default_name = "batch_normalization", .reuse = options.reuse},
                           where)
          : variable_scope(options.name, {.reuse = options.reuse}, where);
  const LayerVariables variables = get_variables(scope.scope(), channels, given.dtype, options, where);
  const Normalized normalized =
      given.shape.rank() == kImageRank
          ? normalize_image(inputs, variables, channels, given.dtype, options, where)
          : normalize(inputs, variables, given.shape.rank(), options, where);
  if (!options.training) return normalized.result;
  const Tensor momentum = constant(options.momentum, {.dtype = given.dtype, .name = "momentum"}, where);
  for (const auto& [average, value] : {std::pair{variables.moving_mean, normalized.mean},
                                       std::pair{variables.moving_variance, normalized.variance}}) {
    average.graph().add_to_collection(
        GraphKeys::UPDATE_OPS,
        detail::add_update(detail::kAssignMovingAverage, average, {}, {value, momentum}, where));
  }
  return normalized.result;
}

std::vector<Operation> get_update_ops(std::string_view scope) {
  std::vector<Operation> operations;
  for (const CollectionItem& item : get_collection(GraphKeys::UPDATE_OPS, scope)) {
    if (const auto* const operation = std::get_if<Operation>(&item.value())) operations.push_back(*operation);
    if (const auto* const tensor = std::get_if<Tensor>(&item.value())) operations.push_back(tensor->op());
  }
  return operations;
}

}  // namespace varscope::layers
