// SPDX-License-Identifier: Apache-2.0
// The variables that get_variable() finds, by their full names (TensorFlow's variable store).
#pragma once

#include <varscope/export.hpp>
#include <varscope/graph.hpp>
#include <varscope/variable.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace varscope {

/// The shared variable of that full name, "conv1/weights", which may be partitioned; refers to nothing if
/// there is none. Variables that Variable's constructor made are not shared: no name leads to them.
/// Thread-safe and wait-free.
VARSCOPE_API Variable find_shared_variable(const Graph& graph, std::string_view full_name);

/// All shared variables whose full names start with `prefix` ("conv1/"), with these names, in the order of
/// their creation; local ones too. A partitioned variable comes once, in place of its parts. One that a
/// creator called otherwise than its path is left out: only find_shared_variable() knows it. Thread-safe:
/// those that other threads are making may be there or not.
VARSCOPE_API std::vector<std::pair<std::string, Variable>> shared_variables(const Graph& graph,
                                                                            std::string_view prefix = {});

}  // namespace varscope
