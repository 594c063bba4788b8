// SPDX-License-Identifier: Apache-2.0
// SEMANTICS C and D: what get_variable() makes, shares and refuses; M1 to M8: where the initial value comes
// from.
#include "scope_fixture.hpp"

#include <varscope/math_ops.hpp>

#include <boost/test/unit_test.hpp>

#include <limits>
#include <type_traits>

BOOST_AUTO_TEST_SUITE(test_get_variable)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

BOOST_FIXTURE_TEST_SUITE(what_it_makes, NewGraph)

BOOST_AUTO_TEST_CASE(C1_the_full_name_is_scope_slash_name) {
  const vs::Variable v = vs::get_variable("v", {1});
  BOOST_TEST(v.name() == "v:0");
  BOOST_TEST(v.op().name() == "v");
  const auto foo = vs::variable_scope("foo");
  const auto bar = vs::variable_scope("bar");
  BOOST_TEST(vs::get_variable("v", {1}).name() == "foo/bar/v:0");
}

BOOST_AUTO_TEST_CASE(C2_name_scopes_do_not_take_part) {
  const auto foo = vs::variable_scope("foo");
  const auto bar = vs::name_scope("bar");
  const vs::Variable w = vs::get_variable("w", {3});
  const vs::Tensor y = w * 2.0;
  BOOST_TEST(w.name() == "foo/w:0");
  BOOST_TEST(y.op().name() == "foo/bar/mul");
  BOOST_TEST(has_op("foo/w/read"));
}

BOOST_AUTO_TEST_CASE(C3_four_operations_in_order) {
  vs::get_variable("w", {2});
  BOOST_TEST(op_names() == (Names{"w/Initializer/random_uniform", "w", "w/Assign", "w/read"}), per_element());
  Names types;
  for (const vs::Operation& operation : graph.operations()) types.emplace_back(operation.type());
  BOOST_TEST(types == (Names{"RandomUniform", "VariableV2", "Assign", "Identity"}), per_element());
}

BOOST_AUTO_TEST_CASE(C3_the_initializer_names_its_operation) {
  vs::get_variable("c", {2}, {.initializer = vs::constant_initializer(1)});
  vs::get_variable("z", {2}, {.initializer = vs::zeros_initializer()});
  vs::get_variable("n", {2}, {.initializer = vs::random_normal_initializer()});
  vs::get_variable("t", {2}, {.initializer = vs::glorot_normal_initializer()});
  for (const char* name : {"c/Initializer/Const", "z/Initializer/zeros", "n/Initializer/random_normal",
                           "t/Initializer/truncated_normal"}) {
    BOOST_TEST(has_op(name), name);
  }
}

BOOST_AUTO_TEST_CASE(C3_operations_are_wired) {
  const vs::Variable w = vs::get_variable("w", {2});
  BOOST_TEST((w.value().op().inputs() == std::vector<vs::Tensor>{w.op().output(0)}));
  BOOST_TEST(w.initializer().name() == "w/Assign");
  BOOST_TEST((w.initializer().inputs()[0] == w.op().output(0)));
  BOOST_TEST(w.initializer().inputs()[1].name() == "w/Initializer/random_uniform:0");
  BOOST_TEST((w.value().shape() == vs::Shape{2}));
}

BOOST_AUTO_TEST_CASE(C3_the_operations_names_are_made_unique_too) {
  op("w/Assign");
  (void)vs::name_scope("w/Initializer").name();
  vs::get_variable("w", {2});
  BOOST_TEST(op_names() == (Names{"w/Assign", "w/Initializer_1/random_uniform", "w", "w/Assign_1", "w/read"}),
             per_element());
}

BOOST_AUTO_TEST_CASE(C4_a_value_needs_no_initializer_scope) {
  const vs::Variable w = vs::get_variable("w", {.initializer = 1.5});
  BOOST_TEST(op_names() == (Names{"w/initial_value", "w", "w/Assign", "w/read"}), per_element());
  BOOST_TEST((w.shape() == vs::Shape{}));
}

BOOST_AUTO_TEST_CASE(C5_using_a_variable_goes_through_read) {
  const vs::Variable v = vs::get_variable("v", {1});
  BOOST_TEST((v + 1.0).op().inputs()[0].name() == "v/read:0");
}

