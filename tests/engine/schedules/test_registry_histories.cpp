// SPDX-License-Identifier: Apache-2.0
// Histories of the registry as it is, on threads of this machine: each must have a serial order.
#include "scope/registry.hpp"
#include "support/linearizability.hpp"
#include "support/random.hpp"
#include "support/restless_atomic.hpp"

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_registry_histories)

using varscope::detail::Path;
using varscope::detail::Registry;
using namespace varscope::testing;

namespace {

constexpr int kThreads = 3, kCalls = 4, kKeys = 4;

struct TimedCall {
  Call call;
  std::uint64_t began = 0;
  std::uint64_t ended = 0;
};

/// What a variable is here: the address of a number.
struct alignas(8) Record {
  int number;
};

template <typename Map>
class Histories {
 public:
  /// Records so many histories; gives how many have no serial order.
  int record(int count) {
    std::vector<std::thread> threads;
    for (int thread = 1; thread < kThreads; ++thread) {
      threads.emplace_back([this, thread, count] {
        Random random(static_cast<std::uint64_t>(thread));
        for (int round = 1; round <= count; ++round) {
          wait_for(round_, round);
          perform(thread, random);
          done_.fetch_add(1, std::memory_order_acq_rel);
        }
      });
    }
    Random random(0);
    int wrong = 0;
    for (int round = 1; round <= count; ++round) {
      map_ = std::make_unique<Map>(4);
      clock_.store(0, std::memory_order_relaxed);
      round_.store(round, std::memory_order_release);
      perform(0, random);
      wait_for(done_, round * (kThreads - 1));
      wrong += !is_linearizable(history(), RegistrySpecification{});
    }
    for (std::thread& thread : threads) thread.join();
    return wrong;
  }

  int overlapping() const { return overlapping_; }

 private:
  static void wait_for(const std::atomic<int>& value, int wanted) {
    while (value.load(std::memory_order_acquire) < wanted) std::this_thread::yield();
  }

  void perform(int thread, Random& random) {
    for (int index = 0; index < kCalls; ++index) {
      const auto place = static_cast<std::size_t>(thread * kCalls + index);
      TimedCall& timed = calls_[place];
      Record& mine = records_[place];
      mine.number = static_cast<int>(place + 1) * 10 + thread;
      timed.call = {0, thread, random.chance(0.5), random.integer(0, kKeys - 1), 0, false};
      const std::string key = "scope/v" + std::to_string(timed.call.key);
      timed.began = clock_.fetch_add(1);
      const void* record = nullptr;
      if (timed.call.creates) {
        record = map_->find_or_insert(Path(key)).set_variable(
            reinterpret_cast<varscope::detail::VariableRecord*>(&mine), true);
      } else if (const auto* const entry = map_->find(Path(key))) {
        record = entry->variable();
      }
      timed.ended = clock_.fetch_add(1);
      timed.call.result = record == nullptr ? 0 : static_cast<const Record*>(record)->number;
    }
  }

  std::vector<Call> history() {
    std::vector<Call> history;
    bool overlaps = false;
    for (const TimedCall& timed : calls_) {
      history.push_back(timed.call);
      for (std::size_t other = 0; other < calls_.size(); ++other) {
        if (calls_[other].ended < timed.began) {
          history.back().predecessors |= std::uint64_t{1} << other;
        } else if (calls_[other].began < timed.began) {
          overlaps = true;
        }
      }
    }
    overlapping_ += overlaps;
    return history;
  }

  std::unique_ptr<Map> map_;
  std::vector<TimedCall> calls_ = std::vector<TimedCall>(kThreads * kCalls);
  std::vector<Record> records_ = std::vector<Record>(kThreads * kCalls);
  std::atomic<std::uint64_t> clock_{0};
  std::atomic<int> round_{0};
  std::atomic<int> done_{0};
  int overlapping_ = 0;
};

using Maps = boost::mpl::list<Registry<std::atomic>, Registry<RestlessAtomic>>;

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_hundred_thousand_histories_have_a_serial_order, Map, Maps) {
  Histories<Map> histories;
  BOOST_TEST(histories.record(50000) == 0);
  BOOST_TEST_MESSAGE(histories.overlapping() << " with calls that overlap");
}

// The judge itself.
BOOST_AUTO_TEST_CASE(what_has_no_serial_order_is_noticed) {
  const Call create{0, 1, true, 0, 11, false};
  Call lookup{1, 2, false, 0, 0, false};
  BOOST_TEST(!is_linearizable({create, lookup}, RegistrySpecification{}));  // absent after it was made
  lookup.predecessors = 0;
  BOOST_TEST(is_linearizable({create, lookup}, RegistrySpecification{}));
  lookup.result = 21;
  BOOST_TEST(!is_linearizable({create, lookup}, RegistrySpecification{}));  // what nobody has made
  const Call second{0, 2, true, 0, 22, false};
  BOOST_TEST(!is_linearizable({create, second}, RegistrySpecification{}));  // two winners
  Call pending = create;
  pending.pending = true;
  BOOST_TEST(is_linearizable({pending, {0, 2, false, 0, 11, false}}, RegistrySpecification{}));
  BOOST_TEST(is_linearizable({pending, {0, 2, false, 0, 0, false}}, RegistrySpecification{}));
}

BOOST_AUTO_TEST_SUITE_END()
