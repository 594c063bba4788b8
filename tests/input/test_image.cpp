// SPDX-License-Identifier: Apache-2.0
#include "support/judge.hpp"
#include "support/messages.hpp"
#include "support/random_arrays.hpp"

#include <varscope/error.hpp>
#include <varscope/image.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_image)

using namespace varscope;
using namespace varscope::testing;

namespace {

Array row(std::initializer_list<float> values) {
  return Array::of<float>({1, static_cast<std::int64_t>(values.size()), 1}, values);
}

// Image number `image` of a batch, as an array of its own.
Array image_of(const Array& batch, std::int64_t image) {
  const Shape& shape = batch.shape();
  Array one({shape[1], shape[2], shape[3]}, batch.dtype());
  std::memcpy(one.data(),
              static_cast<const char*>(batch.data()) + image * static_cast<std::int64_t>(one.num_bytes()),
              one.num_bytes());
  return one;
}

// Whether `window` is what the image has at this place, mirrored or not.
bool is_window(const Array& window, const Array& image, std::int64_t top, std::int64_t left,
               bool mirrored = false) {
  const Shape& shape = window.shape();
  if (shape[2] != image.shape()[2] || window.dtype() != image.dtype()) return false;
  const std::vector<double> all = to_doubles(image);
  const std::vector<double> values = to_doubles(window);
  std::size_t k = 0;
  for (std::int64_t y = 0; y < shape[0]; ++y) {
    for (std::int64_t x = 0; x < shape[1]; ++x) {
      for (std::int64_t c = 0; c < shape[2]; ++c, ++k) {
        const std::int64_t from_y = top + y;
        const std::int64_t from_x = left + (mirrored ? shape[1] - 1 - x : x);
        const bool outside =
            from_y < 0 || from_x < 0 || from_y >= image.shape()[0] || from_x >= image.shape()[1];
        const double expected =
            outside ? 0 : all[static_cast<std::size_t>((from_y * image.shape()[1] + from_x) * shape[2] + c)];
        if (values[k] != expected) return false;
      }
    }
  }
  return true;
}

// Calls `check` with random images of every dtype, one and batches.
void for_random_images(Random& random, const std::vector<DType>& dtypes,
                       const std::function<void(const Array& images)>& check) {
  for (int round = 0; round < 20; ++round) {
    const Shape shape = random_shape(random, random.integer(3, 4), 9);
    check(random_array(random, shape, random.pick(dtypes), 0, 200));
  }
}

// Images of one, each with the number that it has in its batch.
std::vector<Array> images_of(const Array& images) {
  if (images.shape().rank() == 3) return {images};
  std::vector<Array> all;
  for (std::int64_t image = 0; image < images.shape()[0]; ++image) all.push_back(image_of(images, image));
  return all;
}

const std::vector<DType> kAnyDType = {DType::float32, DType::float64, DType::int32, DType::int64,
                                      DType::uint8};
const std::vector<DType> kComputed = {DType::float32, DType::uint8};

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  BOOST_TEST(flip_left_right(Array::of<std::uint8_t>({2, 3, 1}, {1, 2, 3, 4, 5, 6}))
                 .same_bits(Array::of<std::uint8_t>({2, 3, 1}, {3, 2, 1, 6, 5, 4})));
  BOOST_TEST(flip_left_right(Array::of<std::uint8_t>({1, 2, 3}, {1, 2, 3, 4, 5, 6}))
                 .same_bits(Array::of<std::uint8_t>({1, 2, 3}, {4, 5, 6, 1, 2, 3})));
  // Of an odd difference the right side is cut more, and gets more zeros.
  BOOST_TEST(resize_with_crop_or_pad(row({1, 2, 3, 4, 5}), 1, 2).same_bits(row({2, 3})));
  BOOST_TEST(resize_with_crop_or_pad(row({1, 2}), 1, 5).same_bits(row({0, 1, 2, 0, 0})));
  BOOST_TEST(resize_with_crop_or_pad(row({1, 2, 3}), 2, 1).same_bits(Array::of<float>({2, 1, 1}, {2, 0})));
  BOOST_TEST(adjust_brightness(row({1, 2, 250}), 10.5f).same_bits(row({11.5f, 12.5f, 260.5f})));
  BOOST_TEST(adjust_brightness(Array::of<std::uint8_t>({1, 1, 2}, {0, 255}), -1)
                 .same_bits(Array::of<float>({1, 1, 2}, {-1, 254})));
  BOOST_TEST(adjust_contrast(row({1, 2, 6}), 2).same_bits(row({-1, 1, 9})));
  // Each channel has its own mean: 2 and 20.
  BOOST_TEST(adjust_contrast(Array::of<float>({1, 2, 2}, {1, 10, 3, 30}), 0.5f)
                 .same_bits(Array::of<float>({1, 2, 2}, {1.5f, 15, 2.5f, 25})));
  BOOST_TEST(per_image_standardization(row({2, 4, 4, 4, 5, 5, 7, 9}))  // mean 5, deviation 2
                 .same_bits(row({-1.5f, -0.5f, -0.5f, -0.5f, 0, 0, 1, 2})));
  BOOST_TEST(per_image_standardization(row({7, 7, 7})).same_bits(row({0, 0, 0})));
  // A deviation below 1/sqrt(4) counts as that.
  BOOST_TEST(per_image_standardization(row({8, 8, 8.5f, 7.5f})).same_bits(row({0, 0, 1, -1})));
}

