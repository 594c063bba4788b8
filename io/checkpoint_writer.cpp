// SPDX-License-Identifier: Apache-2.0
// A checkpoint is made in three steps. libhdf5 makes the metadata in memory, without any space for data. Our
// own reader looks through it, which proves that it is within the profile and finds the one field of each
// dataset that is still open: the address of the data. The addresses, behind all metadata, are filled in, and
// the file is written, without libhdf5 and its lock.
#include "checkpoint_writer.hpp"

#include "checkpoint_format.hpp"
#include "checkpoint_index.hpp"
#include "crc32c.hpp"
#include "durable_file.hpp"
#include "hdf5_checksum.hpp"
#include "hdf5_metadata.hpp"
#include "variable_path.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

namespace varscope::io {

// The format is little-endian, and elements are written as they are in memory.
static_assert(std::endian::native == std::endian::little);

namespace {

using NamedArray = std::pair<std::string, Array>;

/// The metadata, while it is in memory, as a file.
class MemoryFile final : public ReadableFile {
 public:
  explicit MemoryFile(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t size() const override { return bytes_.size(); }

  void read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    if (into.empty()) return;
    if (offset > bytes_.size() || into.size() > bytes_.size() - offset) {
      throw DataLossError("the metadata of a checkpoint ends before byte " +
                          std::to_string(offset + into.size()));
    }
    std::memcpy(into.data(), bytes_.data() + offset, into.size());
  }

