// SPDX-License-Identifier: Apache-2.0
// Saver: SEMANTICS 2.3, through the public interface.
#include "io/named_arrays.hpp"
#include "io/saver_fixture.hpp"
#include "io/temporary_directory.hpp"

#include <varscope/varscope.hpp>

#include <filesystem>
#include <map>

BOOST_AUTO_TEST_SUITE(test_saver)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

BOOST_AUTO_TEST_CASE(another_session_gets_the_same_bits) {
  const TemporaryDirectory directory;
  Random random;
  std::vector<vs::Array> saved;
  std::string path;
  {
    Model model;
    model.randomize(random);
    saved = model.values();
    path = vs::Saver().save(model.session, directory / "filter", {.global_step = 1000});
  }
  BOOST_TEST(path == directory / "filter-1000.h5");
  BOOST_TEST((vs::CheckpointReader(path).global_step() == 1000));
  Model restored;
  vs::Saver().restore(restored.session, path);
  BOOST_TEST(same_bits(restored.values(), saved));

  Model by_prefix;
  vs::Saver().restore(by_prefix.session, directory / "filter-1000");
  BOOST_TEST(same_bits(by_prefix.values(), saved));
  Model by_directory;
  vs::Saver().restore(by_directory.session, directory.path());
  BOOST_TEST(same_bits(by_directory.values(), saved));
}

BOOST_AUTO_TEST_CASE(initial_values_are_saved_and_restored) {
  const TemporaryDirectory directory;
  Model model;
  const std::string path = vs::Saver().save(model.session, directory / "filter");
  BOOST_TEST(path == directory / "filter.h5");
  Model restored;
  vs::Saver().restore(restored.session, path);
  BOOST_TEST(same_bits(restored.values(), model.values()));
}

BOOST_AUTO_TEST_CASE(keys_are_op_names_and_datasets_are_scope_paths) {
  const TemporaryDirectory directory;
  Model model;
  const std::string path = vs::Saver().save(model.session, directory / "a");
  std::vector<std::string> names;
  for (const vs::CheckpointEntry& entry : vs::list_variables(path)) names.push_back(entry.name);
  const std::vector<std::string> expected = {"model/conv1/biases", "model/conv1/weights", "model/count"};
  BOOST_TEST(names == expected, per_element());
}

BOOST_AUTO_TEST_CASE(files_are_called_as_the_step_and_options_say) {
  const TemporaryDirectory directory;
  Model model;
  vs::Saver saver;
  BOOST_TEST(saver.save(model.session, directory / "a.h5") == directory / "a.h5");
  BOOST_TEST(saver.save(model.session, directory / "a.h5", {.global_step = 0}) == directory / "a-0.h5");
  vs::Saver padded({.pad_step_number = true});
  BOOST_TEST(padded.save(model.session, directory / "a", {.global_step = 42}) == directory / "a-00000042.h5");
  BOOST_TEST(padded.save(model.session, directory / "a", {.global_step = 1234567890}) ==
             directory / "a-1234567890.h5");
}

