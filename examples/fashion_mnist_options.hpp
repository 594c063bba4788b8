// SPDX-License-Identifier: Apache-2.0
// The command line of fashion_mnist.
#pragma once

#include "command_line.hpp"

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

namespace example {

struct Options {
  std::string network = "two_convolutions";
  std::string fashion_mnist = "/usr/share/datasets/fashion-mnist";
  std::string output;  // empty: demo-output/fashion_mnist-<network>-<seed>
  std::int64_t seed = 1;
  std::optional<std::int64_t> epochs;  // without it: what the network needs
  std::optional<double> learning_rate;
  std::int64_t batch = 128;
  std::optional<std::int64_t> steps;
  std::int64_t hold_out = 0;
  int threads = 0;
  bool help = false;
};

inline Options parse_options(int argc, char** argv) {
  Options options;
  options.help = read_command_line(argc, argv, [&](const std::string& name, const auto& value) {
    if (name == "--network") {
      options.network = value();
    } else if (name == "--fashion-mnist") {
      options.fashion_mnist = value();
    } else if (name == "--output") {
      options.output = value();
    } else if (name == "--seed") {
      options.seed = parse_number<std::int64_t>(name, value(), 0, 1'000'000'000);
    } else if (name == "--epochs") {
      options.epochs = parse_number<std::int64_t>(name, value(), 1, 100'000);
    } else if (name == "--learning-rate") {
      options.learning_rate = parse_number<double>(name, value(), 0, 10);
    } else if (name == "--batch") {
      options.batch = parse_number<std::int64_t>(name, value(), 1, 10'000);
    } else if (name == "--steps") {
      options.steps = parse_number<std::int64_t>(name, value(), 1, 1'000'000'000);
    } else if (name == "--hold-out") {
      options.hold_out = parse_number<std::int64_t>(name, value(), 1, 1'000'000'000);
    } else if (name == "--threads") {
      options.threads = parse_number<int>(name, value(), 1, 1024);
    } else {
      return false;
    }
    return true;
  });
  if (options.output.empty())
    options.output = "demo-output/fashion_mnist-" + options.network + "-" + std::to_string(options.seed);
  return options;
}

inline int print_help() {
  std::puts(
      "fashion_mnist: trains a network on Fashion-MNIST, and tells its accuracy on the test images.\n"
      "\n"
      "Called again with the same options after it was stopped or killed, it goes on at the last epoch that\n"
      "was complete, with the same bits as if it had not stopped. Remove the output folder to start anew.\n"
      "The last line says the accuracy and how many parameters were trained.\n"
      "\n"
      "  --network NAME        two_convolutions: that of the data set's own documentation, 3.3 million\n"
      "                          parameters (the default)\n"
      "                        small: residual blocks of 3x3 convolutions, less than 500,000 parameters; "
      "its\n"
      "                          images are shifted and mirrored at random\n"
      "  --seed N              of the first weights, the order of the images and all that is random (1); "
      "the\n"
      "                        same seed gives the same bits\n"
      "  --epochs N            how often each image is seen; the learning rate falls to 0 over all of them\n"
      "  --learning-rate R     the first one; this and --epochs have defaults for each network\n"
      "  --batch N             images a step (128)\n"
      "  --steps N             stop when so many steps have been made in all, before the last epoch\n"
      "  --hold-out N          learn from all training images but the last N, and test by these instead of\n"
      "                        the test images: for choosing options\n"
      "  --threads N           compute on N threads at most (all cores); changes no bit of the result\n"
      "  --output DIR          for checkpoints, loss.csv and loss.png "
      "(demo-output/fashion_mnist-NETWORK-SEED)\n"
      "  --fashion-mnist FOLDER\n"
      "                        files as those of Debian's package dataset-fashion-mnist, the default\n"
      "\n"
      "Examples:\n"
      "  fashion_mnist --seed 3\n"
      "  fashion_mnist --network small\n"
      "  fashion_mnist --network small --epochs 5 --hold-out 5000 --output try\n"
      "scripts/accuracy trains both with several seeds and makes a table.");
  return 0;
}

}  // namespace example
