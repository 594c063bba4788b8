// SPDX-License-Identifier: Apache-2.0
// Optimizer steps; the formulas are in varscope/simd/optimizers.hpp. Each is a class that is made from the
// numbers of a step and turns one register of each array into its new values. The last, partial register goes
// through the same instructions, padded with ones.
#pragma once

#include "vector.inl.hpp"

#include <varscope/simd/optimizers.hpp>

namespace varscope::simd {
namespace {

/// One register of the variable, its slots and the gradient.
template <typename Arch, int kSlots>
struct OptimizerRegisters {
  Floats<Arch> variable;
  Floats<Arch> slots[kSlots > 0 ? kSlots : 1];
  Floats<Arch> gradient;
};

template <typename Arch, typename Step>
void optimizer_step(const OptimizerArrays<float>& arrays, const OptimizerNumbers<float>& numbers,
                    std::int64_t count) noexcept {
  constexpr std::int64_t lanes = kLanes<Arch>;
  constexpr int slots = Step::kSlots;
  const Step step(numbers);
  OptimizerRegisters<Arch, slots> at;
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    at.variable = load<Arch>(arrays.variable + i);
    at.gradient = load<Arch>(arrays.gradient + i);
    for (int slot = 0; slot < slots; ++slot) at.slots[slot] = load<Arch>(arrays.slots[slot] + i);
    step.apply(at);
    store<Arch>(arrays.new_variable + i, at.variable);
    for (int slot = 0; slot < slots; ++slot) store<Arch>(arrays.new_slots[slot] + i, at.slots[slot]);
  }
  if (i < count) {
    const std::int64_t rest = count - i;
    at.variable = load_partial<Arch>(arrays.variable + i, rest, 1.0f);
    at.gradient = load_partial<Arch>(arrays.gradient + i, rest, 1.0f);
    for (int slot = 0; slot < slots; ++slot)
      at.slots[slot] = load_partial<Arch>(arrays.slots[slot] + i, rest, 1.0f);
    step.apply(at);
    store_partial<Arch>(arrays.new_variable + i, at.variable, rest);
    for (int slot = 0; slot < slots; ++slot)
      store_partial<Arch>(arrays.new_slots[slot] + i, at.slots[slot], rest);
  }
}

template <typename Arch>
struct GradientDescentStep {
  static constexpr int kSlots = 0;
  Floats<Arch> learning_rate;

  VARSCOPE_SIMD_INLINE explicit GradientDescentStep(const OptimizerNumbers<float>& numbers) noexcept
      : learning_rate(broadcast<Arch>(numbers.learning_rate)) {}
  VARSCOPE_SIMD_INLINE void apply(OptimizerRegisters<Arch, kSlots>& at) const noexcept {
    at.variable = at.variable - at.gradient * learning_rate;
  }
};

template <typename Arch, bool kNesterov>
struct MomentumStep {
  static constexpr int kSlots = 1;
  Floats<Arch> learning_rate;
  Floats<Arch> momentum;

  VARSCOPE_SIMD_INLINE explicit MomentumStep(const OptimizerNumbers<float>& numbers) noexcept
      : learning_rate(broadcast<Arch>(numbers.learning_rate)), momentum(broadcast<Arch>(numbers.momentum)) {}
  VARSCOPE_SIMD_INLINE void apply(OptimizerRegisters<Arch, kSlots>& at) const noexcept {
    const Floats<Arch> accumulated = at.slots[0] * momentum + at.gradient;
    at.slots[0] = accumulated;
    if (kNesterov) {
      at.variable = at.variable - (at.gradient * learning_rate + accumulated * momentum * learning_rate);
    } else {
      at.variable = at.variable - accumulated * learning_rate;
    }
  }
};

template <typename Arch>
struct AdagradStep {
  static constexpr int kSlots = 1;
  Floats<Arch> learning_rate;

