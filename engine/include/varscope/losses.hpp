// SPDX-License-Identifier: Apache-2.0
// The losses that a graph has collected, and their sum: what an optimizer minimizes (TensorFlow's tf.losses).
//
//   auto train = vs::AdamOptimizer().minimize(vs::losses::get_total_loss());
//
// All functions are about the default graph, and safe from any thread at any time. A `scope` is that of
// get_collection(): a regular expression that names start with.
#pragma once

#include <varscope/collection.hpp>
#include <varscope/export.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>

#include <string_view>
#include <vector>

namespace varscope::losses {

/// Adds a tensor to a collection of losses. Throws ValueError for an empty Tensor or one of another graph.
VARSCOPE_API void add_loss(const Tensor& loss, std::string_view loss_collection = GraphKeys::LOSSES);

/// The tensors of the collection "losses", or of another one.
VARSCOPE_API std::vector<Tensor> get_losses(std::string_view scope = {},
                                            std::string_view loss_collection = GraphKeys::LOSSES);

/// What the regularizers of variables have added (regularizer.hpp): "regularization_losses".
VARSCOPE_API std::vector<Tensor> get_regularization_losses(std::string_view scope = {});

/// Their sum ("total_regularization_loss"); the constant 0 if there are none. Throws what add_n() throws.
VARSCOPE_API Tensor get_regularization_loss(std::string_view scope = {}, std::string_view name = {},
                                            SourceLocation where = SourceLocation::current());

/// The sum of the losses and, unless told otherwise, of the regularization losses ("total_loss"). Throws
/// ValueError if there are none, and what add_n() throws: all must be of one dtype and shape.
VARSCOPE_API Tensor get_total_loss(bool add_regularization_losses = true, std::string_view name = {},
                                   SourceLocation where = SourceLocation::current());

}  // namespace varscope::losses
