// SPDX-License-Identifier: Apache-2.0
// SEMANTICS E, F and G: scopes opened with a name, the reuse flag, AUTO_REUSE.
#include "scope_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>

BOOST_AUTO_TEST_SUITE(test_variable_scope)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

BOOST_FIXTURE_TEST_SUITE(opened_with_a_name, NewGraph)

BOOST_AUTO_TEST_CASE(E1_names_join_like_directories) {
  const auto tower = vs::variable_scope("tower5");
  {
    const auto bar = vs::variable_scope("bar");
    BOOST_TEST(bar.name() == "tower5/bar");
    BOOST_TEST(&bar.scope() == &vs::get_variable_scope());
  }
  BOOST_TEST(vs::variable_scope("tower5").name() == "tower5/tower5");
}

BOOST_AUTO_TEST_CASE(E2_a_name_scope_opens_too_and_is_remembered) {
  const auto scope1 = vs::name_scope("scope1");
  const auto tower = vs::variable_scope("tower");
  BOOST_TEST(tower.original_name_scope() == "scope1/tower/");
  BOOST_TEST(ns() == "scope1/tower");
  BOOST_TEST(vs::name_scope("scope2").name() == "scope1/tower/scope2/");
}

BOOST_AUTO_TEST_CASE(E3_opening_again_keeps_the_variable_prefix_and_changes_the_op_prefix) {
  for (const char* prefix : {"foo/", "foo_1/", "foo_2/"}) {
    const auto scope = vs::variable_scope("foo");
    BOOST_TEST(scope.name() == "foo");
    BOOST_TEST(scope.original_name_scope() == prefix);
    BOOST_TEST(op("c") == std::string(prefix) + "c");
  }
}

BOOST_AUTO_TEST_CASE(E4_the_two_prefixes_are_independent) {
  const auto n = vs::name_scope("n");
  const auto a = vs::variable_scope("a");
  const auto m = vs::name_scope("m");
  const auto b = vs::variable_scope("b");
  BOOST_TEST(b.name() == "a/b");
  BOOST_TEST(b.original_name_scope() == "n/a/m/b/");
}

BOOST_AUTO_TEST_CASE(E5_a_slash_opens_several_levels_and_reserves_the_whole) {
  {
    const auto s = vs::variable_scope("a/b");
    BOOST_TEST(s.name() == "a/b");
    BOOST_TEST(s.original_name_scope() == "a/b/");
  }
  const auto s = vs::variable_scope("a");
  BOOST_TEST(s.original_name_scope() == "a/");
  const auto t = vs::variable_scope("b");
  BOOST_TEST(t.name() == "a/b");
  BOOST_TEST(t.original_name_scope() == "a/b_1/");
}

BOOST_AUTO_TEST_CASE(E6_the_empty_name) {
  {
    const auto e = vs::variable_scope("");
    BOOST_TEST(e.name() == "");
    BOOST_TEST(e.original_name_scope() == "");
    BOOST_TEST(vs::get_variable("v", {1}).name() == "v:0");
  }
  const auto foo = vs::variable_scope("foo");
  const auto e = vs::variable_scope("");
  BOOST_TEST(e.name() == "foo/");
  BOOST_TEST(vs::get_variable("v", {1}).name() == "foo//v:0");
  BOOST_TEST(op("c") == "foo/c");
}

BOOST_AUTO_TEST_CASE(E7_a_final_slash_stays_in_the_variable_prefix_and_is_absolute_for_ops) {
  const auto o = vs::variable_scope("o");
  const auto s = vs::variable_scope("foo/");
  BOOST_TEST(s.name() == "o/foo/");
  BOOST_TEST(vs::get_variable("v", {1}).name() == "o/foo//v:0");
  BOOST_TEST(op("c") == "foo/c");
}

BOOST_AUTO_TEST_CASE(E8_an_invalid_name_is_refused_and_nothing_is_opened) {
  for (const std::string bad : {"_x", "a b", "a:b"}) {
    BOOST_CHECK_EXCEPTION((void)vs::variable_scope(bad), vs::ValueError,
                          says({bad, "not a valid scope name", "test_variable_scope.cpp:"}));
    {
      // Without a name scope nothing looks at the name before a variable is made, as in TensorFlow.
      const auto scope = vs::variable_scope(bad, {.auxiliary_name_scope = false});
      BOOST_CHECK_EXCEPTION(vs::get_variable("v", {1}), vs::ValueError,
                            says({bad + "/v", "not a valid name"}));
    }
    BOOST_TEST(vs::get_variable_scope().name() == "");
    BOOST_TEST(ns() == "");
  }
  const auto a = vs::variable_scope("a");
  const auto s = vs::variable_scope("_x");
  BOOST_TEST(s.name() == "a/_x");
  BOOST_TEST(op("c") == "a/_x/c");
}