BOOST_AUTO_TEST_CASE(C6_an_operation_that_came_first_moves_the_op_and_not_the_key) {
  {
    const auto foo = vs::name_scope("foo");
    BOOST_TEST(op("v") == "foo/v");
  }
  vs::Variable v;
  {
    const auto foo = vs::variable_scope("foo");
    v = vs::get_variable("v", {1});
  }
  BOOST_TEST(v.name() == "foo/v_1:0");
  BOOST_TEST(has_op("foo/v_1/read"));
  BOOST_TEST(store_keys() == (Names{"foo/v"}), per_element());
  const auto foo = vs::variable_scope("foo", {.reuse = true});
  BOOST_TEST((vs::get_variable("v", {1}) == v));
}

BOOST_AUTO_TEST_CASE(C6_a_literally_named_operation_of_that_name_is_an_error) {
  op("w/");
  BOOST_CHECK_EXCEPTION(vs::get_variable("w", {1}), vs::ValueError, says({"variable w", "'w'", "Op"}));
  BOOST_TEST(store_keys().empty());
  BOOST_TEST(op_names() == (Names{"w"}), per_element());
}

BOOST_AUTO_TEST_CASE(C7_names_that_differ_in_case_are_two_variables) {
  const vs::Variable a = vs::get_variable("W", {1});
  const vs::Variable b = vs::get_variable("w", {1});
  BOOST_TEST(a.name() == "W:0");
  BOOST_TEST(b.name() == "w_1:0");
  BOOST_TEST(store_keys() == (Names{"W", "w"}), per_element());
}

BOOST_AUTO_TEST_CASE(C8_a_name_may_hold_slashes_and_must_be_valid_in_full) {
  {
    const auto s = vs::variable_scope("s");
    BOOST_TEST(vs::get_variable("a/b/v", {1}).name() == "s/a/b/v:0");
    BOOST_TEST(vs::get_variable("_v", {1}).name() == "s/_v:0");
  }
  BOOST_CHECK_EXCEPTION(vs::get_variable("_v", {1}), vs::ValueError, says({"_v"}));
  BOOST_CHECK_EXCEPTION(vs::get_variable("a:b", {1}), vs::ValueError, says({"a:b"}));
  BOOST_TEST(store_keys() == (Names{"s/_v", "s/a/b/v"}), per_element());
}

BOOST_AUTO_TEST_CASE(C9_an_empty_name_in_a_scope_is_the_scope) {
  {
    const auto s = vs::variable_scope("s");
    const vs::Variable v = vs::get_variable("", {1});
    BOOST_TEST(v.name() == "s:0");
  }
  BOOST_TEST(store_keys() == (Names{"s/"}), per_element());
  BOOST_TEST(op_names() == (Names{"s/Initializer/random_uniform", "s", "s/Assign", "s/read"}), per_element());
}

BOOST_AUTO_TEST_CASE(C9_an_empty_name_at_the_root_is_named_by_its_type) {
  // TensorFlow itself does not refuse it.
  BOOST_TEST(vs::get_variable("", {1}).name() == "VariableV2:0");
  BOOST_TEST(op_names() == (Names{"Initializer/random_uniform", "VariableV2", "Assign", "read"}),
             per_element());
  BOOST_CHECK_EXCEPTION(vs::get_variable("", {1}), vs::ValueError, says({"already exists"}));
}

BOOST_AUTO_TEST_CASE(C12_a_dtype_may_be_that_of_another_variable) {
  const vs::Variable v = vs::get_variable("v", {3, 4}, {.dtype = vs::float64});
  BOOST_TEST(vs::get_variable("w", {5, 6}, {.dtype = v.dtype()}).dtype() == vs::float64);
}

BOOST_AUTO_TEST_CASE(M9_what_is_no_initializer_does_not_compile) {
  BOOST_TEST((std::is_convertible_v<double, vs::Initializer>));
  BOOST_TEST((!std::is_constructible_v<vs::Initializer, std::string>));
  BOOST_TEST((!std::is_constructible_v<vs::Initializer, std::vector<int>>));
}

BOOST_AUTO_TEST_CASE(C10_a_variable_and_a_scope_may_have_one_name) {
  vs::get_variable("foo", {1});
  const auto scope = vs::variable_scope("foo");
  BOOST_TEST(vs::get_variable("v", {1}).name() == "foo/v:0");
  BOOST_TEST(scope.original_name_scope() == "foo_1/");
}

