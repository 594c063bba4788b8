// SPDX-License-Identifier: Apache-2.0
// LRN and LRNGrad: local response normalization along the channels. With
//   N(d) = bias + alpha * sum of x(i)^2 over i = d - radius .. d + radius,
// the result is y(d) = x(d) N(d)^-beta, and its gradient
//   dx(d) = g(d) N(d)^-beta - 2 alpha beta x(d) * sum of g(i) y(i) / N(i) over the same i.
#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/shape_rules.hpp"
#include "ops/tile_workspace.hpp"

#include <varscope/error.hpp>
#include <varscope/nn_gradient_ops.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::TensorSpec;

/// The channels of one pixel, with scratch of its own.
template <typename T>
class NormalizedPixel {
 public:
  /// Elements of scratch for so many channels.
  static std::int64_t scratch(std::int64_t channels, const LrnOptions& options) noexcept {
    return (channels + 2 * radius_of(channels, options)) + 2 * channels;
  }

  NormalizedPixel(std::int64_t channels, const LrnOptions& options, T* memory) noexcept
      : channels_(channels),
        radius_(radius_of(channels, options)),
        options_(options),
        padded_(memory),
        norms_(padded_ + channels + 2 * radius_),
        powers_(norms_ + channels) {
    std::fill_n(padded_, channels + 2 * radius_, T(0));
  }

  void forward(const T* x, T* y) noexcept {
    set_norms(x);
    for (std::int64_t d = 0; d < channels_; ++d) y[d] = x[d] * powers_[d];
  }

  void backward(const T* g, const T* x, const T* y, T* dx) noexcept {
    set_norms(x);
    for (std::int64_t d = 0; d < channels_; ++d) padded_[radius_ + d] = g[d] * y[d] / norms_[d];
    sum_windows(norms_);
    const T factor = static_cast<T>(-2 * options_.alpha * options_.beta);
    for (std::int64_t d = 0; d < channels_; ++d) dx[d] = g[d] * powers_[d] + factor * x[d] * norms_[d];
  }

 private:
  /// A larger one reaches nothing more.
  static std::int64_t radius_of(std::int64_t channels, const LrnOptions& options) noexcept {
    return std::min<std::int64_t>(options.depth_radius, channels);
  }

  void set_norms(const T* x) noexcept {
    for (std::int64_t d = 0; d < channels_; ++d) padded_[radius_ + d] = x[d] * x[d];
    sum_windows(norms_);
    const T bias = static_cast<T>(options_.bias);
    const T alpha = static_cast<T>(options_.alpha);
    for (std::int64_t d = 0; d < channels_; ++d) norms_[d] = bias + alpha * norms_[d];
    set_powers();
  }

  void sum_windows(T* sums) const noexcept {
    std::copy_n(padded_, channels_, sums);
    for (std::int64_t offset = 1; offset <= 2 * radius_; ++offset) {
      for (std::int64_t d = 0; d < channels_; ++d) sums[d] += padded_[d + offset];
    }
  }

  /// norms^-beta; of the usual exponents without logarithms.
  void set_powers() const noexcept {
    if constexpr (std::is_same_v<T, float>) {
      const simd::ElementwiseKernels& kernels = detail::kernel_set().elementwise;
      if (options_.beta == 0.5) return kernels.rsqrt(norms_, powers_, channels_);
      if (options_.beta == 0.75) {
        kernels.sqrt(norms_, powers_, channels_);
        for (std::int64_t d = 0; d < channels_; ++d) powers_[d] *= norms_[d];
        return kernels.rsqrt(powers_, powers_, channels_);
      }
      kernels.log(norms_, powers_, channels_);
      const T beta = static_cast<T>(-options_.beta);
      for (std::int64_t d = 0; d < channels_; ++d) powers_[d] *= beta;
      kernels.exp(powers_, powers_, channels_);
    } else {
      for (std::int64_t d = 0; d < channels_; ++d)
        powers_[d] = std::pow(norms_[d], static_cast<T>(-options_.beta));
    }
  }

  std::int64_t channels_;
  std::int64_t radius_;
  const LrnOptions& options_;
  T* padded_;  // what windows are summed of, with `radius` zeros on both sides
  T* norms_;
  T* powers_;
};

