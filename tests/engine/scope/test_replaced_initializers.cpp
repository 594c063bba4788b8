// SPDX-License-Identifier: Apache-2.0
// set_initializers(): what variables start with instead of what they were made with.
#include "scope_fixture.hpp"

#include <varscope/session.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>

BOOST_AUTO_TEST_SUITE(test_replaced_initializers)

namespace vs = varscope;
using namespace varscope::testing;

namespace {

vs::Variable zeros(const char* name) {
  return vs::get_variable(name, {2}, {.initializer = vs::zeros_initializer()});
}

vs::Array ones() {
  return vs::Array::of<float>({2}, {1, 1});
}

vs::Initializer constant(float value) {
  return vs::Initializer(vs::Array::of<float>({2}, {value, value}));
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(first_use_gives_the_new_value_in_every_session, NewGraph) {
  const vs::Variable v = zeros("v");
  const vs::Variable other = zeros("other");
  vs::set_initializers({{v, vs::ones_initializer()}});
  vs::Session one(graph);
  vs::Session two(graph);
  BOOST_TEST(one.run(v).same_bits(ones()));
  BOOST_TEST(two.read({v})[0].same_bits(ones()));
  BOOST_TEST(one.run(other).same_bits(vs::Array({2})));
}

BOOST_FIXTURE_TEST_CASE(values_that_are_there_stay_until_the_initializer_runs, NewGraph) {
  const vs::Variable v = zeros("v");
  vs::Session session(graph);
  BOOST_TEST(session.run(v).same_bits(vs::Array({2})));
  vs::set_initializers({{v, vs::ones_initializer()}});
  BOOST_TEST(session.run(v).same_bits(vs::Array({2})));
  session.run(v.initializer());
  BOOST_TEST(session.run(v).same_bits(ones()));
}

BOOST_FIXTURE_TEST_CASE(the_last_replacement_counts, NewGraph) {
  const vs::Variable v = zeros("v");
  const vs::Variable w = zeros("w");
  vs::set_initializers({{v, constant(5)}, {w, constant(6)}});
  vs::set_initializers({{v, constant(7)}});
  vs::Session session(graph);
  BOOST_TEST(session.run(v).values<float>()[0] == 7);
  BOOST_TEST(session.run(w).values<float>()[0] == 6);
}

BOOST_FIXTURE_TEST_CASE(no_operation_is_made_or_renamed, NewGraph) {
  const vs::Variable v = zeros("v");
  const Names before = op_names();
  graph.finalize();
  vs::set_initializers({{v, constant(5)}});
  BOOST_TEST(op_names() == before, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(variables_of_one_call_draw_different_numbers, NewGraph) {
  const vs::Variable v = zeros("v");
  const vs::Variable w = zeros("w");
  const auto draw = [&] {
    vs::set_initializers({{v, vs::random_normal_initializer()}, {w, vs::random_normal_initializer()}});
    return vs::Session(graph).read({v, w});
  };
  const std::vector<vs::Array> without_seed = draw();
  BOOST_TEST(!without_seed[0].same_bits(without_seed[1]));
  graph.set_random_seed(1);
  const std::vector<vs::Array> with_seed = draw();
  BOOST_TEST(!with_seed[0].same_bits(with_seed[1]));
  BOOST_TEST(draw()[0].same_bits(with_seed[0]));
}

BOOST_FIXTURE_TEST_CASE(a_refused_call_replaces_nothing, NewGraph) {
  const vs::Variable v = zeros("v");
  const vs::Variable w = zeros("w");
  const vs::Variable cut = vs::get_variable("cut", {4}, {.partitioner = vs::fixed_size_partitioner(2)});
  const vs::Initializer wrong(vs::Array::of<float>({3}, {1, 2, 3}));
  BOOST_CHECK_EXCEPTION(vs::set_initializers({{v, constant(5)}, {w, wrong}}), vs::ValueError,
                        says({"variable w", "test_replaced_initializers.cpp:", "float32[3]"}));
  BOOST_CHECK_EXCEPTION(vs::set_initializers({{v, constant(5)}, {w, vs::Initializer()}}), vs::ValueError,
                        says({"variable w", "empty"}));
  BOOST_CHECK_EXCEPTION(vs::set_initializers({{v, constant(5)}, {v, constant(6)}}), vs::ValueError,
                        says({"variable v", "two"}));
  BOOST_CHECK_EXCEPTION(vs::set_initializers({{v, constant(5)}, {cut, constant(6)}}),
                        vs::FailedPreconditionError, says({"'cut'", "partitions()"}));
  BOOST_CHECK_THROW(vs::set_initializers({{v, constant(5)}, {vs::Variable(), constant(6)}}),
                    vs::FailedPreconditionError);
  {
    vs::Graph second;
    const auto building_second = second.as_default();
    const vs::Variable foreign = zeros("foreign");
    BOOST_CHECK_EXCEPTION(vs::set_initializers({{v, constant(5)}, {foreign, constant(6)}}), vs::ValueError,
                          says({"variable foreign", "variable v"}));
  }
  vs::set_initializers({});
  BOOST_TEST(vs::Session(graph).run(v).same_bits(vs::Array({2})));
}

// One thread replaces both, others initialize both: nobody may see one new and one old.
BOOST_FIXTURE_TEST_CASE(one_call_is_seen_whole_or_not_at_all, NewGraph) {
  const vs::Variable v = zeros("v");
  const vs::Variable w = zeros("w");
  std::atomic<bool> done{false};
  std::atomic<int> torn{0};
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&] {
      float last = 0;
      while (!done.load()) {
        vs::Session session(graph);
        const std::vector<vs::Array> values = session.read({v, w});
        const float seen = values[0].values<float>()[0];
        if (seen != values[1].values<float>()[0] || seen < last) torn.fetch_add(1);
        last = seen;
      }
    });
  }
  for (int k = 1; k <= 300; ++k) {
    vs::set_initializers({{v, constant(static_cast<float>(k))}, {w, constant(static_cast<float>(k))}});
  }
  done.store(true);
  for (std::thread& reader : readers) reader.join();
  BOOST_TEST(torn.load() == 0);
}

BOOST_FIXTURE_TEST_CASE(no_call_of_several_threads_is_lost, NewGraph) {
  std::vector<vs::Variable> variables;
  for (int k = 0; k < 4; ++k) variables.push_back(zeros(("v" + std::to_string(k)).c_str()));
  std::vector<std::thread> threads;
  for (const vs::Variable& variable : variables) {
    threads.emplace_back([&variable] {
      for (int k = 1; k <= 200; ++k) vs::set_initializers({{variable, constant(static_cast<float>(k))}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  vs::Session session(graph);
  for (const vs::Array& value : session.read(variables)) BOOST_TEST(value.values<float>()[0] == 200);
}

BOOST_AUTO_TEST_SUITE_END()
