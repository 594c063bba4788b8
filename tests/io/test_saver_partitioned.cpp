// SPDX-License-Identifier: Apache-2.0
// Partitioned variables in checkpoints: SEMANTICS SV7.
#include "io/named_arrays.hpp"
#include "io/saver_fixture.hpp"
#include "io/temporary_directory.hpp"

#include <varscope/varscope.hpp>

#include <map>

BOOST_AUTO_TEST_SUITE(test_saver_partitioned)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

namespace {

const vs::Shape kShape = {3, 5};

// The variable "s/v" in a graph of its own: cut into `parts` along `axis`, or whole if there are none.
struct Cut {
  vs::Graph graph;
  vs::Graph::AsDefault building{graph};
  vs::Variable v;
  vs::Session session{graph};

  explicit Cut(std::int64_t parts, int axis = 0) {
    const auto scope = vs::variable_scope("s");
    vs::GetVariableOptions options{.initializer = vs::zeros_initializer()};
    if (parts > 0) options.partitioner = vs::fixed_size_partitioner(parts, axis);
    v = vs::get_variable("v", kShape, options);
  }
  vs::Array value() { return session.run(v); }
  // Element i of the whole is i.
  void count() {
    vs::Saver().restore(session, counted().path());
    BOOST_TEST(value().same_bits(counted().value));
  }