BOOST_AUTO_TEST_CASE(a_list_saves_and_restores_a_part) {
  const TemporaryDirectory directory;
  Random random;
  Model model;
  model.randomize(random);
  vs::Saver part({model.variables[0], model.variables[2]});
  const std::string path = part.save(model.session, directory / "part");
  BOOST_TEST(vs::list_variables(path).size() == 2u);

  Model restored;
  const std::vector<vs::Array> before = restored.values();
  vs::Saver({restored.variables[2]}).restore(restored.session, path);  // what else is there is ignored
  const std::vector<vs::Array> after = restored.values();
  BOOST_TEST(after[0].same_bits(before[0]));
  BOOST_TEST(after[1].same_bits(before[1]));
  BOOST_TEST(after[2].same_bits(model.values()[2]));

  const std::vector<vs::Variable> as_vector = {model.variables[1]};
  BOOST_TEST(vs::list_variables(vs::Saver(as_vector).save(model.session, directory / "one")).size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_map_renames) {
  const TemporaryDirectory directory;
  Random random;
  Model model;
  model.randomize(random);
  vs::Saver renaming({{"old/w", model.variables[0]}, {"odd name: %/", model.variables[1]}});
  const std::string path = renaming.save(model.session, directory / "renamed");
  BOOST_TEST(vs::load_variable(path, "old/w").same_bits(model.values()[0]));
  BOOST_TEST(vs::load_variable(path, "odd name: %/").same_bits(model.values()[1]));

  Model restored;
  const std::map<std::string, vs::Variable> map = {{"old/w", restored.variables[0]}};
  vs::Saver(map).restore(restored.session, path);
  BOOST_TEST(restored.values()[0].same_bits(model.values()[0]));
}

BOOST_AUTO_TEST_CASE(bad_lists_and_maps_are_refused) {
  Model model;
  const vs::Variable weights = model.variables[0];
  BOOST_TEST(contains(message_of<vs::ValueError>([&] {
                        vs::Saver({weights, weights});
                      }),
                      "'model/conv1/weights'"));
  const std::string twice = message_of<vs::ValueError>([&] { vs::Saver({{"a", weights}, {"b", weights}}); });
  BOOST_TEST(contains(twice, "'model/conv1/weights'"));
  BOOST_CHECK_THROW(vs::Saver({{"a", weights}, {"a", model.variables[1]}}), vs::ValueError);
  BOOST_CHECK_THROW(vs::Saver({{"", weights}}), vs::ValueError);
  BOOST_CHECK_THROW(vs::Saver({weights, vs::Variable()}), vs::ValueError);
  BOOST_CHECK_THROW(vs::Saver(std::vector<vs::Variable>{}), vs::ValueError);
  BOOST_CHECK_THROW(vs::Saver(std::map<std::string, vs::Variable>{}), vs::ValueError);
  BOOST_CHECK_THROW(vs::Saver({.max_to_keep = -1}), vs::ValueError);

  vs::Graph empty;
  vs::Session session(empty);
  const TemporaryDirectory directory;
  BOOST_CHECK_THROW(vs::Saver().save(session, directory / "a"), vs::ValueError);
  BOOST_TEST(std::filesystem::is_empty(directory.path()));
}

BOOST_AUTO_TEST_CASE(bad_paths_are_refused) {
  const TemporaryDirectory directory;
  Model model;
  vs::Saver saver;
  BOOST_CHECK_THROW(saver.save(model.session, ""), vs::ValueError);
  BOOST_CHECK_THROW(saver.save(model.session, directory.path() + "/"), vs::ValueError);
  BOOST_CHECK_THROW(saver.save(model.session, directory / "a", {.global_step = -1}), vs::ValueError);
  BOOST_TEST(contains(message_of<vs::ValueError>([&] { saver.save(model.session, directory / "missing/a"); }),
                      directory / "missing"));
  BOOST_TEST(!std::filesystem::exists(directory / "missing"));
  BOOST_CHECK_THROW(saver.save(model.session, directory / "a", {.latest_filename = "x/y"}), vs::ValueError);
  BOOST_CHECK_THROW(saver.save(model.session, directory / "a", {.latest_filename = ""}), vs::ValueError);
  BOOST_CHECK_THROW(saver.save(model.session, directory / "a", {.latest_filename = "a.h5"}), vs::ValueError);
  BOOST_TEST(std::filesystem::is_empty(directory.path()));

  saver.save(model.session, directory / "a-1");
  BOOST_CHECK_THROW(saver.restore(model.session, ""), vs::ValueError);
  const std::string message =
      message_of<vs::ValueError>([&] { saver.restore(model.session, directory / "a-2.h5"); });
  BOOST_TEST(contains(message, directory / "a-2.h5"));
  BOOST_TEST(contains(message, "'a-1.h5'"));
  write_file(directory / "text.h5", "no checkpoint at all");
  BOOST_CHECK_THROW(saver.restore(model.session, directory / "text.h5"), vs::InvalidArgumentError);
}

BOOST_AUTO_TEST_CASE(every_mismatch_is_told_and_nothing_is_changed) {
  const TemporaryDirectory directory;
  const vs::Array ones = vs::Array::of<float>({4}, {1, 1, 1, 1});
  const NamedArrays variables = {{"model/conv1/weights", vs::Array(vs::Shape{2, 2, 5, 4})},
                                 {"model/conv1/biases", ones},
                                 {"model/counter", vs::Array::scalar(1.0f)}};
  vs::write_checkpoint(directory / "a.h5", variables);
  Model model;
  const std::vector<vs::Array> before = model.values();
  const std::string missing =
      message_of<vs::NotFoundError>([&] { vs::Saver().restore(model.session, directory / "a.h5"); });
  BOOST_TEST(contains(missing, directory / "a.h5"));
  BOOST_TEST(contains(missing, "'model/conv1/weights': wanted float32[2,2,3,4]"));
  BOOST_TEST(contains(missing, "found float32[2,2,5,4]"));
  BOOST_TEST(contains(missing, "'model/count': wanted int64[]"));
  BOOST_TEST(contains(missing, "the nearest is 'model/counter'"));
  BOOST_TEST(contains(missing, "saver_fixture.hpp:"));
  BOOST_TEST(!contains(missing, "biases"));

  const std::map<std::string, vs::Variable> renamed = {{"model/counter", model.variables[2]},
                                                       {"model/conv1/biases", model.variables[1]}};
  const std::string wrong = message_of<vs::InvalidArgumentError>(
      [&] { vs::Saver(renamed).restore(model.session, directory / "a.h5"); });
  BOOST_TEST(contains(wrong, "'model/counter' for the variable 'model/count': wanted int64[]"));
  BOOST_TEST(contains(wrong, "found float32[]"));
  BOOST_TEST(same_bits(model.values(), before));
}

BOOST_AUTO_TEST_CASE(damaged_data_changes_nothing) {
  const TemporaryDirectory directory;
  Random random;
  Model model;
  model.randomize(random);
  const std::string path = vs::Saver().save(model.session, directory / "a");
  std::string bytes = read_file(path);
  bytes[vs::CheckpointReader(path).entry("model/count").offset] ^= 1;  // the last to be read
  write_file(path, bytes);
  model.randomize(random);
  const std::vector<vs::Array> before = model.values();
  BOOST_TEST(contains(message_of<vs::DataLossError>([&] { vs::Saver().restore(model.session, path); }),
                      "/model/count:0"));
  BOOST_TEST(same_bits(model.values(), before));
}

BOOST_AUTO_TEST_CASE(the_newest_checkpoints_are_kept) {
  const TemporaryDirectory directory;
  Model model;
  vs::Saver saver({.max_to_keep = 2});
  std::vector<std::string> paths;
  for (int step = 1; step <= 4; ++step) {
    paths.push_back(saver.save(model.session, directory / "a", {.global_step = step}));
  }
  const std::vector<std::string> kept = {directory / "a-3.h5", directory / "a-4.h5"};
  BOOST_TEST(saver.last_checkpoints() == kept, per_element());
  BOOST_TEST(!std::filesystem::exists(paths[1]));
  BOOST_TEST((vs::latest_checkpoint(directory.path()) == paths[3]));

  saver.save(model.session, directory / "unlisted", {.write_state = false});
  BOOST_TEST(saver.last_checkpoints() == kept, per_element());
  BOOST_TEST((vs::latest_checkpoint(directory.path()) == paths[3]));

  vs::Saver later({.max_to_keep = 2});
  BOOST_TEST(later.last_checkpoints().empty());
  later.recover_last_checkpoints(paths);
  BOOST_TEST(later.last_checkpoints() == kept, per_element());
  later.save(model.session, directory / "a", {.global_step = 5});
  BOOST_TEST(!std::filesystem::exists(directory / "a-3.h5"));
}

BOOST_AUTO_TEST_CASE(a_moved_directory_still_knows_its_latest) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "before");
  Model model;
  vs::Saver().save(model.session, directory / "before/a", {.global_step = 1});
  std::filesystem::rename(directory / "before", directory / "after");
  BOOST_TEST((vs::latest_checkpoint(directory / "after") == directory / "after/a-1.h5"));
}

BOOST_AUTO_TEST_CASE(relative_paths_work) {
  const TemporaryDirectory directory;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  Model model;
  BOOST_TEST(vs::Saver().save(model.session, "a", {.global_step = 1}) == "a-1.h5");
  BOOST_TEST((vs::latest_checkpoint(".") == "a-1.h5"));
  vs::Saver().restore(model.session, ".");
  vs::Saver().restore(model.session, "a-1");
  std::filesystem::current_path(before);
}

BOOST_AUTO_TEST_SUITE_END()
