// SPDX-License-Identifier: Apache-2.0
// All of varscope: include this one header.
#pragma once

#include <varscope/array.hpp>
#include <varscope/array_ops.hpp>
#include <varscope/checkpoint.hpp>
#include <varscope/collection.hpp>
#include <varscope/constraint.hpp>
#include <varscope/custom_getter.hpp>
#include <varscope/dtype.hpp>
#include <varscope/error.hpp>
#include <varscope/flag.hpp>
#include <varscope/graph.hpp>
#include <varscope/initializer.hpp>
#include <varscope/inspect.hpp>
#include <varscope/instruction_set.hpp>
#include <varscope/latest_checkpoint.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/parallel_ranges.hpp>
#include <varscope/partitioned_variables.hpp>
#include <varscope/partitioner.hpp>
#include <varscope/regularizer.hpp>
#include <varscope/restore_report.hpp>
#include <varscope/reuse.hpp>
#include <varscope/saver.hpp>
#include <varscope/session.hpp>
#include <varscope/shape.hpp>
#include <varscope/shared_variables.hpp>
#include <varscope/source_location.hpp>
#include <varscope/state_ops.hpp>
#include <varscope/template.hpp>
#include <varscope/tensor.hpp>
#include <varscope/tensor_like.hpp>
#include <varscope/variable.hpp>
#include <varscope/variable_creator_scope.hpp>
#include <varscope/variable_scope.hpp>
