// SPDX-License-Identifier: Apache-2.0
// SEMANTICS 2.3 and 2.4, row by row, through the public interface; each case is named after its row. SV7 has
// a program of its own, and SV21 is in test_checkpoint_series. docs/saver.md says which rows are otherwise
// here.
#include "io/named_arrays.hpp"
#include "io/saver_fixture.hpp"
#include "io/temporary_directory.hpp"

#include <varscope/varscope.hpp>

#include <chrono>
#include <filesystem>
#include <limits>
#include <map>

BOOST_AUTO_TEST_SUITE(test_saver_statements)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;
using Names = std::vector<std::string>;

namespace {

struct Fixture : Model {
  TemporaryDirectory directory;
  vs::Saver saver;

  std::string save(vs::Saver& by, int step) {
    return by.save(session, directory / "a", {.global_step = step});
  }
  Names on_disk() const {
    Names names;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  static Names tensors(const std::string& path) {
    Names names;
    for (const vs::CheckpointEntry& entry : vs::list_variables(path)) names.push_back(entry.name);
    return names;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(SV1_without_a_list_all_global_variables_as_they_are_at_the_save, Fixture) {
  vs::get_local_variable("local", {1});
  vs::get_variable("later", {1});
  BOOST_TEST(
      tensors(save(saver, 1)) == (Names{"later", "model/conv1/biases", "model/conv1/weights", "model/count"}),
      per_element());
}

BOOST_FIXTURE_TEST_CASE(SV2_keys_are_op_names_or_those_of_the_map, Fixture) {
  const vs::Variable first(vs::zeros_initializer(), {1}, {.name = "foo/v"});
  const vs::Variable second = vs::get_variable("foo/v", {1});  // its operation cannot have that name
  BOOST_TEST(tensors(vs::Saver({second}).save(session, directory / "list")) == Names{"foo/v_1"},
             per_element());
  BOOST_TEST(tensors(vs::Saver({{"any key", second}}).save(session, directory / "map")) == Names{"any key"},
             per_element());
}

BOOST_FIXTURE_TEST_CASE(SV3_what_is_no_variable_is_a_type_error, Fixture) {
  const vs::CustomGetter computing = [](const vs::VariableGetter& getter,
                                        const vs::GetterArguments& arguments) {
    return vs::Variable(getter(arguments) + 1.0);
  };
  const vs::Variable computed = vs::get_variable("c", {1}, {.custom_getter = computing});
  BOOST_TEST(contains(message_of<vs::TypeError>([&] { vs::Saver({computed}); }), "computed"));
  BOOST_CHECK_THROW(vs::Saver({{"key", computed}}), vs::TypeError);
}

BOOST_FIXTURE_TEST_CASE(SV4_one_name_twice_and_one_variable_twice_are_value_errors, Fixture) {
  const auto weights = "'model/conv1/weights'";
  BOOST_TEST(contains(message_of<vs::ValueError>([&] {
                        vs::Saver({variables[0], variables[1], variables[0]});
                      }),
                      weights));
  BOOST_TEST(contains(message_of<vs::ValueError>([&] {
                        vs::Saver({{"a", variables[0]}, {"b", variables[0]}});
                      }),
                      weights));
}

BOOST_FIXTURE_TEST_CASE(SV5_nothing_to_save_is_an_error_unless_allowed, Fixture) {
  vs::Graph nothing;
  vs::Session empty(nothing);
  BOOST_TEST(
      contains(message_of<vs::ValueError>([&] { saver.save(empty, directory / "a"); }), "allow_empty"));
  BOOST_CHECK_THROW(saver.restore(empty, directory / "a"), vs::ValueError);
  BOOST_CHECK_THROW(vs::Saver(std::vector<vs::Variable>{}), vs::ValueError);

  vs::Saver allowing({.allow_empty = true});
  BOOST_TEST(allowing.save(empty, directory / "a").empty());
  allowing.restore(empty, directory / "a");
  BOOST_TEST(allowing.restore_matching(empty, directory / "a").complete());
  vs::Saver of_list(std::vector<vs::Variable>{}, {.allow_empty = true});
  BOOST_TEST(of_list.save(session, directory / "a").empty());
  BOOST_TEST(allowing.last_checkpoints().empty());
  BOOST_TEST(on_disk().empty());
}

BOOST_FIXTURE_TEST_CASE(SV8_the_path_really_used_is_returned, Fixture) {
  BOOST_TEST(saver.save(session, directory / "a") == directory / "a.h5");
  BOOST_TEST(save(saver, 7) == directory / "a-7.h5");
  vs::Saver padded({.pad_step_number = true});
  BOOST_TEST(save(padded, 7) == directory / "a-00000007.h5");
}

BOOST_FIXTURE_TEST_CASE(SV9_a_save_leaves_one_file_and_the_state_file, Fixture) {
  saver.save(session, directory / "a");
  BOOST_TEST(on_disk() == (Names{"a.h5", "checkpoint"}), per_element());
}

BOOST_FIXTURE_TEST_CASE(SV10_ST7_the_state_file_has_a_name_of_its_own_without_a_directory, Fixture) {
  BOOST_TEST(contains(message_of<vs::ValueError>([&] {
                        saver.save(session, directory / "a", {.latest_filename = "below/checkpoint"});
                      }),
                      "below/checkpoint"));
  const std::string message =
      message_of<vs::ValueError>([&] { saver.save(session, directory / "a", {.latest_filename = "a.h5"}); });
  BOOST_TEST(contains(message, directory / "a.h5"));
  BOOST_TEST(on_disk().empty());
  saver.save(session, directory / "checkpoint");  // "checkpoint.h5"
  saver.save(session, directory / "a", {.latest_filename = "other"});
  BOOST_TEST(on_disk() == (Names{"a.h5", "checkpoint", "checkpoint.h5", "other"}), per_element());
}

BOOST_FIXTURE_TEST_CASE(SV11_a_missing_directory_is_a_value_error_and_nothing_is_made, Fixture) {
  BOOST_TEST(contains(message_of<vs::ValueError>([&] { saver.save(session, directory / "missing/a"); }),
                      directory / "missing"));
  BOOST_TEST(on_disk().empty());
}

BOOST_FIXTURE_TEST_CASE(SV12_a_variable_never_used_is_initialized_by_the_save, Fixture) {
  const vs::Variable v = vs::get_variable("v", {4}, {.initializer = vs::ones_initializer()});
  const std::string path = vs::Saver({v}).save(session, directory / "a");
  BOOST_TEST(vs::load_variable(path, "v").same_bits(vs::Array::of<float>({4}, {1, 1, 1, 1})));
}

BOOST_FIXTURE_TEST_CASE(SV13_restoring_initializes_and_no_initializer_runs, Fixture) {
  vs::write_checkpoint(directory / "a.h5", NamedArrays{{"v", vs::Array::scalar(3.0f)}});
  const vs::Initializer never([](const vs::Shape&, vs::DType, vs::SeedPair) -> vs::Array {
    throw vs::RuntimeError("an initializer ran");
  });
  const vs::Variable v = vs::get_variable("v", {}, {.initializer = never});
  vs::Saver({v}).restore(session, directory / "a.h5");
  BOOST_TEST(session.run(v).item() == 3);

  BOOST_CHECK_THROW(saver.restore(session, ""), vs::ValueError);
  BOOST_TEST(contains(message_of<vs::ValueError>([&] { saver.restore(session, directory / "none"); }),
                      directory / "none"));
}

BOOST_FIXTURE_TEST_CASE(SV14_a_missing_key_is_not_found_error_and_extra_keys_are_ignored, Fixture) {
  const std::string path = vs::Saver({variables[0], variables[1]}).save(session, directory / "a");
  const std::string message = message_of<vs::NotFoundError>([&] { saver.restore(session, path); });
  BOOST_TEST(contains(message, "'model/count'"));
  BOOST_TEST(contains(message, "The graph may not be the one that was saved"));
  vs::Saver({variables[1]}).restore(session, path);
}

BOOST_FIXTURE_TEST_CASE(SV15_another_shape_or_dtype_is_an_invalid_argument_error, Fixture) {
  vs::write_checkpoint(directory / "a.h5", NamedArrays{{"model/conv1/biases", vs::Array({5})},
                                                       {"model/count", vs::Array::scalar<std::int32_t>(1)}});
  const std::string message = message_of<vs::InvalidArgumentError>([&] {
    vs::Saver({variables[1], variables[2]}).restore(session, directory / "a.h5");
  });
  BOOST_TEST(contains(message, "'model/conv1/biases': wanted float32[4]"));
  BOOST_TEST(contains(message, "found float32[5]"));
  BOOST_TEST(contains(message, "'model/count': wanted int64[]"));
  BOOST_TEST(contains(message, "found int32[]"));
}

BOOST_FIXTURE_TEST_CASE(SV16_reshape_takes_any_shape_of_as_many_elements, Fixture) {
  const vs::Array rows = vs::Array::of<float>({2, 2}, {1, 2, 3, 4});
  vs::write_checkpoint(directory / "a.h5", NamedArrays{{"model/conv1/biases", rows}});
  vs::Saver strict({variables[1]});
  BOOST_CHECK_THROW(strict.restore(session, directory / "a.h5"), vs::InvalidArgumentError);
  vs::Saver reshaping({variables[1]}, {.reshape = true});
  reshaping.restore(session, directory / "a.h5");
  BOOST_TEST(values()[1].same_bits(vs::Array::of<float>({4}, {1, 2, 3, 4})));

  // Into parts too, but never into another number of elements or another dtype.
  const vs::Variable cut = vs::get_variable("cut", {4}, {.partitioner = vs::fixed_size_partitioner(2)});
  vs::Saver({{"model/conv1/biases", cut}}, {.reshape = true}).restore(session, directory / "a.h5");
  BOOST_TEST(session.run(cut).same_bits(vs::Array::of<float>({4}, {1, 2, 3, 4})));
  const vs::Variable five = vs::get_variable("five", {5});
  const vs::Variable integers = vs::get_variable("integers", {4}, {.dtype = vs::int32});
  for (const vs::Variable& variable : {five, integers}) {
    vs::Saver other({{"model/conv1/biases", variable}}, {.reshape = true});
    BOOST_TEST(
        contains(message_of<vs::InvalidArgumentError>([&] { other.restore(session, directory / "a.h5"); }),
                 "found float32[2,2]"));
  }
}

BOOST_FIXTURE_TEST_CASE(SV17_a_refused_restore_changes_nothing, Fixture) {
  Random random;
  randomize(random);
  const std::vector<vs::Array> before = values();
  vs::write_checkpoint(directory / "a.h5", NamedArrays{{"model/conv1/biases", vs::Array({4})},
                                                       {"model/conv1/weights", vs::Array({1})},
                                                       {"model/count", vs::Array(vs::Shape{}, vs::int64)}});
  BOOST_CHECK_THROW(saver.restore(session, directory / "a.h5"), vs::InvalidArgumentError);
  BOOST_TEST(same_bits(values(), before));
}

BOOST_FIXTURE_TEST_CASE(SV18_the_newest_are_kept_and_zero_keeps_all, Fixture) {
  vs::Saver two({.max_to_keep = 2});
  for (int step = 1; step <= 3; ++step) save(two, step);
  BOOST_TEST(on_disk() == (Names{"a-2.h5", "a-3.h5", "checkpoint"}), per_element());
  vs::Saver all({.max_to_keep = 0});
  for (int step = 4; step <= 9; ++step) save(all, step);
  BOOST_TEST(on_disk().size() == 9u);
  BOOST_TEST(all.last_checkpoints().empty());
  BOOST_TEST(read_file(directory / "checkpoint") ==
             "model_checkpoint_path: \"a-9.h5\"\nall_model_checkpoint_paths: \"a-9.h5\"\n");
}

BOOST_FIXTURE_TEST_CASE(SV19_a_path_that_is_listed_moves_to_the_end, Fixture) {
  vs::Saver two({.max_to_keep = 2});
  save(two, 1);
  save(two, 2);
  save(two, 1);
  BOOST_TEST(two.last_checkpoints() == (Names{directory / "a-2.h5", directory / "a-1.h5"}), per_element());
  BOOST_TEST(on_disk() == (Names{"a-1.h5", "a-2.h5", "checkpoint"}), per_element());
}

BOOST_FIXTURE_TEST_CASE(SV20_one_save_removes_at_most_one_and_failing_is_no_error, Fixture) {
  vs::Saver all({.max_to_keep = 0});
  Names paths;
  for (int step = 1; step <= 3; ++step) paths.push_back(save(all, step));
  vs::Saver one({.max_to_keep = 1});
  one.recover_last_checkpoints(paths);
  save(one, 4);
  BOOST_TEST(on_disk() == (Names{"a-2.h5", "a-3.h5", "a-4.h5", "checkpoint"}), per_element());

  std::filesystem::remove(paths[1]);
  std::filesystem::create_directory(paths[1]);  // which cannot be removed as a file
  save(one, 5);
  BOOST_TEST(std::filesystem::exists(paths[1]));
  BOOST_TEST(on_disk().size() == 5u);
}

BOOST_FIXTURE_TEST_CASE(SV22_one_of_so_many_hours_is_kept_for_good, Fixture) {
  constexpr double kHour = 3600;
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  vs::Saver all({.max_to_keep = 0});
  const std::vector<std::pair<std::string, double>> written = {
      {save(all, 1), now + kHour}, {save(all, 2), now + 3 * kHour}, {save(all, 3), now + 3 * kHour}};
  vs::Saver timed({.max_to_keep = 3, .keep_checkpoint_every_n_hours = 2});
  timed.set_last_checkpoints_with_time(written);
  const std::vector<std::pair<std::string, double>> timeless = {
      {"a", std::numeric_limits<double>::quiet_NaN()}};
  BOOST_CHECK_THROW(timed.set_last_checkpoints_with_time(timeless), vs::ValueError);
  for (int step = 4; step <= 6; ++step) save(timed, step);
  // 1 is older than the first time to keep, 2 hours; 2 is kept, and 3 is older than the next, 4 hours.
  BOOST_TEST(on_disk() == (Names{"a-2.h5", "a-4.h5", "a-5.h5", "a-6.h5", "checkpoint"}), per_element());
}

BOOST_FIXTURE_TEST_CASE(SV23_the_list_begins_empty_or_as_it_is_set, Fixture) {
  vs::Saver all({.max_to_keep = 0});
  const Names paths = {save(all, 1), save(all, 2)};

  vs::Saver fresh({.max_to_keep = 1});
  BOOST_TEST(fresh.last_checkpoints().empty());
  save(fresh, 3);
  save(fresh, 4);
  BOOST_TEST(on_disk() == (Names{"a-1.h5", "a-2.h5", "a-4.h5", "checkpoint"}), per_element());

  vs::Saver set({.max_to_keep = 2});
  set.set_last_checkpoints(paths);
  BOOST_TEST(set.last_checkpoints() == paths, per_element());
  save(set, 5);
  BOOST_TEST(set.last_checkpoints() == (Names{paths[1], directory / "a-5.h5"}), per_element());
  save(set, 6);
  save(set, 7);
  BOOST_TEST(on_disk() == (Names{"a-1.h5", "a-2.h5", "a-4.h5", "a-6.h5", "a-7.h5", "checkpoint"}),
             per_element());

  vs::Saver recovered({.max_to_keep = 1});
  recovered.recover_last_checkpoints(Names{directory / "gone.h5", paths[0]});
  BOOST_TEST(recovered.last_checkpoints() == Names{paths[0]}, per_element());
  save(recovered, 8);
  BOOST_TEST(!std::filesystem::exists(paths[0]));
}

BOOST_FIXTURE_TEST_CASE(SV25_without_write_state_nothing_is_listed_or_removed, Fixture) {
  vs::Saver one({.max_to_keep = 1});
  const std::string first = save(one, 1);
  const std::string state = read_file(directory / "checkpoint");
  one.save(session, directory / "b", {.write_state = false});
  BOOST_TEST(one.last_checkpoints() == Names{first}, per_element());
  BOOST_TEST(read_file(directory / "checkpoint") == state);
  BOOST_TEST(on_disk() == (Names{"a-1.h5", "b.h5", "checkpoint"}), per_element());
}

BOOST_FIXTURE_TEST_CASE(SV26_no_operation_is_made_so_a_finalized_graph_is_saved_and_restored, Fixture) {
  const std::size_t before = graph.operations().size();
  graph.finalize();
  const std::string path = save(saver, 1);
  saver.restore(session, path);
  vs::init_from_checkpoint(path, {{"/", "/"}});
  BOOST_TEST(graph.operations().size() == before);
}

BOOST_FIXTURE_TEST_CASE(SV27_the_order_of_the_list_changes_no_byte, Fixture) {
  const std::string one = vs::Saver({variables[0], variables[2]}).save(session, directory / "one");
  const std::string other = vs::Saver({variables[2], variables[0]}).save(session, directory / "other");
  BOOST_TEST((read_file(one) == read_file(other)));
}

BOOST_FIXTURE_TEST_CASE(ST1_ST3_the_state_file_lists_relative_paths_oldest_first, Fixture) {
  save(saver, 1);
  save(saver, 2);
  BOOST_TEST(read_file(directory / "checkpoint") ==
             "model_checkpoint_path: \"a-2.h5\"\n"
             "all_model_checkpoint_paths: \"a-1.h5\"\nall_model_checkpoint_paths: \"a-2.h5\"\n");
}

BOOST_FIXTURE_TEST_CASE(ST4_relative_paths_are_joined_to_the_directory, Fixture) {
  const std::string path = save(saver, 1);
  BOOST_TEST((vs::latest_checkpoint(directory.path()) == path));
}

BOOST_FIXTURE_TEST_CASE(ST5_the_latest_that_can_be_read_is_found_and_the_directory_not_searched, Fixture) {
  BOOST_TEST(!vs::latest_checkpoint(directory.path()));
  save(saver, 1);
  std::filesystem::remove(save(saver, 2));
  saver.save(session, directory / "unlisted", {.write_state = false});
  const vs::LatestCheckpoint found = vs::find_latest_checkpoint(directory.path());
  BOOST_TEST((found.path == directory / "a-1.h5"));
  BOOST_REQUIRE(found.skipped.size() == 1u);
  BOOST_TEST(found.skipped[0].path == directory / "a-2.h5");
}

BOOST_FIXTURE_TEST_CASE(ST6_a_state_file_without_a_latest_is_an_error_and_one_that_is_none_is_ignored,
                        Fixture) {
  write_file(directory / "checkpoint", "all_model_checkpoint_paths: \"a-1.h5\"\n");
  BOOST_CHECK_THROW(vs::latest_checkpoint(directory.path()), vs::ValueError);
  write_file(directory / "checkpoint", "no state file");
  BOOST_TEST(!vs::latest_checkpoint(directory.path()));
}

BOOST_FIXTURE_TEST_CASE(ST8_the_latest_is_the_last_one_saved, Fixture) {
  save(saver, 9);
  save(saver, 3);
  BOOST_TEST((vs::latest_checkpoint(directory.path()) == directory / "a-3.h5"));
}

BOOST_AUTO_TEST_SUITE_END()
