// SPDX-License-Identifier: Apache-2.0
// Cases of operations of neural networks.
#include "gradient_recorder.hpp"

#include <varscope/varscope.hpp>

#include <array>
#include <numeric>

namespace varscope::testing {

namespace {

using Tensors = GradientRecorder::Tensors;

constexpr int kRepetitions = 8;

template <typename T>
void make_rows_sum_to_one(std::span<T> values, std::size_t classes) {
  for (std::size_t row = 0; row + classes <= values.size(); row += classes) {
    const std::span<T> labels = values.subspan(row, classes);
    const T sum = std::accumulate(labels.begin(), labels.end(), T{0});
    for (T& label : labels) label /= sum;
  }
}

void record_softmax(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < 2 * kRepetitions; ++repetition) {
    const Shape shape = random_shape(random, random.integer(1, 4), 6);
    const int axis = random.integer(-shape.rank(), shape.rank() - 1);
    recorder.record("softmax", {{"axis", json(axis)}}, {random_array(random, shape, recorder.dtype(), -4, 4)},
                    [&](const Tensors& x) { return Tensors{softmax(x[0], {.axis = axis})}; });
  }
}

void record_cross_entropies(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const Shape shape = random_shape(random, random.integer(1, 3), 7);
    const int rank = shape.rank();
    const std::int64_t classes = shape[rank - 1];
    const DType dtype = recorder.dtype();
    const Array logits = random_array(random, shape, dtype, -4, 4);
    Array labels = random_array(random, shape, dtype, 0.01, 1);
    if (dtype == DType::float32) {
      make_rows_sum_to_one(labels.values<float>(), static_cast<std::size_t>(classes));
    } else {
      make_rows_sum_to_one(labels.values<double>(), static_cast<std::size_t>(classes));
    }
    recorder.record("softmax_cross_entropy_with_logits", {}, {labels, logits},
                    [](const Tensors& x) { return Tensors{softmax_cross_entropy_with_logits(x[0], x[1])}; });
    std::vector<std::int64_t> rows = shape.dimensions();
    rows.pop_back();
    const Array numbers =
        random_array(random, Shape(std::move(rows)), random.chance(0.5) ? DType::int32 : DType::int64, 0,
                     static_cast<double>(classes) - 0.01);
    recorder.record("sparse_softmax_cross_entropy_with_logits", {}, {numbers, logits}, [](const Tensors& x) {
      return Tensors{sparse_softmax_cross_entropy_with_logits(x[0], x[1])};
    });
  }
}

void record_bias_add(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const Shape shape = random_shape(random, random.integer(2, 4), 6);
    const DType dtype = recorder.dtype();
    recorder.record(
        "bias_add", {},
        {random_array(random, shape, dtype), random_array(random, {shape[shape.rank() - 1]}, dtype)},
        [](const Tensors& x) { return Tensors{bias_add(x[0], x[1])}; });
  }
}

void record_lrn(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    Shape shape = random_shape(random, 4, 4);
    shape = {shape[0], shape[1], shape[2], random.integer<std::int64_t>(1, 12)};
    const LrnOptions options = {.depth_radius = random.integer(0, 5),
                                .bias = random.pick<double>({1, 2}),
                                .alpha = random.pick<double>({1, 0.5, 0.125}),
                                .beta = random.pick<double>({0.5, 0.75, 1, 0.625})};
    recorder.record("local_response_normalization",
                    {{"depth_radius", json(options.depth_radius)},
                     {"bias", json(options.bias)},
                     {"alpha", json(options.alpha)},
                     {"beta", json(options.beta)}},
                    {random_array(random, shape, recorder.dtype(), -2, 2)},
                    [&](const Tensors& x) { return Tensors{local_response_normalization(x[0], options)}; });
  }
}

void record_batch_norm(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < 2 * kRepetitions; ++repetition) {
    const bool training = repetition % 2 == 0;
    const auto extent = [&] { return random.integer<std::int64_t>(2, 5); };
    const Shape shape = {extent(), extent(), extent(), random.integer<std::int64_t>(1, 40)};
    const Shape channels = {shape[3]};
    const DType dtype = recorder.dtype();
    std::vector<Array> inputs = {random_array(random, shape, dtype, -1, 3),
                                 random_array(random, channels, dtype),
                                 random_array(random, channels, dtype)};
    const std::vector<Array> given = {random_array(random, channels, dtype),
                                      random_array(random, channels, dtype, 0.1, 2)};
    const auto epsilon = random.pick<double>({0.001, 0.1});
    const GradientRecorder::Attributes attributes = {{"epsilon", json(epsilon)}};
    std::vector<Array> all = inputs;
    all.insert(all.end(), given.begin(), given.end());
    recorder.record("fused_batch_norm", attributes, training ? inputs : all, [&](const Tensors& x) {
      FusedBatchNormOptions options = {.epsilon = epsilon, .is_training = training};
      if (!training) options.mean = x[3];
      if (!training) options.variance = x[4];
      const FusedBatchNorm result = fused_batch_norm(x[0], x[1], x[2], options);
      // Nothing flows back from these.
      return Tensors{result.y, identity(result.batch_mean), identity(result.batch_variance)};
    });
    recorder.record("batch_normalization", attributes, all, [&](const Tensors& x) {
      return Tensors{batch_normalization(x[0], x[3], x[4], x[2], x[1], epsilon)};
    });
    recorder.record("moments", {{"axes", json(std::array<int, 2>{0, 3})}}, {inputs[0]}, [](const Tensors& x) {
      const Moments result = moments(x[0], {0, 3});
      return Tensors{result.mean, result.variance};
    });
  }
}