BOOST_AUTO_TEST_CASE(windows_in_the_middle) {
  Random random;
  for_random_images(random, kAnyDType, [&](const Array& images) {
    const auto height = random.integer<std::int64_t>(1, 12);
    const auto width = random.integer<std::int64_t>(1, 12);
    const auto begin = [](std::int64_t have, std::int64_t want) {
      return have >= want ? (have - want) / 2 : -((want - have) / 2);
    };
    const std::vector<Array> from = images_of(images);
    const Array resized = resize_with_crop_or_pad(images, height, width);
    BOOST_TEST(resized.shape().rank() == images.shape().rank());
    const std::vector<Array> found = images_of(resized);
    BOOST_REQUIRE(found.size() == from.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      BOOST_TEST((found[i].shape() == Shape{height, width, from[i].shape()[2]}));
      BOOST_TEST(
          is_window(found[i], from[i], begin(from[i].shape()[0], height), begin(from[i].shape()[1], width)));
    }
  });
}

BOOST_AUTO_TEST_CASE(mirrored_images) {
  Random random;
  for_random_images(random, kAnyDType, [&](const Array& images) {
    const std::vector<Array> from = images_of(images);
    const std::vector<Array> always = images_of(flip_left_right(images));
    const std::vector<Array> sometimes = images_of(random_flip_left_right(images, 3));
    for (std::size_t i = 0; i < from.size(); ++i) {
      BOOST_TEST(is_window(always[i], from[i], 0, 0, true));
      BOOST_TEST((is_window(sometimes[i], from[i], 0, 0, true) || is_window(sometimes[i], from[i], 0, 0)));
    }
    BOOST_TEST(flip_left_right(flip_left_right(images)).same_bits(images));
  });
}

// 4000 images of 5 x 4 different pixels: windows of 3 x 3 lie at 3 x 2 places, halves are mirrored.
BOOST_AUTO_TEST_CASE(places_and_mirrors_are_equally_likely) {
  constexpr std::int64_t count = 4000;
  Array images({count, 5, 4, 1}, DType::uint8);
  for (std::int64_t k = 0; k < images.num_elements(); ++k) {
    images.values<std::uint8_t>()[static_cast<std::size_t>(k)] = static_cast<std::uint8_t>(k % 20);
  }
  for (const std::uint64_t seed : {0ULL, 1ULL, ~0ULL}) {
    const Array crops = random_crop(images, 3, 3, seed);
    const Array flipped = random_flip_left_right(images, seed);
    std::map<std::pair<int, bool>, int> found;
    for (std::int64_t image = 0; image < count; ++image) {
      const int place = crops.values<std::uint8_t>()[static_cast<std::size_t>(image * 9)];
      const bool mirrored = flipped.values<std::uint8_t>()[static_cast<std::size_t>(image * 20)] == 3;
      ++found[{place, mirrored}];
      BOOST_REQUIRE(is_window(image_of(crops, image), image_of(images, image), place / 4, place % 4));
    }
    std::set<int> places;
    for (const auto& [what, times] : found) {
      places.insert(what.first);
      BOOST_TEST(std::abs(times - count / 12.0) < 5 * std::sqrt(count / 12.0));
    }
    BOOST_TEST((places == std::set<int>{0, 1, 4, 5, 8, 9}));
    BOOST_TEST(found.size() == 12U);
  }
}