BOOST_AUTO_TEST_CASE(C11_dtype_defaults_to_the_scopes) {
  BOOST_TEST(vs::get_variable("a", {1}).dtype() == vs::float32);
  BOOST_TEST(vs::get_variable("b", {1}, {.dtype = vs::int32}).dtype() == vs::int32);
  const auto scope = vs::variable_scope("s", {.dtype = vs::float64});
  BOOST_TEST(vs::get_variable("c", {1}).dtype() == vs::float64);
  BOOST_TEST(vs::get_variable("d", {1}, {.dtype = vs::float32}).dtype() == vs::float32);
}

BOOST_AUTO_TEST_CASE(C11_braces_give_a_scalar_and_no_shape_is_none) {
  BOOST_TEST((vs::get_variable("scalar", {}).shape() == vs::Shape{}));
  BOOST_CHECK_EXCEPTION(vs::get_variable("none"), vs::ValueError, says({"none", "shape", "initializer"}));
}

BOOST_AUTO_TEST_CASE(an_empty_handle_says_so) {
  const vs::Variable nothing;
  BOOST_TEST(!nothing);
  BOOST_CHECK_THROW(nothing.name(), vs::FailedPreconditionError);
  BOOST_CHECK_THROW(nothing.value(), vs::FailedPreconditionError);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(creating_sharing_refusing, NewGraph)

BOOST_AUTO_TEST_CASE(D1_a_reusing_scope_returns_the_same_variable) {
  vs::Variable v;
  {
    const auto foo = vs::variable_scope("foo");
    v = vs::get_variable("v", {1});
  }
  const auto foo = vs::variable_scope("foo", {.reuse = true});
  BOOST_TEST((vs::get_variable("v", {1}) == v));
}

BOOST_AUTO_TEST_CASE(D2_an_existing_name_is_refused_with_both_places_and_remedies) {
  const auto conv1 = vs::variable_scope("conv1");
  const vs::SourceLocation first = vs::SourceLocation::current();
  vs::get_variable("weights", {1}, {}, first);
  const vs::SourceLocation second = vs::SourceLocation::current();
  BOOST_CHECK_EXCEPTION(vs::get_variable("weights", {1}, {}, second), vs::ValueError,
                        says({"conv1/weights already exists", "reuse=True", "AUTO_REUSE", "defined at",
                              to_string(first), to_string(second), "reuse_variables()"}));
}

BOOST_AUTO_TEST_CASE(D3_a_missing_name_is_refused_with_the_nearest) {
  {
    const auto a = vs::variable_scope("a");
    vs::get_variable("weights", {1});
  }
  const auto a = vs::variable_scope("a", {.reuse = true});
  const vs::SourceLocation here = vs::SourceLocation::current();
  BOOST_CHECK_EXCEPTION(vs::get_variable("wieghts", {1}, {}, here), vs::ValueError,
                        says({"a/wieghts does not exist", "get_variable", "AUTO_REUSE", to_string(here),
                              "a/weights (defined at"}));
  BOOST_TEST(store_keys() == (Names{"a/weights"}), per_element());
}

BOOST_AUTO_TEST_CASE(D4_a_shape_that_cannot_agree_is_refused) {
  const auto s = vs::variable_scope("s", {.reuse = vs::AUTO_REUSE});
  const vs::Variable v = vs::get_variable("v", {2, 3});
  for (const vs::Shape& bad : {vs::Shape{3, 2}, vs::Shape{2}, vs::Shape{}}) {
    BOOST_CHECK_EXCEPTION(vs::get_variable("v", bad), vs::ValueError,
                          says({"s/v", "shape", bad.to_string(), "[2,3]", "defined at"}));
  }
  BOOST_TEST((vs::get_variable("v", {-1, 3}) == v));
  BOOST_TEST((vs::get_variable("v", vs::Shape::unknown()) == v));
  BOOST_TEST((vs::get_variable("v") == v));
}

BOOST_AUTO_TEST_CASE(D5_a_different_dtype_is_refused) {
  const vs::Variable t = vs::get_variable("t", {.initializer = 4});
  BOOST_TEST(t.dtype() == vs::int32);
  const auto here = vs::variable_scope(vs::get_variable_scope(), {.reuse = true});
  BOOST_CHECK_EXCEPTION(vs::get_variable("t"), vs::ValueError,
                        says({"variable t", "dtype", "float32", "int32"}));
  BOOST_TEST((vs::get_variable("t", {.dtype = vs::int32}) == t));
}

BOOST_AUTO_TEST_CASE(D6_the_shape_is_checked_before_the_dtype) {
  vs::get_variable("v", {2});
  const auto here = vs::variable_scope(vs::get_variable_scope(), {.reuse = true});
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {3}, {.dtype = vs::int32}), vs::ValueError,
                        says({"wanted shape [3], found shape [2]"}));
}

