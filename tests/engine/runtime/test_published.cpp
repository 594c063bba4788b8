// SPDX-License-Identifier: Apache-2.0
#include "runtime/published.hpp"
#include "support/restless_atomic.hpp"

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_published)

using varscope::detail::Published;

namespace {

/// Counts how many are alive, and notices when it is used after its end.
struct Tracked {
  static inline std::atomic<int> alive{0};
  explicit Tracked(int number) : first(number), second(number) { ++alive; }
  Tracked(const Tracked&) = delete;
  Tracked& operator=(const Tracked&) = delete;
  ~Tracked() {
    first = -1;
    --alive;
  }
  int first;
  int second;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_pin_sees_what_was_published_when_it_was_taken) {
  Published<Tracked> published(std::make_unique<Tracked>(1));
  const auto pin = published.pin();
  published.replace(std::make_unique<Tracked>(2));
  BOOST_TEST(pin->first == 1);
  BOOST_TEST(published.pin()->first == 2);
}

BOOST_AUTO_TEST_CASE(a_replaced_object_lives_as_long_as_it_is_pinned) {
  {
    Published<Tracked> published(std::make_unique<Tracked>(1));
    {
      const auto pin = published.pin();
      published.replace(std::make_unique<Tracked>(2));
      published.replace(std::make_unique<Tracked>(3));
      BOOST_TEST(Tracked::alive == 2);  // 1 is pinned, 2 is gone, 3 is published
      BOOST_TEST(pin->first == 1);
    }
    BOOST_TEST(Tracked::alive == 1);  // freed by the pin that held it
  }
  BOOST_TEST(Tracked::alive == 0);
}

BOOST_AUTO_TEST_CASE(more_pins_than_slots_of_a_block) {
  Published<Tracked> published(std::make_unique<Tracked>(1));
  std::vector<Published<Tracked>::Pin> pins;
  for (int i = 0; i < 200; ++i) pins.push_back(published.pin());
  published.replace(std::make_unique<Tracked>(2));
  for (const auto& pin : pins) BOOST_TEST(pin->first == 1);
  pins.clear();
  BOOST_TEST(Tracked::alive == 1);
}

using Kinds = boost::mpl::list<Published<Tracked>, Published<Tracked, varscope::testing::RestlessAtomic, 2>>;

BOOST_AUTO_TEST_CASE_TEMPLATE(readers_beside_a_writer_see_whole_objects_and_never_go_back, Kind, Kinds) {
  constexpr int last = 20000;
  {
    Kind published(std::make_unique<Tracked>(0));
    std::atomic<bool> wrong{false};
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 3; ++reader) {
      readers.emplace_back([&] {
        int seen = 0;
        while (seen < last) {
          const auto pin = published.pin();
          if (pin->first != pin->second || pin->first < seen) {
            wrong = true;
            return;
          }
          seen = pin->first;
        }
      });
    }
    for (int number = 1; number <= last; ++number) published.replace(std::make_unique<Tracked>(number));
    for (std::thread& reader : readers) reader.join();
    BOOST_TEST(!wrong);
  }
  BOOST_TEST(Tracked::alive == 0);
}

BOOST_AUTO_TEST_SUITE_END()
