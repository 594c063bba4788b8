// SPDX-License-Identifier: Apache-2.0
// The registry of a graph beside what one would use instead: <map>/<what>/names:<n>/threads:<m>.
//
// - find_leaf: a scope is open and its leaves are asked for, as by get_variable(), scope by scope in the
//   order of creation, as the second call of a function that shares its variables does; the peers build the
//   path
// - find_leaf_scattered: the same, but the scopes come in an order unlike that of their creation
// - find_path: the whole path is at hand; all paths come in an order unlike that of their creation
// - insert: all names into an empty map, by one thread; the time is for all of them
// - find_beside_writer, find_beside_nobody: find_leaf by one thread while another inserts names of its own
//   into the same map, or into a map of its own, one every two microseconds: the difference is what readers
//   lose to a writer, and not to the machine
#include "benchmarks.hpp"
#include "scope/registry.hpp"

#include <benchmark/benchmark.h>
#include <tbb/concurrent_hash_map.h>
#include <tbb/concurrent_unordered_map.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace varscope::perf {

namespace {

constexpr std::string_view kLeaves[] = {"weights", "biases", "gamma", "beta"};
constexpr std::size_t kLeavesOfScope = std::size(kLeaves);

struct Scope {
  std::string name;  // "model/block12/conv3"
  detail::PathHash hash;
};

/// The variables of a model, four a scope, in the order of their creation; and all paths in an order that has
/// nothing to do with it.
struct Names {
  std::vector<Scope> scopes;
  std::vector<std::string> scattered_paths;

  explicit Names(std::size_t count) {
    for (std::size_t at = 0; at < count / kLeavesOfScope; ++at) {
      std::string name = "model/block" + std::to_string(at / 5) + "/conv" + std::to_string(at % 5);
      const auto hash = detail::PathHash::of_scope(name);
      scopes.push_back({std::move(name), hash});
    }
    for (std::size_t made = 0; made < count; ++made) {
      const std::size_t at = made * kStep % count;
      scattered_paths.push_back(path_of(scopes[at / kLeavesOfScope], kLeaves[at % kLeavesOfScope]));
    }
  }

  static std::string path_of(const Scope& scope, std::string_view leaf) {
    return scope.name + "/" + std::string(leaf);
  }

  static constexpr std::size_t kStep = 7919;  // a prime that divides none of the counts
};

const Names& names_of(std::size_t count) {
  static std::map<std::size_t, Names> kept;
  static std::mutex guard;
  const std::lock_guard lock(guard);
  return kept.try_emplace(count, count).first->second;
}

class RegistryMap {
 public:
  const void* find_leaf(const Scope& scope, std::string_view leaf) const {
    return registry_.find(detail::Path(scope.name, scope.hash, leaf));
  }
  const void* find_path(const std::string& path) const { return registry_.find(detail::Path(path)); }
  const void* find_or_insert(const Scope& scope, std::string_view leaf) {
    return &registry_.find_or_insert(detail::Path(scope.name, scope.hash, leaf));
  }

 private:
  detail::Registry<> registry_;
};

// The usual answer: a hash map behind a reader-writer lock.
class LockedMap {
 public:
  const void* find_leaf(const Scope& scope, std::string_view leaf) const {
    return find_path(Names::path_of(scope, leaf));
  }
  const void* find_path(const std::string& path) const {
    const std::shared_lock lock(guard_);
    const auto found = map_.find(path);
    return found == map_.end() ? nullptr : &*found;
  }
  const void* find_or_insert(const Scope& scope, std::string_view leaf) {
    const std::string path = Names::path_of(scope, leaf);
    if (const void* found = find_path(path)) return found;
    const std::unique_lock lock(guard_);
    return &*map_.try_emplace(path, 0).first;
  }

 private:
  mutable std::shared_mutex guard_;
  std::unordered_map<std::string, int> map_;
};

class TbbHashMap {
 public:
  const void* find_leaf(const Scope& scope, std::string_view leaf) const {
    return find_path(Names::path_of(scope, leaf));
  }
  const void* find_path(const std::string& path) const {
    Map::const_accessor found;
    return map_.find(found, path) ? &*found : nullptr;
  }
  const void* find_or_insert(const Scope& scope, std::string_view leaf) {
    Map::const_accessor found;
    map_.insert(found, Names::path_of(scope, leaf));
    return &*found;
  }

 private:
  using Map = tbb::concurrent_hash_map<std::string, int>;
  Map map_;
};

class TbbUnorderedMap {
 public:
  const void* find_leaf(const Scope& scope, std::string_view leaf) const {
    return find_path(Names::path_of(scope, leaf));
  }
  const void* find_path(const std::string& path) const {
    const auto found = map_.find(path);
    return found == map_.end() ? nullptr : &*found;
  }
  const void* find_or_insert(const Scope& scope, std::string_view leaf) {
    return &*map_.insert({Names::path_of(scope, leaf), 0}).first;
  }

