// SPDX-License-Identifier: Apache-2.0
#include "read_untrusted.hpp"

#include "checkpoint_format.hpp"
#include "hdf5_format.hpp"
#include "open_checkpoint.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace varscope::testing {

namespace {

class UntrustedFile final : public io::ReadableFile {
 public:
  explicit UntrustedFile(std::span<const std::byte> input)
      : input_(input), size_(untrusted_file_size(input)) {}
  std::uint64_t size() const override { return size_; }
  void read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    // The reader checks every range itself.
    if (offset > size_ || into.size() > size_ - offset) std::abort();
    const std::size_t begin = std::min<std::uint64_t>(offset, input_.size());
    const std::size_t there = std::min(into.size(), input_.size() - begin);
    if (there > 0) std::memcpy(into.data(), input_.data() + begin, there);
    std::fill(into.begin() + static_cast<std::ptrdiff_t>(there), into.end(), std::byte{0});
  }

 private:
  std::span<const std::byte> input_;
  std::uint64_t size_;
};

class UntrustedFiles final : public io::FileSystem {
 public:
  explicit UntrustedFiles(std::span<const std::byte> input) : input_(input) {}
  std::unique_ptr<io::ReadableFile> open(const std::string&) override {
    return std::make_unique<UntrustedFile>(input_);
  }
  // A reader has no business with any of these.
  std::unique_ptr<io::WritableFile> create(const std::string&) override { std::abort(); }
  void rename(const std::string&, const std::string&) override { std::abort(); }
  void remove(const std::string&) override { std::abort(); }
  bool remove_if_abandoned(const std::string&) override { std::abort(); }
  void sync_directory(const std::string&) override { std::abort(); }
  std::optional<io::FileStatus> status(const std::string&) override { std::abort(); }
  std::vector<std::string> list(const std::string&) override { std::abort(); }

 private:
  std::span<const std::byte> input_;
};

}  // namespace

std::uint64_t untrusted_file_size(std::span<const std::byte> input) noexcept {
  if (input.size() < io::kSuperblockBytes) return input.size();
  std::uint64_t said = 0;
  std::memcpy(&said, input.data() + 28, sizeof said);
  return said > input.size() && said <= kMostBytes ? said : input.size();
}

bool read_untrusted(std::span<const std::byte> input,
                    const std::function<void(std::uint64_t bytes)>& on_compressed) {
  UntrustedFiles files(input);
  const std::uint64_t size = untrusted_file_size(input);
  bool right = true;
  try {
    const detail::OpenCheckpoint checkpoint(files, "file");
    for (const CheckpointEntry& entry : checkpoint.entries()) {
      // The file cannot hold it.
      if (entry.bytes > (entry.num_chunks > 0 ? io::kMaxInflation : 1) * size) std::abort();
      if (entry.stored_bytes > size) std::abort();
      if (entry.bytes > kMostBytes) return false;  // can, compressed; but not in many inputs a second
      if (entry.num_chunks > 0 && on_compressed) on_compressed(entry.bytes);
      std::vector<std::byte> memory(entry.bytes);
      try {
        checkpoint.read(entry, memory);
      } catch (const Error&) {
        right = false;
      }
    }
    checkpoint.verify();
    if (!right) std::abort();  // one of two ways to read did not notice
  } catch (const Error&) {
    return false;
  }
  return right;
}

}  // namespace varscope::testing
