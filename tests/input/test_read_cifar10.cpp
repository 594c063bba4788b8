// SPDX-License-Identifier: Apache-2.0
#include "input/gzip.hpp"
#include "io/temporary_directory.hpp"
#include "support/messages.hpp"
#include "support/random.hpp"

#include <varscope/data_files.hpp>
#include <varscope/error.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>

BOOST_AUTO_TEST_SUITE(test_read_cifar10)

using namespace varscope;
using varscope::testing::contains;
using varscope::testing::Random;
using varscope::testing::TemporaryDirectory;
using varscope::testing::write_file;

namespace {

constexpr std::size_t kRecord = 3073;

std::string random_records(Random& random, int count) {
  std::string records;
  for (int record = 0; record < count; ++record) {
    records += static_cast<char>(random.integer(0, 9));
    for (std::size_t byte = 1; byte < kRecord; ++byte) records += random.integer<char>(-128, 127);
  }
  return records;
}

}  // namespace

BOOST_AUTO_TEST_CASE(records_of_several_files) {
  Random random;
  const TemporaryDirectory directory;
  const std::string first = random_records(random, 3);
  const std::string second = random_records(random, 2);
  write_file(directory / "data_batch_1.bin", first);
  write_file(directory / "data_batch_2.bin", second);
  const LabeledImages all = read_cifar10({directory / "data_batch_1.bin", directory / "data_batch_2.bin"});
  BOOST_TEST(all.images.description() == "uint8[5,32,32,3]");
  BOOST_TEST(all.labels.description() == "int32[5]");
  const std::string records = first + second;
  std::size_t wrong = 0;
  for (std::size_t n = 0; n < 5; ++n) {
    wrong += all.labels.values<std::int32_t>()[n] != records[n * kRecord];
    for (std::size_t y = 0; y < 32; ++y) {
      for (std::size_t x = 0; x < 32; ++x) {
        for (std::size_t c = 0; c < 3; ++c) {
          const auto stored = static_cast<std::uint8_t>(records[n * kRecord + 1 + c * 1024 + y * 32 + x]);
          wrong += all.images.values<std::uint8_t>()[((n * 32 + y) * 32 + x) * 3 + c] != stored;
        }
      }
    }
  }
  BOOST_TEST(wrong == 0U);
}

BOOST_AUTO_TEST_CASE(every_length_but_whole_records_is_refused) {
  Random random;
  const TemporaryDirectory directory;
  const std::string path = directory / "data_batch_1.bin";
  const std::string whole = random_records(random, 1) + std::string(1, '\3');
  for (std::size_t length = 0; length <= whole.size(); length += length > 20 && length < 3060 ? 7 : 1) {
    if (length == kRecord) continue;
    write_file(path, whole.substr(0, length));
    BOOST_CHECK_EXCEPTION(read_cifar10({path}), DataLossError,
                          [&](const auto& error) { return contains(error, {path}); });
  }
}

BOOST_AUTO_TEST_CASE(every_label_byte) {
  Random random;
  const TemporaryDirectory directory;
  const std::string path = directory / "data_batch_1.bin";
  std::string records = random_records(random, 2);
  for (int value = 0; value < 256; ++value) {
    records[kRecord] = static_cast<char>(value);
    write_file(path, records);
    if (value <= 9) {
      BOOST_TEST(read_cifar10({path}).labels.values<std::int32_t>()[1] == value);
    } else {
      BOOST_CHECK_EXCEPTION(read_cifar10({path}), DataLossError, [&](const auto& error) {
        return contains(error, {path, "byte 3073", "label " + std::to_string(value), "record 1"});
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read) {
  Random random;
  const TemporaryDirectory directory;
  const std::string path = directory / "data_batch_1.bin";
  const std::string records = random_records(random, 1);
  write_file(path, records);
  BOOST_CHECK_THROW(read_cifar10({}), ValueError);
  BOOST_CHECK_EXCEPTION(read_cifar10({path, directory / "data_batch_2.bin"}), NotFoundError,
                        [](const auto& error) { return contains(error, {"data_batch_2.bin"}); });
  BOOST_CHECK_THROW(read_cifar10({directory.path()}), InvalidArgumentError);
  write_file(path, varscope::testing::gzip(records));
  BOOST_CHECK_EXCEPTION(read_cifar10({path}), DataLossError, [](const auto& error) {
    return contains(error, {"gzip", "decompress"});
  });
}

BOOST_AUTO_TEST_SUITE_END()
