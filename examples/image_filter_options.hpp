// SPDX-License-Identifier: Apache-2.0
// The command line of image_filter.
#pragma once

#include "command_line.hpp"

#include <charconv>
#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace example {

struct Options {
  std::string images = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz";
  std::string output = "demo-output";
  std::size_t count = 4000;
  std::string restore;  // set in the second process: the checkpoint
  std::string compare;  // set in the second process: what the first one computed
  bool help = false;
};

inline Options parse_options(int argc, char** argv) {
  Options options;
  options.help = read_command_line(argc, argv, [&](const std::string& name, const auto& value) {
    if (name == "--images") {
      options.images = value();
    } else if (name == "--output") {
      options.output = value();
    } else if (name == "--restore") {
      options.restore = value();
    } else if (name == "--compare") {
      options.compare = value();
    } else if (name == "--count") {
      const std::string text = value();
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), options.count);
      if (error != std::errc{} || end != text.data() + text.size() || options.count < 2)
        throw std::runtime_error("--count needs a whole number from 2 on, not '" + text + "'");
    } else {
      return false;
    }
    return true;
  });
  return options;
}

inline int print_help() {
  std::puts(
      "image_filter: a filter of two convolutions, called twice over one set of variables.\n"
      "\n"
      "Builds the tutorial's my_image_filter() for two placeholders, shows that a second call without\n"
      "reuse_variables() is refused, runs both calls on Fashion-MNIST images, writes a contact sheet\n"
      "and a checkpoint, and restores the checkpoint in a second process, which must compute the same bits.\n"
      "\n"
      "  --images PATH    an IDX file of images, plain or .gz; by default Fashion-MNIST's test images\n"
      "                   from Debian's package dataset-fashion-mnist\n"
      "  --count N        how many of its images to filter, half of them in each call (4000)\n"
      "  --output DIR     where contact-sheet.png and filter-1000.h5 are written (demo-output)\n"
      "  --restore FILE --compare FILE\n"
      "                   what the second process is given: the checkpoint, and the outputs to compare with\n"
      "\n"
      "Examples:\n"
      "  image_filter\n"
      "  image_filter --count 10000 --output filter-output\n"
      "  VARSCOPE_ISA=avx2 image_filter        # with that instruction set");
  return 0;
}

}  // namespace example
