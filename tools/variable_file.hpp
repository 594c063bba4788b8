// SPDX-License-Identifier: Apache-2.0
// Files of variables in any format that the program knows: what its commands read and write.
#pragma once

#include "formats/file_contents.hpp"

#include <varscope/checkpoint.hpp>
#include <varscope/dtype.hpp>
#include <varscope/shape.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::tools {

enum class FileFormat : std::uint8_t {
  checkpoint,    // varscope's own profile of HDF5
  foreign_hdf5,  // any other HDF5, only where the user says so
  npz,
  safetensors,
};

/// What may stand behind --from; --to takes all but "hdf5".
inline constexpr std::string_view format_names = "checkpoint, hdf5, npz, safetensors";

/// "checkpoint", "hdf5", ... Throws InvalidArgumentError for other names.
FileFormat format_named(std::string_view name);

/// By the path's ending: .npz, .safetensors, and a checkpoint for everything else that is read. What is to be
/// written needs .h5, .hdf5, .npz or .safetensors, else InvalidArgumentError.
FileFormat format_to_read(const std::string& path);
FileFormat format_to_write(const std::string& path);

/// Opens a checkpoint as CheckpointReader does; what is missing or something else comes with advice.
CheckpointReader open_checkpoint(const std::string& path);

/// A file that was opened. Checkpoints are read a variable at a time, everything else at once.
class VariableFile {
 public:
  struct Entry {
    std::string name;
    DType dtype = DType::float32;
    Shape shape;
    std::uint64_t bytes = 0;
  };

  /// Throws what CheckpointReader and the formats' readers throw.
  VariableFile(std::string path, FileFormat format);

  const std::string& path() const noexcept { return path_; }
  const std::vector<Entry>& entries() const noexcept { return entries_; }  // sorted by name
  std::optional<std::int64_t> global_step() const noexcept { return global_step_; }
  const std::vector<SkippedItem>& skipped() const noexcept { return contents_.skipped; }
  std::uint64_t bytes() const noexcept { return bytes_; }

  /// Null if there is no such variable.
  const Entry* find(std::string_view name) const noexcept;

  /// A variable's value; throws what CheckpointReader::read() throws.
  Array read(const Entry& entry) const;

 private:
  std::string path_;
  std::optional<CheckpointReader> reader_;
  FileContents contents_;
  std::vector<Entry> entries_;
  std::optional<std::int64_t> global_step_;
  std::uint64_t bytes_ = 0;
};

/// The entry; throws NotFoundError with the nearest name if there is none.
const VariableFile::Entry& entry_of(const VariableFile& file, const std::string& name);

struct WriteOptions {
  std::optional<std::int64_t> global_step = std::nullopt;
  bool deflate = false;       // of .npz
  int compression_level = 0;  // of a checkpoint; 0 compresses nothing
};

/// Throws InvalidArgumentError if that format is not one that is compressed so.
void require_compressible(FileFormat format, int compression_level);

/// Writes a file, all or nothing. Throws what write_checkpoint() and the formats' writers throw.
void write_variables(const std::string& path, FileFormat format,
                     std::span<const std::pair<std::string, Array>> variables, const WriteOptions& options);

/// Says on standard error what was left out of a file that was read, and why.
void print_skipped(const VariableFile& file);

/// "12 variables, 3.2 MiB".
std::string summary(std::size_t variables, std::uint64_t bytes);

}  // namespace varscope::tools
