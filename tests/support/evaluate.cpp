// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/instruction_set.hpp>
#include <varscope/session.hpp>

#include <boost/test/unit_test.hpp>

namespace varscope::testing {

namespace {

/// Restores the instruction set when it goes.
class InstructionSetGuard {
 public:
  explicit InstructionSetGuard(const std::string& name) : previous_(instruction_set()) {
    set_instruction_set(name);
  }
  ~InstructionSetGuard() { set_instruction_set(previous_); }
  InstructionSetGuard(const InstructionSetGuard&) = delete;
  InstructionSetGuard& operator=(const InstructionSetGuard&) = delete;

 private:
  std::string previous_;
};

}  // namespace

std::vector<Array> evaluate_many(const std::vector<Array>& inputs, const BuildMany& build, int threads) {
  Graph graph;
  const auto building = graph.as_default();
  std::vector<Tensor> placeholders;
  FeedDict feeds;
  for (const Array& input : inputs) {
    std::vector<std::int64_t> dimensions = input.shape().dimensions();
    if (!dimensions.empty()) dimensions.front() = unknown_dimension;
    placeholders.push_back(placeholder(Shape(std::move(dimensions)), {.dtype = input.dtype()}));
    feeds.add(placeholders.back(), input);
  }
  const std::vector<Tensor> tensors = build(placeholders);
  const std::vector<Fetch> fetches(tensors.begin(), tensors.end());
  Session session(graph, {.intra_op_parallelism_threads = threads});
  std::vector<Array> results(fetches.size());
  session.run_into(feeds, fetches, results);
  for (std::size_t i = 0; i < results.size(); ++i) {
    BOOST_TEST(
        tensors[i].shape().compatible_with(results[i].shape()),
        "inferred " << tensors[i].shape().to_string() << ", computed " << results[i].shape().to_string());
  }
  return results;
}

Array evaluate(const std::vector<Array>& inputs, const Build& build, int threads) {
  return evaluate_many(
             inputs,
             [&](const std::vector<Tensor>& placeholders) { return std::vector{build(placeholders)}; },
             threads)
      .front();
}

void on_every_instruction_set(const std::vector<Array>& inputs, const BuildMany& build,
                              const std::function<void(const std::vector<Array>& results)>& check) {
  for (const std::string& name : available_instruction_sets()) {
    BOOST_TEST_CONTEXT("instruction set " << name) {
      const InstructionSetGuard guard(name);
      const std::vector<Array> results = evaluate_many(inputs, build, 1);
      check(results);
      for (const int threads : {2, 3}) {
        const std::vector<Array> again = evaluate_many(inputs, build, threads);
        for (std::size_t i = 0; i < results.size(); ++i) {
          BOOST_TEST(again[i].same_bits(results[i]), "other bits with " << threads << " threads");
        }
      }
    }
  }
}

void on_every_instruction_set(const std::vector<Array>& inputs, const Build& build,
                              const std::function<void(const Array& result)>& check) {
  on_every_instruction_set(
      inputs, [&](const std::vector<Tensor>& placeholders) { return std::vector{build(placeholders)}; },
      [&](const std::vector<Array>& results) { check(results.front()); });
}

template <typename ErrorType>
std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const ErrorType& error) {
    return error.what();
  } catch (const std::exception& error) {
    BOOST_TEST(false, "another error was thrown: " << error.what());
    return {};
  }
  BOOST_TEST(false, "nothing was thrown");
  return {};
}

template std::string message_of<ValueError>(const std::function<void()>&);
template std::string message_of<TypeError>(const std::function<void()>&);
template std::string message_of<UnimplementedError>(const std::function<void()>&);
template std::string message_of<InvalidArgumentError>(const std::function<void()>&);

void check_says(const std::string& message, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    BOOST_TEST(message.find(part) != std::string::npos, "'" << part << "' is missing in: " << message);
  }
}

}  // namespace varscope::testing
