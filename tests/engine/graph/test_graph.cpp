// SPDX-License-Identifier: Apache-2.0
#include "support/messages.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_graph)

namespace vs = varscope;
using vs::testing::contains;

namespace {

struct Fixture {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const vs::Operation& operation : graph.operations()) names.push_back(operation.name());
    return names;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(building_a_graph, Fixture)

BOOST_AUTO_TEST_CASE(operations_know_what_they_are) {
  const vs::Tensor x = vs::placeholder({-1, 3}, {.name = "x"});
  const vs::Tensor y = vs::relu(x);
  BOOST_TEST(y.name() == "Relu:0");
  BOOST_TEST(y.op().type() == "Relu");
  BOOST_TEST((y.shape() == vs::Shape{-1, 3}));
  BOOST_TEST((y.op().inputs() == std::vector<vs::Tensor>{x}));
  BOOST_TEST(&y.graph() == &graph);
  BOOST_TEST(std::string(y.op().where().file_name()).find("test_graph.cpp") != std::string::npos);
  BOOST_TEST((y.op().output(0) == y));
  BOOST_CHECK_EXCEPTION(static_cast<void>(y.op().output(1)), vs::OutOfRangeError, [](const vs::Error& error) {
    return contains(error, {"'Relu'", "1"});
  });
}

BOOST_AUTO_TEST_CASE(numbers_become_constants_named_after_the_parameter) {
  const vs::Tensor x = vs::placeholder({2}, {.name = "x"});
  const vs::Tensor sum = 1.0f + x;
  const vs::Tensor product = x * 2;
  BOOST_TEST(sum.op().name() == "add");
  BOOST_TEST(product.op().name() == "mul");
  BOOST_TEST((names() == std::vector<std::string>{"x", "add/x", "add", "mul/y", "mul"}));
  BOOST_TEST((product.dtype() == vs::float32));
}

BOOST_AUTO_TEST_CASE(a_number_that_does_not_fit_the_dtype_is_refused) {
  const vs::Tensor x = vs::placeholder({2}, {.dtype = vs::int32, .name = "x"});
  BOOST_CHECK_EXCEPTION(x + 1.5f, vs::TypeError, [](const vs::Error& error) {
    return contains(error, {"'add'", "1.5", "int32", "test_graph.cpp"});
  });
  BOOST_CHECK_THROW(x + 3000000000LL, vs::TypeError);
  BOOST_TEST((names() == std::vector<std::string>{"x"}));
}

BOOST_AUTO_TEST_CASE(names_find_operations_and_tensors) {
  const vs::Tensor x = vs::placeholder({2}, {.name = "image"});
  BOOST_TEST((graph.get_operation_by_name("image") == x.op()));
  BOOST_TEST((graph.get_tensor_by_name("image:0") == x));
  BOOST_CHECK_EXCEPTION(static_cast<void>(graph.get_operation_by_name("imaeg")), vs::NotFoundError,
                        [](const vs::Error& error) {
                          return contains(error, {"'imaeg'", "'image'"});
                        });
  for (const char* bad : {"image", "image:", "image:x", "image:-1", ":0x"}) {
    BOOST_CHECK_THROW(static_cast<void>(graph.get_tensor_by_name(bad)), vs::ValueError);
  }
  BOOST_CHECK_THROW(static_cast<void>(graph.get_tensor_by_name("image:1")), vs::NotFoundError);
}

BOOST_AUTO_TEST_CASE(a_refused_operation_leaves_nothing_but_its_name) {
  const vs::Tensor x = vs::placeholder({2}, {.name = "x"});
  const vs::Tensor y = vs::placeholder({3}, {.name = "y"});
  BOOST_CHECK_EXCEPTION(x + y, vs::ValueError, [](const vs::Error& error) {
    return contains(error, {"'add'", "[2]", "[3]", "test_graph.cpp"});
  });
  BOOST_CHECK_THROW(vs::relu(x, "not valid"), vs::ValueError);
  BOOST_CHECK_THROW(vs::relu(vs::Tensor{}), vs::ValueError);
  BOOST_CHECK_THROW(vs::relu(vs::Variable{}), vs::ValueError);
  BOOST_TEST((names() == std::vector<std::string>{"x", "y"}));
  BOOST_TEST((x + x).op().name() == "add_1");  // as in TensorFlow, the refused one has used "add" up
}

BOOST_AUTO_TEST_CASE(empty_handles_say_so) {
  BOOST_CHECK_THROW(static_cast<void>(vs::Tensor{}.name()), vs::FailedPreconditionError);
  BOOST_CHECK_THROW(static_cast<void>(vs::Operation{}.name()), vs::FailedPreconditionError);
  BOOST_CHECK_THROW(static_cast<void>(vs::Variable{}.name()), vs::FailedPreconditionError);
}

BOOST_AUTO_TEST_CASE(a_finalized_graph_refuses_everything_new) {
  const vs::Tensor x = vs::placeholder({2}, {.name = "x"});
  graph.finalize();
  BOOST_TEST(graph.finalized());
  BOOST_CHECK_EXCEPTION(vs::relu(x), vs::RuntimeError, [](const vs::Error& error) {
    return contains(error, {"Relu", "finalized"});
  });
  BOOST_CHECK_THROW(vs::get_variable("v", {1}), vs::RuntimeError);
  BOOST_TEST((names() == std::vector<std::string>{"x"}));
}

BOOST_AUTO_TEST_CASE(inputs_of_two_graphs_are_refused_and_one_decides_where) {
  vs::Graph other;
  const vs::Tensor here = vs::placeholder({2}, {.name = "here"});
  const auto there = other.as_default();
  const vs::Tensor elsewhere = vs::placeholder({2}, {.name = "elsewhere"});
  BOOST_CHECK_THROW(here + elsewhere, vs::ValueError);
  BOOST_TEST(&vs::relu(here).graph() == &graph);  // as in TensorFlow, the inputs' graph
}

BOOST_AUTO_TEST_CASE(threads_build_together) {
  constexpr int num_threads = 4;
  constexpr int num_operations = 500;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < num_threads; ++thread) {
    threads.emplace_back([this] {
      const auto mine = graph.as_default();
      const vs::Tensor x = vs::placeholder({2}, {.name = "x"});
      for (int i = 0; i < num_operations; ++i) static_cast<void>(vs::relu(x));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::string> all = names();
  BOOST_TEST(all.size() == static_cast<std::size_t>(num_threads) * (num_operations + 1));
  std::sort(all.begin(), all.end());
  BOOST_TEST((std::adjacent_find(all.begin(), all.end()) == all.end()));
  BOOST_TEST(static_cast<bool>(
      graph.get_operation_by_name("Relu_" + std::to_string(num_threads * num_operations - 1))));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
