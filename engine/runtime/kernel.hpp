// SPDX-License-Identifier: Apache-2.0
// Kernel: one operation made ready for known shapes. An immutable object of an execution plan, shared by all
// threads that run the plan; the runtime decides which thread runs which tile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace varscope::detail {

/// In which rows (elements along the first dimension) an array is not what it should be.
struct StaleRows {
  bool all = true;
  const std::int64_t* rows = nullptr;  // if not all: ascending; from the first -1 on they count for nothing
  std::int64_t count = 0;
};

/// The memory of one run of one kernel. All pointers are aligned to Array::alignment.
struct KernelArguments {
  const void* const* inputs = nullptr;  // one for each input of the operation
  void* const* outputs =
      nullptr;                // one for each output; never overlap the inputs unless in_place_input() says so
  void* workspace = nullptr;  // workspace_bytes() of scratch, unset; shared by all tiles of this run
  const void* packed = nullptr;  // what pack() made, for kernels that have a packed_input()
  /// For operations that change some rows (OpDefinition::changed_rows_input()), one for each output: where
  /// its memory does not hold the value of the input of the same number yet.
  const StaleRows* stale = nullptr;
  std::uint64_t run_number = 0;  // counts the runs of the session: the counter of stateful random kernels
};

/// An input that a kernel wants in a layout of its own, made once for each value of it (filters, dense
/// weights). The runtime keeps it with the variable's version, or with the plan if the input is a constant.
struct PackedInput {
  int input = 0;             // which input
  std::size_t bytes = 0;     // size of the packed form
  std::uint64_t layout = 0;  // equal layouts of one input share the packed form
};

/// Work comes in stages that run one after the other; a stage is a number of tiles that may run at once, in
/// any order, on any threads. Results must not depend on which.
class Kernel {
 public:
  virtual ~Kernel() = default;

  virtual int num_stages() const noexcept { return 1; }
  virtual std::int64_t num_tiles(int /*stage*/) const noexcept { return 1; }

  /// Runs one tile. Gives nullptr, or a static text that says what is wrong with the data (such as a division
  /// by zero); the runtime then throws InvalidArgumentError with that text, the operation and the line that
  /// made it.
  virtual const char* run_tile(int stage, std::int64_t tile,
                               const KernelArguments& arguments) const noexcept = 0;

  virtual std::size_t workspace_bytes() const noexcept { return 0; }

  /// Nanoseconds that all tiles together take on one thread, roughly: tells the runtime whether threads pay.
  virtual double cost_nanoseconds() const noexcept { return 0; }

  /// An input whose memory may be the memory of output 0 (elementwise kernels), or -1.
  virtual int in_place_input() const noexcept { return -1; }

  virtual std::optional<PackedInput> packed_input() const noexcept { return std::nullopt; }
  /// Makes the packed form of the input; `packed` has room for PackedInput::bytes.
  virtual void pack(const void* /*input*/, void* /*packed*/) const noexcept {}

  /// What `varscope bench` and profiles print: algorithm and instruction set, e.g. "direct avx512".
  virtual const char* description() const noexcept { return ""; }
};

}  // namespace varscope::detail
