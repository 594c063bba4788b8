// SPDX-License-Identifier: Apache-2.0
// Dropout: keeps elements at random. Which ones depends on the seeds, the number of the run (or the step that
// is given instead) and the element's index alone, so not on the threads.
#include "graph/graph_state.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "scope/seeds.hpp"

#include <varscope/error.hpp>
#include <varscope/graph.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/philox.hpp>

#include <cmath>
#include <string>
#include <variant>
#include <vector>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::TensorSpec;

/// The four words that decide on four neighbouring elements in one run. Every run, or step, has a key of its
/// own, drawn by the seeds.
class RunNumbers {
 public:
  RunNumbers(SeedPair seeds, std::uint64_t run_number) noexcept
      : RunNumbers(Philox(seeds.first)(run_number, seeds.second)) {}

  Philox::Block operator()(std::uint64_t block) const noexcept { return philox_(block, high_); }

 private:
  explicit RunNumbers(const Philox::Block& key) noexcept
      : philox_((std::uint64_t{key[1]} << 32U) | key[0]), high_((std::uint64_t{key[3]} << 32U) | key[2]) {}

  Philox philox_;
  std::uint64_t high_;
};

/// Gives what takes the place of the run's number.
using StepOf = std::uint64_t (*)(const KernelArguments& arguments) noexcept;

std::uint64_t number_of_run(const KernelArguments& arguments) noexcept {
  return arguments.run_number;
}

template <typename T>
std::uint64_t step_of_input(const KernelArguments& arguments) noexcept {
  return static_cast<std::uint64_t>(*detail::input<T>(arguments, 1));
}

template <typename T>
std::unique_ptr<detail::Kernel> make_dropout(std::int64_t elements, double keep_prob, SeedPair seeds,
                                             StepOf step_of) {
  // A word below this keeps its element: of 2^32 words, keep_prob of them.
  const auto threshold = static_cast<std::uint64_t>(std::llround(std::ldexp(keep_prob, 32)));
  return detail::make_range_kernel(
      {.items = elements,
       .items_per_tile = detail::kElementsPerTile,
       .nanoseconds_per_item = 5,
       .in_place_input = 0,
       .description = "plain"},
      [threshold, seeds, step_of, divisor = static_cast<T>(keep_prob)](
          std::int64_t first, std::int64_t last, const KernelArguments& arguments) noexcept {
        static_assert(detail::kElementsPerTile % 4 == 0, "tiles begin with a block");
        const RunNumbers numbers(seeds, step_of(arguments));
        const T* src = detail::input<T>(arguments, 0);
        T* dst = detail::output<T>(arguments, 0);
        for (std::int64_t start = first; start < last; start += 4) {
          const Philox::Block block = numbers(static_cast<std::uint64_t>(start) / 4);
          for (std::int64_t i = start; i < std::min(start + 4, last); ++i) {
            dst[i] = block[static_cast<std::size_t>(i - start)] < threshold ? src[i] / divisor : T(0);
          }
        }
        return static_cast<const char*>(nullptr);
      });
}

/// Its second input, if it has one, is the step.
class DropoutDefinition final : public detail::OpDefinition {
 public:
  DropoutDefinition(double keep_prob, SeedPair seeds, bool by_step)
      : keep_prob_(keep_prob), seeds_(seeds), by_step_(by_step) {}

  std::string_view type() const noexcept override { return "Dropout"; }
  bool stateful() const noexcept override { return !by_step_; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    detail::require_floating(inputs[0], "x");
    if (!(keep_prob_ > 0 && keep_prob_ <= 1)) {
      throw ValueError("keep_prob is " + std::to_string(keep_prob_) + ", but must be above 0 and at most 1");
    }
    if (by_step_) require_step(inputs[1]);
    return {inputs[0]};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec>) const override {
    return detail::visit_element_type<float, double>(
        inputs[0].dtype, [&]<typename T>(detail::ElementType<T>) {
          return make_dropout<T>(inputs[0].shape.num_elements(), keep_prob_, seeds_,
                                 by_step_ ? step_of(inputs[1].dtype) : &number_of_run);
        });
  }

  /// The same elements of the gradient, divided by the same number: those are the numbers of this run or
  /// step.
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const TensorLike gradient(output_gradients[0], operation.where());
    const Tensor step = by_step_ ? operation.inputs()[1] : Tensor();
    const Tensor of_x = build_dropout(gradient, keep_prob_, seeds_, step, {}, operation.where());
    return by_step_ ? std::vector{of_x, Tensor()} : std::vector{of_x};
  }

  static Tensor build_dropout(const TensorLike& x, double keep_prob, SeedPair seeds, const Tensor& step,
                              std::string_view name, const SourceLocation& where) {
    const bool by_step = static_cast<bool>(step);
    const TensorLike step_input(step, where);
    std::vector<detail::NamedInput> inputs = {{"x", &x}};
    if (by_step) inputs.push_back({"step", &step_input});
    return detail::build(std::make_shared<DropoutDefinition>(keep_prob, seeds, by_step), std::move(inputs),
                         name, "dropout", where);
  }

 private:
  static void require_step(const TensorSpec& step) {
    if (step.dtype != DType::int32 && step.dtype != DType::int64) {
      throw TypeError("'step' is " + detail::to_string(step) +
                      ", but must be int32 or int64: the global step, say");
    }
    if (!step.shape.compatible_with(Shape{})) {
      throw ValueError("'step' is " + detail::to_string(step) + ", but must be a scalar");
    }
  }

  static StepOf step_of(DType dtype) noexcept {
    return dtype == DType::int32 ? &step_of_input<std::int32_t> : &step_of_input<std::int64_t>;
  }

  double keep_prob_;
  SeedPair seeds_;
  bool by_step_;
};

const Graph& graph_of(const TensorLike& value) {
  const auto* tensor = std::get_if<Tensor>(&value.value());
  if (tensor != nullptr && *tensor) return tensor->graph();
  const auto* variable = std::get_if<Variable>(&value.value());
  if (variable != nullptr && *variable) return variable->graph();
  return get_default_graph();
}

}  // namespace

Tensor dropout(const TensorLike& x, double keep_prob, DropoutOptions options, SourceLocation where) {
  if (keep_prob == 1) {
    for (const DType dtype : {DType::float32, DType::float64}) {
      if (const Tensor same = detail::tensor_if_dtype(x, dtype)) return same;
    }
  }
  const SeedPair seeds = detail::combine_seeds(graph_of(x).state(), options.seed);
  return DropoutDefinition::build_dropout(x, keep_prob, seeds, options.step, options.name, where);
}

}  // namespace varscope
