// SPDX-License-Identifier: Apache-2.0
// One step of an optimizer, or of a moving average, for a range of elements: reads the variable, its slots
// and the gradient once, and writes the new values beside them. The formulas are those of TensorFlow's
// Apply<Optimizer> operations.
//
// Every function takes `count` elements (zero is fine) and needs no alignment. A result may lie where the
// value it replaces lies, but must not overlap anything otherwise. An element's result depends on its own
// values alone, so an array may be cut anywhere and given to any threads: thread-safe.
//
// Accuracy: every operation of a formula, in the order in which it is written here, is rounded by itself to
// the element type; square roots and divisions are correctly rounded, and nothing is contracted to a fused
// multiply-add. So float32 results are the same bits on every instruction set, the reference included.
#pragma once

#include <cstdint>

namespace varscope::simd {

inline constexpr int kMaxOptimizerSlots = 3;

/// What a step reads and writes, for elements of T. Slots in the order given with each function.
template <typename T>
struct OptimizerArrays {
  const T* variable = nullptr;
  const T* slots[kMaxOptimizerSlots] = {};
  const T* gradient = nullptr;
  T* new_variable = nullptr;
  T* new_slots[kMaxOptimizerSlots] = {};
};

/// The numbers of a step; each function says which it uses.
template <typename T>
struct OptimizerNumbers {
  T learning_rate = 0;
  T momentum = 0;
  T decay = 0;    // beta1 of Adam
  T decay_2 = 0;  // beta2 of Adam
  T epsilon = 0;
};

template <typename T>
using OptimizerFunction = void (*)(const OptimizerArrays<T>& arrays, const OptimizerNumbers<T>& numbers,
                                   std::int64_t count) noexcept;

/// In the formulas v is the variable, g the gradient and r the learning rate.
template <typename T>
struct OptimizerFunctions {
  // v = v - g r
  OptimizerFunction<T> gradient_descent = nullptr;
  // Slot a: a = a momentum + g; v = v - a r
  OptimizerFunction<T> momentum = nullptr;
  // The same with v = v - (g r + (a momentum) r)
  OptimizerFunction<T> nesterov_momentum = nullptr;
  // Slot a: a = a + g g; v = v - (g r) / sqrt(a)
  OptimizerFunction<T> adagrad = nullptr;
  // Slots s, m: s = s + (g g - s) (1 - decay); m = m momentum + (g r) / sqrt(s + epsilon); v = v - m
  OptimizerFunction<T> rmsprop = nullptr;
  // Slots c, s, m: s as above; c = c + (g - c) (1 - decay);
  // m = m momentum + (g r) / sqrt((s - c c) + epsilon); v = v - m
  OptimizerFunction<T> centered_rmsprop = nullptr;
  // Slots m, s: m = m + (g - m) (1 - decay); s = s + (g g - s) (1 - decay_2);
  // v = v - (m r) / (sqrt(s) + epsilon)
  OptimizerFunction<T> adam = nullptr;
  // No slots: v = v - (v - g) (1 - decay)
  OptimizerFunction<T> moving_average = nullptr;
};

using OptimizerKernels = OptimizerFunctions<float>;

}  // namespace varscope::simd
