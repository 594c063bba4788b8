// SPDX-License-Identifier: Apache-2.0
// What cifar10 draws: the filters of its first layer, and the confusion matrix.
#pragma once

#include "cifar10_report.hpp"
#include "contact_sheet.hpp"
#include "picture.hpp"

#include <varscope/varscope.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

namespace example {

/// Filters [height, width, channels, filters], each in the same shades: zero is the middle one.
inline void draw_filters(const std::string& path, const varscope::Array& filters) {
  const auto extent = [&](int axis) { return static_cast<std::size_t>(filters.shape()[axis]); };
  const std::size_t channels = extent(2);
  const std::size_t count = extent(3);
  constexpr std::size_t columns = 8;
  float largest = 0;
  for (const float value : filters.values<float>()) largest = std::max(largest, std::abs(value));

  ContactSheet sheet((count + columns - 1) / columns, columns, extent(0), extent(1), 10);
  for (std::size_t filter = 0; filter < count; ++filter) {
    const float* first = filters.values<float>().data() + filter;
    const std::size_t row = filter / columns;
    const std::size_t column = filter % columns;
    if (channels == 3)
      sheet.draw_colored(row, column, first, channels * count, count, -largest, largest);
    else
      sheet.draw(row, column, first, channels * count, -largest, largest, grey);
  }
  sheet.write(path);
}

/// A row for each class, a column for each answer; brighter where there are more, with the counts.
inline void draw_confusion(const std::string& path, const Evaluation& evaluation) {
  constexpr std::size_t cell = 48, gap = 2;
  constexpr auto classes = static_cast<std::size_t>(kClasses);
  Picture picture(gap + classes * (cell + gap), gap + classes * (cell + gap), {40, 40, 40});
  for (std::size_t truth = 0; truth < classes; ++truth) {
    std::int64_t images = 0;
    for (std::size_t guess = 0; guess < classes; ++guess) images += evaluation.count(truth, guess);
    for (std::size_t guess = 0; guess < classes; ++guess) {
      const std::int64_t count = evaluation.count(truth, guess);
      const auto share = static_cast<float>(images == 0 ? 0.0 : share_of(count, images));
      const std::size_t top = gap + truth * (cell + gap);
      const std::size_t left = gap + guess * (cell + gap);
      picture.fill(top, left, cell, cell, heat(std::sqrt(share)));  // so that few can be seen, too
      const std::string text = std::to_string(count);
      const Color ink = share > 0.4F ? Color{0, 0, 0} : Color{255, 255, 255};
      if (count > 0)
        picture.number(top + cell / 2 - 5, left + (cell - Picture::number_width(text)) / 2, text, ink);
    }
  }
  picture.write(path);
}

}  // namespace example
