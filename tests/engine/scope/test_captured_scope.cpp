// SPDX-License-Identifier: Apache-2.0
// SEMANTICS H: captured scopes. Unless told otherwise, opening one leaves the name scope of operations alone
// (decision 1); with auxiliary_name_scope it does what TensorFlow's code does.
#include "scope_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>

BOOST_AUTO_TEST_SUITE(test_captured_scope)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

namespace {

const vs::VariableScopeOptions with_name_scope{.auxiliary_name_scope = true};
const vs::VariableScopeOptions reusing_with_name_scope{.reuse = true, .auxiliary_name_scope = true};

vs::VariableScope capture(std::string_view name, vs::VariableScopeOptions options = {}) {
  return vs::variable_scope(name, std::move(options)).scope();
}

std::string opened_name_scope(std::string_view name) {
  return vs::name_scope(name).name();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(captured, NewGraph)

BOOST_AUTO_TEST_CASE(H1_opening_jumps_to_its_name) {
  const vs::VariableScope foo = capture("foo");
  const auto bar = vs::variable_scope("bar");
  {
    const auto baz = vs::variable_scope("baz");
    BOOST_TEST(baz.name() == "bar/baz");
    const auto again = vs::variable_scope(foo);
    BOOST_TEST(again.name() == "foo");
    BOOST_TEST(vs::get_variable("v", {1}).name() == "foo/v:0");
  }
  BOOST_TEST(vs::get_variable_scope().name() == "bar");
}

BOOST_AUTO_TEST_CASE(decision_1_the_name_scope_is_left_alone) {
  const vs::VariableScope foo = capture("foo");
  {
    const auto bar = vs::variable_scope("bar");
    const auto again = vs::variable_scope(foo);
    BOOST_TEST(op("c") == "bar/c");
    BOOST_TEST(vs::variable_scope("k").original_name_scope() == "bar/k/");
  }
  const auto again = vs::variable_scope(foo);
  BOOST_TEST(op("c") == "c");
}

BOOST_AUTO_TEST_CASE(H2_the_opened_scope_is_a_copy) {
  vs::VariableScope f = capture("f");
  {
    auto g = vs::variable_scope(f);
    g.reuse_variables();
  }
  BOOST_TEST(f.reuse() == vs::Reuse(false));
  {
    const auto g = vs::variable_scope(f);
    f.reuse_variables();
    BOOST_TEST(g.reuse() == vs::Reuse(false));
  }
  BOOST_TEST(vs::variable_scope(f).reuse() == vs::Reuse(true));     // opened after: the captured flag counts
  BOOST_TEST(vs::variable_scope("f").reuse() == vs::Reuse(false));  // a name knows nothing of it
}

BOOST_AUTO_TEST_CASE(H3_the_complete_table_whatever_encloses) {
  const vs::Reuse no = false, yes = true, automatic = vs::AUTO_REUSE;
  const std::optional<vs::Reuse> arguments[] = {std::nullopt, no, yes, automatic};
  const struct {
    vs::Reuse captured;
    vs::Reuse opened[4];
  } table[] = {{no, {no, no, yes, automatic}},
               {yes, {yes, yes, yes, automatic}},
               {automatic, {automatic, automatic, yes, automatic}}};
  for (const auto& row : table) {
    const vs::VariableScope captured = capture("cap", {.reuse = row.captured});
    for (const bool enclosing : {false, true}) {
      const auto outer = vs::variable_scope("e", {.reuse = enclosing});
      for (int column = 0; column < 4; ++column) {
        BOOST_TEST(vs::variable_scope(captured, {.reuse = arguments[column]}).reuse() == row.opened[column]);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(H4_children_hang_below_the_captured_name) {
  const auto root = vs::variable_scope("root");
  vs::VariableScope tower;
  vs::Variable v;
  {
    const auto a = vs::variable_scope("towerA");
    tower = a;
    v = vs::get_variable("v", {1});
  }
  const auto foo = vs::variable_scope("foo");
  const auto again = vs::variable_scope(tower, {.reuse = true});
  BOOST_TEST((vs::get_variable("v", {1}) == v));
  const auto baz = vs::variable_scope("baz");
  BOOST_TEST(baz.name() == "root/towerA/baz");
  BOOST_TEST(baz.reuse() == vs::Reuse(true));
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {1}), vs::ValueError, says({"root/towerA/baz/v"}));
}

BOOST_AUTO_TEST_CASE(H5_a_name_scope_of_the_last_component_opens_if_asked_for) {
  const vs::VariableScope foo = capture("foo");
  {
    const auto bar = vs::variable_scope("bar");
    {
      const auto baz = vs::variable_scope("baz");
      const auto again = vs::variable_scope(foo, with_name_scope);
      BOOST_TEST(op("c") == "bar/baz/foo/c");
    }
    const auto again = vs::variable_scope(foo, with_name_scope);
    BOOST_TEST(op("c") == "bar/foo/c");
  }
  {
    const auto again = vs::variable_scope(foo, with_name_scope);
    BOOST_TEST(op("c") == "foo_1/c");
  }
  {
    const auto again = vs::variable_scope(foo, with_name_scope);
    const auto k = vs::variable_scope("k");
    BOOST_TEST(k.name() == "foo/k");
    BOOST_TEST(k.original_name_scope() == "foo_2/k/");
  }
  vs::VariableScope b;
  {
    const auto a = vs::variable_scope("a");
    b = capture("b");
  }
  const auto again = vs::variable_scope(b, with_name_scope);
  BOOST_TEST(op("c") == "b/c");
  BOOST_TEST(vs::get_variable("v", {1}).name() == "a/b/v:0");
}

BOOST_AUTO_TEST_CASE(H6_upstreams_chains) {
  const vs::VariableScope tower4 = capture("tower4");
  {
    const auto tower6 = vs::variable_scope("tower6");
    const auto shared = vs::variable_scope(tower4, reusing_with_name_scope);
    BOOST_TEST(shared.name() == "tower4");
    BOOST_TEST(opened_name_scope("scope") == "tower6/tower4/scope/");
  }
  {
    const auto ns1 = vs::name_scope("ns1");
    vs::VariableScope tower;
    {
      const auto opened = vs::variable_scope("tower");
      tower = opened;
      BOOST_TEST(opened_name_scope("x") == "ns1/tower/x/");
    }
    {
      const auto again = vs::variable_scope(tower, with_name_scope);
      BOOST_TEST(opened_name_scope("x") == "ns1/tower_1/x/");
    }
    const auto by_name = vs::variable_scope("tower");
    BOOST_TEST(opened_name_scope("x") == "ns1/tower_2/x/");
  }
  const vs::VariableScope root = vs::get_variable_scope();
  const auto ns3 = vs::name_scope("ns3");
  const auto again = vs::variable_scope(root, with_name_scope);
  BOOST_TEST(opened_name_scope("x") == "ns3/x/");
}

BOOST_AUTO_TEST_CASE(H7_reentering_from_inside_repeats_the_component_in_op_names_only) {
  const auto outer = vs::variable_scope("outer");
  {
    const auto inside = vs::variable_scope(outer, with_name_scope);
    BOOST_TEST(vs::get_variable("w", {}).name() == "outer/w:0");
    BOOST_TEST(opened_name_scope("x") == "outer/outer/x/");
  }
  {
    const auto inside = vs::variable_scope("default");
    BOOST_TEST(vs::get_variable("w", {}).name() == "outer/default/w:0");
    BOOST_TEST(opened_name_scope("x") == "outer/default/x/");
  }
  {
    const auto inside = vs::variable_scope(outer, reusing_with_name_scope);
    BOOST_TEST(vs::get_variable("w", {}).name() == "outer/w:0");
    BOOST_TEST(opened_name_scope("x") == "outer/outer_1/x/");
  }
  const auto inside = vs::variable_scope("default", {.reuse = true});
  BOOST_TEST(vs::get_variable("w", {}).name() == "outer/default/w:0");
  BOOST_TEST(opened_name_scope("x") == "outer/default_1/x/");
}

BOOST_AUTO_TEST_CASE(H8_opened_later_at_the_root) {
  const vs::VariableScope outer = capture("outer");
  {
    const auto again = vs::variable_scope(outer, with_name_scope);
    BOOST_TEST(vs::get_variable("w", {}).name() == "outer/w:0");
    const auto inside = vs::variable_scope("default");
    BOOST_TEST(vs::get_variable("w", {}).name() == "outer/default/w:0");
    BOOST_TEST(opened_name_scope("x") == "outer_1/default/x/");
  }
  const auto again = vs::variable_scope(outer, reusing_with_name_scope);
  BOOST_TEST(vs::get_variable("w", {}).name() == "outer/w:0");
  BOOST_TEST(opened_name_scope("x") == "outer_2/x/");
}

BOOST_AUTO_TEST_CASE(H9_the_copy_remembers_the_first_op_prefix) {
  vs::VariableScope tower;
  {
    const auto scope1 = vs::name_scope("scope1");
    tower = capture("tower");
    BOOST_TEST(tower.original_name_scope() == "scope1/tower/");
  }
  const auto scope2 = vs::name_scope("scope2");
  {
    const auto again = vs::variable_scope(tower, with_name_scope);
    BOOST_TEST(again.original_name_scope() == "scope1/tower/");
    BOOST_TEST(opened_name_scope("foo") == "scope2/tower/foo/");
  }
  {
    const auto back = vs::name_scope(tower.original_name_scope());
    BOOST_TEST(opened_name_scope("bar") == "scope1/tower/bar/");
  }
  const auto again = vs::variable_scope(tower, with_name_scope);
  const auto back = vs::name_scope(tower.original_name_scope());
  BOOST_TEST(opened_name_scope("bar") == "scope1/tower/bar_1/");
}

BOOST_AUTO_TEST_CASE(H10_the_captured_root_has_no_prefix_and_opens_no_name_scope) {
  const vs::VariableScope root = vs::get_variable_scope();
  const auto a = vs::variable_scope("a");
  const auto again = vs::variable_scope(root, with_name_scope);
  BOOST_TEST(again.name() == "");
  BOOST_TEST(vs::get_variable("v", {1}).name() == "v:0");
  BOOST_TEST(op("c") == "a/c");
}

BOOST_AUTO_TEST_CASE(H11_the_copy_carries_the_captured_settings_not_the_enclosing) {
  const vs::Initializer i = vs::zeros_initializer();
  const vs::Initializer j = vs::constant_initializer(1);
  const vs::VariableScope captured = capture("cap", {.initializer = i, .dtype = vs::float64});
  const auto enclosing = vs::variable_scope("enc", {.initializer = j});
  {
    const auto s = vs::variable_scope(captured);
    BOOST_TEST((s.initializer() == i));
    BOOST_TEST(s.dtype() == vs::float64);
  }
  const auto s = vs::variable_scope(captured, {.initializer = j, .dtype = vs::float32});
  BOOST_TEST((s.initializer() == j));
  BOOST_TEST(s.dtype() == vs::float32);
}

BOOST_AUTO_TEST_CASE(H12_a_default_name_next_to_it_is_ignored) {
  const vs::VariableScope o = capture("o");
  const auto s = vs::variable_scope(o, {.default_name = "default", .auxiliary_name_scope = true});
  BOOST_TEST(s.name() == "o");
  BOOST_TEST(op("c") == "o_1/c");
}

BOOST_AUTO_TEST_CASE(H13_a_scope_made_by_hand) {
  const auto s = vs::variable_scope(vs::VariableScope(false, "x/y"), with_name_scope);
  BOOST_TEST(vs::get_variable("v", {1}).name() == "x/y/v:0");
  BOOST_TEST(op("c") == "y/c");
  BOOST_TEST(s.original_name_scope() == "");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
