// SPDX-License-Identifier: Apache-2.0
// Which of the built instruction sets the kernels use.
//
// Every function may be called from any thread at any time. The choice is made once, by the first of: a call
// of set_instruction_set(), the environment variable VARSCOPE_ISA, the best set that this machine runs.
#pragma once

#include <varscope/export.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace varscope {

/// "avx512", "avx2", "sse4_2", "neon" or "reference" (plain C++). Throws ValueError, listing what there is,
/// if VARSCOPE_ISA names a set that was not built or that this machine cannot run.
VARSCOPE_API std::string_view instruction_set();

/// Uses the set of that name for every plan made from now on; plans that exist keep theirs. Throws
/// ValueError, listing what there is, for any other name, and leaves the choice as it was.
VARSCOPE_API void set_instruction_set(std::string_view name);

/// The built sets that this machine runs, best first; the last is always "reference".
VARSCOPE_API std::vector<std::string> available_instruction_sets();

/// Does nothing but multiply-adds of registers of the chosen set, `turns` times some of them, on this thread,
/// and gives how many operations that was (a multiply-add of one element counts as two): by the time it
/// takes, the yardstick for all other kernels. Gives 0 at once for "reference".
VARSCOPE_API double run_multiply_adds(long turns);

}  // namespace varscope
