// SPDX-License-Identifier: Apache-2.0
// SEMANTICS I: what in TensorFlow is the re-entry of context manager objects. Here a scope is opened by a
// call and is the guard that the call gives, so that most of it cannot be written; and what else does not
// compile.
#include "scope_fixture.hpp"

#include <varscope/variable_creator_scope.hpp>

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <cstdio>
#include <sys/wait.h>
#include <thread>
#include <type_traits>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(test_scope_guards)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

template <typename Guard>
constexpr bool opened_once = !std::is_copy_constructible_v<Guard> && !std::is_move_constructible_v<Guard> &&
                             !std::is_copy_assignable_v<Guard> && !std::is_move_assignable_v<Guard> &&
                             !std::is_default_constructible_v<Guard>;

#ifndef NDEBUG
/// Whether `program`, in a process of its own, is stopped by an assertion.
template <typename Program>
bool aborts(const Program& program) {
  const pid_t child = fork();
  if (child == 0) {
    std::fclose(stderr);
    std::signal(SIGABRT, SIG_DFL);  // not the test framework's
    program();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}
#endif

template <typename Options, typename Value>
concept takes_auxiliary_name_scope = requires(Value value) {
  Options{.auxiliary_name_scope = value};
};
template <typename Options, typename Value>
concept takes_reuse = requires(Value value) {
  Options{.reuse = value};
};
template <typename Options>
concept has_validate_shape = requires(Options options) {
  options.validate_shape;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(scope_guards, NewGraph)

BOOST_AUTO_TEST_CASE(I1_I2_I3_I4_a_guard_is_opened_once) {
  BOOST_TEST(opened_once<vs::VariableScopeGuard>);
  BOOST_TEST(opened_once<vs::NameScopeGuard>);
}

// What TensorFlow's re-entered object remembers by accident is what a captured scope remembers, or not.
BOOST_AUTO_TEST_CASE(I1_I2_I3_I4_each_opening_is_a_fresh_one) {
  for (const char* op_prefix : {"foo/", "foo_1/"}) {
    const auto foo = vs::variable_scope("foo");
    BOOST_TEST(foo.original_name_scope() == op_prefix);  // I1: not that of the first
  }
  {
    const auto o = vs::variable_scope("o", {.reuse = true});
    BOOST_TEST(vs::variable_scope("foo").reuse() == vs::Reuse(true));
  }
  BOOST_TEST(vs::variable_scope("foo").reuse() == vs::Reuse(false));  // I2: the flag did not stick
  const vs::VariableScope captured = vs::variable_scope("foo").scope();
  {
    auto again = vs::variable_scope(captured);
    again.reuse_variables();
  }
  BOOST_TEST(vs::variable_scope(captured).reuse() == vs::Reuse(false));  // I3: a copy each time
  for (const char* operation : {"outer/c", "outer_1/c"}) {
    const auto outer = vs::name_scope("outer");
    const auto inside = vs::variable_scope(captured, {.auxiliary_name_scope = false});
    BOOST_TEST(op("c") == operation);  // I4: the name scope around, not that of the first entry
  }
}

BOOST_AUTO_TEST_CASE(I5_leaving_in_the_wrong_order_is_noticed) {
  const auto leave_in_the_wrong_order = [] {
    const auto open = [](const char* name) { return new vs::VariableScopeGuard(vs::variable_scope(name)); };
    const auto aa = vs::variable_scope("aa");
    const vs::VariableScopeGuard* bb = open("bb");
    const vs::VariableScopeGuard* cc = open("cc");
    delete bb;
    BOOST_TEST(vs::get_variable_scope().name() == "aa");  // "cc", which is inside, was left with it
    BOOST_TEST(ns() == "aa");
    delete cc;  // left already
    BOOST_TEST(vs::get_variable_scope().name() == "aa");
  };
#ifdef NDEBUG
  leave_in_the_wrong_order();
#else
  BOOST_TEST(aborts(leave_in_the_wrong_order));
#endif
  BOOST_TEST(vs::get_variable_scope().name() == "");
}

// A guard belongs to the thread that it was made in. One that ends in another is a mistake that debug builds
// stop at; else it changes nothing there, and its scope stays open where it was opened.
BOOST_AUTO_TEST_CASE(a_guard_that_ends_in_another_thread_is_noticed) {
  const auto end_elsewhere = [](const auto& open) {
    auto* const guard = open();
    std::thread([guard] { delete guard; }).join();
  };
  const auto variable_scope_elsewhere = [&] {
    end_elsewhere([] { return new vs::VariableScopeGuard(vs::variable_scope("abroad")); });
  };
  const auto name_scope_elsewhere = [&] {
    end_elsewhere([] { return new vs::NameScopeGuard(vs::name_scope("abroad")); });
  };
  const auto creator_elsewhere = [&] {
    end_elsewhere([] {
      return new vs::VariableCreatorScopeGuard(vs::variable_creator_scope(
          [](const vs::NextVariableCreator& next, vs::VariableCreatorArguments arguments) {
            return next(std::move(arguments));
          }));
    });
  };
#ifdef NDEBUG
  {
    const auto around = vs::variable_scope("around");  // leaves what is left open in it, too
    variable_scope_elsewhere();
    BOOST_TEST(vs::get_variable_scope().name() == "around/abroad");
  }
  BOOST_TEST(vs::get_variable_scope().name() == "");
#else
  BOOST_TEST(aborts(variable_scope_elsewhere));
  BOOST_TEST(aborts(name_scope_elsewhere));
  BOOST_TEST(aborts(creator_elsewhere));
#endif
  static_cast<void>(name_scope_elsewhere);
  static_cast<void>(creator_elsewhere);
}

BOOST_AUTO_TEST_CASE(K6_what_is_no_flag_does_not_compile) {
  BOOST_TEST((takes_auxiliary_name_scope<vs::VariableScopeOptions, bool>));
  BOOST_TEST((!takes_auxiliary_name_scope<vs::VariableScopeOptions, const char*>));
  BOOST_TEST((!takes_auxiliary_name_scope<vs::VariableScopeOptions, int>));
}

BOOST_AUTO_TEST_CASE(X_a_reuse_flag_of_another_type_does_not_compile) {
  BOOST_TEST((takes_reuse<vs::VariableScopeOptions, bool>));
  BOOST_TEST((takes_reuse<vs::VariableScopeOptions, vs::Reuse>));
  BOOST_TEST((!takes_reuse<vs::VariableScopeOptions, int>));
  BOOST_TEST((!takes_reuse<vs::VariableScopeOptions, const char*>));
}

BOOST_AUTO_TEST_CASE(D11_get_variable_has_no_reuse_flag) {
  BOOST_TEST((!takes_reuse<vs::GetVariableOptions, bool>));
}

BOOST_AUTO_TEST_CASE(C13_there_is_no_validate_shape) {
  BOOST_TEST(!has_validate_shape<vs::GetVariableOptions>);
  BOOST_TEST(!has_validate_shape<vs::VariableOptions>);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
