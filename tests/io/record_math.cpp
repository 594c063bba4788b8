// SPDX-License-Identifier: Apache-2.0
// Cases of arithmetic, matrix products, reductions and clipping.
#include "gradient_recorder.hpp"

#include <varscope/varscope.hpp>

#include <optional>

namespace varscope::testing {

namespace {

using Tensors = GradientRecorder::Tensors;

constexpr int kRepetitions = 8;

void record_functions_of_one(GradientRecorder& recorder) {
  struct Function {
    const char* name;
    Tensor (*apply)(const TensorLike&, std::string_view, SourceLocation);
    double low, high;
  };
  constexpr Function kFunctions[] = {
      {"negative", negative, -2, 2}, {"abs", abs, -2, 2},         {"square", square, -2, 2},
      {"exp", exp, -3, 3},           {"log", log, 0.25, 4},       {"sqrt", sqrt, 0.25, 4},
      {"sigmoid", sigmoid, -6, 6},   {"tanh", tanh, -4, 4},       {"relu", relu, -2, 2},
      {"identity", identity, -2, 2}, {"l2_loss", l2_loss, -2, 2},
  };
  Random& random = recorder.random();
  for (const Function& function : kFunctions) {
    for (int repetition = 0; repetition < kRepetitions; ++repetition) {
      const Shape shape = random_shape(random, random.integer(0, 4), 6);
      const DType dtype = recorder.dtype();
      // Zeros, too: the kinks of abs and relu.
      const Array x = function.low < 0 && repetition % 3 == 0
                          ? recorder.few_values(shape, dtype)
                          : random_array(random, shape, dtype, function.low, function.high);
      recorder.record(function.name, {}, {x}, [&](const Tensors& inputs) {
        return Tensors{function.apply(inputs[0], {}, SourceLocation::current())};
      });
    }
  }
}

/// One that may be repeated to fit the given shape.
Shape broadcast_to(Random& random, const Shape& shape) {
  std::vector<std::int64_t> dimensions = shape.dimensions();
  for (std::int64_t& extent : dimensions) {
    if (random.chance(0.25)) extent = 1;
  }
  if (random.chance(0.3)) {
    dimensions.erase(dimensions.begin(), dimensions.begin() + random.integer(0, shape.rank()));
  }
  return Shape(std::move(dimensions));
}

void record_functions_of_two(GradientRecorder& recorder) {
  struct Function {
    const char* name;
    Tensor (*apply)(const TensorLike&, const TensorLike&, std::string_view, SourceLocation);
    bool divides;
  };
  constexpr Function kFunctions[] = {{"add", add, false},
                                     {"subtract", subtract, false},
                                     {"multiply", multiply, false},
                                     {"divide", divide, true},
                                     {"div", div, true},
                                     {"maximum", maximum, false},
                                     {"minimum", minimum, false}};
  Random& random = recorder.random();
  for (const Function& function : kFunctions) {
    for (int repetition = 0; repetition < kRepetitions; ++repetition) {
      const Shape shape = random_shape(random, random.integer(0, 4), 5);
      const DType dtype = recorder.dtype();
      const Shape of_x = broadcast_to(random, shape), of_y = broadcast_to(random, shape);
      std::vector<Array> inputs;
      if (!function.divides && repetition % 3 == 0) {
        inputs = {recorder.few_values(of_x, dtype), recorder.few_values(of_y, dtype)};
      } else {
        inputs = {random_array(random, of_x, dtype),
                  random_array(random, of_y, dtype, function.divides ? 0.5 : -1, function.divides ? 2 : 1)};
      }
      recorder.record(function.name, {}, inputs, [&](const Tensors& x) {
        return Tensors{function.apply(x[0], x[1], {}, SourceLocation::current())};
      });
    }
  }
}

void record_sums(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const Shape shape = random_shape(random, random.integer(0, 3), 5);
    const DType dtype = recorder.dtype();
    std::vector<Array> inputs(random.integer<std::size_t>(1, 5));
    for (Array& input : inputs) input = random_array(random, shape, dtype);
    recorder.record("add_n", {}, inputs, [](const Tensors& x) { return Tensors{add_n(x)}; });
  }
}

void record_products(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < 24; ++repetition) {
    const bool transpose_a = (repetition & 1) != 0, transpose_b = (repetition & 2) != 0;
    const bool batches = (repetition & 4) != 0;
    const DType dtype = recorder.dtype();
    const std::int64_t largest = random.pick<std::int64_t>({4, 9, 40});
    const auto rows = random.integer<std::int64_t>(1, largest),
               depth = random.integer<std::int64_t>(1, largest),
               columns = random.integer<std::int64_t>(1, largest);
    const Shape batch = batches ? random_shape(random, random.integer(1, 3), 3) : Shape();
    const auto matrices = [&](std::int64_t height, std::int64_t width, bool transposed) {
      std::vector<std::int64_t> shape = broadcast_to(random, batch).dimensions();
      shape.push_back(transposed ? width : height);
      shape.push_back(transposed ? height : width);
      return random_array(random, Shape(std::move(shape)), dtype);
    };
    recorder.record(
        "matmul", {{"transpose_a", json(transpose_a)}, {"transpose_b", json(transpose_b)}},
        {matrices(rows, depth, transpose_a), matrices(depth, columns, transpose_b)}, [&](const Tensors& x) {
          return Tensors{matmul(x[0], x[1], {.transpose_a = transpose_a, .transpose_b = transpose_b})};
        });
  }
}

