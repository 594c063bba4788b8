// SPDX-License-Identifier: Apache-2.0
// CIFAR-10's binary version: records of one byte for the label and 3 * 32 * 32 for the image, planes first.
#include "file_content.hpp"

#include <varscope/data_files.hpp>
#include <varscope/error.hpp>

#include <array>
#include <memory>

namespace varscope {

namespace {

constexpr std::size_t kSide = 32;
constexpr std::size_t kChannels = 3;
constexpr std::size_t kPlane = kSide * kSide;
constexpr std::size_t kRecordBytes = 1 + kChannels * kPlane;
constexpr int kClasses = 10;

/// Opens a file and sees to it that it is whole records. Returns how many.
std::uint64_t count_records(const input::FileContent& content) {
  const std::uint64_t bytes = content.size_limit();
  const std::uint64_t records = bytes / kRecordBytes;
  if (content.compressed()) content.fail(0, 2, "say that it is compressed with gzip; decompress it first");
  if (bytes == 0) throw DataLossError("'" + content.path() + "' is empty: it holds no record of CIFAR-10");
  if (bytes % kRecordBytes != 0) {
    content.fail(records * kRecordBytes, bytes,
                 "are not a whole record of " + std::to_string(kRecordBytes) + " bytes: of its " +
                     std::to_string(bytes) +
                     " bytes some are missing, or it is not CIFAR-10's binary version");
  }
  return records;
}

}  // namespace

LabeledImages read_cifar10(const std::vector<std::string>& paths) {
  if (paths.empty()) throw ValueError("read_cifar10() was given no path; give data_batch_1.bin and so on");
  std::vector<std::uint64_t> records;
  std::uint64_t total = 0;
  for (const std::string& path : paths) {
    records.push_back(count_records(input::FileContent(path)));
    total += records.back();
  }

  const auto count = static_cast<std::int64_t>(total);
  LabeledImages all{input::allocate(paths[0], {count, kSide, kSide, kChannels}, DType::uint8),
                    input::allocate(paths[0], {count}, DType::int32)};
  std::uint8_t* image = all.images.values<std::uint8_t>().data();
  std::int32_t* label = all.labels.values<std::int32_t>().data();
  std::array<std::byte, kRecordBytes> record{};
  for (std::size_t file = 0; file < paths.size(); ++file) {
    input::FileContent content(paths[file]);
    for (std::uint64_t number = 0; number < records[file]; ++number) {
      content.read(record);
      *label = std::to_integer<std::int32_t>(record[0]);
      if (*label >= kClasses) {
        content.fail(number * kRecordBytes, number * kRecordBytes + 1,
                     "is the label " + std::to_string(*label) + " of record " + std::to_string(number) +
                         ", but labels are 0 to 9: it is damaged, or not CIFAR-10's binary version");
      }
      for (std::size_t pixel = 0; pixel < kPlane; ++pixel) {
        for (std::size_t channel = 0; channel < kChannels; ++channel) {
          *image++ = std::to_integer<std::uint8_t>(record[1 + channel * kPlane + pixel]);
        }
      }
      ++label;
    }
    content.require_end();
  }
  return all;
}

}  // namespace varscope
