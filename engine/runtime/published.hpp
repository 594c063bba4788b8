// SPDX-License-Identifier: Apache-2.0
// Published<T>: one immutable object that writers replace and readers pin.
//
// Limits: replace() is for one writer at a time (the caller holds a lock). Readers and writers must have left
// before the destructor runs. There is a slot for as many pins as there ever were at once.
//
// Progress: pin() and the end of a pin wait for nobody. pin() tries again only when a writer has replaced the
// object meanwhile. A replaced object is freed by the thread that lets go of it last: the last reader, or the
// writer if there is none. Freeing is done by one thread at a time; the others leave it their wish and go on.
// A thread that stops in the middle of it keeps memory from being freed, and stops nobody.
//
// Invariants:
//   1. A published object never changes.
//   2. Every pin owns one slot, and a slot that holds a version protects it: a replaced version is freed only
//      after no slot was found to hold it (hazard pointers, Michael 2004).
//   3. A slot comes to hold a version only while its owner still has to see that version published, or has
//   seen
//      it published since. So once a replaced version was in no slot, no pin of it begins.
//   4. Slots are added, never removed, so a reader always finds or makes one.
//   5. Whoever raises `wishes_` from zero collects, alone, until it has brought it back to zero. Every thread
//      that lets go of a replaced version expresses a wish after that, so a version that nobody holds is seen
//      by a collection that begins later.
//
// The order of all seq_cst accesses, of which there are two pairs, makes these hold:
//   - A reader stores its slot and then loads `current_`; a writer stores `current_` and then loads the
//   slots.
//     One of them sees the other's store: the reader tries again, or the writer keeps the version.
//   - A reader empties its slot and then loads `current_`; a writer does as before. Either the reader sees
//   that
//     its version was replaced and collects, or the writer finds the slot empty.
// The way to a slot counts too: the link to a block of slots is stored before them and loaded before them.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

namespace varscope::detail {

template <typename T, template <typename> class Atom = std::atomic, std::size_t slots_in_block = 32>
class Published {
  struct Version {
    std::unique_ptr<const T> object;
    Version* next;  // in the list of replaced versions that holds it
  };
  struct alignas(64) Slot {
    Atom<const Version*> version{nullptr};
  };
  struct Block {
    Slot slots[slots_in_block];
    Atom<Block*> next{nullptr};
  };

 public:
  /// Keeps one published object alive and in place. Must not outlive the Published.
  class Pin {
   public:
    Pin(Pin&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), slot_(other.slot_), version_(other.version_) {}
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    ~Pin() {
      if (owner_ != nullptr) owner_->let_go(*slot_, version_);
    }
    const T& operator*() const noexcept { return *version_->object; }
    const T* operator->() const noexcept { return version_->object.get(); }

   private:
    friend class Published;
    Pin(const Published* owner, Slot* slot, const Version* version) noexcept
        : owner_(owner), slot_(slot), version_(version) {}
    const Published* owner_;
    Slot* slot_;
    const Version* version_;
  };

  explicit Published(std::unique_ptr<const T> first) : current_(new Version{std::move(first), nullptr}) {}
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;
  ~Published() {
    // relaxed: the owner destroys this after all readers and writers have left, who have freed what was
    // replaced.
    delete current_.load(std::memory_order_relaxed);
    for (Block* block = first_block_.next.load(std::memory_order_relaxed); block != nullptr;) {
      Block* const next = block->next.load(std::memory_order_relaxed);
      delete block;
      block = next;
    }
  }

  /// The object published now. Lock-free.
  Pin pin() const {
    // relaxed: what to try first; it is looked at only after it was seen once more.
    const Version* version = current_.load(std::memory_order_relaxed);
    Slot* const slot = claim_slot(version);
    for (;;) {
      const Version* const again = current_.load(std::memory_order_seq_cst);
      if (again == version) return Pin(this, slot, version);
      slot->version.store(again, std::memory_order_seq_cst);  // as in claim_slot()
      collect();  // the slot may have kept a version that was replaced
      version = again;
    }
  }

  /// What a writer that holds the lock starts from.
  const T& writer_view() const noexcept {
    // relaxed: only writers store current_, and they are ordered by the caller's lock.
    return *current_.load(std::memory_order_relaxed)->object;
  }

