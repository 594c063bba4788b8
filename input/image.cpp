// SPDX-License-Identifier: Apache-2.0
#include "image_draws.hpp"
#include "image_pixels.hpp"

#include <varscope/error.hpp>
#include <varscope/image.hpp>

#include <algorithm>
#include <string>

namespace varscope {

namespace {

using input::ImageExtents;
using input::Offset;

/// Images as a function takes them.
struct Images {
  const Array& array;
  std::int64_t count;
  ImageExtents extents;

  /// The shape of such images with another size.
  Shape shape_of(const ImageExtents& window) const {
    return array.shape().rank() == 3 ? Shape{window.height, window.width, window.channels}
                                     : Shape{count, window.height, window.width, window.channels};
  }
};

Images images_of(const Array& array, const std::string& function) {
  const Shape& shape = array.shape();
  if (shape.rank() == 3) return {array, 1, {shape[0], shape[1], shape[2]}};
  if (shape.rank() == 4) return {array, shape[0], {shape[1], shape[2], shape[3]}};
  throw ValueError(function +
                   " takes images [height,width,channels] or [batch,height,width,channels], but was " +
                   "given " + array.description());
}

/// Copies of one type of elements, whichever it is: only their size matters.
template <typename Bits>
void copy_windows(const Images& images, const ImageExtents& window, Array& out, auto&& place) {
  const auto* from = static_cast<const Bits*>(images.array.data());
  auto* to = static_cast<Bits*>(out.data());
  for (std::int64_t image = 0; image < images.count; ++image) {
    const auto [offset, flip] = place(image);
    input::copy_window(from, images.extents, offset, flip, to, window);
    from += images.extents.elements();
    to += window.elements();
  }
}

struct Place {
  Offset offset;
  bool flip = false;
};

/// The window of each image that `place` names by the image's number.
Array cut(const Images& images, const ImageExtents& window, auto&& place) {
  Array out = Array::uninitialized(images.shape_of(window), images.array.dtype());
  switch (dtype_size(out.dtype())) {
    case 1:
      copy_windows<std::uint8_t>(images, window, out, place);
      break;
    case 4:
      copy_windows<std::uint32_t>(images, window, out, place);
      break;
    default:
      copy_windows<std::uint64_t>(images, window, out, place);
  }
  return out;
}

/// float32 copies of the images, each changed by `change`, which gets its number and elements.
Array compute(const Images& images, const std::string& function, auto&& change) {
  const Array& from = images.array;
  if (from.dtype() != DType::uint8 && from.dtype() != DType::float32) {
    throw TypeError(function + " takes images of uint8 or float32, but was given " + from.description());
  }
  Array out = Array::uninitialized(from.shape(), DType::float32);
  float* const values = out.values<float>().data();
  if (from.dtype() == DType::uint8) {
    std::ranges::copy(from.values<std::uint8_t>(), values);
  } else {
    std::ranges::copy(from.values<float>(), values);
  }
  if (images.extents.elements() == 0) return out;
  for (std::int64_t image = 0; image < images.count; ++image) {
    change(image, values + image * images.extents.elements());
  }
  return out;
}

}  // namespace

Array random_crop(const Array& images, std::int64_t height, std::int64_t width, std::uint64_t seed) {
  const Images from = images_of(images, "random_crop()");
  const ImageExtents window{height, width, from.extents.channels};
  input::require_crop(from.extents, window);
  return cut(from, window,
             [&](std::int64_t image) { return Place{input::draw_crop(seed, image, from.extents, window)}; });
}

Array resize_with_crop_or_pad(const Array& images, std::int64_t height, std::int64_t width) {
  const Images from = images_of(images, "resize_with_crop_or_pad()");
  const ImageExtents window{height, width, from.extents.channels};
  input::require_size(height, width);
  return cut(from, window, [&](std::int64_t) { return Place{input::middle(from.extents, window)}; });
}

Array flip_left_right(const Array& images) {
  const Images from = images_of(images, "flip_left_right()");
  return cut(from, from.extents, [](std::int64_t) { return Place{.offset = {}, .flip = true}; });
}

Array random_flip_left_right(const Array& images, std::uint64_t seed) {
  const Images from = images_of(images, "random_flip_left_right()");
  return cut(from, from.extents,
             [&](std::int64_t image) { return Place{.offset = {}, .flip = input::draw_flip(seed, image)}; });
}

Array adjust_brightness(const Array& images, float delta) {
  const std::string function = "adjust_brightness()";
  const Images from = images_of(images, function);
  return compute(from, function,
                 [&](std::int64_t, float* values) { input::add(values, from.extents.elements(), delta); });
}

Array random_brightness(const Array& images, float max_delta, std::uint64_t seed) {
  const std::string function = "random_brightness()";
  const Images from = images_of(images, function);
  input::require_brightness(max_delta);
  return compute(from, function, [&](std::int64_t image, float* values) {
    input::add(values, from.extents.elements(), input::draw_brightness(seed, image, max_delta));
  });
}

Array adjust_contrast(const Array& images, float factor) {
  const std::string function = "adjust_contrast()";
  const Images from = images_of(images, function);
  return compute(from, function,
                 [&](std::int64_t, float* values) { input::change_contrast(values, from.extents, factor); });
}

Array random_contrast(const Array& images, float lower, float upper, std::uint64_t seed) {
  const std::string function = "random_contrast()";
  const Images from = images_of(images, function);
  input::require_contrast(lower, upper);
  return compute(from, function, [&](std::int64_t image, float* values) {
    input::change_contrast(values, from.extents, input::draw_contrast(seed, image, lower, upper));
  });
}

Array per_image_standardization(const Array& images) {
  const std::string function = "per_image_standardization()";
  const Images from = images_of(images, function);
  return compute(from, function,
                 [&](std::int64_t, float* values) { input::standardize(values, from.extents.elements()); });
}

}  // namespace varscope
