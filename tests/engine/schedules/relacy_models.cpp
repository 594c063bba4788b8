// SPDX-License-Identifier: Apache-2.0
// The same headers under another judge: models of publication, growth and version pinning in the Relacy race
// detector, which simulates the memory model of C++11.
//
//   relacy_models [ITERATIONS]    that many random schedules of each model
#include "engine/schedules/relacy_atomic.hpp"
#include "engine/schedules/scenario_keys.hpp"
#include "runtime/published.hpp"
#include "scope/append_only_list.hpp"
#include "scope/registry.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <streambuf>
#include <string_view>

// Relacy brings new and delete of its own, but not these, which the compiler calls where it knows the size.
void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  operator delete[](memory);
}

namespace {

using varscope::detail::Path;
using varscope::testing::RelacyAtomic;
using varscope::testing::RelacyPlain;
using varscope::testing::scenario_keys;
using Registry = varscope::detail::Registry<RelacyAtomic>;

struct Element {
  explicit Element(int of) : number(of) {}
  RelacyPlain<int> number;
};

template <typename T>
T* as(Element* element) {
  return reinterpret_cast<T*>(element);
}

const Element* element_of(const void* pointer) {
  return static_cast<const Element*>(pointer);
}

/// Makes the variable of a key, or finds the one of another thread, which must be whole.
int create(Registry& registry, std::string_view key, int number) {
  auto* const fresh = new Element(number);
  auto& entry = registry.find_or_insert(Path(key));
  const void* const winner = entry.set_variable(as<varscope::detail::VariableRecord>(fresh));
  if (winner != fresh) delete fresh;
  return element_of(winner)->number;
}

int find(const Registry& registry, std::string_view key) {
  const auto* const entry = registry.find(Path(key));
  if (entry == nullptr) return 0;
  RL_ASSERT(entry->key() == key);
  const void* const variable = entry->variable();
  return variable == nullptr ? 0 : int{element_of(variable)->number};
}

/// What nobody else does in a registry: entries need no destructors but for Relacy, who counts their atomics.
void clear(Registry& registry) {
  registry.for_each([](auto& entry) {
    delete element_of(entry.variable());
    std::destroy_at(&entry);
  });
}

/// Two threads create the same variable, one looks it up, twice.
struct Publication : rl::test_suite<Publication, 3> {
  std::unique_ptr<Registry> registry;
  int got[3];

  void before() { registry = std::make_unique<Registry>(4); }
  void thread(unsigned index) {
    if (index < 2) {
      got[index] = create(*registry, scenario_keys[0], static_cast<int>(index) + 1);
      RL_ASSERT(find(*registry, scenario_keys[0]) == got[index]);
    } else {
      const int first = find(*registry, scenario_keys[0]);
      got[2] = find(*registry, scenario_keys[0]);
      RL_ASSERT(first == 0 || first == got[2]);
    }
  }
  void after() {
    RL_ASSERT(got[0] == got[1]);
    RL_ASSERT(got[2] == 0 || got[2] == got[0]);
    clear(*registry);
    registry.reset();
  }
};

/// Two threads make the table grow at once, while a third looks for what was there before and for what is
/// made.
struct Growth : rl::test_suite<Growth, 3> {
  std::unique_ptr<Registry> registry;

  void before() {
    registry = std::make_unique<Registry>(4);
    create(*registry, scenario_keys[7], 1);
    create(*registry, scenario_keys[6], 2);
  }
  void thread(unsigned index) {
    if (index < 2) {
      const std::string_view key = scenario_keys[index == 0 ? 0 : 2];
      RL_ASSERT(create(*registry, key, static_cast<int>(index) + 3) == static_cast<int>(index) + 3);
      RL_ASSERT(find(*registry, key) == static_cast<int>(index) + 3);
    } else {
      const int first = find(*registry, scenario_keys[0]);
      RL_ASSERT(first == 0 || first == 3);
      RL_ASSERT(find(*registry, scenario_keys[3]) == 0);  // has the tag of key 0
    }
    RL_ASSERT(find(*registry, scenario_keys[7]) == 1);
    RL_ASSERT(find(*registry, scenario_keys[6]) == 2);
  }
  void after() {
    RL_ASSERT(!registry->growing());
    clear(*registry);
    registry.reset();
  }
};

/// Two threads add to a list whose segments have one and two places, one enumerates.
struct List : rl::test_suite<List, 3> {
  using Elements = varscope::detail::AppendOnlyList<Element, RelacyAtomic, 1, 4>;
  std::unique_ptr<Elements> list;