  /// Publishes the next object. Throws std::bad_alloc; then nothing has changed. Requires: one writer at a
  /// time.
  void replace(std::unique_ptr<const T> next) {
    auto version = std::unique_ptr<Version>(new Version{std::move(next), nullptr});
    // relaxed: as in writer_view(). The store alone is enough, since no other thread stores.
    Version* const replaced = current_.load(std::memory_order_relaxed);
    current_.store(version.release(), std::memory_order_seq_cst);
    Version* head = replaced_.load(std::memory_order_relaxed);  // relaxed: not looked into
    do {
      replaced->next = head;
      // release: publishes `next`, and the version to a collector that has never read it. relaxed on failure:
      // as above.
    } while (!replaced_.compare_exchange_strong(head, replaced, std::memory_order_release,
                                                std::memory_order_relaxed));
    collect();
  }

 private:
  Slot* claim_slot(const Version* version) const {
    // Threads start at different slots, so that uncontended pins stay in their own cache lines.
    const std::size_t start = std::hash<std::thread::id>{}(std::this_thread::get_id());
    for (Block* block = &first_block_;;) {
      for (std::size_t i = 0; i < slots_in_block; ++i) {
        Slot& slot = block->slots[(start + i) % slots_in_block];
        const Version* empty = nullptr;
        // relaxed load: a hint only; the exchange decides. seq_cst: see above. relaxed on failure: not looked
        // at.
        if (slot.version.load(std::memory_order_relaxed) == nullptr &&
            slot.version.compare_exchange_strong(empty, version, std::memory_order_seq_cst,
                                                 std::memory_order_relaxed)) {
          return &slot;
        }
      }
      // acquire: a block that another thread added is seen whole.
      Block* next = block->next.load(std::memory_order_acquire);
      if (next == nullptr) {
        auto added = std::make_unique<Block>();
        // seq_cst: publishes our block, and see above; acquire on failure: the winner's is seen whole.
        if (block->next.compare_exchange_strong(next, added.get(), std::memory_order_seq_cst,
                                                std::memory_order_acquire)) {
          next = added.release();
        }
      }
      block = next;
    }
  }

  void let_go(Slot& slot, const Version* version) const noexcept {
    // seq_cst, both: see above. The first is a release too: what this reader did with the object comes before
    // the free.
    slot.version.store(nullptr, std::memory_order_seq_cst);
    if (current_.load(std::memory_order_seq_cst) != version) collect();
  }

  bool pinned(const Version* version) const noexcept {
    for (const Block* block = &first_block_; block != nullptr;
         block = block->next.load(std::memory_order_seq_cst)) {
      for (const Slot& slot : block->slots) {
        // seq_cst: see above. It is an acquire too, so that the reader's last use comes before the free.
        if (slot.version.load(std::memory_order_seq_cst) == version) return true;
      }
    }
    return false;
  }

  /// Frees what was replaced and is in no slot, or leaves that to the thread that is at it.
  void collect() const noexcept {
    // acq_rel, here and below: what a thread did before its wish comes before the collection that serves it;
    // and collections, which are of different threads, follow each other.
    if (wishes_.fetch_add(1, std::memory_order_acq_rel) != 0) return;
    for (std::size_t served = 1; served != 0;) {
      free_unpinned();
      served = wishes_.fetch_sub(served, std::memory_order_acq_rel) - served;
    }
  }

  void free_unpinned() const noexcept {
    // acquire: the versions and their links, from the writer. relaxed: kept_ is of the thread that collects.
    Version* lists[] = {replaced_.exchange(nullptr, std::memory_order_acquire),
                        kept_.load(std::memory_order_relaxed)};
    Version* kept = nullptr;
    for (Version* version : lists) {
      while (version != nullptr) {
        Version* const next = version->next;
        if (pinned(version)) {
          version->next = kept;
          kept = version;
        } else {
          delete version;
        }
        version = next;
      }
    }
    kept_.store(kept, std::memory_order_relaxed);
  }

  Atom<Version*> current_;
  mutable Block first_block_;
  mutable Atom<Version*> replaced_{nullptr};
  mutable Atom<Version*> kept_{nullptr};
  mutable Atom<std::size_t> wishes_{0};
};

}  // namespace varscope::detail
