// SPDX-License-Identifier: Apache-2.0
#include "scope/arena.hpp"
#include "scope/registry.hpp"
#include "support/random.hpp"
#include "support/restless_atomic.hpp"

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_registry)

using varscope::detail::Arena;
using varscope::detail::Path;
using varscope::detail::PathHash;
using varscope::detail::Registry;

namespace {

std::string random_path(std::mt19937_64& random, int variety) {
  std::string path = "scope" + std::to_string(random() % 7);
  path += "/v" + std::to_string(random() % static_cast<unsigned>(variety));
  return path;
}

template <typename Work>
void run_threads(int count, Work work) {
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int index = 0; index < count; ++index) {
    threads.emplace_back([&, index] {
      ready.fetch_add(1);
      while (ready.load() < count) std::this_thread::yield();
      work(index);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

BOOST_AUTO_TEST_CASE(finds_what_was_inserted_and_nothing_else) {
  Registry<> registry(4);
  BOOST_TEST((registry.find(Path("a")) == nullptr));
  Registry<>::Entry& a = registry.find_or_insert(Path("a"));
  BOOST_TEST(a.key() == "a");
  BOOST_TEST(&registry.find_or_insert(Path("a")) == &a);
  BOOST_TEST(registry.find(Path("a")) == &a);
  BOOST_TEST((registry.find(Path("b")) == nullptr));
  BOOST_TEST((registry.find(Path("")) == nullptr));
  BOOST_TEST(registry.find_or_insert(Path("")).key() == "");
}

BOOST_AUTO_TEST_CASE(members_of_an_entry_are_written_once) {
  Registry<> registry;
  Registry<>::Entry& entry = registry.find_or_insert(Path("a"));
  const int first = 0, second = 0;
  BOOST_TEST((entry.name_owner() == nullptr));
  BOOST_TEST(entry.try_claim_name(&first));
  BOOST_TEST(!entry.try_claim_name(&second));
  BOOST_TEST(!entry.try_claim_name(&first));
  BOOST_TEST(entry.name_owner() == &first);
  const auto* const one = reinterpret_cast<const varscope::detail::OperationNode*>(&first);
  const auto* const other = reinterpret_cast<const varscope::detail::OperationNode*>(&second);
  BOOST_TEST(entry.set_operation(one) == one);
  BOOST_TEST(entry.set_operation(other) == one);
  BOOST_TEST(entry.operation() == one);
}

// A lookup compares names by their lengths in different ways; an entry keeps short ones in a way of its own.
BOOST_AUTO_TEST_CASE(names_of_every_length_are_found_by_any_split) {
  Registry<> registry(4);
  const std::string characters = "abcdefghijklmnopqrstuvwxyz_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.-";
  for (std::size_t size = 0; size <= characters.size(); ++size) {
    for (std::size_t slash = 1; slash <= size; ++slash) {  // the last has none
      std::string name = characters.substr(0, size);
      if (slash < size) name[slash] = '/';
      Registry<>::Entry& entry = registry.find_or_insert(Path(name));
      BOOST_REQUIRE(entry.key() == name);
      BOOST_REQUIRE(registry.find(Path(name)) == &entry);
      if (slash == size) continue;
      const std::string scope = name.substr(0, slash), leaf = name.substr(slash + 1);
      const Path split(scope, PathHash::of_scope(scope), leaf);
      BOOST_REQUIRE(registry.find(split) == &entry);
      BOOST_REQUIRE(&registry.find_or_insert(split) == &entry);
    }
  }
}

// The oracle: std::map, single-threaded, through many growths.
BOOST_AUTO_TEST_CASE(agrees_with_std_map) {
  std::mt19937_64 random(varscope::testing::seed());
  Registry<> registry(4);
  std::map<std::string, Registry<>::Entry*> oracle;
  for (int step = 0; step < 20000; ++step) {
    const std::string path = random_path(random, 1500);
    const auto known = oracle.find(path);
    if (random() % 2 == 0) {
      Registry<>::Entry* const found = registry.find(Path(path));
      BOOST_REQUIRE(found == (known == oracle.end() ? nullptr : known->second));
    } else {
      Registry<>::Entry& entry = registry.find_or_insert(Path(path));
      BOOST_REQUIRE(entry.key() == path);
      if (known != oracle.end()) BOOST_REQUIRE(known->second == &entry);
      oracle.emplace(path, &entry);
    }
  }
  for (const auto& [path, entry] : oracle) BOOST_REQUIRE(registry.find(Path(path)) == entry);
  std::set<std::string> visited;
  registry.for_each([&](Registry<>::Entry& entry) {
    BOOST_REQUIRE(visited.insert(std::string(entry.key())).second);
    BOOST_REQUIRE(oracle.at(std::string(entry.key())) == &entry);
  });
  BOOST_TEST(visited.size() == oracle.size());
}

// The tests with threads run on both kinds of atomics; see restless_atomic.hpp.
using Registries = boost::mpl::list<Registry<std::atomic>, Registry<varscope::testing::RestlessAtomic>>;

// All threads insert the same keys, each in an order of its own, while the table grows from its smallest:
// all must get the same entry for a key, and one thread must win each.
BOOST_AUTO_TEST_CASE_TEMPLATE(threads_agree_on_entries_and_each_has_one_winner, Map, Registries) {
  using Entry = typename Map::Entry;
  constexpr int kThreads = 6;
  constexpr int kKeys = 3000;
  for (int round = 0; round < 8; ++round) {
    Map registry(4);
    std::vector<std::vector<Entry*>> entries(kThreads, std::vector<Entry*>(kKeys, nullptr));
    std::vector<std::atomic<int>> wins(kKeys);
    run_threads(kThreads, [&](int thread) {
      std::vector<int> order(kKeys);
      for (int key = 0; key < kKeys; ++key) order[static_cast<std::size_t>(key)] = key;
      std::mt19937_64 random(varscope::testing::seed() +
                             static_cast<std::uint64_t>(round * kThreads + thread));
      std::shuffle(order.begin(), order.end(), random);
      for (const int key : order) {
        const auto place = static_cast<std::size_t>(key);
        Entry& entry = registry.find_or_insert(Path("scope/v" + std::to_string(key)));
        entries[static_cast<std::size_t>(thread)][place] = &entry;
        if (entry.try_claim_name(&entries[static_cast<std::size_t>(thread)])) wins[place].fetch_add(1);
      }
    });
    std::set<Entry*> distinct;
    for (std::size_t key = 0; key < kKeys; ++key) {
      BOOST_REQUIRE(wins[key].load() == 1);
      Entry* const expected = registry.find(Path("scope/v" + std::to_string(key)));
      BOOST_REQUIRE(expected != nullptr);
      for (const auto& of_thread : entries) BOOST_REQUIRE(of_thread[key] == expected);
      distinct.insert(expected);
    }
    BOOST_TEST(distinct.size() == std::size_t{kKeys});
    std::size_t visited = 0;
    registry.for_each([&](Entry&) { ++visited; });
    BOOST_TEST(visited == std::size_t{kKeys});
  }
}

// A reader that knows how far a writer has come must find everything up to there, during growth too.
BOOST_AUTO_TEST_CASE_TEMPLATE(lookups_miss_nothing_while_the_table_grows, Map, Registries) {
  using Entry = typename Map::Entry;
  constexpr int kWriters = 2, kReaders = 2, kKeys = 8000;
  Map registry(4);
  std::atomic<int> written[kWriters] = {};
  std::atomic<int> misses{0}, strangers{0};
  run_threads(kWriters + kReaders, [&](int thread) {
    if (thread < kWriters) {
      for (int key = 0; key < kKeys; ++key) {
        registry.find_or_insert(Path(std::to_string(thread) + "/" + std::to_string(key)));
        written[thread].store(key + 1, std::memory_order_release);
      }
      return;
    }
    std::mt19937_64 random(varscope::testing::seed() + static_cast<std::uint64_t>(thread));
    for (bool last = false; !last;) {
      last = true;
      for (int writer = 0; writer < kWriters; ++writer) {
        const int known = written[writer].load(std::memory_order_acquire);
        if (known < kKeys) last = false;
        for (int check = 0; known > 0 && check < 16; ++check) {
          const int key = static_cast<int>(random() % static_cast<unsigned>(known));
          const std::string path = std::to_string(writer) + "/" + std::to_string(key);
          const Entry* const found = registry.find(Path(path));
          if (found == nullptr) misses.fetch_add(1);
          if (found != nullptr && found->key() != path) strangers.fetch_add(1);
        }
        if (registry.find(Path("absent/" + std::to_string(known))) != nullptr) strangers.fetch_add(1);
      }
    }
  });
  BOOST_TEST(misses.load() == 0);
  BOOST_TEST(strangers.load() == 0);
}

BOOST_AUTO_TEST_CASE(an_arena_gives_every_byte_once) {
  Arena<> arena(256);
  constexpr int kThreads = 4, kBlocks = 400;
  std::vector<std::vector<std::pair<unsigned char*, std::size_t>>> blocks(kThreads);
  run_threads(kThreads, [&](int thread) {
    for (int block = 0; block < kBlocks; ++block) {
      const std::size_t size = 1 + static_cast<std::size_t>(block * 7 % 300);
      auto* const bytes = static_cast<unsigned char*>(arena.allocate(size));
      std::fill(bytes, bytes + size, static_cast<unsigned char>(thread * kBlocks + block));
      blocks[static_cast<std::size_t>(thread)].emplace_back(bytes, size);
    }
  });
  for (int thread = 0; thread < kThreads; ++thread) {
    for (int block = 0; block < kBlocks; ++block) {
      const auto [bytes, size] = blocks[static_cast<std::size_t>(thread)][static_cast<std::size_t>(block)];
      BOOST_TEST(reinterpret_cast<std::uintptr_t>(bytes) % alignof(std::max_align_t) == 0U);
      const auto mark = static_cast<unsigned char>(thread * kBlocks + block);
      BOOST_REQUIRE(std::all_of(bytes, bytes + size, [&](unsigned char byte) { return byte == mark; }));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
