// SPDX-License-Identifier: Apache-2.0
// Runs operations on given arrays, through the public interface: placeholders, a session, a run.
#pragma once

#include <varscope/array.hpp>
#include <varscope/tensor.hpp>

#include <functional>
#include <string>
#include <vector>

namespace varscope::testing {

/// Adds operations on the placeholders to the default graph and gives what to fetch.
using BuildMany = std::function<std::vector<Tensor>(const std::vector<Tensor>& placeholders)>;
using Build = std::function<Tensor(const std::vector<Tensor>& placeholders)>;

/// The values for the inputs. The first dimension of every placeholder is unknown while the graph is built.
std::vector<Array> evaluate_many(const std::vector<Array>& inputs, const BuildMany& build, int threads = 1);
Array evaluate(const std::vector<Array>& inputs, const Build& build, int threads = 1);

/// Evaluates on every instruction set of this machine, with 1, 2 and 3 threads, requires the same bits from
/// all numbers of threads, and hands the results to `check`.
void on_every_instruction_set(const std::vector<Array>& inputs, const BuildMany& build,
                              const std::function<void(const std::vector<Array>& results)>& check);
void on_every_instruction_set(const std::vector<Array>& inputs, const Build& build,
                              const std::function<void(const Array& result)>& check);

/// What `action` throws as ErrorType says; fails the test if it throws nothing, or something else.
template <typename ErrorType>
std::string message_of(const std::function<void()>& action);

/// Fails unless the message contains each of the parts.
void check_says(const std::string& message, const std::vector<std::string>& parts);

}  // namespace varscope::testing
