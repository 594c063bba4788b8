// SPDX-License-Identifier: Apache-2.0
// Real data: Fashion-MNIST from Debian's package dataset-fashion-mnist. meson.build skips it where there is
// none.
#include "support/judge.hpp"

#include <varscope/batch_iterator.hpp>
#include <varscope/data_files.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_fashion_mnist)

using namespace varscope;
using namespace varscope::testing;

namespace {

const std::string kFolder = VARSCOPE_FASHION_MNIST;

std::vector<int> count_labels(const Array& labels) {
  std::vector<int> counts(10);
  for (const double label : to_doubles(labels)) ++counts.at(static_cast<std::size_t>(label));
  return counts;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_its_authors_say_of_it) {
  const Array images = read_idx(kFolder + "/train-images-idx3-ubyte.gz");
  const Array labels = read_idx(kFolder + "/train-labels-idx1-ubyte.gz");
  BOOST_TEST(images.description() == "uint8[60000,28,28]");
  BOOST_TEST(labels.description() == "uint8[60000]");
  BOOST_TEST(count_labels(labels) == std::vector<int>(10, 6000), boost::test_tools::per_element());
  double sum = 0;
  double squares = 0;
  for (const std::uint8_t pixel : images.values<std::uint8_t>()) {
    sum += pixel / 255.0;
    squares += pixel / 255.0 * (pixel / 255.0);
  }
  // The two numbers by which everybody standardizes it.
  const double mean = sum / static_cast<double>(images.num_elements());
  const double deviation = std::sqrt(squares / static_cast<double>(images.num_elements()) - mean * mean);
  BOOST_TEST(std::abs(mean - 0.2860) < 5e-5);
  BOOST_TEST(std::abs(deviation - 0.3530) < 5e-5);
}

BOOST_AUTO_TEST_CASE(an_epoch_of_batches) {
  const Array images = read_idx(kFolder + "/t10k-images-idx3-ubyte.gz");
  const Array labels = read_idx(kFolder + "/t10k-labels-idx1-ubyte.gz");
  BatchIterator batches(images, labels,
                        {.batch_size = 128,
                         .seed = 1,
                         .shuffle = true,
                         .repeat = 1,
                         .augment = {.random_flip_left_right = true, .per_image_standardization = true},
                         .threads = 2});
  std::vector<int> counts(10);
  std::int64_t examples = 0;
  while (!batches.at_end()) {
    const Batch batch = batches.next();
    const std::int64_t size = batch.labels.num_elements();
    BOOST_TEST((batch.images.shape() == Shape{size, 28, 28, 1}));
    double sum = 0;
    for (const float pixel : batch.images.values<float>()) sum += static_cast<double>(pixel);
    BOOST_TEST(std::abs(sum / static_cast<double>(batch.images.num_elements())) < 1e-5);
    const std::vector<int> some = count_labels(batch.labels);
    for (std::size_t label = 0; label < 10; ++label) counts[label] += some[label];
    examples += size;
  }
  BOOST_TEST(examples == 10000);
  BOOST_TEST(counts == std::vector<int>(10, 1000), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
