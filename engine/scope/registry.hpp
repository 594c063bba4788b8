// SPDX-License-Identifier: Apache-2.0
// Registry: the lock-free map of a graph from path to entry.
#pragma once

#include "core/fresh_memory.hpp"
#include "scope/arena.hpp"
#include "scope/path.hpp"
#include "scope/plain_beside.hpp"
#include "scope/recent_entries.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>

namespace varscope::detail {

class OperationNode;
class PartitionedRecord;
class VariableRecord;

/// What a graph knows of one path. The key never changes; every other member is written once (the hint: any
/// number of times). One path plays up to four parts, each with a member of its own:
/// - reserved name (key in lower case, since names are unique without regard to case): name_owner, hint;
/// - operation (key as written): operation;
/// - variable (key as written): variable;
/// - partitioned variable (key as written): partitioned.
template <template <typename> class Atom = std::atomic>
class RegistryEntry {
 public:
  RegistryEntry(std::uint64_t hash, std::uint32_t key_size) noexcept : hash_(hash), key_size_(key_size) {}

  std::string_view key() const noexcept {
    const std::size_t size = key_size_;
    return {stored_key() + (size < 16 ? 16 - size : 0), size};
  }
  bool has_key(const Path& path) const noexcept {
    return key_size_ == path.size() && path.is_stored_at(stored_key());
  }
  bool plainly_has_key(const Path& path) const noexcept {
    return key_size_ == path.size() && path.is_plainly_stored_at(stored_key());
  }
  std::uint64_t hash() const noexcept { return hash_; }

  /// The hash of an entry that was made some entries later, or zero: whoever finds this one will probably ask
  /// for that one soon. relaxed, both: any number will do.
  std::uint64_t hash_ahead() const noexcept { return hash_ahead_.load(std::memory_order_relaxed); }
  void set_hash_ahead(std::uint64_t hash) noexcept { hash_ahead_.store(hash, std::memory_order_relaxed); }

  /// Who reserved this name; nullptr if it is free. relaxed: an identity, nothing is read through it.
  const void* name_owner() const noexcept { return name_owner_.load(std::memory_order_relaxed); }

  /// Reserves this name for `owner`; false if somebody, even `owner` itself, has it already. The owner must
  /// stay alive as long as the registry. relaxed: as above, and the exchange itself sees the newest value.
  bool try_claim_name(const void* owner) noexcept {
    const void* expected = nullptr;
    return name_owner_.compare_exchange_strong(expected, owner, std::memory_order_relaxed,
                                               std::memory_order_relaxed);
  }

  /// name_1 ... name_(hint - 1) are reserved, so that a search for a free suffix may start at the hint.
  /// relaxed: any value ever stored stays true, since names are never given back.
  std::uint32_t suffix_hint() const noexcept { return suffix_hint_.load(std::memory_order_relaxed); }
  void set_suffix_hint(std::uint32_t suffix) noexcept {
    suffix_hint_.store(suffix, std::memory_order_relaxed);
  }

  /// acquire: the node was made by the thread that set it.
  const OperationNode* operation() const noexcept { return operation_.load(std::memory_order_acquire); }

  /// Sets the operation if there is none; gives the one there is from now on. release: publishes the node;
  /// acquire on failure: the caller will read the other's.
  const OperationNode* set_operation(const OperationNode* node) noexcept {
    const OperationNode* expected = nullptr;
    const bool set = operation_.compare_exchange_strong(expected, node, std::memory_order_release,
                                                        std::memory_order_acquire);
    return set ? node : expected;
  }

  /// Requires: no other thread uses the entry. relaxed: hence.
  void forget_operation() noexcept { operation_.store(nullptr, std::memory_order_relaxed); }

