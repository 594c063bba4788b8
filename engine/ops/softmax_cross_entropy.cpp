// SPDX-License-Identifier: Apache-2.0
// SoftmaxCrossEntropyWithLogits and SparseSoftmaxCrossEntropyWithLogits: the loss of each row and, as a
// second output, its gradient with regard to the row, both from one pass over the row's softmax.
#include "core/instruction_set.hpp"
#include "ops/build.hpp"
#include "ops/element_type.hpp"
#include "ops/range_kernel.hpp"
#include "ops/scale_rows.hpp"
#include "ops/shape_rules.hpp"

#include <varscope/error.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/nn_ops.hpp>
#include <varscope/simd/reference/softmax.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace varscope {

namespace {

using detail::KernelArguments;
using detail::TensorSpec;

constexpr int kLogits = 0;
constexpr int kLabels = 1;
constexpr int kLoss = 0;
constexpr int kBackprop = 1;

constexpr const char* kLabelOutOfRange =
    "a label is out of range: each must be at least 0 and below the number of classes, which is the last "
    "dimension of the logits";

template <typename T>
auto softmax_rows_and_sums_function() {
  if constexpr (std::is_same_v<T, float>) {
    return detail::kernel_set().softmax.softmax_rows_and_sums;
  } else {
    return &simd::reference::softmax_rows_and_sums<T>;
  }
}

/// -log(softmax) of one row, as logits - largest - log(sum) has it, which neither over- nor underflows.
template <typename T>
struct LogSoftmaxRow {
  const T* logits;
  double largest;
  double log_sum;

  double negated(std::int64_t j) const noexcept {
    return log_sum - (static_cast<double>(logits[j]) - largest);
  }
};

/// The rules for one row of labels: its loss, and its part of the gradient, which is the softmax before.
template <typename T>
struct DenseLabels {
  using Label = T;
  static constexpr bool kSparse = false;

  static const char* finish(const T* labels, std::int64_t classes, const LogSoftmaxRow<T>& row, T* loss,
                            T* backprop) noexcept {
    double sum = 0;
    for (std::int64_t j = 0; j < classes; ++j) {
      // A class of probability zero does not count, however small its softmax.
      if (labels[j] != T(0)) sum += static_cast<double>(labels[j]) * row.negated(j);
      backprop[j] -= labels[j];
    }
    *loss = static_cast<T>(sum);
    return nullptr;
  }
};

template <typename T, typename Index>
struct SparseLabels {
  using Label = Index;
  static constexpr bool kSparse = true;

  static const char* finish(const Index* label, std::int64_t classes, const LogSoftmaxRow<T>& row, T* loss,
                            T* backprop) noexcept {
    if (*label < 0 || *label >= classes) return kLabelOutOfRange;
    *loss = static_cast<T>(row.negated(*label));
    backprop[*label] -= T(1);
    return nullptr;
  }
};

template <typename T, typename Labels>
std::unique_ptr<detail::Kernel> make_cross_entropy(std::int64_t rows, std::int64_t classes) {
  return detail::make_range_kernel(
      {.items = rows,
       .items_per_tile = detail::items_per_tile(3 * classes),
       .nanoseconds_per_item = 20 + static_cast<double>(classes) * (std::is_same_v<T, float> ? 2.5 : 8)},
      [classes, function = softmax_rows_and_sums_function<T>()](std::int64_t first, std::int64_t last,
                                                                const KernelArguments& arguments) noexcept {
        const std::int64_t label_step = Labels::kSparse ? 1 : classes;
        const T* logits = detail::input<T>(arguments, kLogits);
        T* backprop = detail::output<T>(arguments, kBackprop);
        for (std::int64_t row = first; row < last; ++row) {
          T largest = 0;
          T sum = 0;
          function(logits + row * classes, backprop + row * classes, &largest, &sum, 1, classes);
          const LogSoftmaxRow<T> log_softmax = {.logits = logits + row * classes,
                                                .largest = static_cast<double>(largest),
                                                .log_sum = std::log(static_cast<double>(sum))};
          const auto* labels = detail::input<typename Labels::Label>(arguments, kLabels) + row * label_step;
          const char* const wrong =
              Labels::finish(labels, classes, log_softmax, detail::output<T>(arguments, kLoss) + row,
                             backprop + row * classes);
          if (wrong != nullptr) return wrong;
        }
        return static_cast<const char*>(nullptr);
      });
}

/// Inputs: logits, labels. Outputs: loss, backprop.
class CrossEntropyDefinition : public detail::OpDefinition {
 public:
  std::optional<std::vector<Tensor>> build_gradients(
      const Operation& operation, std::span<const Tensor> output_gradients) const override {
    const SourceLocation& where = operation.where();
    const Tensor logits = operation.inputs()[kLogits];
    Tensor gradient;
    if (output_gradients[kLoss]) {
      gradient = detail::scale_rows(operation.output(kBackprop), output_gradients[kLoss], where);
    }
    // The gradient of backprop, softmax(logits) - labels.
    if (const Tensor& of_backprop = output_gradients[kBackprop]) {
      const Tensor softmaxes = softmax(logits, {}, where);
      const Tensor common =
          reduce_sum(multiply(of_backprop, softmaxes, {}, where), {.axis = -1, .keepdims = true}, where);
      const Tensor second = multiply(softmaxes, subtract(of_backprop, common, {}, where), {}, where);
      gradient = gradient ? add(gradient, second, {}, where) : second;
    }
    return std::vector{gradient, Tensor{}};
  }