BOOST_AUTO_TEST_CASE(E9_the_op_prefix_is_unique_without_case_the_variable_prefix_is_not_touched) {
  {
    const auto upper = vs::variable_scope("Foo");
    BOOST_TEST(op("c") == "Foo/c");
  }
  const auto lower = vs::variable_scope("foo");
  BOOST_TEST(lower.name() == "foo");
  BOOST_TEST(op("c") == "foo_1/c");
  BOOST_TEST(vs::get_variable("v", {1}).name() == "foo/v:0");
}

BOOST_AUTO_TEST_CASE(E10_a_default_name_next_to_a_name_is_ignored) {
  for (int times = 0; times < 2; ++times) {
    BOOST_TEST(vs::variable_scope("n", {.default_name = "d"}).name() == "n");
  }
}

BOOST_AUTO_TEST_CASE(E11_settings_come_from_the_enclosing_scope_not_from_an_earlier_one_of_the_name) {
  (void)vs::variable_scope("o", {.initializer = vs::zeros_initializer(), .dtype = vs::float64}).name();
  {
    const auto again = vs::variable_scope("o");
    BOOST_TEST(!again.initializer());
    BOOST_TEST(again.dtype() == vs::float32);
  }
  const vs::Initializer zeros = vs::zeros_initializer();
  const auto q = vs::variable_scope("q", {.initializer = zeros, .dtype = vs::float64});
  const auto r = vs::variable_scope("r");
  BOOST_TEST(r.dtype() == vs::float64);
  BOOST_TEST((r.initializer() == zeros));
}

BOOST_AUTO_TEST_CASE(E12_setters_act_on_the_scope_and_on_what_is_opened_in_it_later) {
  const vs::Initializer i = vs::constant_initializer(0.3);
  {
    const auto bar = vs::variable_scope("bar");
    BOOST_TEST(!vs::get_variable_scope().initializer());
    vs::get_variable_scope().set_initializer(i);
    vs::get_variable_scope().set_dtype(vs::float64);
    const auto in = vs::variable_scope("in");
    BOOST_TEST((in.initializer() == i));
    BOOST_TEST(in.dtype() == vs::float64);
  }
  BOOST_TEST(!vs::get_variable_scope().initializer());
}

BOOST_AUTO_TEST_CASE(E13_the_root_is_a_scope_like_the_others) {
  const vs::VariableScope& root = vs::get_variable_scope();
  BOOST_TEST(root.name() == "");
  BOOST_TEST(root.original_name_scope() == "");
  BOOST_TEST(root.reuse() == vs::Reuse(false));
  BOOST_TEST(!root.initializer());
  BOOST_TEST(root.dtype() == vs::float32);
}