  /// Orders as for operation().
  VariableRecord* variable() const noexcept { return record_of(variable_.load(std::memory_order_acquire)); }
  /// Sets the variable if there is none; gives the one there is from now on. With `kept_elsewhere` the entry
  /// only refers to it: owns_variable() is false.
  VariableRecord* set_variable(VariableRecord* record, bool kept_elsewhere = false) noexcept {
    const std::uintptr_t wanted =
        reinterpret_cast<std::uintptr_t>(record) | (kept_elsewhere ? kKeptElsewhere : 0);
    std::uintptr_t expected = 0;
    const bool set = variable_.compare_exchange_strong(expected, wanted, std::memory_order_release,
                                                       std::memory_order_acquire);
    return set ? record : record_of(expected);
  }
  /// Whether there is a variable that is to be deleted with this entry. relaxed: the flag came with it.
  bool owns_variable() const noexcept {
    const std::uintptr_t value = variable_.load(std::memory_order_relaxed);
    return value != 0 && (value & kKeptElsewhere) == 0;
  }

  /// Orders as for operation().
  const PartitionedRecord* partitioned() const noexcept {
    return partitioned_.load(std::memory_order_acquire);
  }
  const PartitionedRecord* set_partitioned(const PartitionedRecord* record) noexcept {
    const PartitionedRecord* expected = nullptr;
    const bool set = partitioned_.compare_exchange_strong(expected, record, std::memory_order_release,
                                                          std::memory_order_acquire);
    return set ? record : expected;
  }

 private:
  // In the lowest bit of the address, which is free: a record begins with a pointer.
  static constexpr std::uintptr_t kKeptElsewhere = 1;
  static VariableRecord* record_of(std::uintptr_t value) noexcept {
    return reinterpret_cast<VariableRecord*>(value & ~kKeptElsewhere);
  }

  const char* stored_key() const noexcept { return reinterpret_cast<const char*>(this + 1); }

  template <typename T>
  using Plain = typename PlainBeside<Atom, T>::type;

  // A lookup reads what stands at the end, mostly of one cache line.
  const Plain<std::uint64_t> hash_;
  Atom<const void*> name_owner_{nullptr};
  Atom<const OperationNode*> operation_{nullptr};
  Atom<const PartitionedRecord*> partitioned_{nullptr};
  Atom<std::uintptr_t> variable_{0};
  Atom<std::uint64_t> hash_ahead_{0};
  Atom<std::uint32_t> suffix_hint_{1};
  const Plain<std::uint32_t> key_size_;
  // The key follows in memory, as Path::store() writes it.
};

/// Limits: insert only; entries are freed with the registry and never move; keys are shorter than 4 GiB;
/// memory addresses have 48 bits (checked, std::bad_alloc else). In exchange nobody ever waits for a thread.
///
/// Progress: find() is wait-free and stores nothing. find_or_insert() is lock-free but for operator new.
/// Growing is done by whoever finds a table too full; a thread that stops in the middle of it stops nobody.
///
/// A table is an array of slots under open addressing with linear probing. A slot goes from *vacant* either
/// to an entry (a pointer, with 16 bits of the key's hash in its upper bits so that most mismatches need no
/// look at the entry) or to *frozen*, and never changes again. Each table may have a `next` of at least twice
/// its size; a table with a next is being emptied into it.
///
/// Invariants:
///   1. An entry stands in the first slot of its probe sequence that held no other entry when it came. So all
///      slots before it hold entries, for ever; whoever meets a vacant slot first knows that the key is
///      absent.
///   2. A slot is frozen only after `next` is set. Whoever meets a frozen slot before the key knows that the
///      key is not in this table, will never be, and goes on in `next`. (A lookup that does not see `next`
///      yet has not heard of any insertion there, so it may say that the key is absent.)
///   3. A key is put into a table by one of two, never both: a copy from the table before (which holds it),
///      or an insertion (after meeting a frozen slot there, so it does not). So a key has one entry.
///   4. A thread inserts into a table only after a whole pass over the table before (every slot frozen or
///      copied): its own pass, or that of the thread that moved `newest_` here. So a table holds all entries
///      of those before it, before it can become too full.
///   5. `newest_` moves to `next` only after such a pass; from there on nobody needs the table before.
///      Tables are freed with the registry, since a reader may still be in one. While nobody inserts or lets
///      a table grow, the newest has no next.
///   6. Whoever compares the key of an entry that was copied has heard of its maker before, so that copying
///      publishes nothing. Copies are made by whole passes, which everybody has heard of who began in the
///      table (5), who met an insertion there (4), or who has gone on from it (`next` is made after a pass).
///      There remains who came from the table before, through a frozen slot, looks for key K there, and meets
///      a copy E whose tag is that of K. Say E stands at or behind K's first slot, but in the table before it
///      stood in front of that. How many keys are pushed across a given slot does not depend on the order of
///      insertion under linear probing, only on the keys, and the table before had no fewer. So since E was
///      not pushed across the slot behind its own there, another entry was, whose maker met E on the way; the
///      same holds for that entry's slot, and so on, until one of them stands where the search for K has met
///      it. Each maker has acquired the one before, and the search the last.
///
/// Names are mostly asked for in the order in which they were made: by the second call of a function that
/// shares its variables, or by a restore. In a large table each of them is in another cache line, which comes
/// from a slow cache. So an entry keeps the hash of one that was made `ahead` entries later, and a lookup
/// that finds it asks for that one's slot. This is a hint: nothing depends on it.
///
/// Memory is where entries lie: an Arena.
template <template <typename> class Atom = std::atomic, typename Memory = Arena<Atom>, std::size_t ahead = 12>
class Registry {
 public:
  using Entry = RegistryEntry<Atom>;

