// SPDX-License-Identifier: Apache-2.0
#include "runtime/memory_plan.hpp"
#include "support/random.hpp"

#include <varscope/array.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_memory_plan)

using varscope::Array;
using varscope::detail::MemoryBlock;
using varscope::detail::plan_memory;

namespace {

bool overlap(std::size_t begin, std::size_t end, std::size_t other_begin, std::size_t other_end) {
  return begin < other_end && other_begin < end;
}

void require_valid(const std::vector<MemoryBlock>& blocks, std::size_t total) {
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const MemoryBlock& a = blocks[i];
    BOOST_REQUIRE_EQUAL(a.offset % Array::alignment, 0U);
    BOOST_REQUIRE_LE(a.offset + a.bytes, total);
    for (std::size_t j = i + 1; j < blocks.size(); ++j) {
      const MemoryBlock& b = blocks[j];
      if (a.last < b.first || b.last < a.first) continue;
      BOOST_REQUIRE(!overlap(a.offset, a.offset + a.bytes, b.offset, b.offset + b.bytes));
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_chain_needs_the_memory_of_two_neighbours) {
  std::vector<MemoryBlock> blocks;
  for (int wave = 0; wave < 10; ++wave) blocks.push_back({.bytes = 640, .first = wave, .last = wave + 1});
  BOOST_TEST(plan_memory(blocks) == 1280U);
  require_valid(blocks, 1280);
}

BOOST_AUTO_TEST_CASE(blocks_of_separate_lives_share_memory) {
  std::vector<MemoryBlock> blocks{{.bytes = 100, .first = 0, .last = 1},
                                  {.bytes = 128, .first = 2, .last = 3}};
  BOOST_TEST(plan_memory(blocks) == 128U);
}

BOOST_AUTO_TEST_CASE(no_blocks_need_no_memory) {
  std::vector<MemoryBlock> blocks;
  BOOST_TEST(plan_memory(blocks) == 0U);
}

BOOST_AUTO_TEST_CASE(random_blocks_never_overlap_while_they_live) {
  varscope::testing::Random random;
  for (int round = 0; round < 200; ++round) {
    std::vector<MemoryBlock> blocks;
    std::size_t sum = 0;
    const auto count = random.integer(1, 40);
    for (std::int64_t i = 0; i < count; ++i) {
      const int first = static_cast<int>(random.integer(0, 20));
      const int last = first + static_cast<int>(random.integer(0, 5));
      blocks.push_back(
          {.bytes = static_cast<std::size_t>(random.integer(1, 5000)), .first = first, .last = last});
      sum += (blocks.back().bytes + Array::alignment - 1) / Array::alignment * Array::alignment;
    }
    const std::size_t total = plan_memory(blocks);
    BOOST_TEST(total <= sum);
    require_valid(blocks, total);
  }
}

BOOST_AUTO_TEST_SUITE_END()