BOOST_AUTO_TEST_CASE(brightness_and_contrast_within_their_limits) {
  constexpr std::int64_t count = 4000;
  Array images({count, 1, 2, 1}, DType::uint8);
  for (std::size_t k = 0; k < 2 * count; ++k) images.values<std::uint8_t>()[k] = k % 2 == 0 ? 100 : 120;
  const std::vector<double> brighter = to_doubles(random_brightness(images, 63, 5));
  const std::vector<double> contrast = to_doubles(random_contrast(images, 0.25f, 1.75f, 5));
  double delta_sum = 0;
  double factor_sum = 0;
  double product_sum = 0;
  for (std::size_t k = 0; k < 2 * count; k += 2) {
    const double delta = brighter[k] - 100;
    const double factor = (110 - contrast[k]) / 10;
    BOOST_TEST(std::abs(brighter[k + 1] - 120 - delta) < 1e-4);
    BOOST_TEST(std::abs(contrast[k + 1] - 110 - 10 * factor) < 1e-4);
    BOOST_TEST(std::abs(delta) <= 63.0001);
    BOOST_TEST(std::abs(factor - 1) <= 0.750001);
    delta_sum += delta;
    factor_sum += factor - 1;
    product_sum += delta * (factor - 1);
  }
  // Means of uniform numbers that do not depend on each other, within five deviations.
  BOOST_TEST(std::abs(delta_sum / count) < 5 * 63 / std::sqrt(3.0 * count));
  BOOST_TEST(std::abs(factor_sum / count) < 5 * 0.75 / std::sqrt(3.0 * count));
  BOOST_TEST(std::abs(product_sum / count) < 5 * 63 * 0.75 / (3 * std::sqrt(1.0 * count)));
}

BOOST_AUTO_TEST_CASE(contrast_and_standardization_by_loops) {
  Random random;
  for_random_images(random, kComputed, [&](const Array& images) {
    const float factor = random.uniform(0, 3);
    const std::vector<Array> from = images_of(images);
    const std::vector<Array> contrast = images_of(adjust_contrast(images, factor));
    const std::vector<Array> standardized = images_of(per_image_standardization(images));
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::vector<double> values = to_doubles(from[i]);
      const auto channels = static_cast<std::size_t>(from[i].shape()[2]);
      const auto n = static_cast<double>(values.size());
      std::vector<double> channel_means(channels);
      double mean = 0;
      for (std::size_t k = 0; k < values.size(); ++k) {
        channel_means[k % channels] += values[k] * static_cast<double>(channels) / n;
        mean += values[k] / n;
      }
      double variance = 0;
      for (const double value : values) variance += (value - mean) * (value - mean) / n;
      const double divisor = std::max(std::sqrt(variance), 1 / std::sqrt(n));
      Expected contrasted(from[i].shape());
      Expected standard(from[i].shape());
      for (std::size_t k = 0; k < values.size(); ++k) {
        const double channel_mean = channel_means[k % channels];
        contrasted.add(k, values[k] * factor);
        contrasted.add(k, channel_mean * (1 - factor));
        contrasted.magnitudes[k] += 200 * (factor + 1);
        standard.add(k, (values[k] - mean) / divisor);
        standard.magnitudes[k] += 200 / divisor;
      }
      check_close(contrast[i], DType::float32, contrasted, 4);
      check_close(standardized[i], DType::float32, standard, 4);
    }
  });
}

