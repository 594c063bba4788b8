// SPDX-License-Identifier: Apache-2.0
// Published<T>: one immutable object that writers replace and readers pin.
//
// Limits: replace() is for one writer at a time (the caller holds a lock); a replaced object is freed by a
// later replace() or by the destructor, once no reader pins it. Readers must have left before the destructor
// runs.
//
// Invariants:
//  1. A published object never changes.
//  2. Every pin owns one slot, and a slot that holds a pointer protects that object: a writer frees a
//  replaced object
//     only if no slot holds it (hazard pointers, Michael 2004).
//  3. Slots are added, never removed, so a reader always finds or makes one: pin() waits for nobody.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace varscope::detail {

template <typename T>
class Published {
  struct alignas(64) Slot {
    std::atomic<const T*> object{nullptr};
  };
  struct Block {
    static constexpr std::size_t num_slots = 32;
    Slot slots[num_slots];
    std::atomic<Block*> next{nullptr};
  };

 public:
  /// Keeps one published object alive and in place.
  class Pin {
   public:
    Pin(Pin&& other) noexcept : slot_(std::exchange(other.slot_, nullptr)), object_(other.object_) {}
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    ~Pin() {
      // release: everything this reader did with the object happens before a writer sees the slot empty and
      // frees it.
      if (slot_ != nullptr) slot_->object.store(nullptr, std::memory_order_release);
    }
    const T& operator*() const noexcept { return *object_; }
    const T* operator->() const noexcept { return object_; }

   private:
    friend class Published;
    Pin(Slot* slot, const T* object) noexcept : slot_(slot), object_(object) {}
    Slot* slot_;
    const T* object_;
  };

  explicit Published(std::unique_ptr<const T> first) : current_(first.release()) {}
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;
  ~Published() {
    // relaxed: the owner destroys this after all readers and writers have left.
    delete current_.load(std::memory_order_relaxed);
    for (const T* object : replaced_) delete object;
    for (Block* block = first_block_.next.load(std::memory_order_relaxed); block != nullptr;) {
      Block* next = block->next.load(std::memory_order_relaxed);
      delete block;
      block = next;
    }
  }

  /// The object published now. Lock-free: tries again only when a writer has replaced it meanwhile.
  Pin pin() const {
    // seq_cst here and in replace(): the reader stores its slot and then loads current_, the writer stores
    // current_ and then loads the slots; with one total order at least one of them sees the other's store.
    const T* object = current_.load(std::memory_order_seq_cst);
    Slot* slot = claim_slot(object);
    while (true) {
      const T* again = current_.load(std::memory_order_seq_cst);
      if (again == object) return Pin(slot, object);
      object = again;
      slot->object.store(object, std::memory_order_seq_cst);
    }
  }

  /// What a writer that holds the lock starts from.
  const T& writer_view() const noexcept {
    // relaxed: only writers store current_, and they are ordered by the caller's lock.
    return *current_.load(std::memory_order_relaxed);
  }

  /// Publishes the next object. Requires: one writer at a time.
  void replace(std::unique_ptr<const T> next) {
    replaced_.reserve(replaced_.size() + 1);  // throws before anything has changed
    replaced_.push_back(current_.exchange(next.release(), std::memory_order_seq_cst));
    std::erase_if(replaced_, [this](const T* object) {
      if (pinned(object)) return false;
      delete object;
      return true;
    });
  }

 private:
  Slot* claim_slot(const T* object) const {
    // Threads start at different slots, so that uncontended pins stay in their own cache lines.
    const std::size_t start = std::hash<std::thread::id>{}(std::this_thread::get_id());
    for (Block* block = &first_block_;;) {
      for (std::size_t i = 0; i < Block::num_slots; ++i) {
        Slot& slot = block->slots[(start + i) % Block::num_slots];
        const T* empty = nullptr;
        // relaxed load: a hint only; the exchange decides. seq_cst: see pin().
        if (slot.object.load(std::memory_order_relaxed) == nullptr &&
            slot.object.compare_exchange_strong(empty, object, std::memory_order_seq_cst)) {
          return &slot;
        }
      }
      // acquire: a block that another thread added is seen whole.
      Block* next = block->next.load(std::memory_order_acquire);
      if (next == nullptr) {
        auto added = std::make_unique<Block>();
        // acq_rel: publishes our block, or shows us the winner's.
        if (block->next.compare_exchange_strong(next, added.get(), std::memory_order_acq_rel)) {
          next = added.release();
        }
      }
      block = next;
    }
  }

  bool pinned(const T* object) const noexcept {
    for (const Block* block = &first_block_; block != nullptr;
         block = block->next.load(std::memory_order_acquire)) {
      for (const Slot& slot : block->slots) {
        // seq_cst: see pin(). It is an acquire too, so that the reader's last use happens before the free.
        if (slot.object.load(std::memory_order_seq_cst) == object) return true;
      }
    }
    return false;
  }

  std::atomic<const T*> current_;
  mutable Block first_block_;
  std::vector<const T*> replaced_;  // written by writers only, under the caller's lock
};

}  // namespace varscope::detail
