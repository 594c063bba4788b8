// SPDX-License-Identifier: Apache-2.0
// Cases of operations that move values, convert them, or let nothing flow back.
#include "gradient_recorder.hpp"

#include <varscope/varscope.hpp>

#include <algorithm>
#include <numeric>

namespace varscope::testing {

namespace {

using Tensors = GradientRecorder::Tensors;

constexpr int kRepetitions = 8;

/// An axis of that rank, at times counted from the end.
int random_axis(Random& random, int rank) {
  return random.integer(-rank, rank - 1);
}

std::size_t position(int axis, int rank) {
  return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
}

/// Indices of rows, most of which come several times.
Array random_indices(Random& random, std::int64_t rows) {
  const Shape shape = random_shape(random, random.integer(0, 3), 4);
  return random_array(random, shape, random.chance(0.5) ? DType::int32 : DType::int64, 0,
                      static_cast<double>(rows) - 0.01);
}

void record_gathers(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const Shape shape = random_shape(random, random.integer(1, 3), 6);
    const Array params = random_array(random, shape, recorder.dtype());
    recorder.record("gather", {}, {params, random_indices(random, shape[0])},
                    [](const Tensors& x) { return Tensors{gather(x[0], x[1])}; });
    recorder.record("embedding_lookup", {}, {params, random_indices(random, shape[0])},
                    [](const Tensors& x) { return Tensors{embedding_lookup(x[0], x[1])}; });
  }
}

void record_concat(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const Shape shape = random_shape(random, random.integer(1, 4), 4);
    const DType dtype = recorder.dtype();
    const int axis = random_axis(random, shape.rank());
    std::vector<Array> inputs(random.integer<std::size_t>(1, 4));
    for (Array& input : inputs) {
      std::vector<std::int64_t> dimensions = shape.dimensions();
      dimensions[position(axis, shape.rank())] = random.integer<std::int64_t>(0, 4);
      input = random_array(random, Shape(std::move(dimensions)), dtype);
    }
    recorder.record("concat", {{"axis", json(axis)}}, inputs,
                    [&](const Tensors& x) { return Tensors{concat(x, axis)}; });
  }
}

void record_split(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < 2 * kRepetitions; ++repetition) {
    const int rank = random.integer(1, 3);
    const int axis = random_axis(random, rank);
    const bool equal = random.chance(0.5);
    std::vector<std::int64_t> sizes(random.integer<std::size_t>(1, 4), random.integer<std::int64_t>(1, 3));
    if (!equal) {
      for (std::int64_t& size : sizes) size = random.integer<std::int64_t>(0, 3);
    }
    std::vector<std::int64_t> dimensions = random_shape(random, rank, 4).dimensions();
    dimensions[position(axis, rank)] = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
    const SplitSizes cut = equal ? SplitSizes(static_cast<int>(sizes.size())) : SplitSizes(sizes);
    // Parts that nobody uses, too.
    std::vector<std::size_t> used;
    for (std::size_t part = 0; part < sizes.size(); ++part) {
      if (random.chance(0.7)) used.push_back(part);
    }
    if (used.empty()) used.push_back(0);
    recorder.record("split", {{"axis", json(axis)}, {"sizes", json(sizes)}, {"used", json(used)}},
                    {random_array(random, Shape(std::move(dimensions)), recorder.dtype())},
                    [&](const Tensors& x) {
                      const Tensors parts = split(x[0], cut, axis);
                      Tensors outputs;
                      for (const std::size_t part : used) outputs.push_back(parts[part]);
                      return outputs;
                    });
  }
}

