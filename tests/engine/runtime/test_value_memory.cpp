// SPDX-License-Identifier: Apache-2.0
// Where the values of variables lie: steps use memory again, but none that anybody may still read.
#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_value_memory)

namespace vs = varscope;

namespace {

constexpr std::int64_t kElements = 4096;

struct Fixture {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();
  vs::Session session{graph};
  vs::Variable v = vs::get_variable("v", {kElements}, {.initializer = vs::zeros_initializer()});
  vs::Tensor step = vs::assign_add(v, vs::ones({kElements}));

  void run_steps(int count) {
    for (int i = 0; i < count; ++i) (void)session.run(step.op());
  }
};

bool all_equal(const vs::Array& array, float value) {
  for (float element : array.values<float>()) {
    if (element != value) return false;
  }
  return true;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(steps, Fixture)

BOOST_AUTO_TEST_CASE(they_alternate_between_two_arrays) {
  run_steps(2);
  std::set<const void*> addresses;
  for (int i = 0; i < 6; ++i) {
    addresses.insert(session.read_shared({v})[0].data());
    run_steps(1);
  }
  BOOST_TEST(addresses.size() == 2U);
  BOOST_TEST(all_equal(session.read({v})[0], 8));
}

BOOST_AUTO_TEST_CASE(an_array_that_somebody_holds_keeps_its_value) {
  run_steps(3);
  const vs::Array held = session.read_shared({v})[0];
  run_steps(5);
  BOOST_TEST(all_equal(held, 3));
  const vs::Array fetched = session.run(step);
  run_steps(5);
  BOOST_TEST(all_equal(fetched, 9));
}

BOOST_AUTO_TEST_CASE(a_snapshot_keeps_its_values) {
  run_steps(3);
  const vs::SessionSnapshot snapshot = session.snapshot();
  run_steps(5);
  const vs::Array seen = snapshot.read_shared({v})[0];
  BOOST_TEST(all_equal(seen, 3));
  run_steps(5);
  BOOST_TEST(all_equal(seen, 3));
}

BOOST_AUTO_TEST_CASE(memory_of_the_callers_is_never_written) {
  std::vector<float> memory(kElements, 7.0F);
  session.load_shared(
      {{v, vs::Array::wrap({kElements}, vs::float32, memory.data(), std::make_shared<int>(0))}});
  run_steps(6);  // nobody holds the array any more, but the memory is not the session's
  BOOST_TEST(memory == std::vector<float>(kElements, 7.0F), boost::test_tools::per_element());
  BOOST_TEST(all_equal(session.read({v})[0], 13));
}

BOOST_AUTO_TEST_CASE(what_is_fed_may_be_a_value_from_before) {
  const vs::Tensor x = vs::placeholder({kElements}, {.name = "x"});
  const vs::Tensor add_fed = vs::assign_add(v, x);
  run_steps(3);
  for (int i = 0; i < 4; ++i) {
    (void)session.run({{x, session.read_shared({v})[0]}}, add_fed.op());  // doubles it
  }
  BOOST_TEST(all_equal(session.read({v})[0], 48));
}

BOOST_AUTO_TEST_CASE(readers_beside_steps_never_see_memory_being_written) {
  const vs::Variable w = vs::get_variable("w", {kElements}, {.initializer = vs::zeros_initializer()});
  const vs::Operation both = vs::assign(w, step).op();
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  const auto is_whole = [](const vs::Array& first, const vs::Array& second) {
    const float value = first.values<float>()[0];
    return all_equal(first, value) && all_equal(second, value);
  };
  std::vector<std::thread> readers;
  readers.emplace_back([&] {
    while (!stop.load()) {
      const std::vector<vs::Array> values = session.read_shared({v, w});
      if (!is_whole(values[0], values[1])) ++torn;
    }
  });
  readers.emplace_back([&] {
    while (!stop.load()) {
      const auto [first, second] = session.run({v, w});
      if (!is_whole(first, second)) ++torn;
    }
  });
  for (int i = 0; i < 500; ++i) (void)session.run(both);
  stop.store(true);
  for (std::thread& reader : readers) reader.join();
  BOOST_TEST(torn.load() == 0);
  BOOST_TEST(all_equal(session.read({w})[0], 500));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
