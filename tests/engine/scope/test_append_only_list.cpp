// SPDX-License-Identifier: Apache-2.0
#include "scope/append_only_list.hpp"
#include "support/restless_atomic.hpp"

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_append_only_list)

using varscope::detail::AppendOnlyList;

namespace {

std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

template <typename List>
std::vector<int> contents(const List& list) {
  std::vector<int> found;
  list.for_each([&](const int& element) { found.push_back(element); });
  return found;
}

}  // namespace

BOOST_AUTO_TEST_CASE(keeps_the_order_of_addition) {
  const std::vector<int> all = numbers(1000);
  AppendOnlyList<const int> list;
  BOOST_TEST(list.size() == 0U);
  for (const int& number : all) BOOST_TEST(list.push(&number) == static_cast<std::size_t>(number));
  BOOST_TEST(list.size() == 1000U);
  BOOST_TEST(contents(list) == all, boost::test_tools::per_element());
  BOOST_TEST(list[999] == &all[999]);
  BOOST_TEST((list[1000] == nullptr));
  BOOST_TEST((list[1U << 20U] == nullptr));
}

BOOST_AUTO_TEST_CASE(skips_positions_that_are_taken_but_not_stored) {
  const std::vector<int> all = numbers(3);
  AppendOnlyList<const int> list;
  list.push(&all[0]);
  const std::size_t gap = list.take_position();
  list.push(&all[2]);
  BOOST_TEST(contents(list) == (std::vector<int>{0, 2}), boost::test_tools::per_element());
  list.store(gap, &all[1]);
  BOOST_TEST(contents(list) == all, boost::test_tools::per_element());
  list.store(gap, &all[1]);  // by another thread that finishes the same addition
  BOOST_TEST(contents(list) == all, boost::test_tools::per_element());
}

using Lists =
    boost::mpl::list<AppendOnlyList<const int>, AppendOnlyList<const int, varscope::testing::RestlessAtomic>>;

BOOST_AUTO_TEST_CASE_TEMPLATE(enumeration_sees_what_was_added_before_it, List, Lists) {
  constexpr int kWriters = 3, kEach = 5000;
  const std::vector<int> all = numbers(kWriters * kEach);
  List list;
  std::atomic<int> done[kWriters] = {};
  std::atomic<int> mistakes{0};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      for (int index = 0; index < kEach; ++index) {
        list.push(&all[static_cast<std::size_t>(writer * kEach + index)]);
        done[writer].store(index + 1, std::memory_order_release);
      }
    });
  }
  for (bool last = false; !last;) {
    int before[kWriters];
    for (int writer = 0; writer < kWriters; ++writer)
      before[writer] = done[writer].load(std::memory_order_acquire);
    last = std::all_of(before, before + kWriters, [](int count) { return count == kEach; });
    int next[kWriters] = {};
    // Each writer's elements must come without a gap and in order, at least as far as it had come before.
    list.for_each([&](const int& element) {
      const int writer = element / kEach;
      if (element % kEach != next[writer]++) mistakes.fetch_add(1);
    });
    for (int writer = 0; writer < kWriters; ++writer) {
      if (next[writer] < before[writer]) mistakes.fetch_add(1);
    }
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(mistakes.load() == 0);
  std::vector<int> sorted = contents(list);
  std::sort(sorted.begin(), sorted.end());
  BOOST_TEST(sorted == all, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
