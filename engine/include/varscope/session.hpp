// SPDX-License-Identifier: Apache-2.0
// Session: runs a graph, and holds the values of its variables.
#pragma once

#include <varscope/accuracy.hpp>
#include <varscope/array.hpp>
#include <varscope/export.hpp>
#include <varscope/graph.hpp>
#include <varscope/session_snapshot.hpp>
#include <varscope/tensor.hpp>
#include <varscope/variable.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace varscope {

namespace detail {
class SessionState;
class CallableState;
}  // namespace detail

/// What a run computes: the value of a tensor or variable, or that an operation has run (an empty float32
/// array).
class VARSCOPE_API Fetch {
 public:
  Fetch(const Tensor& tensor) : tensor_(tensor), op_(tensor.op()) {}  // NOLINT(google-explicit-constructor)
  Fetch(const Variable& variable) : Fetch(variable.value()) {}        // NOLINT(google-explicit-constructor)
  Fetch(const Operation& operation) : op_(operation) {}               // NOLINT(google-explicit-constructor)

  /// Empty if an operation was given.
  const Tensor& tensor() const noexcept { return tensor_; }
  const Operation& op() const noexcept { return op_; }

 private:
  Tensor tensor_;
  Operation op_;
};

/// One step of an execution plan, for those who want to know how their model runs.
struct PlanStep {
  std::string operation;  // its name; of several fused into one step the first one's
  std::string kernel;     // algorithm and instruction set, "direct avx512"; may be empty
};

/// Feeds and fetches fixed in advance, compiled once for each set of shapes. A value; copies share the
/// compiled plans. Any number of threads may call one Callable at once.
class VARSCOPE_API Callable {
 public:
  explicit Callable(std::shared_ptr<detail::CallableState> state) noexcept : state_(std::move(state)) {}

  /// The fetches' values, for the feeds' values in the order given to make_callable(). Throws what
  /// Session::run throws.
  std::vector<Array> operator()(std::span<const Array> feeds) const;
  std::vector<Array> operator()(std::initializer_list<Array> feeds = {}) const;

  /// The same into arrays of the caller's: an element of `results` that already has the right dtype and shape
  /// is overwritten in place, any other is replaced. Warm, this allocates nothing but the new values of
  /// variables that it assigns. Throws InvalidArgumentError if `results` has not one element for each fetch.
  void run_into(std::span<const Array> feeds, std::span<Array> results) const;

  /// The steps that a call with feeds of these dtypes and shapes runs, in the order in which they may start;
  /// plans the call if nothing like it was run before, but runs nothing. Throws what the call would throw
  /// while planning.
  std::vector<PlanStep> plan_steps(std::span<const Array> feeds) const;

 private:
  std::shared_ptr<detail::CallableState> state_;
};

struct SessionOptions {
  /// At most so many threads work on one run; 0: as many as the caller's oneTBB arena has.
  int intra_op_parallelism_threads = 0;
  /// strict: no op of the session's runs uses an algorithm with larger rounding errors than its definition.
  Accuracy accuracy = Accuracy::fast;
};

/// Runs a graph and holds one value for each of its variables. Every member may be called from any thread at
/// any time. Runs wait for nobody, but for those that assign variables: they, load() and restore wait for
/// each other, never for other runs. A run sees the variables as of one commit. The graph must outlive the
/// session.
class VARSCOPE_API Session {
 public:
  /// Runs the default graph.
  Session();
  explicit Session(Graph& graph, SessionOptions options = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Makes a session the one that eval() uses, in this thread, for as long as it lives.
  class VARSCOPE_API AsDefault {
   public:
    explicit AsDefault(Session& session);
    ~AsDefault();
    AsDefault(const AsDefault&) = delete;
    AsDefault& operator=(const AsDefault&) = delete;

   private:
    Session* session_;
  };
  [[nodiscard]] AsDefault as_default() { return AsDefault(*this); }

  Graph& graph() const noexcept;

  /// Computes the fetches from the feeds. Throws InvalidArgumentError, naming the placeholder: a feed that is
  /// needed and missing, or of the wrong dtype or shape; ValueError: shapes that do not fit, with the
  /// operation and the line that made it; and whatever an initializer throws. A run that throws has changed
  /// no variable.
  template <std::size_t Count>
  std::array<Array, Count> run(const FeedDict& feeds, const Fetch (&fetches)[Count]) {
    std::array<Array, Count> results;
    run_into(feeds, fetches, results);
    return results;
  }
  template <std::size_t Count>
  std::array<Array, Count> run(const Fetch (&fetches)[Count]) {
    return run(FeedDict{}, fetches);
  }
  Array run(const FeedDict& feeds, const Fetch& fetch);
  Array run(const Fetch& fetch) { return run(FeedDict{}, fetch); }
  std::vector<Array> run(const FeedDict& feeds, std::span<const Fetch> fetches);

  /// The same into arrays of the caller's, as Callable::run_into().
  void run_into(const FeedDict& feeds, std::span<const Fetch> fetches, std::span<Array> results);

  /// Fixes feeds and fetches. Throws ValueError if a tensor belongs to another graph, or cannot be fed.
  Callable make_callable(const std::vector<Tensor>& feeds, const std::vector<Fetch>& fetches);

  /// The values of the variables as of one commit; those never used yet are initialized first.
  std::vector<Array> read(const std::vector<Variable>& variables);

  /// Gives the variables new values, in one commit. Throws InvalidArgumentError, naming every variable whose
  /// shape or dtype differs, and ValueError for a variable of another graph; then no variable has changed.
  void load(const std::vector<std::pair<Variable, Array>>& values);

  /// As read(), but without copies: the arrays are the session's own as of that commit, for as long as they
  /// live, whatever is assigned meanwhile. Nobody may write to their memory.
  std::vector<Array> read_shared(const std::vector<Variable>& variables);

  /// All variables as of now, to be looked at later. Lock-free; takes the same time whatever there is.
  SessionSnapshot snapshot() const;

  /// As load(), but without copies: the arrays themselves become the values. From here on nobody may write to
  /// their memory.
  void load_shared(std::vector<std::pair<Variable, Array>> values);

  detail::SessionState& state() const noexcept { return *state_; }

 private:
  std::shared_ptr<detail::SessionState> state_;
};

/// The innermost Session::as_default() of this thread, or nullptr.
VARSCOPE_API Session* get_default_session() noexcept;

}  // namespace varscope