  explicit Registry(std::size_t initial_capacity = 256)
      : first_(new Table(round_to_power_of_two(initial_capacity))), newest_(first_) {}
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  ~Registry() {
    static_assert(std::is_trivially_destructible_v<RegistryEntry<std::atomic>>, "nobody runs destructors");
    const Table* table = first_;
    while (table != nullptr) {
      const Table* const next = table->next.load(std::memory_order_relaxed);  // no other thread is left
      delete table;
      table = next;
    }
  }

  /// The entry of a path, or nullptr. Wait-free: at most one pass over each table. Thread-safe.
  Entry* find(const Path& path) const noexcept {
    // acquire: by invariant 5 the table is whole for whoever sees it here (release in migrate()).
    const Table* const table = newest_.load(std::memory_order_acquire);
    const Place place = table->seek(path.hash(), path.hash() & table->mask);
    if (place.holds(path.hash()) && unpack(place.slot)->plainly_has_key(path)) {
      Entry* const entry = unpack(place.slot);
      __builtin_prefetch(&table->slots[entry->hash_ahead() & table->mask]);
      return entry;
    }
    const Path copy = path;  // so that the path itself has no address and is kept in registers
    return find_behind(table, place, copy);
  }

  /// The entry of a path, made if it is not there. Lock-free. Throws std::bad_alloc; then nothing has
  /// changed. Thread-safe.
  Entry& find_or_insert(const Path& path) {
    Entry* fresh = nullptr;
    Table* table = newest_.load(std::memory_order_acquire);  // as in find()
    for (;;) {
      const Probe probe = look_for(path, *table);
      if (probe.outcome == Probe::found) {
        if (fresh != nullptr) std::destroy_at(fresh);  // its memory is left
        return *probe.entry;
      }
      if (probe.outcome == Probe::vacant && !table->too_full()) {
        if (fresh == nullptr) fresh = make_entry(path);
        std::uintptr_t expected = kVacant;
        // release: publishes key and hash to whoever finds the entry. relaxed on failure: looked at again.
        if (table->slots[probe.index].compare_exchange_strong(
                expected, pack(fresh), std::memory_order_release, std::memory_order_relaxed)) {
          table->count_one();
          if (Entry* const earlier = recent_.add(fresh)) earlier->set_hash_ahead(fresh->hash());
          return *fresh;
        }
        continue;  // another thread got this slot: it made progress
      }
      table = &migrate(*table, path.hash());
    }
  }

  /// Whether a table is being emptied. Requires: no other thread uses the registry.
  bool growing() const noexcept {
    // relaxed, both: no other thread.
    return newest_.load(std::memory_order_relaxed)->next.load(std::memory_order_relaxed) != nullptr;
  }

  /// Calls `visit(Entry&)` once for each entry, in no particular order. Requires: no other thread uses the
  /// registry.
  template <typename Visit>
  void for_each(Visit&& visit) {
    Table* table = newest_.load(std::memory_order_relaxed);  // relaxed: no other thread
    while (table->next.load(std::memory_order_relaxed) != nullptr) table = &migrate(*table, 0);
    for (std::size_t index = 0; index <= table->mask; ++index) {
      const std::uintptr_t slot = table->slots[index].load(std::memory_order_relaxed);
      if (slot != kVacant) visit(*unpack(slot));
    }
  }