/// `Run` is called as run(pixel, offset of its channels, arguments) for each pixel.
template <typename T, typename Run>
std::unique_ptr<detail::Kernel> make_lrn(const Shape& shape, const LrnOptions& options, Run run) {
  const std::int64_t channels = shape[3];
  const std::int64_t work = channels * (4 + 2 * std::min<std::int64_t>(options.depth_radius, channels));
  return detail::make_range_kernel(
      {.items = channels == 0 ? 0 : detail::product(shape, 0, 3),
       .items_per_tile = detail::items_per_tile(work),
       .nanoseconds_per_item = static_cast<double>(work) * (std::is_same_v<T, float> ? 0.3 : 3)},
      [channels, options, run](std::int64_t first, std::int64_t last,
                               const KernelArguments& arguments) noexcept {
        const std::int64_t elements = NormalizedPixel<T>::scratch(channels, options);
        const auto floats = elements * static_cast<std::int64_t>(sizeof(T) / sizeof(float));
        return detail::with_tile_workspace(floats, [&](float* scratch) {
          NormalizedPixel<T> pixel(channels, options, static_cast<T*>(static_cast<void*>(scratch)));
          for (std::int64_t i = first; i < last; ++i) run(pixel, i * channels, arguments);
        });
      });
}

void require_lrn_options(const LrnOptions& options) {
  if (options.depth_radius >= 0) return;
  throw ValueError(".depth_radius is " + std::to_string(options.depth_radius) + ", but must not be negative");
}

/// Inputs: input_grads, input_image, output_image.
class LrnGradDefinition final : public detail::OpDefinition {
 public:
  explicit LrnGradDefinition(LrnOptions options) : options_(std::move(options)) {}

  std::string_view type() const noexcept override { return "LRNGrad"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    detail::require_floating(inputs[0], "input_grads");
    require_lrn_options(options_);
    Shape shape = detail::with_rank(inputs[0], "input_grads", 4, "[batch, height, width, channels]");
    for (std::size_t i = 1; i < 3; ++i) {
      const char* const parameter = i == 1 ? "input_image" : "output_image";
      detail::require_same_dtype(inputs[0], "input_grads", inputs[i], parameter);
      if (!shape.compatible_with(inputs[i].shape)) {
        throw ValueError("'input_grads' is " + detail::to_string(inputs[0]) + " and '" + parameter + "' is " +
                         detail::to_string(inputs[i]) + ", but all must have the same shape");
      }
      shape = shape.merged_with(inputs[i].shape);
    }
    return {{inputs[0].dtype, shape}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec>) const override {
    return detail::visit_element_type<float, double>(
        inputs[0].dtype, [&]<typename T>(detail::ElementType<T>) {
          return make_lrn<T>(
              inputs[0].shape, options_,
              [](NormalizedPixel<T>& pixel, std::int64_t at, const KernelArguments& arguments) noexcept {
                pixel.backward(detail::input<T>(arguments, 0) + at, detail::input<T>(arguments, 1) + at,
                               detail::input<T>(arguments, 2) + at, detail::output<T>(arguments, 0) + at);
              });
        });
  }

 private:
  LrnOptions options_;
};

class LrnDefinition final : public detail::OpDefinition {
 public:
  explicit LrnDefinition(LrnOptions options) : options_(std::move(options)) {}

  std::string_view type() const noexcept override { return "LRN"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    detail::require_floating(inputs[0], "input");
    require_lrn_options(options_);
    return {{inputs[0].dtype, detail::with_rank(inputs[0], "input", 4, "[batch, height, width, channels]")}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec>) const override {
    return detail::visit_element_type<float, double>(
        inputs[0].dtype, [&]<typename T>(detail::ElementType<T>) {
          return make_lrn<T>(
              inputs[0].shape, options_,
              [](NormalizedPixel<T>& pixel, std::int64_t at, const KernelArguments& arguments) noexcept {
                pixel.forward(detail::input<T>(arguments, 0) + at, detail::output<T>(arguments, 0) + at);
              });
        });
  }

  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    return std::vector{lrn_grad(output_gradients[0], operation.inputs()[0], operation.output(0), options_,
                                operation.where())};
  }

 private:
  LrnOptions options_;
};

}  // namespace

Tensor local_response_normalization(const TensorLike& input, LrnOptions options, SourceLocation where) {
  const std::string name = std::exchange(options.name, {});
  return detail::build(std::make_shared<LrnDefinition>(std::move(options)), {{"input", &input}}, name, "LRN",
                       where);
}

Tensor lrn_grad(const TensorLike& input_grads, const TensorLike& input_image, const TensorLike& output_image,
                LrnOptions options, SourceLocation where) {
  const std::string name = std::exchange(options.name, {});
  return detail::build(
      std::make_shared<LrnGradDefinition>(std::move(options)),
      {{"input_grads", &input_grads}, {"input_image", &input_image}, {"output_image", &output_image}}, name,
      "LRNGrad", where);
}

}  // namespace varscope
