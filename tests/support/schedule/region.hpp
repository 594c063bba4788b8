// SPDX-License-Identifier: Apache-2.0
// Region: where everything is that a schedule allocates. Memory is given out from one end and taken back all
// together when the schedule ends, so a schedule may be given up at any step, and an address is used only
// once in it: whoever uses an object after its end finds the end, not another object.
//
// The program's operator new and delete are those of region.cpp.
#pragma once

#include <cstddef>

namespace varscope::testing::schedule {

/// Takes back everything. What is allocated from here on comes from the region.
void begin_region();
/// What is allocated from here on does not.
void end_region() noexcept;

/// How much was allocated from the region and not deleted.
std::size_t num_region_objects() noexcept;

/// Memory of the region that counts as no object.
void* allocate_uncounted(std::size_t bytes);

/// As long as it lives allocations do not come from the region.
class OutsideRegion {
 public:
  OutsideRegion() noexcept;
  ~OutsideRegion();
  OutsideRegion(const OutsideRegion&) = delete;
  OutsideRegion& operator=(const OutsideRegion&) = delete;

 private:
  bool was_inside_;
};

}  // namespace varscope::testing::schedule
