// SPDX-License-Identifier: Apache-2.0
// Variables by full name, and parts that know what they are parts of (SEMANTICS R13).
#include "scope_fixture.hpp"

#include <varscope/shared_variables.hpp>
#include <varscope/variable_creator_scope.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_shared_variables)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

namespace {

Names names_of(const std::vector<std::pair<std::string, vs::Variable>>& variables) {
  Names names;
  for (const auto& [name, variable] : variables) names.push_back(name);
  return names;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(shared_variables_are_found_by_their_full_names, NewGraph) {
  vs::Variable w;
  vs::Variable cut;
  {
    const auto a = vs::variable_scope("a");
    w = vs::get_variable("w", {1});
    cut = vs::get_variable("cut", {3}, {.partitioner = vs::fixed_size_partitioner(2)});
    vs::get_local_variable("local", {1});
  }
  (void)vs::get_variable("ab", {1});
  const vs::Variable unshared(vs::zeros_initializer(), {1}, {.name = "alone"});
  BOOST_TEST((vs::find_shared_variable(graph, "a/w") == w));
  BOOST_TEST((vs::find_shared_variable(graph, "a/cut") == cut));
  BOOST_TEST((vs::find_shared_variable(graph, "a/cut/part_1") == cut.partitions()[1]));
  BOOST_TEST(!vs::find_shared_variable(graph, "alone"));
  BOOST_TEST(!vs::find_shared_variable(graph, "a/w/read"));
  BOOST_TEST(!vs::find_shared_variable(graph, "a"));

  BOOST_TEST(names_of(vs::shared_variables(graph)) == (Names{"a/w", "a/cut", "a/local", "ab"}),
             per_element());
  BOOST_TEST(names_of(vs::shared_variables(graph, "a/")) == (Names{"a/w", "a/cut", "a/local"}),
             per_element());
  BOOST_TEST((vs::shared_variables(graph, "a/c").front().second == cut));
  BOOST_TEST(vs::shared_variables(graph, "b").empty());
}

BOOST_FIXTURE_TEST_CASE(R13_each_part_knows_its_whole_and_its_offset, NewGraph) {
  const vs::Variable v = vs::get_variable("v", {2, 5}, {.partitioner = vs::fixed_size_partitioner(3, 1)});
  const std::vector<std::int64_t> offsets = {0, 2, 4};
  for (std::size_t index = 0; index < 3; ++index) {
    const vs::Variable part = v.partitions()[index];
    BOOST_TEST((part.partitioned_variable() == v));
    BOOST_TEST((part.partition_info().full_shape() == vs::Shape{2, 5}));
    BOOST_TEST(part.partition_info().var_offset() == (std::vector<std::int64_t>{0, offsets[index]}),
               per_element());
    BOOST_TEST(part.partition_info().single_offset(part.shape()) == offsets[index]);
  }
  BOOST_TEST(!v.partitioned_variable());

  const vs::Variable plain = vs::get_variable("plain", {1});
  BOOST_TEST(!plain.partitioned_variable());
  BOOST_CHECK_EXCEPTION(plain.partition_info(), vs::FailedPreconditionError,
                        says({"'plain:0'", "test_shared_variables.cpp:"}));
  BOOST_CHECK_THROW(v.partition_info(), vs::FailedPreconditionError);
  BOOST_CHECK_THROW(vs::Variable().partitioned_variable(), vs::FailedPreconditionError);
}

BOOST_FIXTURE_TEST_CASE(one_part_and_parts_that_creators_made_know_it_too, NewGraph) {
  const vs::Variable one = vs::get_variable("one", {2}, {.partitioner = vs::fixed_size_partitioner(1)});
  BOOST_TEST((one.partitions()[0].partitioned_variable() == one));

  const auto creating = vs::variable_creator_scope(
      [](const vs::NextVariableCreator& next, const vs::VariableCreatorArguments& arguments) {
        vs::VariableCreatorArguments renamed = arguments;
        renamed.name = "renamed";
        return next(renamed);
      });
  const vs::Variable made = vs::get_variable("made", {4}, {.partitioner = vs::fixed_size_partitioner(2)});
  BOOST_TEST((made.partitions()[1].partitioned_variable() == made));
}

BOOST_AUTO_TEST_SUITE_END()