void record_reductions(GradientRecorder& recorder) {
  struct Reduction {
    const char* name;
    Tensor (*apply)(const TensorLike&, ReduceOptions, SourceLocation);
  };
  Random& random = recorder.random();
  for (const Reduction& reduction :
       {Reduction{"reduce_sum", reduce_sum}, Reduction{"reduce_mean", reduce_mean},
        Reduction{"reduce_max", reduce_max}}) {
    for (int repetition = 0; repetition < 2 * kRepetitions; ++repetition) {
      const Shape shape = random_shape(random, random.integer(0, 4), 6);
      const DType dtype = recorder.dtype();
      const bool keepdims = random.chance(0.5);
      std::optional<std::vector<int>> axes;
      if (!random.chance(0.2)) {
        axes.emplace();
        for (int axis = 0; axis < shape.rank(); ++axis) {
          if (random.chance(0.5)) axes->push_back(random.chance(0.3) ? axis - shape.rank() : axis);
        }
      }
      // Equal ones, among which reduce_max divides its gradient.
      const Array x =
          random.chance(0.5) ? recorder.few_values(shape, dtype) : random_array(random, shape, dtype);
      recorder.record(reduction.name, {{"axis", axes ? json(*axes) : "null"}, {"keepdims", json(keepdims)}},
                      {x}, [&](const Tensors& inputs) {
                        return Tensors{reduction.apply(
                            inputs[0], {.axis = axes ? Axes(*axes) : Axes(), .keepdims = keepdims},
                            SourceLocation::current())};
                      });
    }
  }
}

void record_clipping(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const Shape shape = random_shape(random, random.integer(0, 3), 5);
    const DType dtype = recorder.dtype();
    const Shape of_limits = random.chance(0.5) ? Shape() : shape;
    std::vector<Array> inputs;
    if (repetition % 3 == 0) {
      inputs = {recorder.few_values(shape, dtype), random_array(random, of_limits, dtype, -1, -1),
                random_array(random, of_limits, dtype, 1, 1)};
    } else {
      inputs = {random_array(random, shape, dtype), random_array(random, of_limits, dtype, -0.7, -0.1),
                random_array(random, of_limits, dtype, 0.1, 0.7)};
    }
    recorder.record("clip_by_value", {}, inputs,
                    [](const Tensors& x) { return Tensors{clip_by_value(x[0], x[1], x[2])}; });
  }
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const DType dtype = recorder.dtype();
    const Array limit = random_array(random, {}, dtype, 0.5, 4);
    recorder.record("clip_by_norm", {}, {random_array(random, random_shape(random, 2, 6), dtype), limit},
                    [](const Tensors& x) { return Tensors{clip_by_norm(x[0], x[1])}; });
    std::vector<Array> inputs(random.integer<std::size_t>(1, 4));
    for (Array& input : inputs) {
      input = random_array(random, random_shape(random, random.integer(0, 3), 4), dtype);
    }
    recorder.record("global_norm", {}, inputs, [](const Tensors& x) { return Tensors{global_norm(x)}; });
    inputs.push_back(limit);
    recorder.record("clip_by_global_norm", {}, inputs, [](const Tensors& x) {
      auto [clipped, norm] = clip_by_global_norm({x.begin(), x.end() - 1}, x.back());
      clipped.push_back(norm);
      return clipped;
    });
  }
}

}  // namespace

void record_math(GradientRecorder& recorder) {
  record_functions_of_one(recorder);
  record_functions_of_two(recorder);
  record_sums(recorder);
  record_products(recorder);
  record_reductions(recorder);
  record_clipping(recorder);
}

}  // namespace varscope::testing
