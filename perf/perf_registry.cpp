// SPDX-License-Identifier: Apache-2.0
// The registry of a graph beside what one would use instead: <map>/<what>/names:<n>/threads:<m>.
//
// - find_leaf: a scope is open and a leaf is asked for, as by get_variable(); the peers build the path
// - find_path: the whole path is at hand
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
#include <thread>
#include <unordered_map>

namespace varscope::perf {

namespace {

struct Name {
  std::string scope;
  std::string leaf;
  std::string path;
  detail::PathHash scope_hash;
};

// "model/block12/conv3" + "weights": four variables a scope, in an order unlike that of their creation.
const std::vector<Name>& names_of(std::size_t count) {
  static std::map<std::size_t, std::vector<Name>> kept;
  static std::mutex guard;
  const std::lock_guard lock(guard);
  std::vector<Name>& names = kept[count];
  constexpr const char* kLeaves[] = {"weights", "biases", "gamma", "beta"};
  constexpr std::size_t kStep = 7919;  // a prime that divides none of the counts
  for (std::size_t made = names.size(); made < count; ++made) {
    const std::size_t at = made * kStep % count;
    Name name;
    name.scope = "model/block" + std::to_string(at / 20) + "/conv" + std::to_string(at / 4 % 5);
    name.leaf = kLeaves[at % 4];
    name.path = name.scope + "/" + name.leaf;
    name.scope_hash = detail::PathHash::of_scope(name.scope);
    names.push_back(std::move(name));
  }
  return names;
}

class RegistryMap {
 public:
  const void* find_leaf(const Name& name) const {
    return registry_.find(detail::Path(name.scope, name.scope_hash, name.leaf));
  }
  const void* find_path(const Name& name) const { return registry_.find(detail::Path(name.path)); }
  const void* find_or_insert(const Name& name) {
    return &registry_.find_or_insert(detail::Path(name.scope, name.scope_hash, name.leaf));
  }

 private:
  detail::Registry<> registry_;
};

// The usual answer: a hash map behind a reader-writer lock.
class LockedMap {
 public:
  const void* find_leaf(const Name& name) const { return find(name.scope + "/" + name.leaf); }
  const void* find_path(const Name& name) const { return find(name.path); }
  const void* find_or_insert(const Name& name) {
    const std::string path = name.scope + "/" + name.leaf;
    if (const void* found = find(path)) return found;
    const std::unique_lock lock(guard_);
    return &*map_.try_emplace(path, 0).first;
  }

 private:
  const void* find(const std::string& path) const {
    const std::shared_lock lock(guard_);
    const auto found = map_.find(path);
    return found == map_.end() ? nullptr : &*found;
  }

  mutable std::shared_mutex guard_;
  std::unordered_map<std::string, int> map_;
};

class TbbHashMap {
 public:
  const void* find_leaf(const Name& name) const { return find(name.scope + "/" + name.leaf); }
  const void* find_path(const Name& name) const { return find(name.path); }
  const void* find_or_insert(const Name& name) {
    Map::const_accessor found;
    map_.insert(found, name.scope + "/" + name.leaf);
    return &*found;
  }

 private:
  using Map = tbb::concurrent_hash_map<std::string, int>;
  const void* find(const std::string& path) const {
    Map::const_accessor found;
    return map_.find(found, path) ? &*found : nullptr;
  }

  Map map_;
};

class TbbUnorderedMap {
 public:
  const void* find_leaf(const Name& name) const { return find(name.scope + "/" + name.leaf); }
  const void* find_path(const Name& name) const { return find(name.path); }
  const void* find_or_insert(const Name& name) {
    return &*map_.insert({name.scope + "/" + name.leaf, 0}).first;
  }

 private:
  const void* find(const std::string& path) const {
    const auto found = map_.find(path);
    return found == map_.end() ? nullptr : &*found;
  }

  tbb::concurrent_unordered_map<std::string, int> map_;
};

template <typename Map>
const Map& filled(std::size_t count) {
  static std::map<std::size_t, std::unique_ptr<Map>> kept;
  static std::mutex guard;
  const std::lock_guard lock(guard);
  std::unique_ptr<Map>& map = kept[count];
  if (map == nullptr) {
    map = std::make_unique<Map>();
    for (const Name& name : names_of(count)) map->find_or_insert(name);
  }
  return *map;
}

template <typename Map, bool WholePath>
void find(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::vector<Name>& names = names_of(count);
  const Map& map = filled<Map>(count);
  std::size_t at = static_cast<std::size_t>(state.thread_index()) * count / 3;
  for ([[maybe_unused]] auto _ : state) {
    at = at + 1 < count ? at + 1 : 0;
    const void* found = WholePath ? map.find_path(names[at]) : map.find_leaf(names[at]);
    if (found == nullptr) {
      state.SkipWithError("a name that was inserted is not found");
      break;
    }
    benchmark::DoNotOptimize(found);
  }
  state.SetItemsProcessed(state.iterations());
}

template <typename Map>
void insert(benchmark::State& state) {
  const std::vector<Name>& names = names_of(static_cast<std::size_t>(state.range(0)));
  for ([[maybe_unused]] auto _ : state) {
    Map map;
    for (const Name& name : names) benchmark::DoNotOptimize(map.find_or_insert(name));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

/// One thread looks up, another inserts at a steady pace: into the same map, or into another.
template <typename Map, bool SameMap>
void find_beside(benchmark::State& state) {
  const std::vector<Name>& names = names_of(static_cast<std::size_t>(state.range(0)));
  Map map, other;
  for (const Name& name : names) map.find_or_insert(name);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    Map& written = SameMap ? map : other;
    auto due = std::chrono::steady_clock::now();
    for (std::size_t number = 0; !stop.load(std::memory_order_relaxed) && number < 2000000; ++number) {
      Name name;
      name.scope = "writer/block" + std::to_string(number);
      name.leaf = "weights";
      name.scope_hash = detail::PathHash::of_scope(name.scope);
      benchmark::DoNotOptimize(written.find_or_insert(name));
      // As a thread that builds a model. Not faster: what is measured would be the larger map, not the
      // writer.
      due += std::chrono::microseconds(2);
      while (std::chrono::steady_clock::now() < due) benchmark::DoNotOptimize(due);
    }
  });
  std::size_t at = 0;
  for ([[maybe_unused]] auto _ : state) {
    at = at + 1 < names.size() ? at + 1 : 0;
    benchmark::DoNotOptimize(map.find_leaf(names[at]));
  }
  stop.store(true, std::memory_order_relaxed);
  writer.join();
  state.SetItemsProcessed(state.iterations());
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
  with("find_leaf", find<Map, false>)->ThreadRange(1, threads)->UseRealTime();
  with("find_path", find<Map, true>)->ThreadRange(1, threads)->UseRealTime();
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
