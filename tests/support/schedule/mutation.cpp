// SPDX-License-Identifier: Apache-2.0
#include "support/schedule/mutation.hpp"

#include "support/schedule/region.hpp"

namespace varscope::testing::schedule {

namespace {

std::vector<Place> met;
std::uint64_t num_mutated = 0;

std::string_view without_folders(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool same_place(const Place& place, const Where& where, Part part) {
  return place.line == where.line() && place.column == where.column() && place.part == part &&
         place.file == without_folders(where.file_name());
}

}  // namespace

void watch_places(bool watch) {
  if (watch) met.clear();
  detail::watching = watch;
}

const std::vector<Place>& places_met() {
  return met;
}

void forget_exchange(const Where& where) {
  std::erase_if(met, [&](const Place& place) { return same_place(place, where, Part::exchange); });
}

void set_mutation(const Mutation* mutation) {
  detail::active = mutation;
  num_mutated = 0;
}

std::uint64_t num_mutated_accesses() {
  return num_mutated;
}

std::string describe(const Place& place) {
  return place.file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

namespace detail {

void meet(const Where& where, Part part, std::memory_order order, bool read_only, bool write_only) {
  for (const Place& place : met) {
    if (same_place(place, where, part)) return;
  }
  const OutsideRegion outside;  // the list outlives the schedule
  met.push_back({std::string(without_folders(where.file_name())), where.line(), where.column(), part, order,
                 read_only, write_only});
}

bool is_mutated(const Where& where, Part part) {
  if (!same_place(active->place, where, part)) return false;
  ++num_mutated;
  return true;
}

}  // namespace detail

}  // namespace varscope::testing::schedule
