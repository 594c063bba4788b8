// SPDX-License-Identifier: Apache-2.0
// The scheduler and its memory, judged by what is known of them: litmus tests of the C++ memory model, and
// the results of all schedules without any reduction.
#include "support/random.hpp"
#include "support/schedule/explore.hpp"
#include "support/schedule/region.hpp"
#include "support/schedule/scheduled_atomic.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace varscope::testing::schedule;

namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto acq_rel = std::memory_order_acq_rel;
constexpr auto seq_cst = std::memory_order_seq_cst;

/// Four variables, and room for what the threads read.
struct Litmus {
  ScheduledAtomic<int> x{0}, y{0};
  Checked<int> plain{0};
  int read[4] = {-1, -1, -1, -1};
};

using Thread = std::function<void(Litmus&)>;

class LitmusScenario final : public Scenario {
 public:
  LitmusScenario(const std::vector<Thread>& threads, std::set<std::string>& results)
      : threads_(threads), results_(results) {}
  void run(int thread) override { threads_[static_cast<std::size_t>(thread - 1)](litmus_); }
  void finish() override {
    const OutsideRegion outside;
    std::string result;
    for (const int read : litmus_.read) {
      if (read >= 0) result += std::to_string(read);
    }
    results_.insert(result);
  }

 private:
  const std::vector<Thread>& threads_;
  std::set<std::string>& results_;
  Litmus litmus_;
};

/// What can be read, digit by digit; "race" if a data race was found.
std::set<std::string> results_of(const std::vector<Thread>& threads, Memory memory = Memory::weak,
                                 bool reduce = true) {
  std::set<std::string> results;
  const Exploration all =
      explore_all(static_cast<int>(threads.size()), [&] { return new LitmusScenario(threads, results); },
                  {.memory = memory, .stop = {}, .max_schedules = 0, .reduce = reduce});
  if (all.failed) return {"race"};
  BOOST_TEST(all.exhausted);
  return results;
}

using Results = std::set<std::string>;

}  // namespace

BOOST_AUTO_TEST_CASE(store_buffering) {
  const auto with = [](std::memory_order store, std::memory_order load) {
    return std::vector<Thread>{[=](Litmus& m) {
                                 m.x.store(1, store);
                                 m.read[0] = m.y.load(load);
                               },
                               [=](Litmus& m) {
                                 m.y.store(1, store);
                                 m.read[1] = m.x.load(load);
                               }};
  };
  const Results serial{"01", "10", "11"}, all{"00", "01", "10", "11"};
  BOOST_TEST((results_of(with(relaxed, relaxed), Memory::interleaving) == serial));
  BOOST_TEST((results_of(with(release, acquire)) == all));
  BOOST_TEST((results_of(with(seq_cst, seq_cst)) == serial));
  BOOST_TEST((results_of(with(seq_cst, acquire)) == all));
  BOOST_TEST((results_of(with(release, seq_cst)) == all));
}

BOOST_AUTO_TEST_CASE(message_passing) {
  const auto with = [](std::memory_order store, std::memory_order load) {
    return std::vector<Thread>{[=](Litmus& m) {
                                 m.plain.write(1);
                                 m.x.store(1, store);
                               },
                               [=](Litmus& m) {
                                 if (m.x.load(load) == 1) m.read[0] = m.plain.read();
                               }};
  };
  BOOST_TEST((results_of(with(release, acquire)) == Results{"", "1"}));
  BOOST_TEST((results_of(with(seq_cst, seq_cst)) == Results{"", "1"}));
  BOOST_TEST((results_of(with(relaxed, acquire)) == Results{"race"}));
  BOOST_TEST((results_of(with(release, relaxed)) == Results{"race"}));
}

