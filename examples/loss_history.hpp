// SPDX-License-Identifier: Apache-2.0
// The loss of every step: kept in a CSV file, so that a resumed training has the whole curve, and drawn.
#pragma once

#include "picture.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace example {

class LossHistory {
 public:
  /// The losses of the first `steps` steps, as far as `path` has them.
  LossHistory(std::string path, std::int64_t steps) : path_(std::move(path)) {
    std::ifstream file(path_);
    std::string line;
    std::getline(file, line);  // the heading
    long long step = 0;
    float loss = 0;
    while (std::getline(file, line) && std::sscanf(line.c_str(), "%lld,%f", &step, &loss) == 2)
      if (step < steps) losses_.push_back({step, loss});
  }

  void add(std::int64_t step, float loss) { losses_.push_back({step, loss}); }

  /// The mean of the last 20 steps.
  double recent() const {
    const std::size_t count = std::min<std::size_t>(losses_.size(), 20);
    double sum = 0;
    for (std::size_t at = losses_.size() - count; at < losses_.size(); ++at) sum += double{losses_[at].loss};
    return count == 0 ? 0 : sum / static_cast<double>(count);
  }

  /// Whoever is killed meanwhile leaves the file as it was.
  void save() const {
    const std::string written = path_ + ".new";
    std::ofstream file(written);
    file << "step,loss\n";
    for (const Entry& entry : losses_) file << entry.step << ',' << entry.loss << '\n';
    if (!file.flush()) throw std::runtime_error(written + ": cannot be written");
    file.close();
    std::filesystem::rename(written, path_);
  }

  /// Every loss as a dot and their running mean as a line, over the steps.
  void draw(const std::string& path) const {
    if (losses_.empty()) return;
    constexpr std::size_t height = 360, width = 720, left = 50, top = 20, bottom = 30, right = 30;
    constexpr Color paper{255, 255, 255}, ink{90, 90, 90}, grid{225, 225, 225}, dot{170, 195, 230},
        curve{200, 50, 40};
    Picture picture(height, width, paper);
    const double last_step = std::max(1.0, static_cast<double>(losses_.back().step));
    const double highest = std::max(0.1, highest_shown());
    const auto x_of = [&](double step) {
      return static_cast<double>(left) + step / last_step * static_cast<double>(width - left - right);
    };
    const auto y_of = [&](double loss) {
      return static_cast<double>(height - bottom) -
             std::min(loss / highest, 1.0) * static_cast<double>(height - top - bottom);
    };

    for (double loss = 0, step = round_step(highest); loss <= highest; loss += step) {
      picture.line(y_of(loss), left, y_of(loss), width - right, grid);
      const std::string text = number(loss, step < 0.1 ? 2 : step < 1 ? 1 : 0);
      picture.number(static_cast<std::size_t>(y_of(loss)) - 5, left - 8 - Picture::number_width(text), text,
                     ink);
    }
    for (double step = 0, each = round_step(last_step); step <= last_step; step += each) {
      picture.line(top, x_of(step), height - bottom, x_of(step), grid);
      const std::string text = number(step, 0);
      picture.number(height - bottom + 10,
                     static_cast<std::size_t>(x_of(step)) - Picture::number_width(text) / 2, text, ink);
    }

    double mean = double{losses_.front().loss};
    for (const Entry& entry : losses_)
      picture.fill(static_cast<std::size_t>(y_of(double{entry.loss})),
                   static_cast<std::size_t>(x_of(static_cast<double>(entry.step))), 2, 2, dot);
    double x = x_of(static_cast<double>(losses_.front().step));
    double y = y_of(mean);
    for (const Entry& entry : losses_) {
      mean += (double{entry.loss} - mean) / 20;
      const double next_x = x_of(static_cast<double>(entry.step));
      const double next_y = y_of(mean);
      picture.line(y, x, next_y, next_x, curve, 2);
      x = next_x;
      y = next_y;
    }
    picture.write(path);
  }

 private:
  struct Entry {
    std::int64_t step;
    float loss;
  };

  // All but the highest hundredth: one wild step does not flatten the rest.
  double highest_shown() const {
    std::vector<float> sorted;
    for (const Entry& entry : losses_)
      if (std::isfinite(entry.loss)) sorted.push_back(entry.loss);
    if (sorted.empty()) return 1;
    std::sort(sorted.begin(), sorted.end());
    return 1.05 * double{sorted[(sorted.size() - 1) * 99 / 100]};
  }

  // 1, 2 or 5 times a power of ten: four to ten of them reach `extent`.
  static double round_step(double extent) {
    const double power = std::pow(10.0, std::floor(std::log10(extent / 4)));
    const double rest = extent / 4 / power;
    return power * (rest >= 5 ? 5 : rest >= 2 ? 2 : 1);
  }

  static std::string number(double value, int decimals) {
    char text[32];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    return text;
  }

  std::string path_;
  std::vector<Entry> losses_;
};

}  // namespace example