 private:
  std::span<const std::byte> bytes_;
};

std::span<const std::byte> bytes_of(const Array& array) {
  return {static_cast<const std::byte*>(array.data()), array.num_bytes()};
}

constexpr std::uint64_t align_up(std::uint64_t offset, std::uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

std::vector<const NamedArray*> sorted_by_name(std::span<const NamedArray> variables) {
  std::vector<const NamedArray*> sorted;
  sorted.reserve(variables.size());
  for (const NamedArray& variable : variables) sorted.push_back(&variable);
  std::sort(sorted.begin(), sorted.end(),
            [](const NamedArray* a, const NamedArray* b) { return a->first < b->first; });
  const auto twin =
      std::adjacent_find(sorted.begin(), sorted.end(),
                         [](const NamedArray* a, const NamedArray* b) { return a->first == b->first; });
  if (twin != sorted.end()) {
    throw ValueError("the variable '" + (*twin)->first + "' is given twice for one checkpoint");
  }
  return sorted;
}

/// A reader refuses any other bool, since C++ cannot hold it.
void require_proper_bools(const std::string& name, const Array& array) {
  if (array.dtype() != DType::boolean) return;
  for (const std::byte byte : bytes_of(array)) {
    if (byte > std::byte{1}) {
      throw ValueError("the variable '" + name + "' holds a bool that is neither 0 nor 1: " +
                       std::to_string(std::to_integer<int>(byte)));
    }
  }
}

std::vector<VariableMetadata> describe(const std::vector<const NamedArray*>& variables) {
  std::vector<VariableMetadata> described;
  described.reserve(variables.size());
  for (const NamedArray* variable : variables) {
    const auto& [name, array] = *variable;
    if (array.shape().rank() > kMaxRank) {
      throw ValueError("the variable '" + name + "' has rank " + std::to_string(array.shape().rank()) +
                       "; a checkpoint takes at most " + std::to_string(kMaxRank));
    }
    require_proper_bools(name, array);
    described.push_back(
        {.name = name, .dtype = array.dtype(), .shape = array.shape(), .crc32c = crc32c(bytes_of(array))});
  }
  return described;
}

void store(std::span<std::byte> image, std::uint64_t position, std::uint64_t value, std::size_t size) {
  for (std::size_t k = 0; k < size; ++k) image[position + k] = static_cast<std::byte>(value >> (8 * k));
}

/// libhdf5 leaves the superblock's checksum to the moment of closing a file; the index needs it earlier.
void finish_superblock(std::span<std::byte> image, std::uint64_t file_size) {
  constexpr std::uint64_t kRootAddressPosition = 36;
  std::uint64_t root = 0;
  for (std::size_t k = 8; k-- > 0;) {
    root = (root << 8) | std::to_integer<std::uint64_t>(image[kRootAddressPosition + k]);
  }
  const std::vector<std::byte> superblock = make_superblock(root, file_size);
  std::copy(superblock.begin(), superblock.end(), image.begin());
}

/// Everything about a checkpoint before it is a file.
struct PlannedFile {
  std::vector<std::byte> metadata;
  std::vector<std::uint64_t> offsets;  // of each variable's data
  std::uint64_t size = 0;
};

/// Throws unless libhdf5 has made what it was asked for.
CheckpointIndex index_metadata(std::span<const std::byte> metadata,
                               const std::vector<VariableMetadata>& variables) {
  const auto refuse = [](const std::string& what) {
    throw RuntimeError("libhdf5 has not made the metadata of a checkpoint as asked: " + what);
  };
  CheckpointIndex index;
  try {
    index = read_checkpoint_index(MemoryFile(metadata), "checkpoint metadata", IndexedFile::metadata_only);
  } catch (const Error& error) {
    refuse(error.what());
  }
  if (index.variables.size() != variables.size()) refuse("the number of variables differs");
  for (std::size_t k = 0; k < variables.size(); ++k) {
    const CheckpointEntry& made = index.variables[k].entry;
    const VariableMetadata& wanted = variables[k];
    if (made.name != wanted.name || made.dtype != wanted.dtype || made.shape != wanted.shape ||
        made.crc32c != wanted.crc32c) {
      refuse("the variable '" + wanted.name + "' differs");
    }
  }
  return index;
}

/// Requires: `variables` are sorted by name.
PlannedFile plan_file(const std::vector<VariableMetadata>& variables,
                      std::optional<std::int64_t> global_step) {
  PlannedFile plan{.metadata = make_hdf5_metadata(variables, global_step)};
  const std::span<std::byte> image(plan.metadata);
  finish_superblock(image, image.size());
  const CheckpointIndex index = index_metadata(image, variables);
  for (const ByteRange gap : index.gaps) {
    std::fill_n(image.begin() + static_cast<std::ptrdiff_t>(gap.offset), gap.size, std::byte{0});
  }
  plan.size = image.size();
  for (const IndexedVariable& variable : index.variables) {
    if (variable.entry.bytes == 0) {
      plan.offsets.push_back(0);
      continue;
    }
    const std::uint64_t offset = align_up(plan.size, data_alignment(variable.entry.bytes));
    plan.offsets.push_back(offset);
    plan.size = offset + variable.entry.bytes;
    store(image, variable.address_position, offset, 8);
    const ByteRange chunk = variable.header_chunk;
    const std::uint32_t checksum = hdf5_checksum(image.subspan(chunk.offset, chunk.size - 4));
    store(image, chunk.offset + chunk.size - 4, checksum, 4);
  }
  finish_superblock(image, plan.size);
  return plan;
}

void check_path(FileSystem& files, const std::string& path) {
  if (path.empty() || path.ends_with('/')) {
    throw ValueError("'" + path + "' is no path for a checkpoint: it has no file name");
  }
  const std::optional<FileStatus> status = files.status(path);
  if (status && status->is_directory) {
    throw ValueError("cannot write the checkpoint '" + path + "': there is a directory of that name");
  }
}

}  // namespace

void write_checkpoint(FileSystem& files, const std::string& path, std::span<const NamedArray> variables,
                      const WriteCheckpointOptions& options) {
  check_path(files, path);
  const std::vector<const NamedArray*> sorted = sorted_by_name(variables);
  const PlannedFile plan = plan_file(describe(sorted), options.global_step);
  write_durably(files, path, [&](WritableFile& file) {
    file.reserve(plan.size);
    file.write_at(0, plan.metadata);
    for (std::size_t k = 0; k < sorted.size(); ++k) {
      if (sorted[k]->second.num_bytes() > 0) file.write_at(plan.offsets[k], bytes_of(sorted[k]->second));
    }
  });
}

}  // namespace varscope::io

namespace varscope {

void write_checkpoint(const std::string& path, std::span<const std::pair<std::string, Array>> variables,
                      const WriteCheckpointOptions& options) {
  io::write_checkpoint(io::posix_file_system(), path, variables, options);
}

}  // namespace varscope