BOOST_AUTO_TEST_CASE(message_passing_by_atomics_alone) {
  const auto with = [](std::memory_order store, std::memory_order load) {
    return std::vector<Thread>{[=](Litmus& m) {
                                 m.y.store(1, relaxed);
                                 m.x.store(1, store);
                               },
                               [=](Litmus& m) {
                                 m.read[0] = m.x.load(load);
                                 m.read[1] = m.y.load(relaxed);
                               }};
  };
  BOOST_TEST((results_of(with(release, acquire)) == Results{"00", "01", "11"}));
  BOOST_TEST((results_of(with(relaxed, acquire)) == Results{"00", "01", "10", "11"}));
  BOOST_TEST((results_of(with(release, relaxed)) == Results{"00", "01", "10", "11"}));
}

BOOST_AUTO_TEST_CASE(reads_of_one_location_never_go_back) {
  const std::vector<Thread> own{[](Litmus& m) { m.x.store(1, relaxed); },
                                [](Litmus& m) {
                                  m.read[0] = m.x.load(relaxed);
                                  m.read[1] = m.x.load(relaxed);
                                }};
  BOOST_TEST((results_of(own) == Results{"00", "01", "11"}));
  // Nor do those of another thread that is told of the first.
  const std::vector<Thread> told{[](Litmus& m) { m.x.store(1, relaxed); },
                                 [](Litmus& m) {
                                   m.read[0] = m.x.load(relaxed);
                                   m.y.store(1, release);
                                 },
                                 [](Litmus& m) {
                                   m.read[1] = m.y.load(acquire);
                                   m.read[2] = m.x.load(relaxed);
                                 }};
  const Results results = results_of(told);
  BOOST_TEST(results.count("111") == 1U);
  BOOST_TEST(results.count("110") == 0U);
  BOOST_TEST(results.count("010") == 1U);
}

BOOST_AUTO_TEST_CASE(independent_reads_of_independent_writes) {
  const auto with = [](std::memory_order store, std::memory_order load) {
    return std::vector<Thread>{[=](Litmus& m) {
                                 m.x.store(1, store);
                                 m.y.store(1, store);
                               },
                               [=](Litmus& m) {
                                 m.read[0] = m.x.load(load);
                                 m.read[1] = m.y.load(load);
                               },
                               [=](Litmus& m) {
                                 m.read[2] = m.y.load(load);
                                 m.read[3] = m.x.load(load);
                               }};
  };
  BOOST_TEST(results_of(with(relaxed, relaxed)).count("0110") == 1U);
  BOOST_TEST(results_of(with(seq_cst, seq_cst)).count("0110") == 0U);
}

BOOST_AUTO_TEST_CASE(a_release_sequence_goes_on_through_exchanges_and_ends_with_a_store) {
  const auto with = [](bool by_exchange) {
    return std::vector<Thread>{[](Litmus& m) {
                                 m.plain.write(1);
                                 m.x.store(1, release);
                               },
                               [=](Litmus& m) {
                                 if (by_exchange) {
                                   int one = 1;
                                   m.x.compare_exchange_strong(one, 2, relaxed, relaxed);
                                 } else if (m.x.load(relaxed) == 1) {
                                   m.x.store(2, relaxed);
                                 }
                               },
                               [](Litmus& m) {
                                 if (m.x.load(acquire) == 2) m.read[0] = m.plain.read();
                               }};
  };
  BOOST_TEST((results_of(with(true)) == Results{"", "1"}));
  BOOST_TEST((results_of(with(false)) == Results{"race"}));
}

BOOST_AUTO_TEST_CASE(exchanges_and_additions_are_one_step) {
  const std::vector<Thread> add(3, [](Litmus& m) { static_cast<void>(m.x.fetch_add(1, relaxed)); });
  std::vector<Thread> sum = add;
  sum.back() = [](Litmus& m) {
    static_cast<void>(m.x.fetch_add(1, relaxed));
    m.read[0] = m.x.load(relaxed);
  };
  BOOST_TEST((results_of(sum) == Results{"1", "2", "3"}));
  std::vector<Thread> claim;
  for (int thread = 0; thread < 3; ++thread) {
    claim.push_back([thread](Litmus& m) {
      int none = 0;
      m.read[thread] = m.x.compare_exchange_strong(none, 1, acq_rel, relaxed);
    });
  }
  BOOST_TEST((results_of(claim) == Results{"001", "010", "100"}));
}

