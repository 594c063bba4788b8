// SPDX-License-Identifier: Apache-2.0
// Assignments: operations that give variables new values (TensorFlow's tf.assign, tf.assign_add,
// tf.assign_sub).
//
// A run that computes such an operation, because it or something made from it is fetched, changes the
// variable; what the operation yields is the new value. Everything else in the run still reads the value from
// before, and all new values of a run become visible at its end, in one commit, or not at all if it throws.
// Several assignments of one variable in one run act one after the other, each after its control inputs
// (control_flow_ops.hpp) and what it is made from, and else in the order of the fetches and of the inputs of
// each operation; the last one stays. So of two assign_add(v, 1) in one run the second
// yields one more, and runs that assign wait for each other: none of many counts is lost.
//
// Of a partitioned variable assign the partitions(); a computed one cannot be assigned
// (FailedPreconditionError). `name` is the operation's name below the current name scope; empty means
// TensorFlow's default, given with each function. All of them throw ValueError or TypeError when shape or
// dtype differ from the variable's (nothing is broadcast; a shape that is not known yet is checked by the
// run, which throws InvalidArgumentError), ValueError for a value of another graph or an invalid name, and
// RuntimeError if the graph is finalized. From any thread at any time.
#pragma once

#include <varscope/export.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>
#include <varscope/tensor_like.hpp>
#include <varscope/variable.hpp>

#include <string_view>

namespace varscope {

/// ref = value ("Assign"). A variable that never had a value is not initialized for it.
VARSCOPE_API Tensor assign(const Variable& ref, const TensorLike& value, std::string_view name = {},
                           SourceLocation where = SourceLocation::current());
/// ref += value ("AssignAdd"). Of every dtype but bool.
VARSCOPE_API Tensor assign_add(const Variable& ref, const TensorLike& value, std::string_view name = {},
                               SourceLocation where = SourceLocation::current());
/// ref -= value ("AssignSub"). Of every dtype but bool.
VARSCOPE_API Tensor assign_sub(const Variable& ref, const TensorLike& value, std::string_view name = {},
                               SourceLocation where = SourceLocation::current());

}  // namespace varscope
