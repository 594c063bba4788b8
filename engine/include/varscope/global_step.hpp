// SPDX-License-Identifier: Apache-2.0
// The global step: how many steps have been made (tf.train.create_global_step and its kin).
#pragma once

#include <varscope/export.hpp>
#include <varscope/source_location.hpp>
#include <varscope/variable.hpp>

namespace varscope {

/// Makes the global step of the default graph: "global_step" in the current variable scope, an int64 scalar
/// from 0, not trainable, in "variables" and "global_step". Throws ValueError if there is one already, and
/// what get_variable() throws. Lock-free.
VARSCOPE_API Variable create_global_step(SourceLocation where = SourceLocation::current());

/// That of the default graph: what is in the collection "global_step", else the variable of the name
/// "global_step"; refers to nothing if there is none. Throws ValueError if the collection has several,
/// TypeError if it is no integer scalar.
VARSCOPE_API Variable get_global_step();

/// The one that is there, or a new one. Throws what the other two throw. Of several threads that call this at
/// once for a graph that has none, some may be refused as by create_global_step().
VARSCOPE_API Variable get_or_create_global_step(SourceLocation where = SourceLocation::current());

}  // namespace varscope
