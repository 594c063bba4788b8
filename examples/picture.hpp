// SPDX-License-Identifier: Apache-2.0
// A picture: colored pixels, rectangles, lines and numbers, written as a PNG file.
#pragma once

#include <png.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
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

class Picture {
 public:
  Picture(std::size_t height, std::size_t width, Color background)
      : height_(height), width_(width), pixels_(height * width, background) {}

  std::size_t height() const { return height_; }
  std::size_t width() const { return width_; }

  /// What lies outside of the picture is left out, here and below.
  void set(std::size_t y, std::size_t x, Color color) {
    if (y < height_ && x < width_) pixels_[y * width_ + x] = color;
  }

  void fill(std::size_t top, std::size_t left, std::size_t height, std::size_t width, Color color) {
    for (std::size_t y = top; y < top + height; ++y)
      for (std::size_t x = left; x < left + width; ++x) set(y, x, color);
  }

  /// A straight line, `thickness` pixels high and wide.
  void line(double y0, double x0, double y1, double x1, Color color, std::size_t thickness = 1) {
    const double steps = std::max({std::abs(y1 - y0), std::abs(x1 - x0), 1.0});
    for (double step = 0; step <= steps; ++step) {
      const double y = y0 + (y1 - y0) * step / steps;
      const double x = x0 + (x1 - x0) * step / steps;
      if (y >= 0 && x >= 0)
        fill(static_cast<std::size_t>(y + 0.5), static_cast<std::size_t>(x + 0.5), thickness, thickness,
             color);
    }
  }

  /// Digits and points, 5 x 3 dots each, a dot being zoom x zoom pixels; other characters are spaces.
  void number(std::size_t top, std::size_t left, std::string_view text, Color color, std::size_t zoom = 2) {
    for (const char character : text) {
      const unsigned dots = dots_of(character);
      for (std::size_t y = 0; y < 5; ++y)
        for (std::size_t x = 0; x < 3; ++x)
          if ((dots >> (14 - 3 * y - x) & 1U) != 0) fill(top + y * zoom, left + x * zoom, zoom, zoom, color);
      left += 4 * zoom;
    }
  }

  /// The width of such a text, in pixels.
  static std::size_t number_width(std::string_view text, std::size_t zoom = 2) {
    return text.empty() ? 0 : (4 * text.size() - 1) * zoom;
  }

  /// Throws std::runtime_error with libpng's message if the file cannot be written.
  void write(const std::string& path) const {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.format = PNG_FORMAT_RGB;
    image.width = static_cast<png_uint_32>(width_);
    image.height = static_cast<png_uint_32>(height_);
    if (png_image_write_to_file(&image, path.c_str(), 0, pixels_.data(), 0, nullptr) == 0)
      throw std::runtime_error(path + ": " + image.message);
  }

 private:
  // Five rows of three dots, an octal digit each.
  static unsigned dots_of(char character) {
    constexpr std::array<unsigned, 10> digits{075557, 026227, 071747, 071717, 055711,
                                              074717, 074757, 071111, 075757, 075717};
    if (character >= '0' && character <= '9') return digits[static_cast<std::size_t>(character - '0')];
    return character == '.' ? 000002U : 0U;
  }

  std::size_t height_;
  std::size_t width_;
  std::vector<Color> pixels_;  // [height, width]
};

}  // namespace example
