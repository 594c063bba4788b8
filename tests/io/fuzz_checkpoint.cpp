// SPDX-License-Identifier: Apache-2.0
// The strict reader under libFuzzer: whatever the bytes, it gives values or a typed error, without a crash, a
// hang or much memory. The mutator knows the format: it changes fields as well as bytes, and makes checksums
// right again, without which nothing behind them would be reached. (The digest it leaves: files of version 1
// have none.)
//
//   scripts/fuzz --help
#include "hdf5_checksum.hpp"
#include "hdf5_format.hpp"
#include "io/memory_file_system.hpp"
#include "open_checkpoint.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <sanitizer/allocator_interface.h>
#include <string>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using namespace varscope;

std::span<std::byte> bytes_of(std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<std::byte*>(data), size};
}

std::uint64_t load(std::span<const std::byte> bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, size);
  return value;
}

void store(std::span<std::byte> bytes, std::size_t at, std::uint64_t value, std::size_t size) {
  std::memcpy(bytes.data() + at, &value, size);
}

/// Where the file's object headers are, checksums included, as far as they can be made out.
std::vector<io::ByteRange> headers_of(std::span<const std::byte> file) {
  std::vector<io::ByteRange> headers;
  for (std::size_t at = io::kSuperblockBytes; at + 14 <= file.size(); ++at) {
    if (std::memcmp(file.data() + at, "OHDR", 4) != 0) continue;
    const std::size_t width = std::size_t{1} << (load(file, at + 5, 1) & 3);
    if (at + 6 + width > file.size()) continue;
    const std::uint64_t size = 6 + width + load(file, at + 6, width) + 4;
    if (size < file.size() && at + size <= file.size()) headers.push_back({at, size});
  }
  return headers;
}

void repair(std::span<std::byte> file) {
  if (file.size() < io::kSuperblockBytes) return;
  store(file, 28, file.size(), 8);
  store(file, 44, io::hdf5_checksum(file.first(44)), 4);
  for (const io::ByteRange header : headers_of(file)) {
    const std::span<std::byte> bytes = file.subspan(header.offset, header.size);
    store(bytes, bytes.size() - 4, io::hdf5_checksum(bytes.first(bytes.size() - 4)), 4);
  }
}

constexpr std::uint64_t kInteresting[] = {
    0,          1,          2,          4,          8,          0x7F,       0x80,
    0xFF,       0x100,      0xFFFF,     0x10000,    0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
    1ull << 32, 1ull << 40, 1ull << 62, ~0ull >> 1, 1ull << 63, ~0ull - 7,  ~0ull};

/// Changes one field of a message of one header: a width that fields have, at any place.
void change_field(std::span<std::byte> file, std::minstd_rand& random) {
  const std::vector<io::ByteRange> headers = headers_of(file);
  if (headers.empty()) return;
  const io::ByteRange header = headers[random() % headers.size()];
  const std::size_t width = std::size_t{1} << (random() % 4);
  if (header.size <= width + 10) return;
  const std::size_t at = header.offset + 4 + random() % (header.size - width - 8);
  const std::uint64_t old = load(file, at, width);
  std::uint64_t value = kInteresting[random() % std::size(kInteresting)];
  switch (random() % 4) {
    case 0:
      value = old + 1 + random() % 8;
      break;
    case 1:
      value = old - 1 - random() % 8;
      break;
    case 2:
      value = file.size() - random() % 64;
      break;
    default:
      break;
  }
  store(file, at, value, width);
}

/// Puts a copy of some bytes of one header over those of another: links, types, attributes where others were.
void splice(std::span<std::byte> file, std::minstd_rand& random) {
  const std::vector<io::ByteRange> headers = headers_of(file);
  if (headers.size() < 2) return;
  const io::ByteRange from = headers[random() % headers.size()];
  const io::ByteRange to = headers[random() % headers.size()];
  const std::size_t size = 1 + random() % 64;
  if (from.size <= size + 4 || to.size <= size + 4) return;
  std::memmove(file.data() + to.offset + random() % (to.size - size - 4),
               file.data() + from.offset + random() % (from.size - size - 4), size);
}

/// What one allocation may take while an input is read.
std::size_t largest_allocation = ~std::size_t{0};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  std::minstd_rand random(seed);
  switch (random() % 4) {
    case 0:
      size = LLVMFuzzerMutate(data, size, max_size);
      break;
    case 1:
      splice(bytes_of(data, size), random);
      break;
    default:
      for (unsigned changes = 1 + random() % 3; changes > 0; --changes)
        change_field(bytes_of(data, size), random);
      break;
  }
  if (random() % 16 != 0) repair(bytes_of(data, size));
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int hooked = __sanitizer_install_malloc_and_free_hooks(
      [](const volatile void*, std::size_t bytes) {
        if (bytes > largest_allocation) std::abort();
      },
      [](const volatile void*) {});
  static_cast<void>(hooked);
  struct Limit {
    explicit Limit(std::size_t bytes) { largest_allocation = bytes; }
    ~Limit() { largest_allocation = ~std::size_t{0}; }
  };
  const Limit limit(2 * size + 4096);  // the constant: exceptions and their texts
  testing::MemoryFileSystem files(std::string(reinterpret_cast<const char*>(data), size));
  try {
    const detail::OpenCheckpoint checkpoint(files, "file");
    for (const CheckpointEntry& entry : checkpoint.entries()) {
      if (entry.bytes > size) std::abort();  // the file cannot hold it
      std::vector<std::byte> memory(entry.bytes);
      try {
        checkpoint.read(entry, memory);
      } catch (const Error&) {
      }
    }
    checkpoint.verify();
  } catch (const Error&) {
  }
  return 0;
}
