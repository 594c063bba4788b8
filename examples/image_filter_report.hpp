// SPDX-License-Identifier: Apache-2.0
// What image_filter prints, draws and compares.
#pragma once

#include "console.hpp"
#include "contact_sheet.hpp"
#include "image_filter_options.hpp"
#include "inspect_program.hpp"
#include "second_process.hpp"

#include <varscope/varscope.hpp>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

namespace example {

/// Some images and what the two calls of the filter made of them.
struct Outputs {
  std::vector<varscope::Array> images;   // two of [n,h,w,1]
  std::vector<varscope::Array> results;  // two of [n,h,w,32]
};

inline void print_refusal(const std::string& message) {
  std::printf("   The second call without reuse_variables() is refused:\n");
  std::string text = "ValueError: " + message;
  constexpr std::size_t width = 100;
  while (!text.empty()) {  // wrapped at spaces
    const std::size_t newline = text.find('\n');
    std::size_t cut = std::min(newline, text.size());
    if (cut > width) cut = std::min(text.rfind(' ', width), cut);
    std::printf("      %s\n", text.substr(0, cut).c_str());
    text.erase(0, cut + 1);
  }
}

inline void print_variables(const char* title, const std::vector<varscope::Variable>& variables) {
  std::printf("   %s\n", title);
  for (const varscope::Variable& variable : variables)
    std::printf("      %-32s %s\n", variable.name().c_str(), variable.shape().to_string().c_str());
}

/// The channels that vary most over the images, so that the sheet shows filters that do something.
inline std::vector<std::size_t> liveliest_channels(const varscope::Array& result, std::size_t wanted) {
  const auto channels = static_cast<std::size_t>(result.shape()[3]);
  const auto values = result.values<float>();
  std::vector<double> sums(channels), squares(channels);
  for (std::size_t at = 0; at < values.size(); ++at) {
    sums[at % channels] += values[at];
    squares[at % channels] += double{values[at]} * values[at];
  }
  const double count = static_cast<double>(values.size() / channels);
  const auto deviation = [&](std::size_t channel) {
    const double mean = sums[channel] / count;
    return squares[channel] / count - mean * mean;
  };
  std::vector<std::size_t> order(channels);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return deviation(a) > deviation(b); });
  order.resize(std::min(wanted, channels));
  return order;
}

/// Draws one channel of one image between its own 1st and 99th percentile.
inline void draw_channel(ContactSheet& sheet, std::size_t row, std::size_t column,
                         const varscope::Array& result, std::size_t image, std::size_t channel) {
  const auto channels = static_cast<std::size_t>(result.shape()[3]);
  const auto pixels = static_cast<std::size_t>(result.shape()[1] * result.shape()[2]);
  const float* first = result.values<float>().data() + image * pixels * channels + channel;
  std::vector<float> sorted(pixels);
  for (std::size_t at = 0; at < pixels; ++at) sorted[at] = first[at * channels];
  std::sort(sorted.begin(), sorted.end());
  sheet.draw(row, column, first, channels, sorted[pixels / 100], sorted[pixels - 1 - pixels / 100], heat);
}

/// Rows: the first images of both calls. Columns: the image, then what some filters make of it.
inline void write_contact_sheet(const std::string& path, const Outputs& outputs) {
  constexpr std::size_t filters = 8;
  const varscope::Shape& shape = outputs.images[0].shape();
  const std::size_t images = std::min<std::size_t>(4, static_cast<std::size_t>(shape[0]));
  const auto height = static_cast<std::size_t>(shape[1]);
  const auto width = static_cast<std::size_t>(shape[2]);
  const std::vector<std::size_t> channels = liveliest_channels(outputs.results[0], filters);
  ContactSheet sheet(2 * images, 1 + channels.size(), height, width);
  for (std::size_t row = 0; row < 2 * images; ++row) {
    const std::size_t call = row / images;
    const std::size_t image = row % images;
    sheet.draw(row, 0, outputs.images[call].values<float>().data() + image * height * width, 1, 0.0F, 1.0F,
               grey);
    for (std::size_t column = 0; column < channels.size(); ++column)
      draw_channel(sheet, row, 1 + column, outputs.results[call], image, channels[column]);
  }
  sheet.write(path);
}

/// Starts this program again with --restore and --compare; gives its exit status.
inline int compare_in_second_process(const Options& options, const std::string& checkpoint,
                                     const Outputs& outputs) {
  const std::string expected = options.output + "/outputs.bin";
  {
    std::ofstream file(expected, std::ios::binary);
    for (const varscope::Array& result : outputs.results)
      file.write(static_cast<const char*>(result.data()), static_cast<std::streamsize>(result.num_bytes()));
    if (!file.flush()) throw std::runtime_error(expected + ": cannot be written");
  }
  std::printf("   process %-6d digest of the outputs  %s\n", static_cast<int>(getpid()),
              digest(outputs.results).c_str());
  const int status =
      run_in_second_process({"image_filter", "--restore", checkpoint, "--compare", expected, "--images",
                             options.images, "--count", std::to_string(options.count)});
  std::filesystem::remove(expected);
  return status;
}

/// In the second process: prints digests and compares every element. Gives the exit status.
inline int report_comparison(const Options& options, const std::string& before, const Outputs& outputs) {
  const int process = static_cast<int>(getpid());
  std::printf("   process %-6d before restoring       %s\n", process, before.c_str());
  std::printf("   process %-6d after restoring        %s\n", process, digest(outputs.results).c_str());
  std::ifstream file(options.compare, std::ios::binary);
  std::size_t total = 0;
  std::size_t different = 0;
  for (const varscope::Array& result : outputs.results) {
    std::vector<float> expected(static_cast<std::size_t>(result.num_elements()));
    if (!file.read(reinterpret_cast<char*>(expected.data()),
                   static_cast<std::streamsize>(result.num_bytes())))
      throw std::runtime_error(options.compare + ": is missing or too short");
    const auto values = result.values<float>();
    for (std::size_t at = 0; at < values.size(); ++at)
      different += std::memcmp(&values[at], &expected[at], sizeof(float)) != 0 ? 1U : 0U;
    total += values.size();
  }
  if (different != 0) {
    std::printf("   %s of %s values DIFFER\n", grouped_digits(different).c_str(),
                grouped_digits(total).c_str());
    return 1;
  }
  std::printf("   all %s values have the same bits in both processes\n", grouped_digits(total).c_str());
  return 0;
}

inline void print_next_steps(const std::string& sheet, const std::string& checkpoint) {
  heading("Look");
  std::printf(
      "   %s\n      images on the left, beside each what eight of the 32 filters make of it;\n"
      "      the upper half went through the first call, the lower half through the second\n",
      sheet.c_str());
  std::printf("   %s inspect %s\n      the variables in the checkpoint, as a tree of scopes\n",
              inspect_program().c_str(), checkpoint.c_str());
  std::printf("   examples/image_filter.cpp\n      how all this is written\n");
}

}  // namespace example