  void before() { list = std::make_unique<Elements>(); }
  void thread(unsigned index) {
    if (index < 2) {
      auto* const element = new Element(static_cast<int>(index));
      RL_ASSERT((*list)[list->push(element)] == element);
    }
    int found = 0;
    list->for_each([&](const Element& element) { found += int{element.number} + 1; });
    RL_ASSERT(index == 2 || found > 0);
  }
  void after() {
    int count = 0;
    list->for_each([&](const Element& element) {
      ++count;
      delete &element;
    });
    RL_ASSERT(count == 2);
    list.reset();
  }
};

/// A writer publishes two versions, readers pin them.
struct Pinning : rl::test_suite<Pinning, 3> {
  using Values = varscope::detail::Published<Element, RelacyAtomic, 1>;
  std::unique_ptr<Values> values;

  void before() { values = std::make_unique<Values>(std::make_unique<Element>(1)); }
  void thread(unsigned index) {
    if (index == 0) {
      values->replace(std::make_unique<Element>(2));
      values->replace(std::make_unique<Element>(3));
      return;
    }
    int seen = 0;
    for (int round = 0; round < 2; ++round) {
      const auto pin = values->pin();
      const int number = pin->number;
      RL_ASSERT(number >= seen && number <= 3);
      RL_ASSERT(pin->number == number);
      seen = number;
    }
  }
  void after() { values.reset(); }
};

/// What must be found: a message without an order.
struct Unordered : rl::test_suite<Unordered, 2, rl::test_result_data_race> {
  std::unique_ptr<RelacyAtomic<Element*>> shared;

  void before() { shared = std::make_unique<RelacyAtomic<Element*>>(); }
  void thread(unsigned index) {
    if (index == 0) {
      shared->store(new Element(1), std::memory_order_relaxed);
    } else if (const Element* const element = shared->load(std::memory_order_relaxed)) {
      RL_ASSERT(element->number == 1);
    }
  }
  void after() {
    delete shared->load(std::memory_order_relaxed);
    shared.reset();
  }
};

/// Keeps the beginning of what is written. It allocates nothing, since that would go to Relacy's own
/// allocator.
class Report : public std::streambuf {
 public:
  Report() { setp(text_, text_ + sizeof text_ - 1); }
  const char* text() {
    *pptr() = '\0';
    return text_;
  }

 private:
  char text_[1U << 15U];
};

template <typename Model>
bool run(const char* name, rl::iteration_t iterations) {
  Report report;
  std::ostream output(&report);
  rl::test_params params;
  params.iteration_count = iterations;
  params.execution_depth_limit = 5000;
  params.output_stream = &output;
  params.progress_stream = &output;
  const bool good = rl::simulate<Model>(params);
  std::printf("%-12s %8llu schedules: %s\n", name, static_cast<unsigned long long>(params.stop_iteration),
              good ? "as it should be" : "FAILED");
  if (!good) std::printf("%s\n", report.text());
  std::fflush(stdout);
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  const auto iterations =
      static_cast<rl::iteration_t>(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200000);
  bool good = run<Unordered>("unordered", iterations);
  good &= run<Publication>("publication", iterations);
  good &= run<Growth>("growth", iterations);
  good &= run<List>("list", iterations);
  good &= run<Pinning>("pinning", iterations);
  return good ? 0 : 1;
}