 private:
  tbb::concurrent_unordered_map<std::string, int> map_;
};

template <typename Map>
void insert_all(Map& map, const Names& names) {
  for (const Scope& scope : names.scopes) {
    for (const std::string_view leaf : kLeaves) benchmark::DoNotOptimize(map.find_or_insert(scope, leaf));
  }
}

template <typename Map>
const Map& filled(std::size_t count) {
  static std::map<std::size_t, std::unique_ptr<Map>> kept;
  static std::mutex guard;
  const std::lock_guard lock(guard);
  std::unique_ptr<Map>& map = kept[count];
  if (map == nullptr) {
    map = std::make_unique<Map>();
    insert_all(*map, names_of(count));
  }
  return *map;
}

enum class Order { creation, scattered };

/// "lookup": seconds for one.
void count_lookups(benchmark::State& state, std::size_t in_iteration) {
  state.counters["lookup"] =
      benchmark::Counter(static_cast<double>(in_iteration),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

/// Calls `look_up(scope, leaf)` for all leaves of a scope in each iteration.
template <Order order, typename LookUp>
void ask_by_leaf(benchmark::State& state, const Names& names, std::size_t first, const LookUp& look_up) {
  const std::size_t count = names.scopes.size();
  const std::size_t step = order == Order::creation ? 1 : Names::kStep % count;
  std::size_t scope = first % count;
  for ([[maybe_unused]] auto _ : state) {
    bool found = true;
    for (const std::string_view leaf : kLeaves) {
      const void* const entry = look_up(names.scopes[scope], leaf);
      benchmark::DoNotOptimize(entry);
      found &= entry != nullptr;
    }
    if (!found) {
      state.SkipWithError("a name that was inserted is not found");
      break;
    }
    scope += step;
    if (scope >= count) scope -= count;
  }
  count_lookups(state, kLeavesOfScope);
}

template <typename Map, Order order>
void find_leaf(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const Map& map = filled<Map>(count);
  ask_by_leaf<order>(state, names_of(count), static_cast<std::size_t>(state.thread_index()) * count / 12,
                     [&](const Scope& scope, std::string_view leaf) { return map.find_leaf(scope, leaf); });
}

template <typename Map>
void find_path(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::vector<std::string>& paths = names_of(count).scattered_paths;
  const Map& map = filled<Map>(count);
  std::size_t at = static_cast<std::size_t>(state.thread_index()) * count / 3;
  for ([[maybe_unused]] auto _ : state) {
    at = at + 1 < count ? at + 1 : 0;
    const void* found = map.find_path(paths[at]);
    if (found == nullptr) {
      state.SkipWithError("a name that was inserted is not found");
      break;
    }
    benchmark::DoNotOptimize(found);
  }
  count_lookups(state, 1);
}

template <typename Map>
void insert(benchmark::State& state) {
  const Names& names = names_of(static_cast<std::size_t>(state.range(0)));
  for ([[maybe_unused]] auto _ : state) {
    Map map;
    insert_all(map, names);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

constexpr std::size_t kNamesOfWriter = 170000;

/// "writer/block17/weights"
template <typename Map>
void insert_of_writer(Map& map, std::size_t number) {
  std::string name = "writer/block" + std::to_string(number);
  const auto hash = detail::PathHash::of_scope(name);
  benchmark::DoNotOptimize(map.find_or_insert({std::move(name), hash}, kLeaves[0]));
}

/// One thread looks up, another inserts at a steady pace: into the same map, or into another. Both maps begin
/// with more names than the writer adds, so that what is measured is the writer and not a map that grows.
template <typename Map, bool SameMap>
void find_beside(benchmark::State& state) {
  const Names& names = names_of(static_cast<std::size_t>(state.range(0)));
  Map map, other;
  insert_all(map, names);
  insert_all(other, names);
  std::size_t number = 0;
  for (; number < kNamesOfWriter; ++number) {
    insert_of_writer(map, number);
    insert_of_writer(other, number);
  }
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    Map& written = SameMap ? map : other;
    auto due = std::chrono::steady_clock::now();
    for (; !stop.load(std::memory_order_relaxed); ++number) {
      insert_of_writer(written, number);
      // As a thread that builds a model. Not faster: what is measured would be the larger map, not the
      // writer.
      due += std::chrono::microseconds(2);
      while (std::chrono::steady_clock::now() < due) benchmark::DoNotOptimize(due);
    }
  });
  ask_by_leaf<Order::creation>(
      state, names, 0, [&](const Scope& scope, std::string_view leaf) { return map.find_leaf(scope, leaf); });
  stop.store(true, std::memory_order_relaxed);
  writer.join();
}

template <typename Map>
void register_map(const std::string& title) {
  const int threads = measured_thread_counts().back();
  const auto with = [&](const std::string& what, void (*function)(benchmark::State&)) {
    return benchmark::RegisterBenchmark((title + "/" + what).c_str(), function)
        ->ArgName("names")
        ->Arg(64)
        ->Arg(1000)
        ->Arg(100000);
  };
  with("find_leaf", find_leaf<Map, Order::creation>)->ThreadRange(1, threads)->UseRealTime();
  with("find_leaf_scattered", find_leaf<Map, Order::scattered>)->ThreadRange(1, threads)->UseRealTime();
  with("find_path", find_path<Map>)->ThreadRange(1, threads)->UseRealTime();
  with("insert", insert<Map>);
  with("find_beside_writer", find_beside<Map, true>)->UseRealTime();
  with("find_beside_nobody", find_beside<Map, false>)->UseRealTime();
}

}  // namespace

void register_benchmarks() {
  register_map<RegistryMap>("registry");
  register_map<LockedMap>("unordered_map_shared_mutex");
  register_map<TbbHashMap>("tbb_concurrent_hash_map");
  register_map<TbbUnorderedMap>("tbb_concurrent_unordered_map");
}

}  // namespace varscope::perf