 private:
  struct Counted {
    TemporaryDirectory directory;
    vs::Array value{kShape};
    Counted() {
      float next = 0;
      for (float& element : value.values<float>()) element = next++;
      vs::write_checkpoint(path(), NamedArrays{{"s/v", value}});
    }
    std::string path() const { return directory / "counted.h5"; }
  };
  static const Counted& counted() {
    static const Counted counted;
    return counted;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(SV7_parts_are_saved_as_one_tensor_under_the_full_name) {
  const TemporaryDirectory directory;
  Cut cut(2);
  cut.count();
  const std::vector<vs::Variable> parts = cut.v.partitions();
  const vs::Array value = cut.value();
  const std::vector<std::string> paths = {
      vs::Saver().save(cut.session, directory / "all"),
      vs::Saver({cut.v}).save(cut.session, directory / "object"),
      vs::Saver(parts).save(cut.session, directory / "parts"),
      vs::Saver({parts[1], parts[0]}).save(cut.session, directory / "parts in another order"),
  };
  for (const std::string& path : paths) {
    BOOST_TEST_CONTEXT(path) {
      const std::vector<vs::CheckpointEntry> entries = vs::list_variables(path);
      BOOST_REQUIRE(entries.size() == 1u);
      BOOST_TEST(entries[0].name == "s/v");
      BOOST_TEST((entries[0].shape == kShape));
      BOOST_TEST(vs::load_variable(path, "s/v").same_bits(value));
    }
  }
}

BOOST_AUTO_TEST_CASE(SV7_any_partitioning_reads_what_any_other_wrote) {
  const std::vector<std::pair<std::int64_t, int>> ways = {{0, 0}, {1, 0}, {2, 0}, {3, 0}, {2, 1}, {5, 1}};
  for (const auto& [parts, axis] : ways) {
    const TemporaryDirectory directory;
    Cut saved(parts, axis);
    saved.count();
    const std::string path = vs::Saver().save(saved.session, directory / "v");
    for (const auto& [other_parts, other_axis] : ways) {
      BOOST_TEST_CONTEXT(parts << " parts along " << axis << " into " << other_parts << " along "
                               << other_axis) {
        Cut restored(other_parts, other_axis);
        vs::Saver({restored.v}).restore(restored.session, path);
        BOOST_TEST(restored.value().same_bits(saved.value()));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(SV7_a_map_names_the_whole_or_a_part_by_itself) {
  const TemporaryDirectory directory;
  Cut cut(2, 1);
  cut.count();
  const std::string whole = vs::Saver({{"renamed", cut.v}}).save(cut.session, directory / "whole");
  BOOST_TEST(vs::load_variable(whole, "renamed").same_bits(cut.value()));
  const vs::Variable part = cut.v.partitions()[1];
  const std::string alone = vs::Saver({{"part", part}}).save(cut.session, directory / "alone");
  BOOST_TEST(vs::load_variable(alone, "part").same_bits(cut.session.run(part)));

  const std::string twice = message_of<vs::ValueError>([&] {
    vs::Saver({{"whole", cut.v}, {"part", part}});
  });
  BOOST_TEST(contains(twice, "'s/v/part_1'"));
  BOOST_TEST(contains(twice, "'part'"));
  BOOST_TEST(contains(twice, "'whole'"));
}

BOOST_AUTO_TEST_CASE(SV7_parts_that_do_not_make_the_whole_are_refused) {
  Cut cut(3);
  const std::vector<vs::Variable> parts = cut.v.partitions();
  const std::string some = message_of<vs::ValueError>([&] { vs::Saver({parts[0], parts[2]}); });
  BOOST_TEST(contains(some, "'s/v'"));
  BOOST_TEST(contains(some, "only the parts 's/v/part_0', 's/v/part_2' are given"));
  BOOST_TEST(contains(some, "'s/v/part_1' are missing"));
  BOOST_TEST(contains(some, "test_saver_partitioned.cpp:"));
  BOOST_TEST(contains(message_of<vs::ValueError>([&] {
                        vs::Saver({parts[0], parts[1], parts[2], parts[1]});
                      }),
                      "'s/v/part_1'"));
  BOOST_TEST(contains(message_of<vs::ValueError>([&] {
                        vs::Saver({cut.v, parts[0], parts[1], parts[2]});
                      }),
                      "'s/v'"));
}

BOOST_AUTO_TEST_CASE(SV7_a_plain_variable_of_the_full_name_is_refused) {
  Cut cut(2);
  const vs::Variable plain(vs::zeros_initializer(), {1}, {.name = "s/v"});
  BOOST_TEST(plain.op().name() == "s/v");
  const auto check = [](const std::string& message) {
    BOOST_TEST(contains(message, "the partitioned variable 's/v'"));
    BOOST_TEST(contains(message, "the variable 's/v'"));
  };
  check(message_of<vs::ValueError>([&] { vs::Saver({cut.v, plain}); }));
  check(message_of<vs::ValueError>([&] {
    vs::Saver({cut.v.partitions()[0], plain, cut.v.partitions()[1]});
  }));
  const TemporaryDirectory directory;
  check(message_of<vs::ValueError>([&] { vs::Saver().save(cut.session, directory / "a"); }));
  BOOST_TEST(contains(message_of<vs::ValueError>([&] { vs::Saver({plain, plain}); }), "given twice"));
}

BOOST_AUTO_TEST_CASE(a_mismatch_names_the_full_shape_and_changes_no_part) {
  const TemporaryDirectory directory;
  vs::write_checkpoint(directory / "a.h5", NamedArrays{{"s/v", vs::Array({3, 4})}});
  Cut cut(2);
  cut.count();
  const vs::Array before = cut.value();
  const std::string message =
      message_of<vs::InvalidArgumentError>([&] { vs::Saver().restore(cut.session, directory / "a.h5"); });
  BOOST_TEST(contains(message, "'s/v': wanted float32[3,5]"));
  BOOST_TEST(cut.value().same_bits(before));
}

BOOST_AUTO_TEST_CASE(parts_made_with_create_partitioned_variables_are_one_tensor_too) {
  const TemporaryDirectory directory;
  vs::Graph graph;
  const auto building = graph.as_default();
  const std::vector<vs::Variable> parts = vs::create_partitioned_variables(
      {4}, {2}, vs::Initializer(vs::Array::of<float>({4}, {1, 2, 3, 4})), {.name = "old"});
  vs::Session session(graph);
  const std::string path = vs::Saver(parts).save(session, directory / "a");
  BOOST_TEST(vs::load_variable(path, "old").same_bits(vs::Array::of<float>({4}, {1, 2, 3, 4})));
}

BOOST_AUTO_TEST_SUITE_END()
