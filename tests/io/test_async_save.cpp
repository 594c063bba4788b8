// SPDX-License-Identifier: Apache-2.0
// Saves that go on by themselves, beside training.
#include "io/saver_fixture.hpp"
#include "io/temporary_directory.hpp"

#include <varscope/varscope.hpp>

#include <atomic>
#include <filesystem>
#include <thread>

BOOST_AUTO_TEST_SUITE(test_async_save)

namespace vs = varscope;
using namespace varscope::testing;

BOOST_AUTO_TEST_CASE(it_saves_the_values_of_the_call) {
  const TemporaryDirectory directory;
  Random random;
  Model model;
  model.randomize(random);
  const std::vector<vs::Array> before = model.values();
  vs::Saver saver;
  const vs::SaveHandle handle = saver.save_async(model.session, directory / "m", {.global_step = 5});
  model.randomize(random);
  BOOST_TEST(handle.path() == directory / "m-5.h5");
  BOOST_TEST(handle.wait() == handle.path());
  BOOST_TEST(handle.done());
  BOOST_TEST(handle.progress() == 1.0);
  BOOST_TEST(saver.last_checkpoints() == std::vector<std::string>{handle.path()},
             boost::test_tools::per_element());
  BOOST_TEST(vs::latest_checkpoint(directory.path()).value_or("") == handle.path());
  BOOST_TEST(*vs::CheckpointReader(handle.path()).global_step() == 5);
  saver.restore(model.session, handle.path());
  BOOST_TEST(same_bits(model.values(), before));
}

BOOST_AUTO_TEST_CASE(variables_never_used_are_initialized_for_it) {
  const TemporaryDirectory directory;
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Variable v = vs::get_variable("v", {2}, {.initializer = vs::ones_initializer()});
  vs::Session session(graph);
  vs::Saver saver;
  const std::string path = saver.save_async(session, directory / "m").wait();
  BOOST_TEST(vs::load_variable(path, v.op().name()).same_bits(vs::Array::of<float>({2}, {1, 1})));
}

BOOST_AUTO_TEST_CASE(it_saves_the_variables_of_the_call) {
  const TemporaryDirectory directory;
  Model model;
  vs::Saver saver;
  std::vector<std::size_t> counts;
  const auto save = [&](vs::Session& session) {
    const vs::SaveHandle handle = saver.save_async(session, directory / "m");
    static_cast<void>(vs::get_variable("later" + std::to_string(counts.size()), {2}));
    counts.push_back(vs::CheckpointReader(handle.wait()).entries().size());
  };
  save(model.session);
  save(model.session);  // the Saver does not go by what there was at the first save
  {
    Model other;
    save(other.session);
  }
  save(model.session);
  BOOST_TEST(counts == (std::vector<std::size_t>{3, 4, 3, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_session_may_go_before_the_save_has_ended) {
  const TemporaryDirectory directory;
  vs::Graph graph;
  const auto building = graph.as_default();
  const vs::Variable v = vs::get_variable("v", {1000});
  const vs::Array value(vs::Shape{1000}, vs::float32);
  vs::Saver saver;
  std::vector<vs::SaveHandle> handles;
  for (int k = 0; k < 5; ++k) {
    vs::Session session(graph);
    session.load({{v, value}});
    handles.push_back(saver.save_async(session, directory / "m", {.global_step = k}));
  }
  for (const vs::SaveHandle& handle : handles) {
    BOOST_TEST(vs::load_variable(handle.wait(), "v").same_bits(value));
  }
}

BOOST_AUTO_TEST_CASE(saves_come_in_the_order_of_the_calls) {
  const TemporaryDirectory directory;
  Model model;
  std::vector<vs::SaveHandle> handles;
  {
    vs::Saver saver({.max_to_keep = 2});
    for (std::int64_t step = 1; step <= 6; ++step) {
      model.session.load({{model.variables[2], vs::Array::scalar<std::int64_t>(step)}});
      handles.push_back(saver.save_async(model.session, directory / "m", {.global_step = step}));
    }
  }  // waits for all of them
  for (const vs::SaveHandle& handle : handles) BOOST_TEST(handle.done());
  BOOST_TEST(vs::latest_checkpoint(directory.path()).value_or("") == directory / "m-6.h5");
  BOOST_TEST(!std::filesystem::exists(directory / "m-4.h5"));
  for (const std::int64_t step : {5, 6}) {
    const vs::Array count =
        vs::load_variable(directory / "m-" + std::to_string(step) + ".h5", model.variables[2].op().name());
    BOOST_TEST(count.values<std::int64_t>()[0] == step);
  }
}

BOOST_AUTO_TEST_CASE(errors_come_at_the_call_or_by_the_handle) {
  const TemporaryDirectory directory;
  Model model;
  vs::Saver saver;
  BOOST_CHECK_THROW(saver.save_async(model.session, directory / "nothing/m"), vs::ValueError);
  BOOST_CHECK_THROW(saver.save_async(model.session, directory / "m", {.global_step = -1}), vs::ValueError);
  std::filesystem::create_directory(directory / "taken.h5");
  const vs::SaveHandle failing = saver.save_async(model.session, directory / "taken");
  const vs::SaveHandle next = saver.save_async(model.session, directory / "m");
  for (int repetition = 0; repetition < 2; ++repetition) {
    BOOST_TEST(contains(message_of<vs::ValueError>([&] { failing.wait(); }), "taken.h5"));
  }
  BOOST_TEST(failing.done());
  BOOST_CHECK_NO_THROW(next.wait());
  BOOST_TEST(saver.last_checkpoints().size() == 1u);

  vs::Graph empty;
  vs::Session session(empty);
  BOOST_CHECK_THROW(saver.save_async(session, directory / "m"), vs::ValueError);
  vs::Saver careless({.allow_empty = true});
  BOOST_TEST(careless.save_async(session, directory / "m").wait().empty());
}

// Each commit gives all variables one number; whatever is saved beside it must have one number too.
BOOST_AUTO_TEST_CASE(a_save_beside_training_is_of_one_commit) {
  const TemporaryDirectory directory;
  vs::Graph graph;
  const auto building = graph.as_default();
  std::vector<vs::Variable> variables;
  for (int k = 0; k < 20; ++k) variables.push_back(vs::get_variable("v" + std::to_string(k), {5000}));
  vs::Session session(graph);
  const auto train = [&](std::int64_t step) {
    vs::Array value = vs::Array::uninitialized({5000}, vs::float32);
    for (float& element : value.values<float>()) element = static_cast<float>(step);
    std::vector<std::pair<vs::Variable, vs::Array>> values;
    for (const vs::Variable& variable : variables) values.emplace_back(variable, value);
    session.load(values);
  };
  train(0);
  std::atomic<bool> ended{false};
  std::thread trainer([&] {
    for (std::int64_t step = 1; !ended.load(); ++step) train(step);
  });
  std::vector<vs::SaveHandle> handles;
  {
    vs::Saver saver({.max_to_keep = 0});
    for (int k = 0; k < 10; ++k) {
      handles.push_back(saver.save_async(session, directory / "m" + std::to_string(k)));
      std::this_thread::yield();
    }
  }
  ended = true;
  trainer.join();
  for (const vs::SaveHandle& handle : handles) {
    const vs::CheckpointReader reader(handle.wait());
    const float step = reader.read("v0").values<float>()[0];
    for (const vs::Variable& variable : variables) {
      const vs::Array array = reader.read(variable.op().name());
      BOOST_TEST(std::all_of(array.values<float>().begin(), array.values<float>().end(),
                             [step](float element) { return element == step; }));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
