// SPDX-License-Identifier: Apache-2.0
#include "batch_maker.hpp"

#include "random_numbers.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

namespace varscope::input {

namespace {

ImageExtents extents_of(const Array& images) {
  const Shape& shape = images.shape();
  if (images.dtype() != DType::uint8 && images.dtype() != DType::float32) {
    throw TypeError("BatchIterator takes images of uint8 or float32, but was given " + images.description());
  }
  if (shape.rank() != 3 && shape.rank() != 4) {
    throw ValueError(
        "BatchIterator takes images [n,height,width,channels] or [n,height,width], but was given " +
        images.description());
  }
  if (images.num_elements() == 0) {
    throw ValueError("BatchIterator was given images without a pixel: " + images.description());
  }
  return {shape[1], shape[2], shape.rank() == 4 ? shape[3] : 1};
}

template <typename T>
Array to_int32(const Array& labels) {
  Array converted = Array::uninitialized(labels.shape(), DType::int32);
  std::int32_t* to = converted.values<std::int32_t>().data();
  for (const T label : labels.values<T>()) {
    if (static_cast<std::int64_t>(label) != static_cast<std::int32_t>(label)) {
      throw ValueError("the label " + std::to_string(label) + " does not fit in int32");
    }
    *to++ = static_cast<std::int32_t>(label);
  }
  return converted;
}

Array labels_of(const Array& labels, const Array& images) {
  if (labels.shape().rank() != 1 || labels.shape()[0] != images.shape()[0]) {
    throw ValueError("BatchIterator takes as many labels as images, but was given images " +
                     images.description() + " and labels " + labels.description());
  }
  switch (labels.dtype()) {
    case DType::int32:
      return labels;
    case DType::uint8:
      return to_int32<std::uint8_t>(labels);
    case DType::int64:
      return to_int32<std::int64_t>(labels);
    default:
      throw TypeError("BatchIterator takes labels of uint8, int32 or int64, but was given " +
                      labels.description());
  }
}

std::int64_t count_batches(std::int64_t examples, const BatchOptions& options) {
  const std::int64_t size = options.batch_size;
  if (size < 1) throw ValueError("batch_size is " + std::to_string(size) + ", but must be at least 1");
  const std::int64_t whole = examples / size;
  if (!options.drop_remainder) return whole + (examples % size != 0 ? 1 : 0);
  if (whole > 0) return whole;
  throw ValueError("of " + std::to_string(examples) + " examples there is no whole batch of " +
                   std::to_string(size) + "; make batch_size smaller, or leave drop_remainder out");
}

std::int64_t end_of(std::int64_t batches_per_epoch, std::int64_t repeat) {
  if (repeat < -1) {
    throw ValueError("repeat is " + std::to_string(repeat) + "; give the number of epochs, or -1 for no end");
  }
  std::int64_t end = 0;
  if (repeat == -1 || __builtin_mul_overflow(batches_per_epoch, repeat, &end)) {
    return std::numeric_limits<std::int64_t>::max();
  }
  return end;
}

}  // namespace

BatchMaker::BatchMaker(const Array& images, const Array& labels, const BatchOptions& options)
    : images_(images),
      labels_(labels_of(labels, images)),
      augmentation_(options.augment, extents_of(images), images.dtype()),
      map_(options.map),
      order_(images.shape()[0], options.seed),
      seed_(options.seed),
      examples_(images.shape()[0]),
      batch_size_(options.batch_size),
      shuffle_(options.shuffle),
      batches_per_epoch_(count_batches(examples_, options)),
      end_(end_of(batches_per_epoch_, options.repeat)) {}

Batch BatchMaker::make(std::int64_t position) const {
  const std::int64_t epoch = position / batches_per_epoch_;
  const std::int64_t first = position % batches_per_epoch_ * batch_size_;
  const std::int64_t count = std::min(batch_size_, examples_ - first);
  const ImageExtents& window = augmentation_.window();
  Batch batch{
      .images = Array::uninitialized({count, window.height, window.width, window.channels}, DType::float32),
      .labels = Array::uninitialized({count}, DType::int32),
      .epoch = epoch,
      .position = position};
  const auto order = shuffle_ ? order_.of(epoch) : nullptr;
  const std::int32_t* const labels = labels_.values<std::int32_t>().data();
  std::int32_t* const batch_labels = batch.labels.values<std::int32_t>().data();
  float* image = batch.images.values<float>().data();
  for (std::int64_t number = 0; number < count; ++number, image += window.elements()) {
    const std::int64_t index = order ? (*order)[static_cast<std::size_t>(first + number)] : first + number;
    const std::uint64_t seed = augmentation_seed(seed_, epoch, index);
    augmentation_.apply(images_.data(), index, seed, image);
    if (map_) map_image(batch.images, number, seed);
    batch_labels[number] = labels[index];
  }
  return batch;
}

void BatchMaker::map_image(const Array& images, std::int64_t number, std::uint64_t seed) const {
  const ImageExtents& window = augmentation_.window();
  const auto owner = std::make_shared<Array>(images);
  float* const elements = owner->values<float>().data() + number * window.elements();
  const Array image =
      Array::wrap({window.height, window.width, window.channels}, DType::float32, elements, owner);
  const Array mapped = map_(image, seed);
  if (mapped.dtype() != DType::float32 || mapped.shape() != image.shape()) {
    throw ValueError("the map of a BatchIterator made " + mapped.description() + " of " +
                     image.description() + "; shape and dtype must stay");
  }
  if (mapped.data() != image.data()) std::memmove(elements, mapped.data(), mapped.num_bytes());
}

}  // namespace varscope::input

namespace varscope {

std::uint64_t augmentation_seed(std::uint64_t seed, std::int64_t epoch, std::int64_t index) noexcept {
  return input::random_words(seed, input::Purpose::example, static_cast<std::uint64_t>(index),
                             static_cast<std::uint64_t>(epoch))
      .first;
}

}  // namespace varscope
