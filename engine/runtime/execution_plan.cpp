// SPDX-License-Identifier: Apache-2.0
#include "runtime/execution_plan.hpp"

#include <functional>

namespace varscope::detail {

namespace {

void combine(std::size_t& hash, std::size_t value) noexcept {
  hash ^= value + 0x9e3779b97f4a7c15U + (hash << 6U) + (hash >> 2U);
}

}  // namespace

std::size_t hash_of(const PlanRequest& request) noexcept {
  std::size_t hash = request.feeds.size();
  for (std::size_t i = 0; i < request.feeds.size(); ++i) {
    combine(hash, std::hash<Tensor>{}(request.feeds[i]));
    combine(hash, static_cast<std::size_t>(request.feed_values[i].dtype()));
    for (std::int64_t dimension : request.feed_values[i].shape().dimensions()) {
      combine(hash, static_cast<std::size_t>(dimension));
    }
  }
  for (const Fetch& fetch : request.fetches) {
    combine(hash, std::hash<Tensor>{}(fetch.tensor()));
    combine(hash, std::hash<const void*>{}(fetch.op().node()));
  }
  return hash;
}

ExecutionPlan::~ExecutionPlan() {
  // relaxed: whoever destroys the plan is ordered after its last run.
  for (std::atomic<RunFrame*>& kept : kept_frames_) delete kept.load(std::memory_order_relaxed);
}

bool ExecutionPlan::matches(std::size_t wanted_hash, const PlanRequest& request) const noexcept {
  if (hash != wanted_hash || feeds.size() != request.feeds.size() ||
      fetched_tensors.size() != request.fetches.size()) {
    return false;
  }
  for (std::size_t i = 0; i < feeds.size(); ++i) {
    if (feeds[i] != request.feeds[i] || feed_specs[i].dtype != request.feed_values[i].dtype() ||
        feed_specs[i].shape != request.feed_values[i].shape()) {
      return false;
    }
  }
  for (std::size_t i = 0; i < request.fetches.size(); ++i) {
    if (fetched_tensors[i] != request.fetches[i].tensor() ||
        fetched_operations[i] != request.fetches[i].op()) {
      return false;
    }
  }
  return true;
}

std::unique_ptr<RunFrame> ExecutionPlan::acquire_frame() const {
  for (std::atomic<RunFrame*>& kept : kept_frames_) {
    // acquire: pairs with the release in release_frame(), the frame is seen as its last run left it.
    if (RunFrame* frame = kept.exchange(nullptr, std::memory_order_acquire))
      return std::unique_ptr<RunFrame>(frame);
  }
  auto frame = std::make_unique<RunFrame>();
  frame->arena = Array::uninitialized(Shape{static_cast<std::int64_t>(arena_bytes)}, DType::uint8);
  frame->values.resize(values.size());
  std::size_t num_inputs = 0;
  std::size_t num_outputs = 0;
  for (const PlannedStep& step : steps) {
    num_inputs += step.inputs.size();
    num_outputs += step.outputs.size();
  }
  frame->inputs.resize(num_inputs);
  frame->outputs.resize(num_outputs);
  frame->stale.resize(num_outputs);
  auto* arena = static_cast<std::byte*>(frame->arena.data());
  std::size_t input = 0;
  std::size_t output = 0;
  for (const PlannedStep& step : steps) {
    frame->steps.push_back({.inputs = frame->inputs.data() + input,
                            .outputs = frame->outputs.data() + output,
                            .workspace = arena + step.workspace_offset,
                            .stale = frame->stale.data() + output});
    input += step.inputs.size();
    output += step.outputs.size();
  }
  return frame;
}

void ExecutionPlan::release_frame(std::unique_ptr<RunFrame> frame) const noexcept {
  for (std::atomic<RunFrame*>& kept : kept_frames_) {
    RunFrame* empty = nullptr;
    // release: publishes the frame; relaxed on failure: nothing of the other frame is touched.
    if (kept.compare_exchange_strong(empty, frame.get(), std::memory_order_release,
                                     std::memory_order_relaxed)) {
      static_cast<void>(frame.release());
      return;
    }
  }
}

}  // namespace varscope::detail
