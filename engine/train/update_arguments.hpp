// SPDX-License-Identifier: Apache-2.0
// UpdateArguments: what the kernel of an update finds behind the variables.
#pragma once

#include "ops/range_kernel.hpp"
#include "train/update_operations.hpp"

#include <cmath>

namespace varscope::detail {

/// The inputs of one run of one kernel.
template <typename T>
struct UpdateArguments {
  UpdateArguments(const UpdateRule& rule, const KernelArguments& arguments) noexcept {
    T decay_power = 0;
    T decay_2_power = 0;
    bool corrected = false;
    int index = rule.num_slots;
    for (const NamedUpdateInput& described : rule.inputs) {
      const T* const value = input<T>(arguments, ++index);
      switch (described.kind) {
        case UpdateInput::gradient:
          gradient = value;
          break;
        case UpdateInput::learning_rate:
          numbers.learning_rate = *value;
          break;
        case UpdateInput::momentum:
          numbers.momentum = *value;
          break;
        case UpdateInput::decay:
          numbers.decay = *value;
          break;
        case UpdateInput::decay_2:
          numbers.decay_2 = *value;
          break;
        case UpdateInput::epsilon:
          numbers.epsilon = *value;
          break;
        case UpdateInput::decay_power:
          decay_power = *value;
          corrected = true;
          break;
        case UpdateInput::decay_2_power:
          decay_2_power = *value;
          break;
      }
    }
    if (corrected) {
      numbers.learning_rate = numbers.learning_rate * std::sqrt(T(1) - decay_2_power) / (T(1) - decay_power);
    }
  }

  simd::OptimizerNumbers<T> numbers;
  const T* gradient = nullptr;
};

}  // namespace varscope::detail