void record_blocks(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const Shape shape = random_shape(random, random.integer(1, 4), 6);
    std::vector<std::int64_t> begin, size;
    std::vector<PadWidths> widths;
    std::vector<std::vector<std::int64_t>> pairs;
    for (const std::int64_t extent : shape.dimensions()) {
      begin.push_back(random.integer<std::int64_t>(0, extent - 1));
      size.push_back(random.chance(0.3) ? -1 : random.integer<std::int64_t>(1, extent - begin.back()));
      widths.push_back({random.integer<std::int64_t>(0, 3), random.integer<std::int64_t>(0, 3)});
      pairs.push_back({widths.back().before, widths.back().after});
    }
    recorder.record("slice", {{"begin", json(begin)}, {"size", json(size)}},
                    {random_array(random, shape, recorder.dtype())},
                    [&](const Tensors& x) { return Tensors{slice(x[0], begin, size)}; });
    const double value = random.integer(-2, 2);
    recorder.record("pad", {{"paddings", json(pairs)}, {"constant_value", json(value)}},
                    {random_array(random, shape, recorder.dtype())},
                    [&](const Tensors& x) { return Tensors{pad(x[0], widths, {.constant_value = value})}; });
  }
}

void record_layouts(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const Shape shape = random_shape(random, random.integer(0, 4), 5);
    std::vector<int> perm(shape.dimensions().size());
    std::iota(perm.begin(), perm.end(), 0);
    for (std::size_t i = 1; i < perm.size(); ++i) std::swap(perm[i], perm[random.integer<std::size_t>(0, i)]);
    if (repetition == 0) perm.clear();
    recorder.record("transpose", {{"perm", json(perm)}}, {random_array(random, shape, recorder.dtype())},
                    [&](const Tensors& x) { return Tensors{transpose(x[0], perm)}; });

    std::vector<std::int64_t> dimensions = shape.dimensions();  // in another order, and one of them unsaid
    std::rotate(dimensions.begin(), dimensions.begin() + random.integer(0, shape.rank()), dimensions.end());
    if (!dimensions.empty() && random.chance(0.5)) {
      dimensions[random.integer<std::size_t>(0, dimensions.size() - 1)] = -1;
    }
    recorder.record("reshape", {{"shape", json(dimensions)}}, {random_array(random, shape, recorder.dtype())},
                    [&](const Tensors& x) { return Tensors{reshape(x[0], Shape(dimensions))}; });
  }
}

void record_casts(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const Shape shape = random_shape(random, random.integer(0, 3), 5);
    const DType from = repetition % 2 == 0 ? DType::float32 : DType::float64;
    const DType to = repetition % 2 == 0 ? DType::float64 : DType::float32;
    recorder.record("cast", {{"through", "null"}}, {random_array(random, shape, from)},
                    [&](const Tensors& x) { return Tensors{cast(x[0], to)}; });
    // Nothing flows through integers.
    recorder.record("cast", {{"through", json("int32")}},
                    {random_array(random, shape, from), random_array(random, shape, to, -5, 5)},
                    [&](const Tensors& x) { return Tensors{x[0] * cast(cast(x[1], int32), from)}; });
  }
}

/// Each beside something that has a gradient.
void record_what_lets_nothing_flow(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const Shape shape = random_shape(random, random.integer(1, 3), 5);
    const DType dtype = recorder.dtype();
    const std::vector<Array> inputs = {random_array(random, shape, dtype),
                                       random_array(random, shape, dtype)};
    recorder.record("stop_gradient", {}, inputs, [](const Tensors& x) {
      return Tensors{x[0] * stop_gradient(x[1]) + stop_gradient(x[0])};
    });
    recorder.record("zeros_like", {}, inputs,
                    [](const Tensors& x) { return Tensors{x[0] + zeros_like(x[1])}; });
    recorder.record("ones_like", {}, inputs,
                    [](const Tensors& x) { return Tensors{x[0] * ones_like(x[1])}; });
    const int axis = random_axis(random, shape.rank());
    recorder.record("argmax", {{"axis", json(axis)}}, inputs, [&](const Tensors& x) {
      return Tensors{reduce_sum(x[0], {.axis = axis}) * cast(argmax(x[1], {.axis = axis}), dtype)};
    });
  }
}

}  // namespace

void record_arrays(GradientRecorder& recorder) {
  record_gathers(recorder);
  record_concat(recorder);
  record_split(recorder);
  record_blocks(recorder);
  record_layouts(recorder);
  record_casts(recorder);
  record_what_lets_nothing_flow(recorder);
}

}  // namespace varscope::testing