// What a seed means does not change: training that is resumed with a later version goes on as it began. The
// values are those of another implementation of Philox.
BOOST_AUTO_TEST_CASE(numbers_of_a_seed_are_fixed) {
  Array numbers({4, 16, 16, 1}, DType::uint8);
  for (std::size_t k = 0; k < 1024; ++k)
    numbers.values<std::uint8_t>()[k] = static_cast<std::uint8_t>(k % 256);
  const Array crops = random_crop(numbers, 1, 1, 42);
  const Array flips = random_flip_left_right(numbers, 42);
  const Array brighter = random_brightness(numbers, 1, 42);
  const Array contrast = random_contrast(numbers, 0, 2, 42);
  std::vector<int> places;
  std::vector<int> firsts;
  std::vector<float> deltas;
  std::vector<float> values;
  for (std::size_t image = 0; image < 4; ++image) {
    places.push_back(crops.values<std::uint8_t>()[image]);
    firsts.push_back(flips.values<std::uint8_t>()[image * 256]);
    deltas.push_back(brighter.values<float>()[image * 256]);
    values.push_back(contrast.values<float>()[image * 256]);
  }
  BOOST_TEST(places == (std::vector<int>{232, 148, 20, 122}), boost::test_tools::per_element());
  BOOST_TEST(firsts == (std::vector<int>{15, 15, 15, 0}), boost::test_tools::per_element());
  BOOST_TEST(deltas == (std::vector<float>{-0.260410339f, -0.932657421f, 0.917036891f, -0.324992925f}),
             boost::test_tools::per_element());
  BOOST_TEST(values == (std::vector<float>{-28.6419373f, 55.1867218f, 56.1515884f, 13.6393661f}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(no_images) {
  BOOST_TEST(random_crop(Array({0, 5, 5, 3}), 2, 2, 1).description() == "float32[0,2,2,3]");
  BOOST_TEST(per_image_standardization(Array({3, 0, 5, 1})).description() == "float32[3,0,5,1]");
  BOOST_TEST(resize_with_crop_or_pad(Array({0, 2, 1}, DType::int32), 1, 1)
                 .same_bits(Array({1, 1, 1}, DType::int32)));
  BOOST_TEST(flip_left_right(Array({2, 2, 0}, DType::float64)).description() == "float64[2,2,0]");
}

BOOST_AUTO_TEST_CASE(errors) {
  const Array image({4, 4, 3});
  const float infinity = std::numeric_limits<float>::infinity();
  BOOST_CHECK_EXCEPTION(flip_left_right(Array({4, 4})), ValueError, [](const auto& error) {
    return contains(error, {"flip_left_right()", "[height,width,channels]", "float32[4,4]"});
  });
  BOOST_CHECK_EXCEPTION(per_image_standardization(Array({4, 4, 1}, DType::int32)), TypeError,
                        [](const auto& error) {
                          return contains(error, {"per_image_standardization()", "uint8", "int32[4,4,1]"});
                        });
  BOOST_CHECK_EXCEPTION(random_crop(image, 5, 4, 0), ValueError, [](const auto& error) {
    return contains(error, {"5 x 4", "4 x 4", "resize_with_crop_or_pad"});
  });
  BOOST_CHECK_THROW(random_crop(image, 0, 4, 0), ValueError);
  BOOST_CHECK_THROW(resize_with_crop_or_pad(image, 4, -1), ValueError);
  BOOST_CHECK_THROW(resize_with_crop_or_pad(image, std::int64_t{1} << 40, std::int64_t{1} << 40), ValueError);
  BOOST_CHECK_THROW(random_brightness(image, -1, 0), ValueError);
  BOOST_CHECK_THROW(random_brightness(image, infinity, 0), ValueError);
  BOOST_CHECK_THROW(random_contrast(image, -0.5f, 1, 0), ValueError);
  BOOST_CHECK_THROW(random_contrast(image, 2, 1, 0), ValueError);
  BOOST_CHECK_THROW(random_contrast(image, 1, infinity, 0), ValueError);
  BOOST_CHECK_THROW(random_contrast(image, std::nanf(""), 1, 0), ValueError);
}

BOOST_AUTO_TEST_SUITE_END()
