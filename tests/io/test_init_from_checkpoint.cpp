// SPDX-License-Identifier: Apache-2.0
// init_from_checkpoint(): SEMANTICS 2.6, each case named after its statement.
#include "io/named_arrays.hpp"
#include "io/saver_fixture.hpp"
#include "io/temporary_directory.hpp"

#include <varscope/varscope.hpp>

#include <filesystem>

BOOST_AUTO_TEST_SUITE(test_init_from_checkpoint)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

// A checkpoint with the scopes "a" and "a2", and a graph with the scope "b".
struct Fixture {
  TemporaryDirectory directory;
  std::string path = directory / "model.h5";
  vs::Array w = vs::Array::of<float>({2}, {1, 2});
  vs::Array deep = vs::Array::of<float>({3}, {3, 4, 5});
  vs::Array rows = vs::Array::of<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  vs::Graph graph;
  vs::Graph::AsDefault building{graph};
  vs::Session session{graph};

  Fixture() {
    vs::write_checkpoint(path, NamedArrays{{"a/w", w}, {"a/c/deep", deep}, {"a2/w", deep}, {"rows", rows}});
  }

  static vs::Variable zeros(const std::string& name, vs::Shape shape) {
    return vs::get_variable(name, std::move(shape), {.initializer = vs::zeros_initializer()});
  }
  bool has(const vs::Variable& variable, const vs::Array& value) {
    return session.run(variable).same_bits(value);
  }
  std::string refusal(const vs::AssignmentMap& map) {
    return message_of<vs::ValueError>([&] { vs::init_from_checkpoint(path, map); });
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_variable_a_name_and_scopes_are_assigned, Fixture) {
  const vs::Variable by_object = zeros("object", {2});
  const vs::Variable by_name = zeros("b/name", {3});
  const vs::Variable below = zeros("s/w", {2});
  const vs::Variable deeper = zeros("s/c/deep", {3});
  vs::init_from_checkpoint(path, {{"a/w", by_object}, {"a2/w", "b/name"}, {"a/", "s/"}});
  BOOST_TEST(has(by_object, w));
  BOOST_TEST(has(by_name, deep));
  BOOST_TEST(has(below, w));
  BOOST_TEST(has(deeper, deep));
}

BOOST_FIXTURE_TEST_CASE(the_root_is_a_slash_on_either_side, Fixture) {
  const vs::Variable below = zeros("b/a/w", {2});
  vs::init_from_checkpoint(path, {{"/", "b/"}});
  BOOST_TEST(has(below, w));

  vs::Graph second;
  const auto building_second = second.as_default();
  const vs::Variable deeper = zeros("c/deep", {3});
  const vs::Variable at_root = zeros("w", {2});
  vs::init_from_checkpoint(path, {{"a/", "/"}});
  vs::Session other(second);
  BOOST_TEST(other.run(deeper).same_bits(deep));
  BOOST_TEST(other.run(at_root).same_bits(w));
}

BOOST_FIXTURE_TEST_CASE(values_arrive_when_a_variable_is_initialized, Fixture) {
  const vs::Variable used = zeros("used", {2});
  const vs::Variable fresh = zeros("fresh", {2});
  BOOST_TEST(has(used, vs::Array({2})));
  vs::init_from_checkpoint(path, {{"a/w", used}, {"a/w", fresh}});
  BOOST_TEST(has(used, vs::Array({2})));
  BOOST_TEST(has(fresh, w));
  session.run(used.initializer());
  BOOST_TEST(has(used, w));
}

BOOST_FIXTURE_TEST_CASE(a_directory_stands_for_its_latest_checkpoint, Fixture) {
  const vs::Variable v = zeros("v", {2});
  session.load({{v, w}});
  vs::Saver().save(session, directory / "saved", {.global_step = 3});
  vs::Graph second;
  const auto building_second = second.as_default();
  const vs::Variable again = zeros("again", {2});
  vs::init_from_checkpoint(directory.path(), {{"v", again}});
  BOOST_TEST(vs::Session(second).run(again).same_bits(w));

  const TemporaryDirectory empty;
  BOOST_CHECK_THROW(vs::init_from_checkpoint(empty.path(), {{"v", again}}), vs::ValueError);
  BOOST_TEST(contains(message_of<vs::ValueError>([&] {
                        vs::init_from_checkpoint(directory / "modle.h5", {{"v", again}});
                      }),
                      "'model.h5'"));
}

BOOST_FIXTURE_TEST_CASE(a_file_that_was_replaced_or_removed_stays_readable, Fixture) {
  const vs::Variable v = zeros("v", {2});
  const vs::Variable u = zeros("u", {2});
  vs::init_from_checkpoint(path, {{"a/w", v}, {"a/w", u}});
  vs::write_checkpoint(path, NamedArrays{{"a/w", vs::Array({2})}});
  BOOST_TEST(has(v, w));
  std::filesystem::remove(path);
  BOOST_TEST(has(u, w));
}

BOOST_FIXTURE_TEST_CASE(damage_that_only_the_data_shows_comes_out_of_the_run, Fixture) {
  const vs::Variable v = zeros("v", {2});
  std::string bytes = read_file(path);
  bytes[vs::CheckpointReader(path).entry("a/w").offset] ^= 1;
  write_file(path, bytes);
  vs::init_from_checkpoint(path, {{"a/w", v}});
  BOOST_TEST(contains(message_of<vs::DataLossError>([&] { session.run(v); }), "/a/w:0"));

  write_file(path, "no checkpoint at all");
  BOOST_CHECK_THROW(vs::init_from_checkpoint(path, {{"a/w", v}}), vs::InvalidArgumentError);
}

BOOST_FIXTURE_TEST_CASE(IC1_a_tensor_that_is_not_there_is_an_error, Fixture) {
  const vs::Variable v = zeros("v", {2});
  const std::string message = refusal({{"a/x", v}});
  BOOST_TEST(contains(message, path));
  BOOST_TEST(contains(message, "'a/x' for the variable 'v' (made at "));
  BOOST_TEST(contains(message, "'a/w'"));
}

BOOST_FIXTURE_TEST_CASE(IC2_shapes_and_dtypes_must_agree_and_all_problems_are_told, Fixture) {
  const vs::Variable v = zeros("b/w", {3});
  zeros("b/c/deep", {2});
  const vs::Variable integers = vs::get_variable("integers", {2}, {.dtype = vs::int32});
  const std::string message = refusal({{"a/", "b/"}, {"a/w", integers}});
  BOOST_TEST(contains(message, "'a/w' for the variable 'b/w'"));
  BOOST_TEST(contains(message, "wanted float32[3], found float32[2]"));
  BOOST_TEST(contains(message, "'a/c/deep' for the variable 'b/c/deep'"));
  BOOST_TEST(contains(message, "wanted int32[2], found float32[2]"));
  BOOST_TEST(has(v, vs::Array({3})));
}

BOOST_FIXTURE_TEST_CASE(IC3_a_scope_needs_every_variable_and_a_refused_map_changes_nothing, Fixture) {
  const vs::Variable there = zeros("b/w", {2});
  zeros("b/slot", {2});
  const vs::Variable object = zeros("object", {2});
  const std::string message = refusal({{"a/w", object}, {"a/", "b/"}});
  BOOST_TEST(contains(message, "'a/slot'"));
  BOOST_TEST(has(there, vs::Array({2})));
  BOOST_TEST(has(object, vs::Array({2})));
}

BOOST_FIXTURE_TEST_CASE(IC4_IC8_nothing_is_guessed_from_a_name_that_nothing_has, Fixture) {
  const vs::Variable v = zeros("b/w", {2});
  for (const char* name : {"b/typo", "typo", "b"}) {
    const std::string message = refusal({{"a/w", name}});
    BOOST_TEST(contains(message, std::string("'") + name + "'"));
    BOOST_TEST(contains(message, "'b/w'"));
    BOOST_TEST(contains(message, "{\"old/\", \"new/\"}"));
    BOOST_TEST(contains(refusal({{"a/", name}}), std::string("'") + name + "'"));
  }
  BOOST_TEST(contains(refusal({{"a/w", "b/"}}), "ends in '/'"));
  BOOST_TEST(contains(refusal({{"a/", "b/w"}}), "'a/'"));
  BOOST_TEST(contains(refusal({{"a/", "none/"}}), "'none/'"));
  BOOST_TEST(contains(refusal({{"", "b/w"}}), "empty"));
  BOOST_TEST(contains(refusal({{"a/w", ""}}), "''"));
  BOOST_TEST(contains(refusal({}), "empty"));
  BOOST_TEST(has(v, vs::Array({2})));
}

BOOST_FIXTURE_TEST_CASE(IC5_a_scope_is_matched_with_its_slash, Fixture) {
  const vs::Variable inside = zeros("b/w", {2});
  const vs::Variable beside = zeros("b2/w", {2});
  vs::init_from_checkpoint(path, {{"a/", "b/"}});
  BOOST_TEST(has(inside, w));
  BOOST_TEST(has(beside, vs::Array({2})));
}

BOOST_FIXTURE_TEST_CASE(IC6_only_shared_variables_have_names, Fixture) {
  const vs::Variable unshared(vs::zeros_initializer(), {2}, {.name = "alone"});
  BOOST_TEST(contains(refusal({{"a/w", "alone"}}), "'alone'"));
  BOOST_TEST(contains(refusal({{"a/", "/"}}), "'/'"));
  vs::init_from_checkpoint(path, {{"a/w", unshared}});
  BOOST_TEST(has(unshared, w));
}

BOOST_FIXTURE_TEST_CASE(IC7_parts_take_their_slices, Fixture) {
  const auto cut = [](const char* name, int axis) {
    return vs::get_variable(
        name, {3, 2},
        {.initializer = vs::zeros_initializer(), .partitioner = vs::fixed_size_partitioner(2, axis)});
  };
  const vs::Variable by_object = cut("object", 0);
  const vs::Variable by_name = cut("name", 1);
  const vs::Variable by_parts = cut("parts", 0);
  const vs::Variable one_part = cut("one", 0);
  const vs::Variable whole = zeros("whole", {3, 2});
  vs::init_from_checkpoint(path, {{"rows", by_object},
                                  {"rows", "name"},
                                  {"rows", {by_parts.partitions()[0], by_parts.partitions()[1]}},
                                  {"rows", one_part.partitions()[1]},
                                  {"rows", std::vector<vs::Variable>{whole}}});
  BOOST_TEST(has(by_object, rows));
  BOOST_TEST(has(by_name, rows));
  BOOST_TEST(has(by_parts, rows));
  BOOST_TEST(has(whole, rows));
  BOOST_TEST(has(one_part.partitions()[0], vs::Array({2, 2})));
  BOOST_TEST(has(one_part.partitions()[1], vs::Array::of<float>({1, 2}, {5, 6})));

  const vs::Variable wrong = vs::get_variable("wrong", {4}, {.partitioner = vs::fixed_size_partitioner(2)});
  BOOST_TEST(contains(refusal({{"a/w", wrong}}), "wanted float32[4], found float32[2]"));
  BOOST_TEST(contains(refusal({{"rows", {by_object.partitions()[0], by_name.partitions()[1]}}}),
                      "not a part of one partitioned variable"));
  BOOST_TEST(contains(refusal({{"rows", std::vector<vs::Variable>{}}}), "empty list"));
}

BOOST_FIXTURE_TEST_CASE(a_scope_includes_the_partitioned_variables_below_it, Fixture) {
  const vs::Variable cut = vs::get_variable(
      "b/c/deep", {3},
      {.initializer = vs::zeros_initializer(), .partitioner = vs::fixed_size_partitioner(3)});
  vs::init_from_checkpoint(path, {{"a/", "b/"}});
  BOOST_TEST(has(cut, deep));
}

BOOST_FIXTURE_TEST_CASE(IC9_one_tensor_may_go_into_several_variables_but_not_the_reverse, Fixture) {
  const vs::Variable one = zeros("one", {2});
  const vs::Variable two = zeros("two", {2});
  vs::init_from_checkpoint(path, {{"a/w", one}, {"a/w", "two"}});
  BOOST_TEST(has(one, w));
  BOOST_TEST(has(two, w));
  const std::string message = refusal({{"a/w", "two"}, {"a2/w", two}});
  BOOST_TEST(contains(message, "two tensors, 'a/w' and 'a2/w'"));
}

BOOST_FIXTURE_TEST_CASE(what_is_no_variable_of_the_graph_is_refused, Fixture) {
  BOOST_TEST(contains(refusal({{"a/w", vs::Variable()}}), "refers to nothing"));
  const vs::CustomGetter computing = [](const vs::VariableGetter& getter,
                                        const vs::GetterArguments& arguments) {
    return vs::Variable(getter(arguments) + 1.0);
  };
  const vs::Variable computed = vs::get_variable("c", {2}, {.custom_getter = computing});
  BOOST_CHECK_THROW(vs::init_from_checkpoint(path, {{"a/w", computed}}), vs::TypeError);
  vs::Graph second;
  BOOST_TEST(contains(message_of<vs::ValueError>([&] {
                        vs::init_from_checkpoint(path, {{"a/w", zeros("v", {2})}}, second);
                      }),
                      "another graph"));
}

BOOST_AUTO_TEST_SUITE_END()
