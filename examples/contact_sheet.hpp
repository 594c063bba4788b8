// SPDX-License-Identifier: Apache-2.0
// A contact sheet: small pictures in rows and columns, written as a PNG file.
#pragma once

#include <png.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace example {

using Color = std::array<unsigned char, 3>;

/// Black through white, for pictures as they are.
inline Color grey(float value) {
  const auto level = static_cast<unsigned char>(value * 255.0F + 0.5F);
  return {level, level, level};
}

/// Dark blue through red to light yellow, brighter all the way (like matplotlib's "inferno").
inline Color heat(float value) {
  constexpr std::array<std::array<float, 3>, 6> stops{
      {{0, 0, 20}, {66, 10, 104}, {147, 38, 103}, {221, 81, 58}, {252, 165, 10}, {252, 255, 164}}};
  const float place = value * static_cast<float>(stops.size() - 1);
  const std::size_t below = std::min(static_cast<std::size_t>(place), stops.size() - 2);
  const float part = place - static_cast<float>(below);
  Color color{};
  for (std::size_t at = 0; at < color.size(); ++at)
    color[at] = static_cast<unsigned char>(stops[below][at] +
                                           part * (stops[below + 1][at] - stops[below][at]) + 0.5F);
  return color;
}

class ContactSheet {
 public:
  /// Room for `rows` x `columns` pictures of height x width values each, drawn `zoom` times as large.
  ContactSheet(std::size_t rows, std::size_t columns, std::size_t height, std::size_t width,
               std::size_t zoom = 3)
      : height_(height),
        width_(width),
        zoom_(zoom),
        sheet_height_(gap + rows * (height * zoom + gap)),
        sheet_width_(gap + columns * (width * zoom + gap)),
        bytes_(sheet_height_ * sheet_width_ * 3, 40) {}

  /// Draws values[(y * width + x) * stride], from `darkest` (and below) to `brightest` (and above).
  void draw(std::size_t row, std::size_t column, const float* values, std::size_t stride, float darkest,
            float brightest, Color (*color_of)(float)) {
    const std::size_t top = gap + row * (height_ * zoom_ + gap);
    const std::size_t left = gap + column * (width_ * zoom_ + gap);
    for (std::size_t y = 0; y < height_ * zoom_; ++y) {
      for (std::size_t x = 0; x < width_ * zoom_; ++x) {
        const float value = smooth(values, stride, y, x);
        const float level = brightest > darkest ? (value - darkest) / (brightest - darkest) : 0.0F;
        const Color color = color_of(std::clamp(level, 0.0F, 1.0F));
        std::copy(color.begin(), color.end(),
                  bytes_.begin() + static_cast<std::ptrdiff_t>(((top + y) * sheet_width_ + left + x) * 3));
      }
    }
  }

  /// Throws std::runtime_error with libpng's message if the file cannot be written.
  void write(const std::string& path) const {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.format = PNG_FORMAT_RGB;
    image.width = static_cast<png_uint_32>(sheet_width_);
    image.height = static_cast<png_uint_32>(sheet_height_);
    if (png_image_write_to_file(&image, path.c_str(), 0, bytes_.data(), 0, nullptr) == 0)
      throw std::runtime_error(path + ": " + image.message);
  }

 private:
  static constexpr std::size_t gap = 6;

  // The value at a place of the enlarged picture: bilinear between the four nearest.
  float smooth(const float* values, std::size_t stride, std::size_t y, std::size_t x) const {
    const auto place = [this](std::size_t at, std::size_t extent) {
      const float exact = (static_cast<float>(at) + 0.5F) / static_cast<float>(zoom_) - 0.5F;
      return std::clamp(exact, 0.0F, static_cast<float>(extent - 1));
    };
    const float exact_y = place(y, height_);
    const float exact_x = place(x, width_);
    const auto y0 = static_cast<std::size_t>(exact_y);
    const auto x0 = static_cast<std::size_t>(exact_x);
    const std::size_t y1 = std::min(y0 + 1, height_ - 1);
    const std::size_t x1 = std::min(x0 + 1, width_ - 1);
    const float part_y = exact_y - static_cast<float>(y0);
    const float part_x = exact_x - static_cast<float>(x0);
    const auto value = [&](std::size_t at_y, std::size_t at_x) {
      return values[(at_y * width_ + at_x) * stride];
    };
    const float above = value(y0, x0) + part_x * (value(y0, x1) - value(y0, x0));
    const float below = value(y1, x0) + part_x * (value(y1, x1) - value(y1, x0));
    return above + part_y * (below - above);
  }

  std::size_t height_;
  std::size_t width_;
  std::size_t zoom_;
  std::size_t sheet_height_;
  std::size_t sheet_width_;
  std::vector<unsigned char> bytes_;  // [sheet_height, sheet_width, RGB]
};

}  // namespace example
