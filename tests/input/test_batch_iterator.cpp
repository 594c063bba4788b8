// SPDX-License-Identifier: Apache-2.0
#include "support/judge.hpp"
#include "support/messages.hpp"
#include "support/random_arrays.hpp"

#include <varscope/batch_iterator.hpp>
#include <varscope/error.hpp>
#include <varscope/image.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <stdexcept>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_batch_iterator)

using namespace varscope;
using namespace varscope::testing;

namespace {

// Examples whose label is their index, and whose two pixels are the index and its square (in 8 bits).
struct Examples {
  explicit Examples(std::int64_t count)
      : images({count, 1, 2, 1}, DType::uint8), labels({count}, DType::int32) {
    for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
      images.values<std::uint8_t>()[2 * k] = static_cast<std::uint8_t>(k);
      images.values<std::uint8_t>()[2 * k + 1] = static_cast<std::uint8_t>(k * k);
      labels.values<std::int32_t>()[k] = static_cast<std::int32_t>(k);
    }
  }
  Array images;
  Array labels;
};

std::vector<int> labels_of(const Batch& batch) {
  const auto labels = batch.labels.values<std::int32_t>();
  return {labels.begin(), labels.end()};
}

// The labels of the whole epoch that begins.
std::vector<int> epoch_of(BatchIterator& batches) {
  std::vector<int> all;
  for (std::int64_t k = 0; k < batches.batches_per_epoch(); ++k) {
    const std::vector<int> some = labels_of(batches.next());
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

bool same(const Batch& a, const Batch& b) {
  return a.images.same_bits(b.images) && a.labels.same_bits(b.labels) && a.epoch == b.epoch &&
         a.position == b.position;
}

// Something of everything.
BatchOptions all_options() {
  return {.batch_size = 7,
          .seed = 99,
          .shuffle = true,
          .augment = {.scale = 0.5f,
                      .height = 5,
                      .width = 6,
                      .random_crop = true,
                      .random_flip_left_right = true,
                      .random_brightness = 20,
                      .random_contrast_lower = 0.2f,
                      .random_contrast_upper = 1.8f,
                      .per_image_standardization = true},
          .map = [](const Array& image, std::uint64_t seed) {
            return adjust_brightness(image, static_cast<float>(seed % 100) / 100);
          }};
}

struct RandomExamples {
  Random random;
  const Array images = random_array(random, {31, 8, 8, 3}, DType::uint8, 0, 256);
  const Array labels = random_array(random, {31}, DType::int32, 0, 10);

  // Made one after the other by the caller's thread.
  std::vector<Batch> in_order(BatchOptions options, int count) const {
    options.prefetch = 0;
    BatchIterator batches(images, labels, options);
    std::vector<Batch> all;
    for (int k = 0; k < count; ++k) all.push_back(batches.next());
    return all;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const Examples five(5);
  for (const int prefetch : {0, 1, 3}) {
    BatchIterator batches(five.images, five.labels, {.batch_size = 2, .repeat = 2, .prefetch = prefetch});
    BOOST_TEST(batches.batches_per_epoch() == 3);
    for (std::int64_t position = 0; position < 6; ++position) {
      BOOST_TEST(batches.position() == position);
      BOOST_TEST(!batches.at_end());
      const Batch batch = batches.next();
      BOOST_TEST(batch.position == position);
      BOOST_TEST(batch.epoch == position / 3);
      if (position % 3 == 1) {
        BOOST_TEST(batch.images.same_bits(Array::of<float>({2, 1, 2, 1}, {2, 4, 3, 9})));
        BOOST_TEST(batch.labels.same_bits(Array::of<std::int32_t>({2}, {2, 3})));
      }
      if (position % 3 == 2) BOOST_TEST(batch.images.same_bits(Array::of<float>({1, 1, 2, 1}, {4, 16})));
    }
    BOOST_TEST(batches.at_end());
    BOOST_CHECK_EXCEPTION(batches.next(), OutOfRangeError, [](const auto& error) {
      return contains(error, {"position 6", "last epoch"});
    });
    batches.seek(2);
    BOOST_TEST(labels_of(batches.next()) == std::vector<int>{4}, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(no_smaller_batch_and_no_epoch) {
  const Examples five(5);
  BatchIterator whole(five.images, five.labels, {.batch_size = 2, .drop_remainder = true});
  BOOST_TEST(whole.batches_per_epoch() == 2);
  BOOST_TEST(epoch_of(whole) == (std::vector<int>{0, 1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(whole.next().epoch == 1);
  BOOST_TEST(BatchIterator(five.images, five.labels, {.repeat = 0}).at_end());
  BatchIterator all(five.images, five.labels, {.batch_size = 1000});
  BOOST_TEST(epoch_of(all) == (std::vector<int>{0, 1, 2, 3, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_epoch_has_every_example_in_another_order) {
  const Examples many(200);
  std::vector<int> sorted(200);
  std::iota(sorted.begin(), sorted.end(), 0);
  std::set<std::vector<int>> orders;
  for (const std::uint64_t seed : {1U, 2U}) {
    BatchIterator batches(many.images, many.labels, {.batch_size = 32, .seed = seed, .shuffle = true});
    for (int epoch = 0; epoch < 5; ++epoch) {
      std::vector<int> order = epoch_of(batches);
      orders.insert(order);
      std::sort(order.begin(), order.end());
      BOOST_TEST(order == sorted, boost::test_tools::per_element());
    }
  }
  BOOST_TEST(orders.size() == 10U);
}

BOOST_AUTO_TEST_CASE(every_order_is_equally_likely) {
  const Examples four(4);
  constexpr int epochs = 4800;
  std::map<std::vector<int>, int> found;
  BatchIterator batches(four.images, four.labels,
                        {.batch_size = 4, .seed = 3, .shuffle = true, .prefetch = 0});
  for (int epoch = 0; epoch < epochs; ++epoch) ++found[epoch_of(batches)];
  BOOST_TEST(found.size() == 24U);
  for (const auto& [order, times] : found)
    BOOST_TEST(std::abs(times - epochs / 24) < 5 * std::sqrt(epochs / 24.0));
}

// What a seed means does not change. The values are those of another implementation.
BOOST_AUTO_TEST_CASE(numbers_of_a_seed_are_fixed) {
  const Examples ten(10);
  BatchIterator batches(ten.images, ten.labels, {.batch_size = 10, .seed = 42, .shuffle = true});
  BOOST_TEST(epoch_of(batches) == (std::vector<int>{5, 3, 7, 8, 9, 6, 4, 2, 0, 1}),
             boost::test_tools::per_element());
  BOOST_TEST(epoch_of(batches) == (std::vector<int>{9, 1, 7, 4, 8, 5, 2, 3, 6, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(augmentation_seed(42, 0, 0) == 3230132566520308695U);
  BOOST_TEST(augmentation_seed(42, 7, 1234) == 17031646020320431004U);
}

BOOST_FIXTURE_TEST_CASE(augmented_as_the_functions_of_images_do_it, RandomExamples) {
  BatchOptions options = all_options();
  options.augment.scale = 1;
  options.map = {};
  BatchIterator batches(images, labels, options);
  BatchOptions plain = options;
  plain.augment = {};
  // Which examples they are is told by their labels.
  Array indices({31}, DType::int32);
  std::iota(indices.values<std::int32_t>().begin(), indices.values<std::int32_t>().end(), 0);
  BatchIterator numbers(images, indices, plain);
  for (int k = 0; k < 12; ++k) {
    const Batch batch = batches.next();
    const std::vector<int> which = labels_of(numbers.next());
    for (std::size_t number = 0; number < which.size(); ++number) {
      Array image({8, 8, 3}, DType::uint8);
      std::memcpy(image.data(), images.values<std::uint8_t>().data() + which[number] * 192, 192);
      const std::uint64_t seed = augmentation_seed(99, batch.epoch, which[number]);
      image = random_flip_left_right(random_crop(image, 5, 6, seed), seed);
      image = random_contrast(random_brightness(image, 20, seed), 0.2f, 1.8f, seed);
      image = per_image_standardization(image);
      BOOST_TEST(std::memcmp(image.data(), batch.images.values<float>().data() + number * 90, 360) == 0);
      BOOST_TEST(batch.labels.values<std::int32_t>()[number] ==
                 labels.values<std::int32_t>()[static_cast<std::size_t>(which[number])]);
    }
  }
}

BOOST_AUTO_TEST_CASE(sizes_without_random_crops) {
  const Examples three(3);
  BatchIterator batches(three.images, three.labels,
                        {.batch_size = 3, .augment = {.scale = 0.25f, .height = 2, .width = 3}});
  BOOST_TEST(batches.next().images.same_bits(
      Array::of<float>({3, 2, 3, 1}, {0, 0, 0, 0, 0, 0, 0.25f, 0.25f, 0, 0, 0, 0, 0.5f, 1, 0, 0, 0, 0})));
}

BOOST_FIXTURE_TEST_CASE(the_same_bits_with_any_threads_and_prefetch, RandomExamples) {
  const std::vector<Batch> expected = in_order(all_options(), 23);
  for (const int threads : {1, 2, 3, 8}) {
    for (const int prefetch : {1, 2, 5, 40}) {
      BatchOptions options = all_options();
      options.threads = threads;
      options.prefetch = prefetch;
      BatchIterator batches(images, labels, options);
      for (const Batch& batch : expected) BOOST_TEST(same(batches.next(), batch));
    }
  }
}

BOOST_FIXTURE_TEST_CASE(resumed_anywhere, RandomExamples) {
  constexpr int count = 40;
  const std::vector<Batch> expected = in_order(all_options(), count);
  for (int round = 0; round < 20; ++round) {
    BatchOptions options = all_options();
    options.threads = random.integer(1, 4);
    options.prefetch = random.integer(0, 6);
    BatchIterator batches(images, labels, options);
    for (int visit = 0; visit < 6; ++visit) {
      const int from = random.integer(0, count);
      batches.seek(from);
      BOOST_TEST(batches.position() == from);
      const int last = std::min(count, from + random.integer(0, 9));
      for (int position = from; position < last; ++position) {
        BOOST_TEST(same(batches.next(), expected[static_cast<std::size_t>(position)]));
      }
    }
  }
}

BOOST_FIXTURE_TEST_CASE(positions_far_away, RandomExamples) {
  BatchIterator batches(images, labels, all_options());
  BatchOptions alone = all_options();
  alone.prefetch = 0;
  BatchIterator others(images, labels, alone);
  const std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t position : {std::int64_t{1} << 40, std::int64_t{1} << 62, largest - 3}) {
    batches.seek(position);
    others.seek(position);
    for (int k = 0; k < 3; ++k) {
      const Batch batch = batches.next();
      BOOST_TEST(batch.position == position + k);
      BOOST_TEST(batch.epoch == (position + k) / 5);
      BOOST_TEST(same(batch, others.next()));
    }
  }
  BOOST_CHECK_THROW(batches.next(), OutOfRangeError);
  BOOST_CHECK_THROW(batches.seek(-1), OutOfRangeError);
  BOOST_TEST(batches.position() == largest);
}

BOOST_AUTO_TEST_CASE(what_a_thread_throws_comes_out_of_next) {
  const Examples many(40);
  for (const int prefetch : {0, 1, 4}) {
    std::atomic<int> failures = 3;
    BatchIterator batches(many.images, many.labels,
                          {.batch_size = 4,
                           .map =
                               [&failures](const Array& image, std::uint64_t) {
                                 const bool is_broken = image.values<float>()[0] == 22;
                                 if (is_broken && failures.fetch_sub(1) > 0)
                                   throw std::domain_error("broken");
                                 return image;
                               },
                           .prefetch = prefetch,
                           .threads = 2});
    for (int k = 0; k < 5; ++k) BOOST_TEST(batches.next().position == k);
    int thrown = 0;
    for (; failures > 0 || thrown == 0; ++thrown) {
      BOOST_CHECK_EXCEPTION(batches.next(), std::domain_error,
                            [](const auto& error) { return error.what() == std::string("broken"); });
      BOOST_TEST(batches.position() == 5);
      if (thrown > 3) BOOST_FAIL("more exceptions than were thrown");
    }
    batches.seek(5);
    BOOST_TEST(labels_of(batches.next()) == (std::vector<int>{20, 21, 22, 23}),
               boost::test_tools::per_element());
    BOOST_TEST(batches.next().position == 6);
  }
}

BOOST_AUTO_TEST_CASE(a_map_may_change_values_only) {
  const Examples three(3);
  const auto first_with = [&](std::function<Array(const Array&, std::uint64_t)> map) {
    return BatchIterator(three.images, three.labels, {.batch_size = 3, .map = std::move(map)}).next();
  };
  BOOST_TEST(first_with([](const Array& image, std::uint64_t) {
               return flip_left_right(image);
             }).images.same_bits(Array::of<float>({3, 1, 2, 1}, {0, 0, 1, 1, 4, 2})));
  BOOST_CHECK_EXCEPTION(first_with([](const Array&, std::uint64_t) {
                          return Array({2, 1, 1});
                        }),
                        ValueError, [](const auto& error) {
                          return contains(error, {"float32[2,1,1]", "float32[1,2,1]"});
                        });
  BOOST_CHECK_THROW(first_with([](const Array&, std::uint64_t) {
                      return Array({1, 2, 1}, DType::uint8);
                    }),
                    ValueError);
}

BOOST_FIXTURE_TEST_CASE(destroyed_and_moved_at_any_time, RandomExamples) {
  for (int round = 0; round < 100; ++round) {
    BatchOptions options = all_options();
    options.threads = random.integer(1, 4);
    options.prefetch = random.integer(0, 6);
    BatchIterator batches(images, labels, options);
    for (int k = random.integer(0, 3); k > 0; --k) static_cast<void>(batches.next());
    if (random.chance(0.5)) batches.seek(random.integer(0, 100));
    BatchIterator moved = std::move(batches);
    if (random.chance(0.5)) static_cast<void>(moved.next());
    batches = std::move(moved);
  }
}

BOOST_AUTO_TEST_CASE(other_images_and_labels) {
  const auto uint8_labels = Array::of<std::uint8_t>({2}, {7, 255});
  BatchIterator grey(Array::of<float>({2, 1, 2}, {0.5f, 1, 2, -3}), uint8_labels, {.batch_size = 2});
  const Batch batch = grey.next();
  BOOST_TEST(batch.images.same_bits(Array::of<float>({2, 1, 2, 1}, {0.5f, 1, 2, -3})));
  BOOST_TEST(batch.labels.same_bits(Array::of<std::int32_t>({2}, {7, 255})));
  const auto int64_labels = Array::of<std::int64_t>({2}, {-1, 1000000});
  BatchIterator wide(Array({2, 3, 3}, DType::uint8), int64_labels, {});
  BOOST_TEST(labels_of(wide.next()) == std::vector<int>{-1}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(errors) {
  const Array images({4, 6, 6, 3}, DType::uint8);
  const Array labels({4}, DType::int32);
  const auto refuse = [&](const BatchOptions& options) {
    BOOST_CHECK_THROW(BatchIterator(images, labels, options), ValueError);
  };
  BOOST_CHECK_EXCEPTION(BatchIterator(images, Array({3}, DType::int32), {}), ValueError,
                        [](const auto& error) {
                          return contains(error, {"uint8[4,6,6,3]", "int32[3]"});
                        });
  BOOST_CHECK_THROW(BatchIterator(images, Array({4, 1}, DType::int32), {}), ValueError);
  BOOST_CHECK_THROW(BatchIterator(images, Array({4}, DType::float32), {}), TypeError);
  BOOST_CHECK_THROW(BatchIterator(Array({4, 6, 6, 3}, DType::int32), labels, {}), TypeError);
  BOOST_CHECK_THROW(BatchIterator(Array({4}, DType::uint8), labels, {}), ValueError);
  BOOST_CHECK_THROW(BatchIterator(Array({0, 6, 6}, DType::uint8), Array({0}, DType::int32), {}), ValueError);
  BOOST_CHECK_EXCEPTION(
      BatchIterator(Array({1, 1, 1}), Array::of<std::int64_t>({1}, {std::int64_t{1} << 31}), {}), ValueError,
      [](const auto& error) {
        return contains(error, {"2147483648", "int32"});
      });
  refuse({.batch_size = 0});
  refuse({.batch_size = 5, .drop_remainder = true});
  refuse({.repeat = -2});
  refuse({.augment = {.height = 7, .random_crop = true}});
  refuse({.augment = {.width = -1}});
  refuse({.augment = {.height = std::int64_t{1} << 40, .width = std::int64_t{1} << 40}});
  refuse({.augment = {.random_brightness = -1}});
  refuse({.augment = {.random_contrast_lower = 2}});
  refuse({.augment = {.scale = std::numeric_limits<float>::infinity()}});
  refuse({.prefetch = -1});
  refuse({.prefetch = 1 << 30});
  refuse({.threads = 0});
}

BOOST_AUTO_TEST_SUITE_END()
