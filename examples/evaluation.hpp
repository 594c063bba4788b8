// SPDX-License-Identifier: Apache-2.0
// What a model makes of images whose classes are known: accuracy, and which classes it takes for which.
#pragma once

#include "console.hpp"
#include "data_set.hpp"
#include "second_process.hpp"

#include <varscope/varscope.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

namespace example {

/// What a model makes of images whose classes are known.
class Evaluation {
 public:
  void add(const varscope::Array& labels, const varscope::Array& logits, const varscope::Array& predictions) {
    logits_.push_back(logits);
    const auto truths = labels.values<std::int32_t>();
    const auto guesses = predictions.values<std::int32_t>();
    for (std::size_t at = 0; at < truths.size(); ++at) {
      if (truths[at] < 0 || truths[at] >= kClasses)
        throw std::runtime_error("a test image has the label " + std::to_string(truths[at]) +
                                 ", but the classes are 0 to " + std::to_string(kClasses - 1));
      ++counts_[static_cast<std::size_t>(truths[at])][static_cast<std::size_t>(guesses[at])];
    }
  }

  /// How many images of class `truth` it takes for `guess`.
  std::int64_t count(std::size_t truth, std::size_t guess) const { return counts_[truth][guess]; }

  std::int64_t total() const {
    std::int64_t sum = 0;
    for (const auto& row : counts_)
      for (const std::int64_t count : row) sum += count;
    return sum;
  }

  double accuracy() const {
    std::int64_t right = 0;
    for (std::size_t at = 0; at < counts_.size(); ++at) right += counts_[at][at];
    return share_of(right, total());
  }

  /// Of all logits: equal for equal bits.
  std::string logits_digest() const { return digest(logits_); }

 private:
  std::vector<varscope::Array> logits_;
  std::array<std::array<std::int64_t, kClasses>, kClasses> counts_{};
};

/// What an evaluation needs of a model.
struct EvaluationTower {
  varscope::Tensor images, logits, predictions;
};

/// Of all batches that are left.
inline Evaluation evaluate(varscope::Session& session, const EvaluationTower& tower,
                           varscope::BatchIterator batches) {
  const varscope::Callable infer = session.make_callable({tower.images}, {tower.logits, tower.predictions});
  Evaluation evaluation;
  while (!batches.at_end()) {
    const varscope::Batch batch = batches.next();
    const std::vector<varscope::Array> results = infer({batch.images});
    evaluation.add(batch.labels, results[0], results[1]);
  }
  return evaluation;
}

/// The accuracy, and how often each class is taken for which.
inline void print_evaluation(const DataSet& data, const Evaluation& evaluation) {
  std::printf("   accuracy %.2f %% of %s images\n\n   %-11s", 100 * evaluation.accuracy(),
              count_of(evaluation.total()).c_str(), "taken for");
  for (const char* name : data.classes) std::printf(" %10s", name);
  for (std::size_t truth = 0; truth < data.classes.size(); ++truth) {
    std::printf("\n   %-11s", data.classes[truth]);
    for (std::size_t guess = 0; guess < data.classes.size(); ++guess) {
      const std::int64_t count = evaluation.count(truth, guess);
      std::printf(" %10s", count == 0 ? "." : std::to_string(count).c_str());
    }
  }
  std::puts("");
}

}  // namespace example
