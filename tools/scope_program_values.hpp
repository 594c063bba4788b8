// SPDX-License-Identifier: Apache-2.0
// What the words of a scope program mean to varscope, and how what it gives is written.
#pragma once

#include "scope_program.hpp"

#include <varscope/array.hpp>
#include <varscope/custom_getter.hpp>
#include <varscope/initializer.hpp>
#include <varscope/partitioner.hpp>
#include <varscope/regularizer.hpp>
#include <varscope/variable.hpp>
#include <varscope/variable_creator_scope.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::tools {

std::string_view reuse_text(Reuse reuse);
/// "none" for an unknown rank.
std::string shape_text(const Shape& shape);

/// float32 if a number has a fraction, else int32, or int64 where that is too small.
Array array_of(const ScopeValue& value);
Regularizer regularizer_of(const ScopeRegularizer& regularizer);
/// Throws ValueError as the library's partitioners do.
Partitioner partitioner_of(const ScopePartitioner& partitioner);
/// Of "SUFFIX", "SUFFIX:REUSE" or ":REUSE": asks for the name with `_SUFFIX` behind it, and with that flag.
CustomGetter custom_getter_of(const std::string& text);
/// Makes the variable under the name with `_suffix` behind it, and not trainable unless `trainable`.
VariableCreator creator_of(const std::string& suffix, bool trainable);

// What variable_scope() and get_variable() are told by the same options.
template <typename Options>
void set_common_options(const ScopeOptions& from, Options& to) {
  to.dtype = from.dtype;
  if (from.initializer) to.initializer = constant_initializer(*from.initializer);
  if (from.regularizer) to.regularizer = regularizer_of(*from.regularizer);
  if (from.partitioner) to.partitioner = partitioner_of(*from.partitioner);
  if (from.custom_getter) to.custom_getter = custom_getter_of(*from.custom_getter);
}

/// Throws OutOfRangeError if there is none.
double first_element(const Array& array);

}  // namespace varscope::tools
