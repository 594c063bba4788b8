// SPDX-License-Identifier: Apache-2.0
// Writes a checkpoint of more than 4 GiB that takes a few pages of the disk, for h5py to judge.
//
//   write_large_sample PATH
#include "io/large_sample.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: write_large_sample PATH\n", stderr);
    return 2;
  }
  try {
    varscope::testing::write_large_sample(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "write_large_sample: %s\n", error.what());
    return 1;
  }
}