 protected:
  static void require_classes(const TensorSpec& logits) {
    detail::require_floating(logits, "logits");
    if (!logits.shape.has_rank()) return;
    const int rank = logits.shape.rank();
    if (rank == 0 || logits.shape[rank - 1] == 0) {
      throw ValueError("'logits' is " + detail::to_string(logits) +
                       ", but its last dimension must be the classes, at least one");
    }
  }

  static std::int64_t rows_of(const Shape& logits) { return detail::product(logits, 0, logits.rank() - 1); }
};

class SoftmaxCrossEntropyDefinition final : public CrossEntropyDefinition {
 public:
  std::string_view type() const noexcept override { return "SoftmaxCrossEntropyWithLogits"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& logits = inputs[kLogits];
    const TensorSpec& labels = inputs[kLabels];
    require_classes(logits);
    detail::require_same_dtype(logits, "logits", labels, "labels");
    if (!logits.shape.compatible_with(labels.shape)) {
      throw ValueError("'logits' is " + detail::to_string(logits) + " and 'labels' is " +
                       detail::to_string(labels) + ", but both must have the same shape");
    }
    const Shape both = logits.shape.merged_with(labels.shape);
    if (!both.has_rank()) return {{logits.dtype, Shape::unknown()}, {logits.dtype, both}};
    std::vector<std::int64_t> rows = both.dimensions();
    rows.pop_back();
    return {{logits.dtype, Shape(std::move(rows))}, {logits.dtype, both}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec>) const override {
    const Shape& logits = inputs[kLogits].shape;
    return detail::visit_element_type<float, double>(
        inputs[kLogits].dtype, [&]<typename T>(detail::ElementType<T>) {
          return make_cross_entropy<T, DenseLabels<T>>(rows_of(logits), logits[logits.rank() - 1]);
        });
  }
};

class SparseSoftmaxCrossEntropyDefinition final : public CrossEntropyDefinition {
 public:
  std::string_view type() const noexcept override { return "SparseSoftmaxCrossEntropyWithLogits"; }

  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    const TensorSpec& logits = inputs[kLogits];
    const TensorSpec& labels = inputs[kLabels];
    require_classes(logits);
    detail::require_dtype(labels, "labels", {DType::int32, DType::int64});
    if (!logits.shape.has_rank()) return {{logits.dtype, labels.shape}, logits};
    std::vector<std::int64_t> dimensions = logits.shape.dimensions();
    const std::int64_t classes = dimensions.back();
    dimensions.pop_back();
    const Shape rows(std::move(dimensions));
    if (!rows.compatible_with(labels.shape)) {
      throw ValueError("'logits' is " + detail::to_string(logits) + " and 'labels' is " +
                       detail::to_string(labels) +
                       ", but labels must have the shape of the logits without their last dimension");
    }
    const Shape both = rows.merged_with(labels.shape);
    std::vector<std::int64_t> whole = both.dimensions();
    whole.push_back(classes);
    return {{logits.dtype, both}, {logits.dtype, Shape(std::move(whole))}};
  }

  std::unique_ptr<detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                              std::span<const TensorSpec>) const override {
    const Shape& logits = inputs[kLogits].shape;
    const std::int64_t rows = rows_of(logits);
    const std::int64_t classes = logits[logits.rank() - 1];
    return detail::visit_element_type<float, double>(
        inputs[kLogits].dtype, [&]<typename T>(detail::ElementType<T>) {
          return inputs[kLabels].dtype == DType::int32
                     ? make_cross_entropy<T, SparseLabels<T, std::int32_t>>(rows, classes)
                     : make_cross_entropy<T, SparseLabels<T, std::int64_t>>(rows, classes);
        });
  }
};

}  // namespace

Tensor softmax_cross_entropy_with_logits(const TensorLike& labels, const TensorLike& logits,
                                         std::string_view name, SourceLocation where) {
  return detail::build(std::make_shared<SoftmaxCrossEntropyDefinition>(),
                       {{"logits", &logits}, {"labels", &labels}}, name,
                       "softmax_cross_entropy_with_logits_sg", where);
}

Tensor sparse_softmax_cross_entropy_with_logits(const TensorLike& labels, const TensorLike& logits,
                                                std::string_view name, SourceLocation where) {
  return detail::build(std::make_shared<SparseSoftmaxCrossEntropyDefinition>(),
                       {{"logits", &logits}, {"labels", &labels}}, name,
                       "SparseSoftmaxCrossEntropyWithLogits", where);
}

}  // namespace varscope
