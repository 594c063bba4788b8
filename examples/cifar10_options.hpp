// SPDX-License-Identifier: Apache-2.0
// The command line of cifar10.
#pragma once

#include "command_line.hpp"

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

namespace example {

struct Options {
  std::string fashion_mnist = "/usr/share/datasets/fashion-mnist";
  std::string cifar10;  // empty: Fashion-MNIST
  std::string output = "demo-output/cifar10";
  std::int64_t batch = 128;
  std::optional<std::int64_t> steps;
  std::optional<double> seconds;  // without both: 60
  double learning_rate = 0.03;
  int threads = 0;
  std::string restore;  // set in the second process: the checkpoint
  std::string compare;  // set in the second process: the digest of what the first one computed
  bool help = false;
};

inline Options parse_options(int argc, char** argv) {
  Options options;
  options.help = read_command_line(argc, argv, [&](const std::string& name, const auto& value) {
    if (name == "--cifar10") {
      options.cifar10 = value();
    } else if (name == "--fashion-mnist") {
      options.fashion_mnist = value();
    } else if (name == "--output") {
      options.output = value();
    } else if (name == "--batch") {
      options.batch = parse_number<std::int64_t>(name, value(), 1, 10000);
    } else if (name == "--steps") {
      options.steps = parse_number<std::int64_t>(name, value(), 1, 1'000'000'000);
    } else if (name == "--seconds") {
      options.seconds = parse_number<double>(name, value(), 0, 1e7);
    } else if (name == "--learning-rate") {
      options.learning_rate = parse_number<double>(name, value(), 0, 10);
    } else if (name == "--threads") {
      options.threads = parse_number<int>(name, value(), 1, 1024);
    } else if (name == "--restore") {
      options.restore = value();
    } else if (name == "--compare") {
      options.compare = value();
    } else {
      return false;
    }
    return true;
  });
  if (!options.steps && !options.seconds) options.seconds = 60;
  return options;
}

inline int print_help() {
  std::puts(
      "cifar10: trains the network of TensorFlow's CIFAR-10 tutorial on real images.\n"
      "\n"
      "Two convolutions, two full layers and a classifier own their variables by name. The tower that\n"
      "trains makes them; the tower that evaluates shares them, and reads their moving averages. Batches\n"
      "are shuffled, cropped and flipped on another thread. When time is up, the program saves, tells the\n"
      "accuracy on the test images, draws what it has learned, and starts a second process that restores\n"
      "the checkpoint and must compute the same bits.\n"
      "\n"
      "Called again with the same --output, it goes on where it stopped, with the same bits as if it had\n"
      "not stopped. Remove the folder to start anew.\n"
      "\n"
      "  --seconds S           train so long in this call (60)\n"
      "  --steps N             train until N steps have been made in all; with --seconds, until either\n"
      "  --batch N             images a step (128)\n"
      "  --learning-rate R     a tenth of it after 20 epochs, a hundredth after 40, and so forth (0.03)\n"
      "  --threads N           compute on N threads at most (all cores); changes no bit of the result\n"
      "  --output DIR          for checkpoints, pictures and loss.csv (demo-output/cifar10)\n"
      "  --cifar10 FOLDER      CIFAR-10's binary version, the folder with data_batch_1.bin and so on, from\n"
      "                        https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz\n"
      "  --fashion-mnist FOLDER\n"
      "                        files as those of Debian's package dataset-fashion-mnist, the default\n"
      "  --restore FILE --compare DIGEST\n"
      "                        what the second process is given: the checkpoint, and what must come out\n"
      "\n"
      "Examples:\n"
      "  cifar10                            # a minute on Fashion-MNIST\n"
      "  cifar10 --seconds 600              # ten more minutes\n"
      "  cifar10 --cifar10 cifar-10-batches-bin --seconds 3600 --output cifar10-output\n"
      "  VARSCOPE_ISA=avx2 cifar10          # with that instruction set");
  return 0;
}

}  // namespace example
