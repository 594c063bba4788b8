// SPDX-License-Identifier: Apache-2.0
#include "epoch_order.hpp"

#include "random_numbers.hpp"

#include <varscope/error.hpp>

#include <new>
#include <numeric>
#include <string>
#include <utility>

namespace varscope::input {

namespace {

EpochOrder::Order make_room(std::int64_t examples) {
  try {
    return EpochOrder::Order(static_cast<std::size_t>(examples));
  } catch (const std::bad_alloc&) {
    throw ResourceExhaustedError("there is no memory for the order of " + std::to_string(examples) +
                                 " examples");
  }
}

/// The shuffle of Fisher and Yates, as Durstenfeld (1964) does it in place.
EpochOrder::Order shuffled(std::int64_t examples, std::uint64_t seed, std::int64_t epoch) {
  EpochOrder::Order order = make_room(examples);
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t last = order.size(); last-- > 1;) {
    const Words words = random_words(seed, Purpose::order, last, static_cast<std::uint64_t>(epoch));
    std::swap(order[last],
              order[static_cast<std::size_t>(below(static_cast<std::int64_t>(last + 1), words.first))]);
  }
  return order;
}

}  // namespace

std::shared_ptr<const EpochOrder::Order> EpochOrder::of(std::int64_t epoch) const {
  const std::lock_guard lock(mutex_);
  for (const Known* known : {&latest_, &before_}) {
    if (known->epoch == epoch) return known->order;
  }
  Known made{epoch, std::make_shared<const Order>(shuffled(examples_, seed_, epoch))};
  before_ = std::exchange(latest_, std::move(made));
  return latest_.order;
}

}  // namespace varscope::input
