// SPDX-License-Identifier: Apache-2.0
// AppendOnlyList: pointers in the order in which they were added, by many threads at once.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>

namespace varscope::detail {

/// Limits: nothing is removed; the list does not own what it points to; a position that was taken and never
/// stored stays a gap. In exchange nothing moves, adding is lock-free (but for operator new, once a segment)
/// and never disturbs those who enumerate, who store nothing.
///
/// Invariants:
///   1. Positions are given out once each, in order. A slot changes once, from nullptr to its element.
///   2. Segment k holds the positions [base * (2^k - 1), base * (2^(k+1) - 1)); once set it stays. `base` is
///   a
///      power of two, num_segments is as many as there can be.
///
/// An enumeration shows the list as of the moment it began: every element whose addition ended before, none
/// whose position was taken after, in the order of positions; those being added in that moment may be
/// missing.
template <typename T, template <typename> class Atom = std::atomic, std::size_t base = 64,
          std::size_t num_segments = 48>
class AppendOnlyList {
 public:
  AppendOnlyList() = default;
  AppendOnlyList(const AppendOnlyList&) = delete;
  AppendOnlyList& operator=(const AppendOnlyList&) = delete;

  ~AppendOnlyList() {
    // relaxed: no other thread is left.
    for (Atom<Slot*>& segment : segments_) delete[] segment.load(std::memory_order_relaxed);
  }

  /// Adds an element and gives its position. Requires: not nullptr. Throws std::bad_alloc.
  std::size_t push(T* element) {
    const std::size_t position = take_position();
    store(position, element);
    return position;
  }

  /// The two halves of push(), for a caller that lets several threads finish one addition: each may take a
  /// position, all agree on one of them and store the same element there; the others stay gaps.
  std::size_t take_position() {
    // relaxed: only that positions differ; the element is published by store(). A reader that sees this count
    // without the element skips the slot.
    return size_.fetch_add(1, std::memory_order_relaxed);
  }
  static constexpr std::size_t no_position = static_cast<std::size_t>(-1);
  /// The position that all threads take which finish one addition: the first that any of them has stored in
  /// `agreed`, which is no_position until then.
  std::size_t agree_on_position(Atom<std::size_t>& agreed) {
    // acquire, and release on success: size() counts the position for whoever learns of it here. On failure
    // another thread's position is learnt of.
    std::size_t position = agreed.load(std::memory_order_acquire);
    if (position != no_position) return position;
    const std::size_t taken = take_position();
    return agreed.compare_exchange_strong(position, taken, std::memory_order_release,
                                          std::memory_order_acquire)
               ? taken
               : position;
  }
  void store(std::size_t position, T* element) {
    const Place place = place_of(position);
    // release: publishes the element to whoever finds it.
    segment(place.segment)[place.offset].store(element, std::memory_order_release);
  }

  /// How many positions have been given out: at least as many as there are elements.
  /// relaxed: whoever has learnt of an element sees a size that counts it, since its position was taken
  /// before (agree_on_position(), store()); and elements are read through their slots.
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

  /// The element at a position, or nullptr if it is not stored (yet).
  T* operator[](std::size_t position) const noexcept {
    const Place place = place_of(position);
    // acquire, both: the segment's slots, and the element.
    const Slot* const slots = segments_[place.segment].load(std::memory_order_acquire);
    return slots == nullptr ? nullptr : slots[place.offset].load(std::memory_order_acquire);
  }

  /// Calls `visit(T&)` for each element, as of the moment of the call.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    const std::size_t end = size();
    for (std::size_t position = 0; position < end; ++position) {
      if (T* const element = (*this)[position]) visit(*element);
    }
  }

 private:
  using Slot = Atom<T*>;

  struct Place {
    std::size_t segment;
    std::size_t offset;
  };

  static Place place_of(std::size_t position) noexcept {
    const std::size_t shifted = position / base + 1;
    const auto segment = static_cast<std::size_t>(std::bit_width(shifted) - 1);
    return {segment, position - base * ((std::size_t{1} << segment) - 1)};
  }

  Slot* segment(std::size_t index) {
    Slot* slots = segments_[index].load(std::memory_order_acquire);  // acquire: its slots are nullptr
    if (slots != nullptr) return slots;
    auto fresh = std::make_unique<Slot[]>(base << index);
    // release: publishes the empty slots; acquire on failure: the winner's.
    if (segments_[index].compare_exchange_strong(slots, fresh.get(), std::memory_order_release,
                                                 std::memory_order_acquire)) {
      return fresh.release();
    }
    return slots;
  }

  Atom<Slot*> segments_[num_segments] = {};
  Atom<std::size_t> size_{0};
};

}  // namespace varscope::detail
