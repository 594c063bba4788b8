// SPDX-License-Identifier: Apache-2.0
// The batch normalization layer: its variables, the operation, and the updates of its moving averages
// (TensorFlow's tf.layers.batch_normalization).
//
//   auto normalized = vs::layers::batch_normalization(conv, {.training = true});
//   ...
//   vs::Operation train;
//   {
//     auto after = vs::control_dependencies(vs::layers::get_update_ops());   // else the averages never move
//     train = optimizer.minimize(loss);
//   }
//
// The model that is evaluated calls it without .training, in a scope that reuses the variables or in another
// program, and normalizes by the moving averages. From any thread at any time.
#pragma once

#include <varscope/export.hpp>
#include <varscope/initializer.hpp>
#include <varscope/regularizer.hpp>
#include <varscope/reuse.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>
#include <varscope/tensor_like.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::layers {

struct BatchNormalizationOptions {
  /// Whether to normalize by the statistics of the batch, and to update the moving averages.
  bool training = false;
  double momentum = 0.99;  // how much of the old average stays in each update
  double epsilon = 0.001;
  bool center = true;                            // add beta
  bool scale = true;                             // multiply by gamma
  Initializer beta_initializer = {};             // none: zeros_initializer()
  Initializer gamma_initializer = {};            // none: ones_initializer()
  Initializer moving_mean_initializer = {};      // none: zeros_initializer()
  Initializer moving_variance_initializer = {};  // none: ones_initializer()
  Regularizer beta_regularizer = {};
  Regularizer gamma_regularizer = {};
  bool trainable = true;  // beta and gamma
  /// The layer's variable scope. Empty: "batch_normalization", made unique.
  std::string name = {};
  /// With a name: whether the variables exist already. Unset: as the scope around has it.
  std::optional<Reuse> reuse = std::nullopt;
};

/// (inputs - mean) / sqrt(variance + epsilon) * gamma + beta of each channel, the last dimension of `inputs`.
/// Variables "<name>/gamma", "<name>/beta", and, never trained nor in parts, "<name>/moving_mean" and
/// "<name>/moving_variance". In training mean and variance are those of all elements of a channel in the
/// batch, and two operations are added to the collection "update_ops":
/// average -= (average - value) * (1 - momentum). Images, of rank 4, are normalized by fused_batch_norm(),
/// whose variance for the average has n - 1 as the divisor, else moments() gives one with n; TensorFlow's
/// default layer has both, too. float32, float64. Throws ValueError for an unknown rank, one below 2 or an
/// unknown number of channels, TypeError for another dtype, and what get_variable() throws.
VARSCOPE_API Tensor batch_normalization(const TensorLike& inputs, BatchNormalizationOptions options = {},
                                        SourceLocation where = SourceLocation::current());

/// The operations, and those of the tensors, in the collection "update_ops" of the default graph: what a
/// training step runs besides the optimizer. `scope` is that of get_collection(): a regular expression that
/// names start with.
VARSCOPE_API std::vector<Operation> get_update_ops(std::string_view scope = {});

}  // namespace varscope::layers