BOOST_AUTO_TEST_CASE(use_after_the_end_and_leaks_are_noticed) {
  struct Owner final : Scenario {
    explicit Owner(bool leak) : leaks(leak) {}
    void run(int thread) override {
      if (thread == 1) {
        ScheduledAtomic<int>* const mine = shared.exchange(nullptr, acq_rel);
        if (!leaks) delete mine;
      } else if (ScheduledAtomic<int>* const other = shared.load(acquire)) {
        if (!leaks) other->load(relaxed);
      }
    }
    bool leaks;
    ScheduledAtomic<ScheduledAtomic<int>*> shared{new ScheduledAtomic<int>(0)};
  };
  const Exploration use = explore_all(2, [] { return new Owner(false); });
  BOOST_TEST(use.failed);
  const Exploration leak = explore_all(2, [] { return new Owner(true); });
  BOOST_TEST(leak.failed);
  BOOST_TEST(leak.message.find("1 objects that were made in it were never deleted") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_thread_can_be_stopped_anywhere) {
  struct Steps final : Scenario {
    void run(int thread) override {
      for (int step = 0; step < 3; ++step) x[thread - 1].store(step + 1, relaxed);
    }
    void finish() override {
      require(x[0].load(relaxed) == 2, "stopped after two");
      require(x[1].load(relaxed) == 3, "goes on");
    }
    ScheduledAtomic<int> x[2];
  };
  const Exploration stopped =
      explore_all(2, [] { return new Steps; }, {.memory = Memory::weak, .stop = {1, 2}});
  BOOST_TEST(!stopped.failed, stopped.message);
  BOOST_TEST(stopped.exhausted);
}

// Random programs: with reduction the same results come out as without, of far fewer schedules.
BOOST_AUTO_TEST_CASE(reduction_loses_no_result) {
  varscope::testing::Random random;
  std::uint64_t with = 0, without = 0;
  for (int round = 0; round < 150; ++round) {
    const int num_threads = random.integer(2, 3);
    const Memory memory = random.chance(0.5) ? Memory::weak : Memory::interleaving;
    std::vector<Thread> threads;
    for (int thread = 0; thread < num_threads; ++thread) {
      std::vector<int> actions;
      for (int step = random.integer(1, 5 - num_threads); step >= 0; --step) {
        actions.push_back(random.integer(0, 9));
      }
      threads.push_back([actions, thread](Litmus& m) {
        int seen = 0;
        for (const int action : actions) {
          ScheduledAtomic<int>& variable = action % 2 == 0 ? m.x : m.y;
          int expected = thread;
          switch (action / 2) {
            case 0:
              variable.store(thread + 1, relaxed);
              break;
            case 1:
              seen = seen * 5 + variable.load(acquire);
              break;
            case 2:
              variable.compare_exchange_strong(expected, 4, acq_rel, acquire);
              seen = seen * 5 + expected;
              break;
            case 3:
              static_cast<void>(variable.fetch_add(1, release));
              break;
            default:
              variable.store(thread + 2, seq_cst);
              seen = seen * 5 + variable.load(seq_cst);
          }
        }
        m.read[thread] = seen;
      });
    }
    const auto explore = [&](bool reduce, Results& results) {
      const Exploration all =
          explore_all(num_threads, [&] { return new LitmusScenario(threads, results); },
                      {.memory = memory, .stop = {}, .max_schedules = 0, .reduce = reduce});
      BOOST_REQUIRE(all.exhausted);
      return all.schedules;
    };
    Results reduced, all;
    with += explore(true, reduced);
    without += explore(false, all);
    BOOST_REQUIRE_MESSAGE(reduced == all,
                          "round " << round << ": " << reduced.size() << " of " << all.size());
  }
  BOOST_TEST(with < without);
  BOOST_TEST_MESSAGE(with << " schedules instead of " << without);
}
