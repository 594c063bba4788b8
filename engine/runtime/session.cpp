// SPDX-License-Identifier: Apache-2.0
#include "runtime/session_state.hpp"

#include <varscope/error.hpp>
#include <varscope/session.hpp>

namespace varscope {

namespace {

thread_local std::vector<Session*> default_sessions;

}  // namespace

namespace detail {

class CallableState {
 public:
  CallableState(std::shared_ptr<SessionState> session, std::vector<Tensor> feeds, std::vector<Fetch> fetches)
      : session_(std::move(session)), feeds_(std::move(feeds)), fetches_(std::move(fetches)) {}

  void run(std::span<const Array> feeds, std::span<Array> results) const {
    if (feeds.size() != feeds_.size() || results.size() != fetches_.size()) {
      throw InvalidArgumentError("this callable takes " + std::to_string(feeds_.size()) +
                                 " values and gives " + std::to_string(fetches_.size()) + ", but was given " +
                                 std::to_string(feeds.size()) + " values and room for " +
                                 std::to_string(results.size()));
    }
    session_->run({.feeds = feeds_, .feed_values = feeds, .fetches = fetches_}, results);
  }

  std::vector<PlanStep> plan_steps(std::span<const Array> feeds) const {
    if (feeds.size() != feeds_.size()) {
      throw InvalidArgumentError("this callable takes " + std::to_string(feeds_.size()) +
                                 " values, but was given " + std::to_string(feeds.size()));
    }
    return session_->plan_steps({.feeds = feeds_, .feed_values = feeds, .fetches = fetches_});
  }

  std::size_t num_fetches() const noexcept { return fetches_.size(); }

 private:
  std::shared_ptr<SessionState> session_;
  std::vector<Tensor> feeds_;
  std::vector<Fetch> fetches_;
};

}  // namespace detail

std::vector<Array> Callable::operator()(std::span<const Array> feeds) const {
  std::vector<Array> results(state_->num_fetches());
  run_into(feeds, results);
  return results;
}

std::vector<Array> Callable::operator()(std::initializer_list<Array> feeds) const {
  return (*this)(std::span<const Array>(feeds.begin(), feeds.size()));
}

void Callable::run_into(std::span<const Array> feeds, std::span<Array> results) const {
  state_->run(feeds, results);
}

std::vector<PlanStep> Callable::plan_steps(std::span<const Array> feeds) const {
  return state_->plan_steps(feeds);
}

Session::Session() : Session(get_default_graph()) {}

Session::Session(Graph& graph, SessionOptions options)
    : state_(std::make_shared<detail::SessionState>(graph, options)) {}

Session::~Session() = default;

Session::AsDefault::AsDefault(Session& session) : session_(&session) {
  default_sessions.push_back(&session);
}

Session::AsDefault::~AsDefault() {
  if (!default_sessions.empty() && default_sessions.back() == session_) default_sessions.pop_back();
}

Session* get_default_session() noexcept {
  return default_sessions.empty() ? nullptr : default_sessions.back();
}

Graph& Session::graph() const noexcept {
  return state_->graph();
}

void Session::run_into(const FeedDict& feeds, std::span<const Fetch> fetches, std::span<Array> results) {
  if (results.size() != fetches.size()) {
    throw InvalidArgumentError("the run has " + std::to_string(fetches.size()) + " fetches but room for " +
                               std::to_string(results.size()) + " results; give one array for each fetch");
  }
  std::vector<Tensor> tensors;
  std::vector<Array> values;
  tensors.reserve(feeds.feeds().size());
  values.reserve(feeds.feeds().size());
  for (const auto& [tensor, value] : feeds.feeds()) {
    tensors.push_back(tensor);
    values.push_back(value);
  }
  state_->run({.feeds = tensors, .feed_values = values, .fetches = fetches}, results);
}

Array Session::run(const FeedDict& feeds, const Fetch& fetch) {
  Array result;
  run_into(feeds, {&fetch, 1}, {&result, 1});
  return result;
}

std::vector<Array> Session::run(const FeedDict& feeds, std::span<const Fetch> fetches) {
  std::vector<Array> results(fetches.size());
  run_into(feeds, fetches, results);
  return results;
}

Callable Session::make_callable(const std::vector<Tensor>& feeds, const std::vector<Fetch>& fetches) {
  for (const Tensor& feed : feeds) state_->require_own(feed.op());
  for (const Fetch& fetch : fetches) state_->require_own(fetch.op());
  return Callable(std::make_shared<detail::CallableState>(state_, feeds, fetches));
}

std::vector<Array> Session::read(const std::vector<Variable>& variables) {
  return state_->read(variables);
}

std::vector<Array> Session::read_shared(const std::vector<Variable>& variables) {
  return state_->read_shared(variables);
}

void Session::load_shared(std::vector<std::pair<Variable, Array>> values) {
  state_->load_shared(std::move(values));
}

void Session::load(const std::vector<std::pair<Variable, Array>>& values) {
  state_->load(values);
}

namespace {

Session& default_session(const std::string& name) {
  Session* session = get_default_session();
  if (session == nullptr) {
    throw ValueError(
        "cannot evaluate " + name +
        ": this thread has no default session. Make one with `auto running = session.as_default();`, or "
        "call session.run()");
  }
  return *session;
}

}  // namespace

Array Tensor::eval() const {
  return default_session(name()).run(*this);
}

Array Tensor::eval(const FeedDict& feeds) const {
  return default_session(name()).run(feeds, *this);
}

Array Variable::eval() const {
  return value().eval();
}

void Variable::load(Array value, Session& session) const {
  session.load({{*this, std::move(value)}});
}

}  // namespace varscope