 private:
  static constexpr std::uintptr_t kVacant = 0;
  static constexpr std::uintptr_t kFrozen = 1;  // no entry: entries are aligned
  /// From this many slots on a quarter of them is used at most, not half. The slots of a large table come
  /// from a slow cache, and a lookup that does not find its key in the first one has to start again when it
  /// comes.
  static constexpr std::size_t kSparseFrom = std::size_t{1} << 15U;
  static constexpr unsigned kPointerBits = 48;
  static constexpr std::uintptr_t kPointerMask = (std::uintptr_t{1} << kPointerBits) - 1;
  static_assert(sizeof(std::uintptr_t) == 8, "a slot holds a 48-bit address and 16 bits of the hash");

  struct Place {
    std::size_t index;
    std::uintptr_t slot;  // what was read there
    /// Whether it may be the entry of a path with this hash.
    bool holds(std::uint64_t hash) const noexcept { return slot > kFrozen && tag(slot ^ hash) == 0; }
  };

  struct Table {
    using Slot = Atom<std::uintptr_t>;

    explicit Table(std::size_t capacity)
        : mask(capacity - 1), slots(static_cast<Slot*>(allocate_memory(capacity * sizeof(Slot)))) {
      std::uninitialized_value_construct_n(slots, capacity);
    }
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;
    ~Table() {
      std::destroy_n(slots, mask + 1);
      free_memory(slots, (mask + 1) * sizeof(Slot));
    }

    // relaxed, both: a count that lags only delays growth; a full table is noticed by the probe itself.
    bool too_full() const noexcept {
      return used.load(std::memory_order_relaxed) > mask / (mask < kSparseFrom ? 2 : 4);
    }
    void count_one() noexcept { used.fetch_add(1, std::memory_order_relaxed); }

    /// Where a search for a path with this hash comes to next, from `index` on: a slot that is vacant or
    /// frozen or has the tag of the hash, or the last one of the search.
    Place seek(std::uint64_t hash, std::size_t index) const noexcept {
      const std::size_t last = (hash - 1) & mask;
      for (;; index = (index + 1) & mask) {
        // acquire: the entry's key (release in find_or_insert; invariant 6 for what was copied).
        const Place place{index, slots[index].load(std::memory_order_acquire)};
        if (place.slot <= kFrozen || place.holds(hash) || index == last) return place;
      }
    }

    const std::size_t mask;
    Slot* const slots;
    Atom<Table*> next{nullptr};
    // Every insertion writes it: away from what lookups read.
    alignas(64) Atom<std::size_t> used{0};
  };

  struct Probe {
    enum Outcome { found, vacant, frozen, full } outcome;
    Entry* entry = nullptr;
    std::size_t index = 0;
  };

  static std::size_t round_to_power_of_two(std::size_t wanted) {
    std::size_t capacity = 4;
    while (capacity < wanted) capacity *= 2;
    return capacity;
  }

  static std::uintptr_t tag(std::uint64_t hash) noexcept { return hash & ~kPointerMask; }
  static std::uintptr_t pack(const Entry* entry) noexcept {
    return tag(entry->hash()) | reinterpret_cast<std::uintptr_t>(entry);
  }
  static Entry* unpack(std::uintptr_t slot) noexcept { return reinterpret_cast<Entry*>(slot & kPointerMask); }

  static Probe look_for(const Path& path, const Table& table) noexcept {
    return look_for(path, table, table.seek(path.hash(), path.hash() & table.mask));
  }

  /// Goes on from where a search has come to.
  static Probe look_for(const Path& path, const Table& table, Place place) noexcept {
    for (;;) {
      if (place.slot <= kFrozen)
        return {place.slot == kVacant ? Probe::vacant : Probe::frozen, nullptr, place.index};
      if (place.holds(path.hash()) && unpack(place.slot)->has_key(path)) {
        return {Probe::found, unpack(place.slot), place.index};
      }
      const std::size_t next = (place.index + 1) & table.mask;
      if (next == (path.hash() & table.mask)) return {Probe::full, nullptr, 0};
      place = table.seek(path.hash(), next);
    }
  }

