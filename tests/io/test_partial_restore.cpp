// SPDX-License-Identifier: Apache-2.0
// Restoring a part of a model, or under other scopes, and the report on it.
#include "io/named_arrays.hpp"
#include "io/saver_fixture.hpp"
#include "io/temporary_directory.hpp"

#include <varscope/varscope.hpp>

BOOST_AUTO_TEST_SUITE(test_partial_restore)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;
using Names = std::vector<std::string>;

namespace {

const vs::Array ones = vs::Array::of<float>({4}, {1, 1, 1, 1});

// A checkpoint in which, for the model, one variable fits, one has another shape, one is missing, and one is
// too many.
struct Fixture : Model {
  TemporaryDirectory directory;
  std::string path = directory / "a.h5";

  Fixture() {
    vs::write_checkpoint(path, NamedArrays{{"model/conv1/weights", vs::Array(vs::Shape{2, 2, 5, 4})},
                                           {"model/conv1/biases", ones},
                                           {"model/counter", vs::Array::scalar(1.0f)}});
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(what_fits_is_restored_and_the_rest_reported, Fixture) {
  const std::vector<vs::Array> before = values();
  const vs::RestoreReport report = vs::Saver().restore_matching(session, path);
  BOOST_TEST(!report.complete());
  BOOST_TEST(report.checkpoint == path);

  BOOST_REQUIRE(report.restored.size() == 1u);
  BOOST_TEST(report.restored[0].variable == "model/conv1/biases");
  BOOST_TEST(report.restored[0].tensor == "model/conv1/biases");

  BOOST_REQUIRE(report.missing.size() == 1u);
  BOOST_TEST(report.missing[0].variable == "model/count");
  BOOST_TEST((report.missing[0].dtype == vs::int64 && report.missing[0].shape == vs::Shape{}));
  BOOST_TEST(report.missing[0].nearest == Names{"model/counter"}, per_element());
  BOOST_TEST(contains(report.missing[0].where.file_name(), "saver_fixture.hpp"));

  BOOST_REQUIRE(report.mismatched.size() == 1u);
  BOOST_TEST(report.mismatched[0].variable == "model/conv1/weights");
  BOOST_TEST((report.mismatched[0].shape == vs::Shape{2, 2, 3, 4}));
  BOOST_TEST((report.mismatched[0].found_shape == vs::Shape{2, 2, 5, 4}));
  BOOST_TEST((report.mismatched[0].found_dtype == vs::float32));

  BOOST_TEST(report.unexpected == Names{"model/counter"}, per_element());

  const std::vector<vs::Array> after = values();
  BOOST_TEST(after[0].same_bits(before[0]));
  BOOST_TEST(after[1].same_bits(ones));
  BOOST_TEST(after[2].same_bits(before[2]));
}

BOOST_FIXTURE_TEST_CASE(the_report_is_readable, Fixture) {
  const std::string text = vs::Saver().restore_matching(session, path).to_string();
  BOOST_TEST(contains(text, "1 restored, 1 missing, 1 mismatched, 1 unexpected"));
  BOOST_TEST(contains(text, "'model/count': wanted int64[]"));
  BOOST_TEST(contains(text, "not found; near it: 'model/counter'"));
  BOOST_TEST(contains(text, "'model/conv1/weights': wanted float32[2,2,3,4]"));
  BOOST_TEST(contains(text, "found float32[2,2,5,4]"));
  BOOST_TEST(contains(text, "'model/counter': in the file"));
}

BOOST_AUTO_TEST_CASE(a_report_without_problems_is_complete) {
  const TemporaryDirectory directory;
  Random random;
  Model saved;
  saved.randomize(random);
  const std::string path = vs::Saver().save(saved.session, directory / "a");
  Model restored;
  const vs::RestoreReport report = vs::Saver().restore_matching(restored.session, directory / "a");
  BOOST_TEST(report.complete());
  BOOST_TEST(report.checkpoint == path);
  BOOST_TEST(report.restored.size() == 3u);
  BOOST_TEST(report.unexpected.empty());
  BOOST_TEST(same_bits(restored.values(), saved.values()));
}

BOOST_FIXTURE_TEST_CASE(damaged_data_changes_nothing_also_in_part, Fixture) {
  std::string bytes = read_file(path);
  bytes[vs::CheckpointReader(path).entry("model/conv1/biases").offset] ^= 1;
  write_file(path, bytes);
  const std::vector<vs::Array> before = values();
  BOOST_CHECK_THROW(vs::Saver().restore_matching(session, path), vs::DataLossError);
  BOOST_TEST(same_bits(values(), before));
  BOOST_CHECK_THROW(vs::Saver().restore_matching(session, directory / "none"), vs::ValueError);
}

BOOST_FIXTURE_TEST_CASE(unexpected_tensors_are_refused_if_asked, Fixture) {
  const std::vector<vs::Array> before = values();
  const vs::RestoreOptions strict{.refuse_unexpected = true};
  vs::Saver biases({variables[1]});
  const std::string message =
      message_of<vs::InvalidArgumentError>([&] { biases.restore(session, path, strict); });
  BOOST_TEST(contains(message, "'model/counter'"));
  BOOST_TEST(contains(message, "'model/conv1/weights'"));
  BOOST_TEST(!contains(message, "'model/conv1/biases'"));
  BOOST_CHECK_THROW(biases.restore_matching(session, path, strict), vs::InvalidArgumentError);
  const std::string all = message_of<vs::NotFoundError>([&] { vs::Saver().restore(session, path, strict); });
  BOOST_TEST(contains(all, "'model/counter': in the file"));
  BOOST_TEST(same_bits(values(), before));

  const std::string only = biases.save(session, directory / "only");
  biases.restore(session, only, strict);
  biases.restore(session, path);
  BOOST_TEST(values()[1].same_bits(ones));
}

BOOST_AUTO_TEST_CASE(scopes_are_renamed) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  const auto number = [](float value) { return vs::Array::scalar(value); };
  vs::write_checkpoint(
      path,
      NamedArrays{
          {"old/w", number(1)}, {"old/in/w", number(2)}, {"other/w", number(3)}, {"older/w", number(4)}});
  vs::Graph graph;
  const auto building = graph.as_default();
  const auto variable = [](const char* name) {
    return vs::get_variable(name, {}, {.initializer = vs::zeros_initializer()});
  };
  const std::vector<vs::Variable> all = {variable("new/w"), variable("new/in/w"), variable("older/w")};
  vs::Session session(graph);
  const auto values = [&] {
    std::vector<double> numbers;
    for (const vs::Array& value : session.read(all)) numbers.push_back(value.item());
    return numbers;
  };

  vs::Saver().restore(session, path, {.renamed_scopes = {{"old/", "new/"}}});
  BOOST_TEST(values() == (std::vector<double>{1, 2, 4}), per_element());

  // The innermost scope counts.
  const vs::RestoreReport inner = vs::Saver().restore_matching(
      session, path, {.renamed_scopes = {{"other/", "new/in/"}, {"x/", "new/"}}});
  BOOST_TEST(values() == (std::vector<double>{1, 3, 4}), per_element());
  BOOST_REQUIRE(inner.missing.size() == 1u);
  BOOST_TEST(inner.missing[0].variable == "new/w");
  BOOST_TEST(inner.missing[0].tensor == "x/w");
  BOOST_TEST(contains(inner.to_string(), "'x/w' for the variable 'new/w'"));
  BOOST_TEST(inner.unexpected == (Names{"old/in/w", "old/w"}), per_element());

  // One scope of the file may go into two of the graph, and the root is "/".
  vs::Saver({all[0], all[2]})
      .restore(session, path, {.renamed_scopes = {{"other/", "new/"}, {"other/", "older/"}}});
  BOOST_TEST(values() == (std::vector<double>{3, 3, 3}), per_element());
  const std::vector<vs::Array> shared = session.read_shared({all[0], all[2]});
  BOOST_TEST(shared[0].data() != shared[1].data());  // each a value of its own
  const vs::Variable w = variable("w");
  vs::Saver({w}).restore(session, path, {.renamed_scopes = {{"old/", "/"}}});
  BOOST_TEST(session.run(w).item() == 1);
  vs::Saver({{"top/old/w", w}}).restore(session, path, {.renamed_scopes = {{"/", "top/"}}});
  BOOST_TEST(session.run(w).item() == 1);
}

BOOST_FIXTURE_TEST_CASE(scopes_that_cannot_be_renamed_so_are_refused, Fixture) {
  const std::vector<vs::Array> before = values();
  const auto refusal = [&](const std::vector<std::pair<std::string, std::string>>& scopes) {
    return message_of<vs::ValueError>(
        [&] { vs::Saver().restore_matching(session, path, {.renamed_scopes = scopes}); });
  };
  BOOST_TEST(contains(refusal({{"old", "model/"}}), "'old'"));
  BOOST_TEST(contains(refusal({{"old/", "model"}}), "must end in '/'"));
  BOOST_TEST(contains(refusal({{"", "model/"}}), "''"));
  BOOST_TEST(contains(refusal({{"a/", "model/"}, {"b/", "model/"}}), "two scopes"));
  BOOST_TEST(contains(refusal({{"model/", "modle/"}}), "'modle/'"));
  BOOST_TEST(same_bits(values(), before));
}

// A checkpoint of another model: every name is missing, and comparing each with each would take minutes for
// large ones.
BOOST_AUTO_TEST_CASE(of_many_missing_names_only_the_first_get_hints) {
  const TemporaryDirectory directory;
  constexpr int kVariables = 1000;
  NamedArrays others;
  vs::Graph graph;
  const auto building = graph.as_default();
  for (int k = 0; k < kVariables; ++k) {
    others.emplace_back("a" + std::to_string(k) + "/w", vs::Array::scalar(1.0f));
    vs::get_variable("b" + std::to_string(k) + "/w", {});
  }
  vs::write_checkpoint(directory / "a.h5", others);
  vs::Session session(graph);
  const vs::RestoreReport report = vs::Saver().restore_matching(session, directory / "a.h5");
  BOOST_REQUIRE(report.missing.size() == std::size_t{kVariables});
  BOOST_TEST(!report.missing.front().nearest.empty());
  BOOST_TEST(report.missing.back().nearest.empty());
  const std::string message =
      message_of<vs::NotFoundError>([&] { vs::Saver().restore(session, directory / "a.h5"); });
  for (const auto& each : report.missing) {
    if (message.find("'" + each.tensor + "'") == message.npos) BOOST_ERROR("not named: " << each.tensor);
  }
}

BOOST_AUTO_TEST_SUITE_END()
