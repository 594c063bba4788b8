// SPDX-License-Identifier: Apache-2.0
// A contact sheet: small pictures in rows and columns.
#pragma once

#include "picture.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

namespace example {

class ContactSheet {
 public:
  /// Room for `rows` x `columns` pictures of height x width values each, drawn `zoom` times as large.
  ContactSheet(std::size_t rows, std::size_t columns, std::size_t height, std::size_t width,
               std::size_t zoom = 3)
      : height_(height),
        width_(width),
        zoom_(zoom),
        picture_(gap + rows * (height * zoom + gap), gap + columns * (width * zoom + gap), {40, 40, 40}) {}

  /// Draws values[(y * width + x) * stride], from `darkest` (and below) to `brightest` (and above).
  void draw(std::size_t row, std::size_t column, const float* values, std::size_t stride, float darkest,
            float brightest, Color (*color_of)(float)) {
    draw_pixels(row, column, [&](std::size_t y, std::size_t x) {
      return color_of(level(smooth(values, stride, y, x), darkest, brightest));
    });
  }

  /// The same in red, green and blue, which are `channel_stride` apart in the values.
  void draw_colored(std::size_t row, std::size_t column, const float* values, std::size_t stride,
                    std::size_t channel_stride, float darkest, float brightest) {
    draw_pixels(row, column, [&](std::size_t y, std::size_t x) {
      Color color{};
      for (std::size_t channel = 0; channel < color.size(); ++channel)
        color[channel] =
            grey(level(smooth(values + channel * channel_stride, stride, y, x), darkest, brightest))[channel];
      return color;
    });
  }

  /// Throws std::runtime_error with libpng's message if the file cannot be written.
  void write(const std::string& path) const { picture_.write(path); }

 private:
  static constexpr std::size_t gap = 6;

  static float level(float value, float darkest, float brightest) {
    return brightest > darkest ? std::clamp((value - darkest) / (brightest - darkest), 0.0F, 1.0F) : 0.0F;
  }

  template <typename ColorAt>
  void draw_pixels(std::size_t row, std::size_t column, ColorAt color_at) {
    const std::size_t top = gap + row * (height_ * zoom_ + gap);
    const std::size_t left = gap + column * (width_ * zoom_ + gap);
    for (std::size_t y = 0; y < height_ * zoom_; ++y)
      for (std::size_t x = 0; x < width_ * zoom_; ++x) picture_.set(top + y, left + x, color_at(y, x));
  }

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
  Picture picture_;
};

}  // namespace example