  /// What find() does where it has come to something else than an entry that plainly has the path.
  [[gnu::noinline]] static Entry* find_behind(const Table* table, Place place, const Path& path) noexcept {
    for (;;) {
      const Probe probe = look_for(path, *table, place);
      if (probe.outcome == Probe::found) return probe.entry;
      if (probe.outcome == Probe::vacant) return nullptr;
      table = table->next.load(std::memory_order_acquire);  // acquire: the table's slots, see make_next()
      if (table == nullptr) return nullptr;                 // the newest table is full and has no next yet
      place = table->seek(path.hash(), path.hash() & table->mask);
    }
  }

  Entry* make_entry(const Path& path) {
    if (path.size() > std::uint32_t(-1)) throw std::bad_alloc();
    void* const memory = memory_.allocate(sizeof(Entry) + path.stored_size());
    if ((reinterpret_cast<std::uintptr_t>(memory) & ~kPointerMask) != 0) throw std::bad_alloc();
    Entry* const entry = new (memory) Entry(path.hash(), static_cast<std::uint32_t>(path.size()));
    path.store(reinterpret_cast<char*>(entry + 1));
    return entry;
  }

  Table& make_next(Table& table) {
    Table* next = table.next.load(std::memory_order_acquire);  // acquire: the table's slots
    if (next != nullptr) return *next;
    const std::size_t capacity = table.mask + 1;
    auto fresh = std::make_unique<Table>(capacity * (2 * capacity == kSparseFrom ? 4 : 2));
    // release: publishes the vacant slots; acquire on failure: the winner's.
    if (table.next.compare_exchange_strong(next, fresh.get(), std::memory_order_release,
                                           std::memory_order_acquire)) {
      return *fresh.release();
    }
    return *next;
  }

  /// Freezes every vacant slot of `from` and copies every entry to the next table, which is returned. Any
  /// number of threads do this at once, from different places (`start`), each to the end.
  Table& migrate(Table& from, std::uint64_t start) {
    Table& to = make_next(from);
    for (std::size_t step = 0; step <= from.mask; ++step) {
      typename Table::Slot& slot = from.slots[(start + step) & from.mask];
      std::uintptr_t value = slot.load(std::memory_order_acquire);  // acquire: the entry's hash
      // relaxed: publishes nothing (invariant 2); acquire on failure: the hash of an entry that came in
      // between.
      if (value == kVacant && slot.compare_exchange_strong(value, kFrozen, std::memory_order_relaxed,
                                                           std::memory_order_acquire)) {
        continue;
      }
      if (value != kFrozen) copy(value, to);
    }
    // A load and a store: if another thread moves it in between, it goes back for a moment. But then `to` has
    // been left as well, and this thread, who goes on there to insert, moves it on again. relaxed: compared
    // only. release: everything this pass copied or saw copied comes before.
    if (newest_.load(std::memory_order_relaxed) == &from) newest_.store(&to, std::memory_order_release);
    return to;
  }

  /// Puts an entry into `to` unless it is there. There is room: `to` has twice the slots of the table before,
  /// and no thread inserts anything else before all of that is in it (invariant 4).
  static void copy(std::uintptr_t value, Table& to) noexcept {
    for (std::size_t index = unpack(value)->hash() & to.mask;; index = (index + 1) & to.mask) {
      // relaxed: compared only.
      std::uintptr_t slot = to.slots[index].load(std::memory_order_relaxed);
      // relaxed: invariant 6.
      if (slot == kVacant && to.slots[index].compare_exchange_strong(slot, value, std::memory_order_relaxed,
                                                                     std::memory_order_relaxed)) {
        to.count_one();
        return;
      }
      if (slot == value) return;
      if (slot == kFrozen) return;  // invariant 4: another thread has copied everything, long ago
    }
  }

  Table* const first_;
  Atom<Table*> newest_;
  // Every insertion may write them, too.
  alignas(64) Memory memory_;
  RecentEntries<Entry, Atom, ahead> recent_;
};

}  // namespace varscope::detail
