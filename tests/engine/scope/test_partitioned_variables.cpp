// SPDX-License-Identifier: Apache-2.0
// SEMANTICS R and S: partitioned variables.
#include "scope_fixture.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/partitioned_variables.hpp>
#include <varscope/session.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>

BOOST_AUTO_TEST_SUITE(test_partitioned_variables)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

namespace {

using Counts = std::vector<std::int64_t>;

vs::Partitioner parts(Counts counts) {
  return [counts = std::move(counts)](const vs::Shape&, vs::DType) { return counts; };
}

Names names(const std::vector<vs::Variable>& variables) {
  Names names;
  for (const vs::Variable& variable : variables) names.push_back(variable.name());
  return names;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(partitioned_variables, NewGraph)

BOOST_AUTO_TEST_CASE(R1_the_parts_are_the_variables) {
  const auto s = vs::variable_scope("s", {.partitioner = parts({2, 1, 1})});
  const vs::Variable v = vs::get_variable("n", {3, 1, 1});
  BOOST_TEST(v.name() == "s/n");
  BOOST_TEST(v.is_partitioned());
  BOOST_TEST(v.shape().to_string() == "[3,1,1]");
  BOOST_TEST(names(v.partitions()) == (Names{"s/n/part_0:0", "s/n/part_1:0"}), per_element());
  BOOST_TEST(names(vs::global_variables()) == names(v.partitions()), per_element());
  BOOST_TEST(store_keys() == (Names{"s/n/part_0", "s/n/part_1"}), per_element());
  BOOST_TEST(v.partitions()[0].shape().to_string() == "[2,1,1]");
  BOOST_TEST(v.partitions()[1].shape().to_string() == "[1,1,1]");
  BOOST_CHECK_EXCEPTION(v.op(), vs::FailedPreconditionError, says({"s/n", "partitioned"}));
}

BOOST_AUTO_TEST_CASE(R2_the_first_parts_get_the_rest) {
  const auto widths = [](std::int64_t extent, std::int64_t count) {
    const vs::Variable v =
        vs::get_variable("v" + std::to_string(extent), {2, extent}, {.partitioner = parts({1, count})});
    Counts result;
    for (const vs::Variable& part : v.partitions()) result.push_back(part.shape()[1]);
    return result;
  };
  BOOST_TEST(widths(43, 5) == (Counts{9, 9, 9, 8, 8}), per_element());
  BOOST_TEST(widths(13, 3) == (Counts{5, 4, 4}), per_element());
  BOOST_TEST(widths(7, 7) == (Counts{1, 1, 1, 1, 1, 1, 1}), per_element());
}

BOOST_AUTO_TEST_CASE(R3_the_whole_is_the_parts_put_together) {
  const vs::Array value = vs::Array::of<float>({2, 5}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  const vs::Variable rows =
      vs::get_variable("rows", {2, 5}, {.initializer = value, .partitioner = parts({2, 1})});
  const vs::Variable columns =
      vs::get_variable("columns", {2, 5}, {.initializer = value, .partitioner = parts({1, 3})});
  const auto x = vs::name_scope("x");
  BOOST_TEST(rows.value().name() == "rows:0");
  BOOST_TEST(columns.value().name() == "columns:0");
  BOOST_TEST(columns.value().name() == "columns_1:0");  // new operations each time
  BOOST_TEST(has_op("columns/ConcatPartitions/concat"));
  vs::Session session(graph);
  BOOST_TEST(session.run(rows).same_bits(value));
  BOOST_TEST(session.run(columns).same_bits(value));
  const vs::Tensor twice = columns + columns;
  BOOST_TEST(twice.shape().to_string() == "[2,5]");
  BOOST_TEST(session.run(twice).values<float>()[9] == 18.0F);
}

BOOST_AUTO_TEST_CASE(R3_a_value_beside_a_partitioner_says_no_shape) {
  const vs::Array value = vs::Array::of<float>({3}, {1, 2, 3});
  const auto make = [&](auto... shape) {
    return vs::get_variable("v", shape..., {.initializer = value, .partitioner = parts({2})});
  };
  BOOST_CHECK_EXCEPTION(make(), vs::ValueError, says({"v", "fully defined", "give the shape [3] too"}));
  BOOST_CHECK_EXCEPTION(make(vs::Shape({4})), vs::ValueError, says({"v", "value", "[3]", "[4]"}));
  BOOST_TEST(vs::global_variables().empty());
  BOOST_TEST(!has_op("v/part_0"));
  const vs::Variable v = make(vs::Shape({3}));
  BOOST_TEST(vs::Session(graph).run(v).same_bits(value));
  const auto again = vs::variable_scope(vs::get_variable_scope(), {.reuse = true});
  BOOST_CHECK(vs::get_variable("v", {.initializer = vs::Array::of<float>({2}, {8, 9})}) == v);
}

BOOST_AUTO_TEST_CASE(R5_sharing_needs_the_same_partitions) {
  {
    auto s = vs::variable_scope("s", {.partitioner = parts({2, 1})});
    const vs::Variable v = vs::get_variable("n", {3, 1});
    s.reuse_variables();
    BOOST_CHECK(vs::get_variable("n", {3, 1}) == v);
    BOOST_CHECK_EXCEPTION(vs::get_variable("n"), vs::ValueError, says({"s/n", "fully defined"}));
    BOOST_CHECK_EXCEPTION(vs::get_variable("n", {4, 1}), vs::ValueError,
                          says({"s/n", "shape", "[4,1]", "[3,1]"}));
    BOOST_CHECK_EXCEPTION(vs::get_variable("n", {3, 1}, {.dtype = vs::int32}), vs::ValueError,
                          says({"s/n", "dtype", "int32"}));
  }
  const auto s = vs::variable_scope("s", {.reuse = true, .partitioner = parts({3, 1})});
  BOOST_CHECK_EXCEPTION(vs::get_variable("n", {3, 1}), vs::ValueError,
                        says({"s/n", "partitions", "[2, 1]", "[3, 1]"}));
}

BOOST_AUTO_TEST_CASE(R6_R7_a_name_is_partitioned_or_not) {
  vs::Variable v;
  {
    const auto s = vs::variable_scope("s", {.partitioner = parts({2, 1})});
    v = vs::get_variable("n", {3, 1});
  }
  {
    const auto s = vs::variable_scope("s", {.reuse = true});
    BOOST_CHECK(vs::get_variable("n") == v);
  }
  for (const vs::Reuse reuse : {vs::Reuse(false), vs::AUTO_REUSE}) {
    const auto s = vs::variable_scope("s", {.reuse = reuse});
    BOOST_CHECK_EXCEPTION(vs::get_variable("n", {3, 1}), vs::ValueError, says({"s/n/part_0", "partition"}));
  }
  vs::get_variable("plain", {3, 1});
  BOOST_CHECK_EXCEPTION(vs::get_variable("plain", {3, 1}, {.partitioner = parts({2, 1})}), vs::ValueError,
                        says({"plain", "unpartitioned"}));
  vs::get_variable("m", {3, 1}, {.partitioner = parts({2, 1})});
  BOOST_CHECK_EXCEPTION(vs::get_variable("m", {3, 1}, {.partitioner = parts({2, 1})}), vs::ValueError,
                        says({"m", "already exists"}));
}

BOOST_AUTO_TEST_CASE(R8_a_scalar_is_never_partitioned) {
  const auto s = vs::variable_scope("s", {.partitioner = parts({2})});
  BOOST_TEST(vs::get_variable("a", vs::Shape{}).name() == "s/a:0");
}

BOOST_AUTO_TEST_CASE(R9_a_faulty_partitioner_makes_nothing) {
  const auto refused = [](Counts counts, const vs::Shape& shape) {
    BOOST_CHECK_EXCEPTION(vs::get_variable("n", shape, {.partitioner = parts(std::move(counts))}),
                          vs::ValueError, says({"n", "partition"}));
  };
  refused({2}, {3, 1});
  refused({0, 1}, {3, 1});
  refused({2, 2}, {4, 4});
  refused({1, 1}, {-1, 3});
  refused({4, 1}, {3, 1});
  BOOST_TEST(store_keys().empty());
}

BOOST_AUTO_TEST_CASE(R10_a_partitioner_is_inherited_and_captured) {
  const vs::Partitioner two = parts({2});
  vs::VariableScope captured;
  {
    const auto s = vs::variable_scope("s", {.partitioner = two});
    captured = s.scope();
    const auto c = vs::variable_scope("c");
    BOOST_CHECK(c.partitioner() == two);
    BOOST_TEST(vs::get_variable("v", {4}).is_partitioned());
  }
  auto q = vs::variable_scope(captured);
  BOOST_CHECK(q.partitioner() == two);
  q.set_partitioner({});
  BOOST_TEST(vs::get_variable("w", {4}).name() == "s/w:0");
}

BOOST_AUTO_TEST_CASE(R11_fans_are_those_of_the_whole) {
  const vs::Variable v = vs::get_variable("v", {4000, 2}, {.partitioner = parts({4, 1})});
  vs::Session session(graph);
  const double limit = std::sqrt(6.0 / 4002);
  double largest = 0;
  for (const vs::Variable& part : v.partitions()) {
    const std::vector<vs::Array> values = session.read({part});
    for (const float value : values[0].values<float>()) largest = std::max(largest, std::abs(double{value}));
  }
  BOOST_TEST(largest <= limit);
  BOOST_TEST(largest > 0.99 * limit);  // a part's own fans would give twice as much
}

BOOST_AUTO_TEST_CASE(R12_each_part_has_a_regularization_loss) {
  vs::get_variable("n", {4}, {.regularizer = vs::l2_regularizer(1), .partitioner = parts({2})});
  const auto losses = vs::get_collection("regularization_losses");
  BOOST_REQUIRE(losses.size() == 2U);
  BOOST_TEST(losses[1].name() == "n/part_1/Regularizer/l2_regularizer:0");
}

BOOST_AUTO_TEST_CASE(R14_stock_partitioners) {
  const auto of = [](const vs::Partitioner& partitioner, const vs::Shape& shape) {
    return partitioner(shape, vs::float32);
  };
  BOOST_TEST(of(vs::fixed_size_partitioner(5), {3, 7}) == (Counts{3, 1}), per_element());
  BOOST_TEST(of(vs::variable_axis_size_partitioner(32), {4, 4}) == (Counts{2, 1}), per_element());
  BOOST_TEST(of(vs::variable_axis_size_partitioner(32, 0, 1), {4, 4}) == (Counts{1, 1}), per_element());
  BOOST_TEST(of(vs::variable_axis_size_partitioner(1), {4, 4}) == (Counts{4, 1}), per_element());
  BOOST_TEST(of(vs::min_max_variable_partitioner(100), {1024, 1024}) == (Counts{16, 1}), per_element());
  BOOST_TEST(of(vs::min_max_variable_partitioner(8), {1024, 1024}) == (Counts{8, 1}), per_element());
  BOOST_CHECK_THROW(vs::variable_axis_size_partitioner(0), vs::ValueError);
  BOOST_CHECK_THROW(vs::get_variable("v", {2}, {.partitioner = vs::fixed_size_partitioner(2, 1)}),
                    vs::ValueError);
}

BOOST_AUTO_TEST_CASE(R15_create_partitioned_variables) {
  const auto names_of = [](const std::vector<vs::Variable>& variables) {
    Names names;
    for (const vs::Variable& variable : variables) names.push_back(variable.name());
    return names;
  };
  const auto hi = vs::variable_scope("hi");
  for (const std::string scope : {"hi/PartitionedVariable", "hi/PartitionedVariable_1"}) {
    BOOST_TEST(names_of(vs::create_partitioned_variables({10, 43}, {1, 2}, vs::zeros_initializer())) ==
                   (Names{scope + "/part_0:0", scope + "/part_1:0"}),
               per_element());
  }
  BOOST_TEST(ns() == "hi");
  const auto mine = vs::create_partitioned_variables(
      {3}, {2}, vs::constant_initializer(1.5), {.dtype = vs::float64, .trainable = false, .name = "mine"});
  BOOST_TEST(mine[0].dtype() == vs::float64);
  BOOST_TEST((mine[0].shape() == vs::Shape{2}));
  BOOST_TEST(!mine[1].trainable());
  BOOST_CHECK(vs::create_partitioned_variables(
                  {3}, {2}, {}, {.dtype = vs::float64, .name = "mine", .reuse = true}) == mine);
  BOOST_CHECK_EXCEPTION(vs::create_partitioned_variables({3}, {2}, {}, {.name = "mine"}), vs::ValueError,
                        says({"hi/mine", "already exists"}));
}

BOOST_AUTO_TEST_CASE(R15_what_is_refused) {
  BOOST_CHECK_EXCEPTION(vs::create_partitioned_variables({10, 43}, {5}, {}), vs::ValueError,
                        says({"create_partitioned_variables()", "[10,43]", "1 numbers"}));
  BOOST_CHECK_EXCEPTION(vs::create_partitioned_variables({}, {}, {}), vs::ValueError, says({"scalar"}));
  BOOST_CHECK_EXCEPTION(vs::create_partitioned_variables({4}, {2}, {}, {.reuse = true}), vs::ValueError,
                        says({"name_or_scope"}));
  BOOST_CHECK_EXCEPTION(vs::create_partitioned_variables({4, 4}, {2, 2}, {}), vs::ValueError,
                        says({"only one axis"}));
  const vs::CustomGetter same = [](const vs::VariableGetter& getter, vs::GetterArguments arguments) {
    return getter(std::move(arguments));
  };
  const auto getting = vs::variable_scope("s", {.custom_getter = same});
  BOOST_CHECK_EXCEPTION(vs::create_partitioned_variables({4}, {2}, {}), vs::ValueError,
                        says({"s/PartitionedVariable", "custom getter"}));
  BOOST_TEST(op_names().empty());
}

BOOST_AUTO_TEST_CASE(S_partition_info) {
  using Info = vs::PartitionInfo;
  BOOST_TEST(Info({9, 3}, {4, 0}).single_offset({1, 3}) == 4);
  BOOST_TEST(Info({9, 3}, {0, 0}).single_offset({9, 3}) == 0);
  BOOST_CHECK(Info({9, 3}, {0, 0}).single_slice_dim({9, 2}) == 1);
  BOOST_CHECK(Info({9, 3}, {4, 0}).single_slice_dim({2, 3}) == 0);
  BOOST_CHECK(Info({9, 3}, {0, 0}).single_slice_dim({9, 3}) == std::nullopt);
  for (const vs::Shape& bad : {vs::Shape{1, 2, 3}, vs::Shape{6, 3}, vs::Shape{1, 1}}) {
    BOOST_CHECK_THROW(Info({9, 3}, {4, 0}).single_slice_dim(bad), vs::ValueError);
  }
  BOOST_CHECK_THROW(Info({0, 1}, {0}), vs::ValueError);
  BOOST_CHECK_THROW(Info({1, 1}, {0, 1}), vs::ValueError);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
