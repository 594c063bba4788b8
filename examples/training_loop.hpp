// SPDX-License-Identifier: Apache-2.0
// A training loop that can be stopped at any moment and goes on where it was: batches in, losses out, and a
// checkpoint now and then.
#pragma once

#include "console.hpp"
#include "loss_history.hpp"
#include "progress_bar.hpp"

#include <varscope/varscope.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>

namespace example {

/// What a step needs of a model.
struct TrainingTower {
  varscope::Variable step;
  varscope::Tensor images, labels, loss;
  varscope::Operation train;
};

struct TrainingLoop {
  std::string output;                      // a folder that is there
  std::optional<std::int64_t> steps = {};  // until so many were made in all
  std::optional<double> seconds = {};      // or for so long in this call
  std::int64_t steps_between_saves = 100;
  std::size_t progress_lines = 6;  // where there is no terminal
};

/// Restores the newest checkpoint of the folder, if there is one; gives the step to go on at.
inline std::int64_t resume(varscope::Session& session, varscope::Saver& saver, const varscope::Variable& step,
                           const std::string& output) {
  const varscope::LatestCheckpoint latest = varscope::find_latest_checkpoint(output);
  for (const varscope::SkippedCheckpoint& skipped : latest.skipped)
    std::printf("   passed over %s: %s\n", skipped.path.c_str(), skipped.reason.c_str());
  if (!latest.path) {
    std::printf("   starts anew in %s\n", output.c_str());
    return 0;
  }
  try {
    saver.restore(session, *latest.path);
    saver.recover_last_checkpoints({&*latest.path, 1});  // removed when there are newer ones
  } catch (const varscope::Error& error) {
    throw std::runtime_error(std::string(error.what()) +
                             "\nThe training cannot go on from there: give another --output to start anew");
  }
  const auto made = static_cast<std::int64_t>(session.read({step})[0].item());
  std::printf("   goes on at step %s, from %s\n", count_of(made).c_str(), latest.path->c_str());
  return made;
}

/// Trains until the steps or the time are over; gives the path of the checkpoint at the end.
inline std::string train(varscope::Session& session, const TrainingTower& tower,
                         varscope::BatchIterator batches, const TrainingLoop& options) {
  varscope::Saver saver({.max_to_keep = 2});
  const std::int64_t first = resume(session, saver, tower.step, options.output);
  batches.seek(first);  // a step takes one batch, so the step is the position
  const varscope::Callable step =
      session.make_callable({tower.images, tower.labels}, {tower.loss, tower.train});
  const std::string prefix = options.output + "/model";
  LossHistory losses(options.output + "/loss.csv", first);

  ProgressBar progress(1, options.progress_lines);
  std::int64_t images = 0;
  const auto part_done = [&] {
    const std::int64_t made = batches.position() - first;
    const double of_steps = options.steps ? share_of(made, *options.steps - first) : 0.0;
    return std::max(of_steps, options.seconds ? share_of(progress.seconds(), *options.seconds) : 0.0);
  };
  for (double part = part_done(); part < 1;) {
    const varscope::Batch batch = batches.next();
    const auto loss = static_cast<float>(step({batch.images, batch.labels})[0].item());
    if (!std::isfinite(loss))
      throw std::runtime_error("the loss is " + std::to_string(loss) + " in step " +
                               std::to_string(batch.position) +
                               ": start anew with a smaller --learning-rate and another --output");
    losses.add(batch.position, loss);
    images += batch.labels.num_elements();
    if (batches.position() % options.steps_between_saves == 0) {
      losses
          .save();  // first: a training that is killed goes on from the checkpoint, with all losses before it
      saver.save_async(session, prefix, {.global_step = batches.position()});  // while training goes on
    }
    part = part_done();
    progress.show(part, [&] {
      char text[96];
      std::snprintf(text, sizeof text, "step %s   loss %.3f   %s images/s",
                    count_of(batches.position()).c_str(), losses.recent(),
                    count_of(static_cast<std::int64_t>(share_of(images, progress.seconds()))).c_str());
      return std::string(text);
    });
  }
  losses.save();
  losses.draw(options.output + "/loss.png");
  return saver.save(session, prefix, {.global_step = batches.position()});
}

}  // namespace example