BOOST_AUTO_TEST_CASE(D7_on_reuse_initializer_and_trainable_are_ignored) {
  const auto s = vs::variable_scope("s", {.reuse = vs::AUTO_REUSE});
  const vs::Variable v = vs::get_variable("v", {.initializer = 1.5});
  BOOST_TEST((vs::get_variable("v", {.initializer = 2.5, .trainable = false}) == v));
  BOOST_TEST(v.trainable());
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {}, {.initializer = 2.5}), vs::ValueError,
                        says({"s/v", "shape"}));
}

BOOST_AUTO_TEST_CASE(D9_a_failed_creation_stores_nothing) {
  BOOST_CHECK_THROW(vs::get_variable("v", {2}, {.initializer = 1.0}), vs::ValueError);
  BOOST_CHECK_THROW(vs::get_variable("v", {-1}), vs::ValueError);
  BOOST_CHECK_THROW(vs::get_variable("v", {2}, {.initializer = vs::constant_initializer({1, 2, 3})}),
                    vs::ValueError);
  BOOST_CHECK_THROW(
      vs::get_variable("v", {2}, {.dtype = vs::int32, .initializer = vs::he_normal_initializer()}),
      vs::ValueError);
  const std::int64_t large = std::numeric_limits<std::int64_t>::max() / 2;
  BOOST_CHECK_EXCEPTION(vs::get_variable("v", {large, large}), vs::ValueError, says({"variable v"}));
  BOOST_TEST(op_names().empty());
  BOOST_TEST(store_keys().empty());
  BOOST_TEST(vs::get_variable("v", {2}).op().name() == "v");
}

BOOST_AUTO_TEST_CASE(D12_returning_a_variable_adds_nothing) {
  const auto s = vs::variable_scope("s", {.reuse = vs::AUTO_REUSE});
  vs::get_variable("v", {1});
  const std::size_t before = op_names().size();
  vs::get_variable("v", {1});
  BOOST_TEST(op_names().size() == before);
}

BOOST_AUTO_TEST_CASE(a_finalized_graph_makes_nothing_and_shares) {
  const vs::Variable v = vs::get_variable("v", {1});
  graph.finalize();
  BOOST_CHECK_EXCEPTION(vs::get_variable("w", {1}), vs::RuntimeError, says({"variable w", "finalized"}));
  const auto here = vs::variable_scope(vs::get_variable_scope(), {.reuse = true});
  BOOST_TEST((vs::get_variable("v", {1}) == v));
}