  VARSCOPE_SIMD_INLINE explicit AdagradStep(const OptimizerNumbers<float>& numbers) noexcept
      : learning_rate(broadcast<Arch>(numbers.learning_rate)) {}
  VARSCOPE_SIMD_INLINE void apply(OptimizerRegisters<Arch, kSlots>& at) const noexcept {
    at.slots[0] = at.slots[0] + at.gradient * at.gradient;
    at.variable = at.variable - divide<Arch>(at.gradient * learning_rate, square_root<Arch>(at.slots[0]));
  }
};

template <typename Arch, bool kCentered>
struct RMSPropStep {
  static constexpr int kSlots = kCentered ? 3 : 2;
  static constexpr int kSquares = kCentered ? 1 : 0;
  Floats<Arch> learning_rate;
  Floats<Arch> momentum;
  Floats<Arch> epsilon;
  Floats<Arch> rate;

  VARSCOPE_SIMD_INLINE explicit RMSPropStep(const OptimizerNumbers<float>& numbers) noexcept
      : learning_rate(broadcast<Arch>(numbers.learning_rate)),
        momentum(broadcast<Arch>(numbers.momentum)),
        epsilon(broadcast<Arch>(numbers.epsilon)),
        rate(broadcast<Arch>(1.0f - numbers.decay)) {}
  VARSCOPE_SIMD_INLINE void apply(OptimizerRegisters<Arch, kSlots>& at) const noexcept {
    Floats<Arch>& squares = at.slots[kSquares];
    Floats<Arch>& change = at.slots[kSquares + 1];
    squares = squares + (at.gradient * at.gradient - squares) * rate;
    Floats<Arch> spread = squares;
    if (kCentered) {
      Floats<Arch>& mean = at.slots[0];
      mean = mean + (at.gradient - mean) * rate;
      spread = squares - mean * mean;
    }
    change =
        change * momentum + divide<Arch>(at.gradient * learning_rate, square_root<Arch>(spread + epsilon));
    at.variable = at.variable - change;
  }
};

template <typename Arch>
struct AdamStep {
  static constexpr int kSlots = 2;
  Floats<Arch> learning_rate;
  Floats<Arch> epsilon;
  Floats<Arch> rate;
  Floats<Arch> rate_2;

  VARSCOPE_SIMD_INLINE explicit AdamStep(const OptimizerNumbers<float>& numbers) noexcept
      : learning_rate(broadcast<Arch>(numbers.learning_rate)),
        epsilon(broadcast<Arch>(numbers.epsilon)),
        rate(broadcast<Arch>(1.0f - numbers.decay)),
        rate_2(broadcast<Arch>(1.0f - numbers.decay_2)) {}
  VARSCOPE_SIMD_INLINE void apply(OptimizerRegisters<Arch, kSlots>& at) const noexcept {
    Floats<Arch>& mean = at.slots[0];
    Floats<Arch>& squares = at.slots[1];
    mean = mean + (at.gradient - mean) * rate;
    squares = squares + (at.gradient * at.gradient - squares) * rate_2;
    at.variable = at.variable - divide<Arch>(mean * learning_rate, square_root<Arch>(squares) + epsilon);
  }
};

template <typename Arch>
struct MovingAverageStep {
  static constexpr int kSlots = 0;
  Floats<Arch> rate;

  VARSCOPE_SIMD_INLINE explicit MovingAverageStep(const OptimizerNumbers<float>& numbers) noexcept
      : rate(broadcast<Arch>(1.0f - numbers.decay)) {}
  VARSCOPE_SIMD_INLINE void apply(OptimizerRegisters<Arch, kSlots>& at) const noexcept {
    at.variable = at.variable - (at.variable - at.gradient) * rate;
  }
};

template <typename Arch>
constexpr OptimizerKernels optimizer_kernels() noexcept {
  return {.gradient_descent = &optimizer_step<Arch, GradientDescentStep<Arch>>,
          .momentum = &optimizer_step<Arch, MomentumStep<Arch, false>>,
          .nesterov_momentum = &optimizer_step<Arch, MomentumStep<Arch, true>>,
          .adagrad = &optimizer_step<Arch, AdagradStep<Arch>>,
          .rmsprop = &optimizer_step<Arch, RMSPropStep<Arch, false>>,
          .centered_rmsprop = &optimizer_step<Arch, RMSPropStep<Arch, true>>,
          .adam = &optimizer_step<Arch, AdamStep<Arch>>,
          .moving_average = &optimizer_step<Arch, MovingAverageStep<Arch>>};
}

}  // namespace
}  // namespace varscope::simd
