// SPDX-License-Identifier: Apache-2.0
// Plain optimizer steps; the formulas are in varscope/simd/optimizers.hpp. Compiled without contraction they
// are the same bits as those of every instruction set.
#pragma once

#include <varscope/simd/optimizers.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>

namespace varscope::simd::reference {

template <std::floating_point T>
void gradient_descent(const OptimizerArrays<T>& arrays, const OptimizerNumbers<T>& numbers,
                      std::int64_t count) noexcept {
  for (std::int64_t i = 0; i < count; ++i) {
    arrays.new_variable[i] = arrays.variable[i] - arrays.gradient[i] * numbers.learning_rate;
  }
}

template <std::floating_point T, bool kNesterov>
void momentum(const OptimizerArrays<T>& arrays, const OptimizerNumbers<T>& numbers,
              std::int64_t count) noexcept {
  for (std::int64_t i = 0; i < count; ++i) {
    const T gradient = arrays.gradient[i];
    const T accumulated = arrays.slots[0][i] * numbers.momentum + gradient;
    const T change =
        kNesterov ? gradient * numbers.learning_rate + accumulated * numbers.momentum * numbers.learning_rate
                  : accumulated * numbers.learning_rate;
    arrays.new_slots[0][i] = accumulated;
    arrays.new_variable[i] = arrays.variable[i] - change;
  }
}

template <std::floating_point T>
void adagrad(const OptimizerArrays<T>& arrays, const OptimizerNumbers<T>& numbers,
             std::int64_t count) noexcept {
  for (std::int64_t i = 0; i < count; ++i) {
    const T gradient = arrays.gradient[i];
    const T accumulated = arrays.slots[0][i] + gradient * gradient;
    arrays.new_slots[0][i] = accumulated;
    arrays.new_variable[i] = arrays.variable[i] - gradient * numbers.learning_rate / std::sqrt(accumulated);
  }
}

template <std::floating_point T, bool kCentered>
void rmsprop(const OptimizerArrays<T>& arrays, const OptimizerNumbers<T>& numbers,
             std::int64_t count) noexcept {
  constexpr int kSquares = kCentered ? 1 : 0;
  constexpr int kMomentum = kSquares + 1;
  const T rate = T(1) - numbers.decay;
  for (std::int64_t i = 0; i < count; ++i) {
    const T gradient = arrays.gradient[i];
    T squares = arrays.slots[kSquares][i];
    squares = squares + (gradient * gradient - squares) * rate;
    T spread = squares;
    if constexpr (kCentered) {
      T mean = arrays.slots[0][i];
      mean = mean + (gradient - mean) * rate;
      spread = squares - mean * mean;
      arrays.new_slots[0][i] = mean;
    }
    const T change = arrays.slots[kMomentum][i] * numbers.momentum +
                     gradient * numbers.learning_rate / std::sqrt(spread + numbers.epsilon);
    arrays.new_slots[kSquares][i] = squares;
    arrays.new_slots[kMomentum][i] = change;
    arrays.new_variable[i] = arrays.variable[i] - change;
  }
}

template <std::floating_point T>
void adam(const OptimizerArrays<T>& arrays, const OptimizerNumbers<T>& numbers, std::int64_t count) noexcept {
  const T rate = T(1) - numbers.decay;
  const T rate_2 = T(1) - numbers.decay_2;
  for (std::int64_t i = 0; i < count; ++i) {
    const T gradient = arrays.gradient[i];
    T mean = arrays.slots[0][i];
    T squares = arrays.slots[1][i];
    mean = mean + (gradient - mean) * rate;
    squares = squares + (gradient * gradient - squares) * rate_2;
    arrays.new_slots[0][i] = mean;
    arrays.new_slots[1][i] = squares;
    arrays.new_variable[i] =
        arrays.variable[i] - mean * numbers.learning_rate / (std::sqrt(squares) + numbers.epsilon);
  }
}

template <std::floating_point T>
void moving_average(const OptimizerArrays<T>& arrays, const OptimizerNumbers<T>& numbers,
                    std::int64_t count) noexcept {
  const T rate = T(1) - numbers.decay;
  for (std::int64_t i = 0; i < count; ++i) {
    const T average = arrays.variable[i];
    arrays.new_variable[i] = average - (average - arrays.gradient[i]) * rate;
  }
}

template <std::floating_point T>
constexpr OptimizerFunctions<T> optimizer_functions() noexcept {
  return {.gradient_descent = &gradient_descent<T>,
          .momentum = &momentum<T, false>,
          .nesterov_momentum = &momentum<T, true>,
          .adagrad = &adagrad<T>,
          .rmsprop = &rmsprop<T, false>,
          .centered_rmsprop = &rmsprop<T, true>,
          .adam = &adam<T>,
          .moving_average = &moving_average<T>};
}

}  // namespace varscope::simd::reference
