// SPDX-License-Identifier: Apache-2.0
// tf.image for training: images that are cut, flipped, brightened and standardized, as arrays.
//
// Images are arrays [height, width, channels], or [batch, height, width, channels] of which each image is
// treated by itself. What moves pixels takes every dtype and keeps it. What computes takes uint8 and float32,
// with the values as they are (0 to 255 of uint8), and gives float32. The result is a new array.
//
// A function that is random is a function of its seed, as in tf.image.stateless_*: image number i of a batch
// is treated by random numbers of (seed, i), and different functions draw different numbers from one seed.
// The results are the same bits on every machine.
//
// Functions throw ValueError for another rank, TypeError for another dtype, ResourceExhaustedError if there
// is no memory, and are thread-safe.
#pragma once

#include <varscope/array.hpp>
#include <varscope/export.hpp>

#include <cstdint>

namespace varscope {

/// A window of height x width pixels at a random place, every place equally likely (tf.random_crop). Throws
/// ValueError if an image is smaller than the window, or the window is empty.
VARSCOPE_API Array random_crop(const Array& images, std::int64_t height, std::int64_t width,
                               std::uint64_t seed);

/// The middle of images that are larger, zeros around those that are smaller; along an odd difference the
/// left or upper side gets less (tf.image.resize_image_with_crop_or_pad). Throws ValueError if height or
/// width is not positive.
VARSCOPE_API Array resize_with_crop_or_pad(const Array& images, std::int64_t height, std::int64_t width);

/// Mirrored: what was left is right (tf.image.flip_left_right).
VARSCOPE_API Array flip_left_right(const Array& images);

/// Mirrored or not, each with probability 1/2 (tf.image.random_flip_left_right).
VARSCOPE_API Array random_flip_left_right(const Array& images, std::uint64_t seed);

/// x + delta (tf.image.adjust_brightness of floats).
VARSCOPE_API Array adjust_brightness(const Array& images, float delta);

/// x + delta with delta uniform on [-max_delta, max_delta] (tf.image.random_brightness of floats). Throws
/// ValueError if max_delta is negative or not finite.
VARSCOPE_API Array random_brightness(const Array& images, float max_delta, std::uint64_t seed);

/// (x - mean) * factor + mean, with the mean of the image's channel (tf.image.adjust_contrast of floats).
VARSCOPE_API Array adjust_contrast(const Array& images, float factor);

/// The same with a factor uniform on [lower, upper] (tf.image.random_contrast of floats). Throws ValueError
/// unless 0 <= lower <= upper, both finite.
VARSCOPE_API Array random_contrast(const Array& images, float lower, float upper, std::uint64_t seed);

/// (x - mean) / max(stddev, 1/sqrt(n)), mean and standard deviation being those of all n elements of the
/// image (tf.image.per_image_standardization).
VARSCOPE_API Array per_image_standardization(const Array& images);

}  // namespace varscope
