// SPDX-License-Identifier: Apache-2.0
// Writes a checkpoint for check_gradients_with_torch.py: every operation on random inputs, with its
// gradients. gradient_recorder.hpp says what is in it.
//
//   write_gradients PATH      VARSCOPE_TEST_SEED=<seed> brings the same cases back
#include "gradient_recorder.hpp"

#include <varscope/checkpoint.hpp>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  varscope::testing::GradientRecorder recorder;
  varscope::testing::record_math(recorder);
  varscope::testing::record_arrays(recorder);
  varscope::testing::record_nn(recorder);
  varscope::write_checkpoint(argv[1], recorder.variables());
  return 0;
}
