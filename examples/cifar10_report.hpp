// SPDX-License-Identifier: Apache-2.0
// What cifar10 prints and compares.
#pragma once

#include "cifar10_data.hpp"
#include "cifar10_options.hpp"
#include "console.hpp"
#include "evaluation.hpp"
#include "inspect_program.hpp"
#include "second_process.hpp"

#include <varscope/varscope.hpp>

#include <cstdint>
#include <cstdio>
#include <string>
#include <unistd.h>
#include <vector>

namespace example {

inline void print_title(const DataSet& data) {
  std::printf(
      "The network of TensorFlow's CIFAR-10 tutorial, on %s: %s images to learn from, %s to be tested by\n",
      data.name.c_str(), count_of(data.training.labels.num_elements()).c_str(),
      count_of(data.test.labels.num_elements()).c_str());
}

inline void print_variables(const std::vector<varscope::Variable>& variables) {
  std::int64_t total = 0;
  for (const varscope::Variable& variable : variables) {
    std::printf("      %-26s %s\n", variable.name().c_str(), variable.shape().to_string().c_str());
    total += variable.shape().num_elements();
  }
  std::printf("   %s numbers; the second call shares them, and reads their moving averages\n",
              count_of(total).c_str());
}

inline void print_training_heading(const Options& options) {
  std::string until;
  char text[32];
  if (options.seconds) {
    std::snprintf(text, sizeof text, "for %g s", *options.seconds);
    until = text;
  }
  if (options.steps) until += (until.empty() ? "to step " : ", at most to step ") + count_of(*options.steps);
  heading("Train: " + until + ", in batches of " + std::to_string(options.batch) + ", on " +
          std::string(varscope::instruction_set()));
}

inline void print_result(const Evaluation& evaluation) {
  std::printf("   process %-6d accuracy %.2f %%   digest of the logits  %s\n", static_cast<int>(getpid()),
              100 * evaluation.accuracy(), evaluation.logits_digest().c_str());
}

/// Starts this program again with --restore and --compare; gives its exit status.
inline int compare_in_second_process(const Options& options, const std::string& checkpoint,
                                     const Evaluation& evaluation) {
  std::printf("   saved %s\n", checkpoint.c_str());
  print_result(evaluation);
  std::vector<std::string> words{
      "cifar10",         "--restore",          checkpoint, "--compare", evaluation.logits_digest(),
      "--fashion-mnist", options.fashion_mnist};
  if (!options.cifar10.empty()) words.insert(words.end(), {"--cifar10", options.cifar10});
  if (options.threads > 0) words.insert(words.end(), {"--threads", std::to_string(options.threads)});
  return run_in_second_process(std::move(words));
}

/// In the second process: prints what it got and compares. Gives the exit status.
inline int report_comparison(const Options& options, const Evaluation& evaluation) {
  print_result(evaluation);
  const bool same = evaluation.logits_digest() == options.compare;
  std::printf("   the logits of all %s images %s\n", count_of(evaluation.total()).c_str(),
              same ? "have the same bits in both processes" : "DIFFER");
  return same ? 0 : 1;
}

inline void print_next_steps(const Options& options, const std::string& checkpoint) {
  const char* folder = options.output.c_str();
  heading("Look");
  std::printf(
      "   %s/filters.png\n      what the first convolution looks for\n"
      "   %s/confusion.png\n      a row for each class, a column for each answer, in the order above\n"
      "   %s/loss.png, loss.csv\n      the loss of every step\n"
      "   %s inspect %s\n      the variables in the checkpoint, as a tree of scopes\n"
      "   examples/cifar10.cpp\n      how all this is written\n"
      "Called again it goes on from here: cifar10 --output %s\n",
      folder, folder, folder, inspect_program().c_str(), checkpoint.c_str(), folder);
}

}  // namespace example
