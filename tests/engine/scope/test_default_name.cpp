// SPDX-License-Identifier: Apache-2.0
// SEMANTICS J and K: default names, and scopes without a name scope.
#include "scope/scope_counters.hpp"
#include "scope_fixture.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_default_name)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

namespace {

/// A scope with that default name.
vs::VariableScopeGuard unnamed(std::string default_name, bool auxiliary_name_scope = true) {
  return vs::variable_scope(
      std::nullopt, {.default_name = std::move(default_name), .auxiliary_name_scope = auxiliary_name_scope});
}

/// Opens and leaves one; gives the name that it got.
std::string name_given(std::string default_name) {
  return unnamed(std::move(default_name)).name();
}

std::string variable(std::string_view name) {
  return vs::get_variable(name, vs::Shape{}).name();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(default_names, NewGraph)

BOOST_AUTO_TEST_CASE(J1_made_unique_among_the_scopes_opened_in_the_current_one) {
  {
    const auto s = unnamed("d");
    BOOST_TEST(s.name() == "d");
    BOOST_TEST(variable("w") == "d/w:0");
  }
  {
    const auto s = unnamed("d");
    BOOST_TEST(s.name() == "d_1");
    BOOST_TEST(variable("w") == "d_1/w:0");
  }
  const auto o = vs::variable_scope("o");
  BOOST_TEST(name_given("d") == "o/d");
}

BOOST_AUTO_TEST_CASE(J2_scopes_count_name_scopes_and_variables_do_not) {
  (void)vs::name_scope("d").name();
  variable("d");
  BOOST_TEST(name_given("d") == "d");
  (void)vs::variable_scope("d").name();
  (void)vs::variable_scope("d_1").name();
  BOOST_TEST(name_given("d") == "d_2");
}

BOOST_AUTO_TEST_CASE(J2b_the_op_prefix_is_made_from_the_plain_default_name) {
  (void)vs::name_scope("d").name();
  {
    const auto s = unnamed("d");
    BOOST_TEST(s.name() == "d");
    BOOST_TEST(s.original_name_scope() == "d_1/");
  }
  vs::VariableScope captured;
  {
    const auto s = unnamed("d");
    BOOST_TEST(s.name() == "d_1");
    BOOST_TEST(s.original_name_scope() == "d_2/");
    captured = s;
  }
  const auto t = vs::variable_scope(captured, {.auxiliary_name_scope = true});
  BOOST_TEST(t.name() == "d_1");
  BOOST_TEST(op("c") == "d_1_1/c");
}

BOOST_AUTO_TEST_CASE(J3_prefixes_are_not_parsed) {
  Names got;
  for (const char* name : {"defaultScope1", "defaultScope1", "defaultScope", "defaultScope1"}) {
    const auto scope = unnamed(name);
    const auto layer = unnamed("layer");
    got.push_back(variable("w"));
  }
  BOOST_TEST(got == (Names{"defaultScope1/layer/w:0", "defaultScope1_1/layer/w:0", "defaultScope/layer/w:0",
                           "defaultScope1_2/layer/w:0"}),
             per_element());
}

BOOST_AUTO_TEST_CASE(J4_leaving_a_scope_forgets_the_counters_below_it) {
  vs::Variable w;
  {
    const auto o = vs::variable_scope("o");
    const auto s = unnamed("d");
    w = vs::get_variable("w", vs::Shape{});
  }
  {
    const auto o = vs::variable_scope("o");
    const auto s = unnamed("d");
    BOOST_TEST(s.name() == "o/d");
    BOOST_TEST(op("c") == "o_1/d/c");
    BOOST_CHECK_EXCEPTION(variable("w"), vs::ValueError, says({"o/d/w", "already exists"}));
  }
  const auto o = vs::variable_scope("o", {.reuse = true});
  {
    const auto s = unnamed("d");
    BOOST_TEST(s.name() == "o/d");
    BOOST_TEST(s.reuse() == vs::Reuse(true));
    BOOST_TEST((vs::get_variable("w", vs::Shape{}) == w));
  }
  const auto s = unnamed("d");
  BOOST_TEST(s.name() == "o/d_1");
  BOOST_CHECK_EXCEPTION(variable("w"), vs::ValueError, says({"o/d_1/w", "does not exist"}));
}

BOOST_AUTO_TEST_CASE(J5_names_given_out_inside_a_jump_are_given_out_again) {
  {
    const auto d = vs::variable_scope("default");
    BOOST_TEST(name_given("layer") == "default/layer");
    BOOST_TEST(name_given("layer") == "default/layer_1");
    (void)vs::variable_scope(d).name();
    BOOST_TEST(name_given("layer") == "default/layer_2");
    {
      const auto jump = vs::variable_scope(d);
      BOOST_TEST(name_given("layer") == "default/layer_3");  // goes on counting inside
    }
    BOOST_TEST(name_given("layer") == "default/layer_3");  // and is given out again
  }
  vs::VariableScope o;
  {
    const auto opened = vs::variable_scope("o");
    o = opened;
    BOOST_TEST(name_given("l") == "o/l");
  }
  for (int times = 0; times < 2; ++times) {  // "o" was closed: its counters are zero
    const auto jump = vs::variable_scope(o);
    BOOST_TEST(name_given("l") == "o/l");
    BOOST_TEST(name_given("l") == "o/l_1");
  }
}

BOOST_AUTO_TEST_CASE(J5_counters_that_were_forgotten_inside_a_jump_come_back) {
  const auto d = vs::variable_scope("d");
  (void)vs::variable_scope("a/b").name();
  {
    const auto jump = vs::variable_scope(d);
    (void)vs::variable_scope("a").name();  // leaving it forgets "d/a/b"
    {
      const auto a = vs::variable_scope("a");
      BOOST_TEST(name_given("b") == "d/a/b");
    }
    {
      const auto inner_jump = vs::variable_scope(d);
      BOOST_TEST(name_given("e") == "d/e");
    }
    BOOST_TEST(name_given("e") == "d/e");
  }
  BOOST_TEST(name_given("a/b") == "d/a/b_1");
}

BOOST_AUTO_TEST_CASE(J6_the_jump_itself_counts) {
  (void)vs::variable_scope(vs::VariableScope(false, "x")).name();
  BOOST_TEST(name_given("x") == "x_1");
}

BOOST_AUTO_TEST_CASE(J7_a_reuse_flag_is_refused) {
  for (const vs::Reuse reuse : {vs::Reuse(true), vs::AUTO_REUSE}) {
    BOOST_CHECK_EXCEPTION((void)vs::variable_scope(std::nullopt, {.default_name = "default", .reuse = reuse}),
                          vs::ValueError, says({"name_or_scope", "default", "test_default_name.cpp:"}));
  }
  BOOST_TEST(vs::variable_scope(std::nullopt, {.default_name = "default", .reuse = false}).name() ==
             "default");
}

BOOST_AUTO_TEST_CASE(X_no_name_and_no_default_name_is_a_type_error) {
  BOOST_CHECK_EXCEPTION((void)vs::variable_scope(std::nullopt, {}), vs::TypeError,
                        says({"default_name", "name_or_scope"}));
  BOOST_TEST(vs::get_variable_scope().name() == "");
}

BOOST_AUTO_TEST_CASE(J8_a_default_name_with_slash_is_made_unique_at_its_end) {
  BOOST_TEST(name_given("a/b") == "a/b");
  BOOST_TEST(name_given("a/b") == "a/b_1");
}

BOOST_AUTO_TEST_CASE(J9_reentering_with_reuse_gives_old_names_and_new_op_names) {
  vs::VariableScope captured;
  {
    const auto outer = vs::variable_scope("outer");
    captured = outer;
    {
      const auto tower = vs::variable_scope("tower", {.default_name = "default"});
      variable("w");
    }
    const auto inner = unnamed("default");
    variable("w");
    BOOST_TEST(vs::name_scope("x").name() == "outer/default/x/");
  }
  const auto again = vs::variable_scope(captured, {.reuse = true, .auxiliary_name_scope = true});
  {
    const auto tower = vs::variable_scope("tower", {.default_name = "default"});
    BOOST_TEST(variable("w") == "outer/tower/w:0");
    BOOST_TEST(vs::name_scope("x").name() == "outer_1/tower/x/");
  }
  const auto inner = unnamed("default");
  BOOST_TEST(variable("w") == "outer/default/w:0");
  BOOST_TEST(vs::name_scope("x").name() == "outer_1/default/x/");
}

BOOST_AUTO_TEST_CASE(J10_the_flag_may_come_later_or_on_the_child) {
  vs::VariableScope captured;
  {
    const auto outer = vs::variable_scope("outer");
    captured = outer;
    {
      const auto tower = vs::variable_scope("tower");
      variable("w");
    }
    const auto inner = unnamed("default");
    variable("w");
  }
  auto again = vs::variable_scope(captured);
  {
    const auto tower = vs::variable_scope("tower", {.default_name = "default", .reuse = true});
    BOOST_TEST(variable("w") == "outer/tower/w:0");
  }
  again.reuse_variables();
  const auto inner = unnamed("default");
  BOOST_TEST(variable("w") == "outer/default/w:0");
}

BOOST_AUTO_TEST_CASE(J11_leaving_the_empty_name_forgets_nothing) {
  BOOST_TEST(name_given("d") == "d");
  (void)vs::variable_scope("").name();
  BOOST_TEST(name_given("d") == "d_1");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(without_a_name_scope, NewGraph)

namespace {
const vs::VariableScopeOptions no_name_scope{.auxiliary_name_scope = false};
}

BOOST_AUTO_TEST_CASE(K1_ops_keep_the_surrounding_prefix) {
  vs::VariableScope sc;
  {
    const auto scope = vs::variable_scope("scope", no_name_scope);
    sc = scope;
    BOOST_TEST(scope.original_name_scope() == "");
    BOOST_TEST(variable("w") == "scope/w:0");
    BOOST_TEST(op("c") == "c");
  }
  {
    const auto again = vs::variable_scope(sc, no_name_scope);
    BOOST_TEST(variable("w1") == "scope/w1:0");
    BOOST_TEST(op("c1") == "c1");
  }
  {
    const auto taken = vs::name_scope("scope");
    BOOST_TEST(op("c") == "scope/c");  // the name was never taken
  }
  const auto outer = vs::variable_scope("outer");
  vs::VariableScope i;
  {
    const auto inner = vs::variable_scope("inner", no_name_scope);
    i = inner;
    BOOST_TEST(inner.original_name_scope() == "outer/");
    BOOST_TEST(variable("w") == "outer/inner/w:0");
    BOOST_TEST(op("c") == "outer/c");
  }
  {
    const auto again = vs::variable_scope(i, no_name_scope);
    BOOST_TEST(again.original_name_scope() == "outer/");
    BOOST_TEST(op("c1") == "outer/c1");
  }
  const auto inner = vs::name_scope("inner");
  BOOST_TEST(op("c") == "outer/inner/c");
}

BOOST_AUTO_TEST_CASE(K2_with_default_names) {
  {
    const auto s = unnamed("default", false);
    BOOST_TEST(s.original_name_scope() == "");
    BOOST_TEST(variable("w") == "default/w:0");
    BOOST_TEST(op("c") == "c");
  }
  {
    const auto taken = vs::name_scope("default");
    BOOST_TEST(op("c") == "default/c");
  }
  const auto outer = vs::variable_scope("outer");
  const auto s = unnamed("default", false);
  BOOST_TEST(s.original_name_scope() == "outer/");
  BOOST_TEST(variable("w") == "outer/default/w:0");
  BOOST_TEST(op("c") == "outer/c");
}

BOOST_AUTO_TEST_CASE(K3_with_the_root) {
  const vs::VariableScope root = vs::get_variable_scope();
  {
    const auto s = vs::variable_scope(root, no_name_scope);
    BOOST_TEST(s.original_name_scope() == "");
    BOOST_TEST(variable("w") == "w:0");
    BOOST_TEST(op("c") == "c");
  }
  const auto outer = vs::variable_scope("outer");
  const auto s = vs::variable_scope(root, no_name_scope);
  BOOST_TEST(s.original_name_scope() == "");
  BOOST_TEST(variable("w1") == "w1:0");
  BOOST_TEST(op("c1") == "outer/c1");
}

BOOST_AUTO_TEST_CASE(K4_coming_back_with_both_old_prefixes) {
  vs::VariableScope inner;
  {
    const auto outer = vs::variable_scope("outer");
    const auto opened = vs::variable_scope("inner");
    inner = opened;
    op("c0");
  }
  const auto another = vs::variable_scope("another");
  const auto again = vs::variable_scope(inner, no_name_scope);
  {
    const auto ops = vs::name_scope(again.original_name_scope());
    BOOST_TEST(variable("w1") == "outer/inner/w1:0");
    BOOST_TEST(op("c1") == "outer/inner/c1");
  }
  const auto new_name = vs::name_scope("inner");
  BOOST_TEST(op("c") == "another/inner/c");
}

BOOST_AUTO_TEST_CASE(K5_it_is_not_inherited) {
  const auto a = vs::variable_scope("a", no_name_scope);
  const auto b = vs::variable_scope("b");
  BOOST_TEST(b.name() == "a/b");
  BOOST_TEST(b.original_name_scope() == "b/");
}

BOOST_AUTO_TEST_SUITE_END()

// The counters by themselves, against a judge that copies the whole table where they keep a journal.
BOOST_AUTO_TEST_CASE(counters_agree_with_copying) {
  const Names names = {"a", "a/b", "a/b/c", "a/bc", "a-b", "ab", "ab/c", "", "a/", "a//b"};
  std::uint64_t state = 88172645463325252U;
  const auto random = [&](std::size_t below) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    return static_cast<std::size_t>(state % below);
  };
  for (int round = 0; round < 200; ++round) {
    vs::detail::ScopeCounters counters;
    std::map<std::string, int> judge;
    std::vector<std::pair<std::size_t, std::map<std::string, int>>> marks;
    for (int step = 0; step < 60; ++step) {
      const std::string& name = names[random(names.size())];
      switch (random(5)) {
        case 0:
        case 1:
          counters.open(name);
          ++judge[name];
          break;
        case 2:
          counters.close_below(name);
          for (auto& [key, count] : judge) {
            if (key.starts_with(name + "/")) count = 0;
          }
          break;
        case 3:
          marks.emplace_back(counters.mark(), judge);
          break;
        default:
          if (marks.empty()) break;
          counters.roll_back(marks.back().first);
          judge = marks.back().second;
          marks.pop_back();
      }
      for (const std::string& key : names) BOOST_REQUIRE(counters.count(key) == judge[key]);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
