// SPDX-License-Identifier: Apache-2.0
// Batches for training: shuffled, augmented, made ahead on other threads, and the same whenever they are
// asked for. What from_tensor_slices().shuffle(n).map(...).batch(b).repeat().prefetch(p) is in tf.data.
#pragma once

#include <varscope/array.hpp>
#include <varscope/export.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace varscope {

namespace detail {
class BatchQueue;
}

/// What happens to each image, in this order. The defaults change nothing.
struct ImageAugmentation {
  /// Every pixel times this, before all else: 1.0f / 255 for values in [0, 1].
  float scale = 1;
  /// The size that comes out; 0: that of the images. By random_crop(), or resize_with_crop_or_pad() without.
  std::int64_t height = 0;
  std::int64_t width = 0;
  bool random_crop = false;
  bool random_flip_left_right = false;
  /// max_delta of random_brightness(); 0: none.
  float random_brightness = 0;
  /// lower and upper of random_contrast(); both 1: none.
  float random_contrast_lower = 1;
  float random_contrast_upper = 1;
  bool per_image_standardization = false;
};

struct BatchOptions {
  std::int64_t batch_size = 1;
  /// Of the order and of the augmentation.
  std::uint64_t seed = 0;
  /// Every epoch in an order of its own, in which every order is equally likely; false: as they are.
  bool shuffle = false;
  /// Leaves out the last batch of an epoch where it is smaller than the others.
  bool drop_remainder = false;
  /// How many epochs there are; -1: without end.
  std::int64_t repeat = -1;
  ImageAugmentation augment = {};
  /// What becomes of an image, float32 [h,w,c], after the augmentation: another float32 array of that shape.
  /// `seed` is augmentation_seed() of the example. Called by several threads at once, so it must not change
  /// anything else; what it throws comes out of next().
  std::function<Array(const Array& image, std::uint64_t seed)> map = {};
  /// How many batches are made ahead, at most 1024; 0: none, next() makes its batch itself, without threads.
  int prefetch = 2;
  /// How many threads make them, each a whole batch. No more are started than batches are made ahead.
  int threads = 1;
};

/// Some examples, and where in the training they come.
struct Batch {
  Array images;               ///< float32 [b,h,w,c]
  Array labels;               ///< int32 [b]
  std::int64_t epoch = 0;     ///< from 0
  std::int64_t position = 0;  ///< this is the batch of that number, counted from 0 through all epochs
};

/// The batches of a data set, one after the other. The batch at a position is a function of the data, the
/// seed and the position alone: the same bits however many threads there are, however many batches were made
/// ahead, and whatever was asked for before. So training that saves position() with its variables (it is the
/// global step, where every step takes one batch) goes on with seek() as if it had never stopped.
///
/// One thread at a time may call an iterator's members. Iterators may share arrays, whose elements must not
/// change as long as they do. The destructor waits for the batches that are in the making, and for no more.
class VARSCOPE_API BatchIterator {
 public:
  /// `images` are [n,h,w,c], or [n,h,w] for one channel, of uint8 or float32; `labels` are [n] of uint8,
  /// int32 or int64. The images are shared, not copied. Throws ValueError for other shapes, no examples,
  /// labels that are not as many as images or do not fit in int32, and options that make no sense (no whole
  /// batch in an epoch, a crop larger than the images, ...); TypeError for other dtypes; RuntimeError if
  /// there can be no threads.
  BatchIterator(const Array& images, const Array& labels, const BatchOptions& options);
  ~BatchIterator();
  BatchIterator(BatchIterator&& other) noexcept;
  BatchIterator& operator=(BatchIterator&& other) noexcept;

  /// The batch at position(), which moves on by one. Waits until it is made. Throws OutOfRangeError at the
  /// end of the last epoch, ResourceExhaustedError if there is no memory, ValueError if `map` gives something
  /// else than it should, and what it throws; then position() is as before, and the next call tries again.
  Batch next();

  /// The position of the batch that next() gives.
  std::int64_t position() const noexcept;

  /// Goes to any position, forth or back; what was made ahead is dropped. Throws OutOfRangeError, and stays,
  /// for a position that is negative or behind the end. Waits for nothing.
  void seek(std::int64_t position);

  /// Whether next() would find the end.
  bool at_end() const noexcept;

  std::int64_t batches_per_epoch() const noexcept;

 private:
  std::unique_ptr<detail::BatchQueue> queue_;
};

/// The seed by which BatchIterator augments example `index` of its arrays in epoch `epoch`: it does what the
/// functions of image.hpp do to this one image with this seed. Thread-safe.
VARSCOPE_API std::uint64_t augmentation_seed(std::uint64_t seed, std::int64_t epoch,
                                             std::int64_t index) noexcept;

}  // namespace varscope
