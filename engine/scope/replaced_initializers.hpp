// SPDX-License-Identifier: Apache-2.0
// ReplacedInitializers: what the variables of a graph start with instead of what they were made with.
#pragma once

#include <varscope/initializer.hpp>

#include <atomic>
#include <memory>
#include <unordered_map>

namespace varscope::detail {

class VariableRecord;

/// What a variable starts with.
struct InitialValue {
  Initializer initializer;
  SeedPair seeds;
};

/// Limits: a replacement is never undone and is freed with the graph; looking an initializer up takes time
/// proportional to the number of commits (a program makes a few, and looks when a variable is initialized).
///
/// Every member may be called from any thread at any time. view() and View::of() are wait-free; commit() is
/// lock-free but for memory allocation.
///
/// Invariants:
///   1. A commit is immutable once it is in the list, and so is all before it.
///   2. The list only grows, at its front: who has seen a commit has seen all that were before it.
///   3. A view is one moment of the list. So who takes all initializers from one view sees each commit whole
///      or not at all.
class ReplacedInitializers {
 public:
  using Replacements = std::unordered_map<const VariableRecord*, InitialValue>;

 private:
  struct Commit {
    Replacements replacements;
    const Commit* before = nullptr;
  };

 public:
  /// The initializers as they are at one moment. Valid as long as the graph.
  class View {
   public:
    /// What the variable starts with: the newest replacement, else what it was made with.
    InitialValue of(const VariableRecord& variable) const noexcept;

   private:
    friend ReplacedInitializers;
    explicit View(const Commit* newest) noexcept : newest_(newest) {}
    const Commit* newest_;
  };

  ReplacedInitializers() = default;
  ~ReplacedInitializers();
  ReplacedInitializers(const ReplacedInitializers&) = delete;
  ReplacedInitializers& operator=(const ReplacedInitializers&) = delete;

  // acquire: the commits that the view leads to (release in commit()).
  View view() const noexcept { return View(newest_.load(std::memory_order_acquire)); }

  /// Replaces all of them at once. Throws std::bad_alloc; then nothing has changed. Requires: none is empty,
  /// and each can make its variable.
  void commit(Replacements replacements);

 private:
  std::atomic<const Commit*> newest_{nullptr};
};

}  // namespace varscope::detail