BOOST_AUTO_TEST_CASE(an_exception_restores_scope_flag_defaults_and_name_scope) {
  try {
    const auto a = vs::variable_scope("a", {.reuse = true});
    vs::get_variable("v", {1});
    BOOST_ERROR("should have thrown");
  } catch (const vs::ValueError& error) {
    BOOST_TEST(says({"a/v"})(error));
  }
  BOOST_TEST(vs::get_variable_scope().name() == "");
  BOOST_TEST(vs::get_variable_scope().reuse() == vs::Reuse(false));
  BOOST_TEST(ns() == "");
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

using Argument = std::optional<vs::Reuse>;
const vs::Reuse no = false, yes = true, automatic = vs::AUTO_REUSE;
const Argument arguments[] = {std::nullopt, no, yes, automatic};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(the_reuse_flag, NewGraph)

BOOST_AUTO_TEST_CASE(F1_false_and_nothing_are_the_same) {
  BOOST_TEST(vs::get_variable_scope().reuse() == no);
  const auto a = vs::variable_scope("a");
  const auto b = vs::variable_scope("b", {.reuse = false});
  BOOST_TEST(a.reuse() == no);
  BOOST_TEST(b.reuse() == no);
}

BOOST_AUTO_TEST_CASE(F2_a_child_cannot_switch_it_off) {
  {
    const auto root = vs::variable_scope("root");
    const auto foo = vs::variable_scope("foo", {.reuse = true});
    const auto bar = vs::variable_scope("bar", {.reuse = false});
    BOOST_TEST(foo.reuse() == yes);
    BOOST_TEST(bar.reuse() == yes);
  }
  BOOST_TEST(vs::get_variable_scope().reuse() == no);
}

BOOST_AUTO_TEST_CASE(F3_the_complete_table) {
  const struct {
    vs::Reuse parent;
    vs::Reuse child[4];
  } table[] = {{no, {no, no, yes, automatic}},
               {yes, {yes, yes, yes, automatic}},
               {automatic, {automatic, automatic, yes, automatic}}};
  for (const auto& row : table) {
    const auto parent = vs::variable_scope("p", {.reuse = row.parent});
    for (int column = 0; column < 4; ++column) {
      BOOST_TEST(vs::variable_scope("c", {.reuse = arguments[column]}).reuse() == row.child[column]);
    }
  }
}

BOOST_AUTO_TEST_CASE(F4_reuse_variables_acts_at_once_and_not_on_inner_open_scopes) {
  {
    auto a = vs::variable_scope("a");
    {
      const auto b = vs::variable_scope("b");
      a.reuse_variables();
      BOOST_TEST(b.reuse() == no);
    }
    BOOST_TEST(vs::variable_scope("c").reuse() == yes);
    BOOST_CHECK_EXCEPTION(vs::get_variable("v", {1}), vs::ValueError, says({"a/v does not exist"}));
  }
  BOOST_TEST(vs::variable_scope("a").reuse() == no);
}

namespace {

std::string conv_relu() {
  vs::get_variable("weights", {5, 5, 32, 32});
  vs::get_variable("biases", {32});
  return op("Relu");
}

Names model() {
  Names out;
  for (const char* name : {"conv1", "conv2"}) {
    const auto scope = vs::variable_scope(name);
    out.push_back(conv_relu());
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(F5_a_model_built_twice_has_one_set_of_variables) {
  {
    auto scope = vs::variable_scope("image_filters");
    BOOST_TEST(model() == (Names{"image_filters/conv1/Relu", "image_filters/conv2/Relu"}), per_element());
    scope.reuse_variables();
    BOOST_TEST(model() == (Names{"image_filters/conv1_1/Relu", "image_filters/conv2_1/Relu"}), per_element());
  }
  Names names;
  for (const vs::Variable& variable : vs::global_variables()) names.push_back(variable.name());
  BOOST_TEST(names == (Names{"image_filters/conv1/weights:0", "image_filters/conv1/biases:0",
                             "image_filters/conv2/weights:0", "image_filters/conv2/biases:0"}),
             per_element());
  model();
  BOOST_CHECK_EXCEPTION(model(), vs::ValueError, says({"conv1/weights", "already exists"}));
}

BOOST_AUTO_TEST_CASE(F6_reuse_at_the_root_and_how_to_keep_it_local) {
  {
    auto s = vs::variable_scope(vs::get_variable_scope());
    s.reuse_variables();
    BOOST_TEST(s.name() == "");
    BOOST_TEST(op("c") == "c");
  }
  BOOST_TEST(vs::get_variable_scope().reuse() == no);
  vs::get_variable_scope().reuse_variables();
  BOOST_TEST(vs::variable_scope("a").reuse() == yes);
}

BOOST_AUTO_TEST_CASE(F7_a_reusing_scope_creates_nothing) {
  {
    const auto s = vs::variable_scope("s");
    vs::get_variable("v", {1});
  }
  const auto s = vs::variable_scope("s", {.reuse = true});
  vs::get_variable("v", {1});
  BOOST_CHECK_EXCEPTION(vs::get_variable("w", {1}), vs::ValueError, says({"s/w"}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(auto_reuse, NewGraph)

BOOST_AUTO_TEST_CASE(G1_creates_when_missing_shares_when_present_and_is_inherited) {
  const auto s = vs::variable_scope("s", {.reuse = vs::AUTO_REUSE});
  const vs::Variable a = vs::get_variable("v", {1});
  BOOST_TEST((vs::get_variable("v", {1}) == a));
  BOOST_TEST(s.reuse() == automatic);
  BOOST_TEST(vs::variable_scope("t").reuse() == automatic);
}

BOOST_AUTO_TEST_CASE(G2_shape_and_dtype_are_checked) {
  const auto s = vs::variable_scope("s", {.reuse = vs::AUTO_REUSE});
  vs::get_variable("v", {1});
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {2}), vs::ValueError, says({"s/v", "shape"}));
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {1}, {.dtype = vs::int32}), vs::ValueError,
                        says({"s/v", "dtype"}));
}

BOOST_AUTO_TEST_CASE(G3_it_belongs_to_the_scope_that_asked) {
  {
    const auto s = vs::variable_scope("s", {.reuse = vs::AUTO_REUSE});
    vs::get_variable("v", {1});
  }
  const auto s = vs::variable_scope("s");
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {1}), vs::ValueError, says({"s/v", "already exists"}));
}

BOOST_AUTO_TEST_CASE(G4_reuse_variables_and_a_reusing_child_turn_it_into_true) {
  auto s = vs::variable_scope("s", {.reuse = vs::AUTO_REUSE});
  BOOST_TEST(vs::variable_scope("child", {.reuse = true}).reuse() == yes);
  s.reuse_variables();
  BOOST_TEST(s.reuse() == yes);
  BOOST_CHECK_EXCEPTION(vs::get_variable("new", {1}), vs::ValueError, says({"s/new", "does not exist"}));
}

BOOST_AUTO_TEST_CASE(G6_it_cannot_be_combined_with_a_default_name) {
  BOOST_CHECK_EXCEPTION(
      (void)vs::variable_scope(std::nullopt, {.default_name = "d", .reuse = vs::AUTO_REUSE}), vs::ValueError,
      says({"name_or_scope"}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