/// A window on an image, as convolutions and poolings have it; along each of both dimensions.
struct Window {
  std::array<std::int64_t, 2> image, extent, out;
  std::array<int, 2> stride, dilation;
  Padding padding;

  Window(Random& random, std::int64_t largest_image, std::int64_t largest_extent, int largest_dilation)
      : padding(random.chance(0.5) ? Padding::same : Padding::valid) {
    for (std::size_t i = 0; i < 2; ++i) {
      extent[i] = random.integer<std::int64_t>(1, largest_extent);
      stride[i] = random.integer(1, 3);
      dilation[i] = random.integer(1, largest_dilation);
      const std::int64_t reach = (extent[i] - 1) * dilation[i] + 1;
      const std::int64_t least = padding == Padding::valid ? reach : 1;
      image[i] = random.integer<std::int64_t>(least, std::max(least, largest_image));
      out[i] = padding == Padding::valid ? (image[i] - reach) / stride[i] + 1
                                         : (image[i] + stride[i] - 1) / stride[i];
    }
  }

  GradientRecorder::Attributes attributes() const {
    return {{"window", json(extent)},
            {"image", json(image)},
            {"strides", json(stride)},
            {"dilations", json(dilation)},
            {"padding", json(padding == Padding::same ? "SAME" : "VALID")}};
  }
  Conv2DOptions convolution() const {
    return {.strides = {1, stride[0], stride[1], 1},
            .padding = padding,
            .dilations = {1, dilation[0], dilation[1], 1}};
  }
  PoolOptions pooling() const {
    return {.ksize = {1, static_cast<int>(extent[0]), static_cast<int>(extent[1]), 1},
            .strides = {1, stride[0], stride[1], 1},
            .padding = padding};
  }
};

void record_convolutions(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < 40; ++repetition) {
    const bool large = repetition % 4 == 0;  // enough for the algorithms of large images
    Window window(random, large ? 20 : 9, large ? 3 : 5, random.chance(0.7) ? 1 : 3);
    if (large) window.stride = {1, 1};
    const std::int64_t groups = random.chance(0.6) ? 1 : random.integer<std::int64_t>(2, large ? 8 : 3);
    const auto depth = random.integer<std::int64_t>(1, large ? 16 : 4);
    const std::int64_t filters = groups * random.integer<std::int64_t>(1, large ? 16 : 4);
    const auto batch = random.integer<std::int64_t>(1, 3);
    const DType dtype = recorder.dtype();
    const Shape of_input = {batch, window.image[0], window.image[1], groups * depth};
    const Shape of_filter = {window.extent[0], window.extent[1], depth, filters};
    const Array input = random_array(random, of_input, dtype),
                filter = random_array(random, of_filter, dtype);
    const Conv2DOptions options = window.convolution();
    recorder.record("conv2d", window.attributes(), {input, filter},
                    [&](const Tensors& x) { return Tensors{conv2d(x[0], x[1], options)}; });
    if (large) continue;
    const Array backprop = random_array(random, {batch, window.out[0], window.out[1], filters}, dtype);
    GradientRecorder::Attributes attributes = window.attributes();
    attributes.emplace_back("groups", json(groups));
    recorder.record("conv2d_backprop_input", attributes, {filter, backprop}, [&](const Tensors& x) {
      return Tensors{conv2d_backprop_input(of_input, x[0], x[1], options)};
    });
    recorder.record("conv2d_backprop_filter", attributes, {input, backprop}, [&](const Tensors& x) {
      return Tensors{conv2d_backprop_filter(x[0], of_filter, x[1], options)};
    });
  }
}

void record_poolings(GradientRecorder& recorder) {
  Random& random = recorder.random();
  for (int repetition = 0; repetition < 2 * kRepetitions; ++repetition) {
    const Window window(random, 10, 4, 1);
    const auto batch = random.integer<std::int64_t>(1, 3), channels = random.integer<std::int64_t>(1, 9);
    const Shape shape = {batch, window.image[0], window.image[1], channels};
    const DType dtype = recorder.dtype();
    const PoolOptions options = window.pooling();
    // Equal ones, of which the first counts.
    const Array value =
        repetition % 2 == 0 ? recorder.few_values(shape, dtype) : random_array(random, shape, dtype);
    recorder.record("max_pool", window.attributes(), {value},
                    [&](const Tensors& x) { return Tensors{max_pool(x[0], options)}; });
    recorder.record("avg_pool", window.attributes(), {value},
                    [&](const Tensors& x) { return Tensors{avg_pool(x[0], options)}; });
    recorder.record("avg_pool_grad", window.attributes(),
                    {random_array(random, {batch, window.out[0], window.out[1], channels}, dtype)},
                    [&](const Tensors& x) { return Tensors{avg_pool_grad(shape, x[0], options)}; });
  }
}

}  // namespace

void record_nn(GradientRecorder& recorder) {
  record_softmax(recorder);
  record_cross_entropies(recorder);
  record_bias_add(recorder);
  record_lrn(recorder);
  record_batch_norm(recorder);
  record_convolutions(recorder);
  record_poolings(recorder);
}

}  // namespace varscope::testing