BOOST_AUTO_TEST_CASE(variables_are_listed_in_order_and_by_exact_prefix) {
  for (const char* scope : {"foo", "foo_bar"}) {
    const auto opened = vs::variable_scope(scope);
    vs::get_variable("v", {1});
    vs::get_variable("w", {1}, {.trainable = false});
  }
  const auto names = [](const std::vector<vs::Variable>& variables) {
    Names all;
    for (const vs::Variable& variable : variables) all.push_back(variable.name());
    return all;
  };
  BOOST_TEST(names(vs::global_variables()) == (Names{"foo/v:0", "foo/w:0", "foo_bar/v:0", "foo_bar/w:0"}),
             per_element());
  BOOST_TEST(names(vs::global_variables("foo")) == (Names{"foo/v:0", "foo/w:0"}), per_element());
  BOOST_TEST(names(vs::trainable_variables("foo")) == (Names{"foo/v:0"}), per_element());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(initial_values, NewGraph)

BOOST_AUTO_TEST_CASE(M1_the_default_depends_on_the_dtype) {
  vs::get_variable("f", {1});
  vs::get_variable("d", {1}, {.dtype = vs::float64});
  vs::get_variable("i", {1}, {.dtype = vs::int32});
  vs::get_variable("b", {1}, {.dtype = vs::boolean});
  for (const char* name : {"f/Initializer/random_uniform", "d/Initializer/random_uniform",
                           "i/Initializer/zeros", "b/Initializer/zeros"}) {
    BOOST_TEST(has_op(name), name);
  }
}

BOOST_AUTO_TEST_CASE(M2_the_scopes_initializer_is_inherited_carried_and_replaced) {
  const vs::Initializer a = vs::zeros_initializer();
  const vs::Initializer b = vs::ones_initializer();
  const vs::Initializer c = vs::constant_initializer(1);
  const vs::Initializer d = vs::random_normal_initializer();
  vs::VariableScope captured;
  {
    auto o = vs::variable_scope("o", {.initializer = a});
    vs::get_variable("v", {1});
    vs::get_variable("w", {1}, {.initializer = b});
    {
      const auto i = vs::variable_scope("i");
      vs::get_variable("v", {1});
    }
    {
      const auto j = vs::variable_scope("j", {.initializer = c});
      vs::get_variable("v", {1});
    }
    vs::get_variable_scope().set_initializer(d);
    {
      const auto k = vs::variable_scope("k");
      vs::get_variable("v", {1});
    }
    captured = o.scope();
  }
  {
    const auto again = vs::variable_scope(captured);  // set_initializer is part of what was captured
    vs::get_variable("y", {1});
  }
  {
    const auto by_name = vs::variable_scope("o");
    vs::get_variable("z", {1});
  }
  Names made;
  for (const std::string& name : op_names()) {
    if (name.find("/Initializer/") != std::string::npos) made.push_back(name);
  }
  BOOST_TEST(made == (Names{"o/v/Initializer/zeros", "o/w/Initializer/ones", "o/i/v/Initializer/zeros",
                            "o/j/v/Initializer/Const", "o/k/v/Initializer/random_normal",
                            "o/y/Initializer/random_normal", "o/z/Initializer/random_uniform"}),
             per_element());
}

BOOST_AUTO_TEST_CASE(M5_without_a_known_shape_an_initializer_is_refused) {
  for (const vs::Shape& shape : {vs::Shape::unknown(), vs::Shape{-1, 2}}) {
    BOOST_CHECK_EXCEPTION(vs::get_variable("e", shape, {.initializer = vs::zeros_initializer()}),
                          vs::ValueError, says({"variable e", "initializer", "shape", shape.to_string()}));
  }
  BOOST_CHECK_EXCEPTION(vs::get_variable("d"), vs::ValueError, says({"variable d", "initializer", "shape"}));
}

BOOST_AUTO_TEST_CASE(M6_a_value_gives_the_shape_and_suffers_no_other) {
  BOOST_TEST(vs::get_variable("v", {.initializer = 0.1}).dtype() == vs::float32);
  BOOST_CHECK_EXCEPTION(vs::get_variable("u", {1}, {.initializer = 0.1}), vs::ValueError, says({"shape"}));
  BOOST_CHECK_EXCEPTION(vs::get_variable("u", {}, {.initializer = 0.1}), vs::ValueError, says({"shape"}));
  const auto foo = vs::variable_scope("foo", {.initializer = 0.1});
  BOOST_TEST((vs::get_variable("v").shape() == vs::Shape{}));
  BOOST_CHECK_EXCEPTION(vs::get_variable("w", {1}), vs::ValueError, says({"foo/w", "shape", "scope"}));
}

BOOST_AUTO_TEST_CASE(M7_the_dtype_comes_from_the_value) {
  BOOST_TEST(vs::get_variable("i", {.initializer = 4}).dtype() == vs::int32);
  BOOST_TEST(vs::get_variable("f", {.initializer = 4.0}).dtype() == vs::float32);
  BOOST_TEST(vs::get_variable("n", {.dtype = vs::int32, .initializer = 4}).dtype() == vs::int32);
  const vs::Array array = vs::Array::of<double>({2}, {1, 2});
  const vs::Variable a = vs::get_variable("a", {.initializer = array});
  BOOST_TEST(a.dtype() == vs::float64);
  BOOST_TEST((a.shape() == vs::Shape{2}));
}

BOOST_AUTO_TEST_CASE(M8_a_value_of_another_dtype_than_the_explicit_one_is_refused) {
  BOOST_CHECK_EXCEPTION(vs::get_variable("s", {.dtype = vs::float64, .initializer = 1}), vs::ValueError,
                        says({"variable s", "don't match", "int32", "float64"}));
  BOOST_CHECK_EXCEPTION(vs::get_variable("s", {.dtype = vs::float64, .initializer = 1.0}), vs::ValueError,
                        says({"don't match", "float32", "float64"}));
  const auto d = vs::variable_scope("d", {.dtype = vs::float64});
  BOOST_TEST(vs::get_variable("a", {.initializer = 1.0}).dtype() == vs::float32);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
