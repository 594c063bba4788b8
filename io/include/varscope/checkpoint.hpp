// SPDX-License-Identifier: Apache-2.0
// Checkpoint files without a graph: write named arrays, look into a file, read single variables.
// docs/checkpoint_format.md describes the bytes; Saver (saver.hpp) saves and restores the variables of a
// graph.
#pragma once

#include <varscope/array.hpp>
#include <varscope/dtype.hpp>
#include <varscope/export.hpp>
#include <varscope/shape.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace varscope {

namespace detail {
class OpenCheckpoint;
}

/// What a checkpoint says of one variable.
struct CheckpointEntry {
  std::string name;  ///< "conv1/weights"; its dataset is "/conv1/weights:0"
  DType dtype = DType::float32;
  Shape shape;
  std::uint64_t offset = 0;  ///< of the data's first byte in the file; 0 if there is no data
  std::uint64_t bytes = 0;  ///< of data: row-major, little-endian, in the file without gaps unless compressed
  std::uint32_t crc32c = 0;        ///< of the data
  std::uint64_t stored_bytes = 0;  ///< that the data takes in the file: those above unless compressed
  std::size_t num_chunks = 0;      ///< that are compressed each by itself; 0: the data is not compressed
};

/// An open checkpoint. Opening reads and verifies everything but the data: every offset and size is checked
/// against the file, every checksum of the metadata compared, and nothing is allocated that the file does not
/// justify. A file that another one replaces by a later save stays readable. Const, hence thread-safe; copies
/// share the open file.
class VARSCOPE_API CheckpointReader {
 public:
  /// Throws NotFoundError if there is no such file; InvalidArgumentError for a directory, a file that is not
  /// HDF5, or an HDF5 file that is not a checkpoint, naming the feature that it uses; DataLossError, naming
  /// the object and the bytes, for one that is truncated or damaged; FailedPreconditionError if the system
  /// does not let us read it.
  explicit CheckpointReader(const std::string& path);

  const std::string& path() const noexcept;

  /// The variables, sorted by name.
  std::span<const CheckpointEntry> entries() const noexcept;

  /// The version of the format that the file says it has; one that this library cannot read is refused.
  int format_version() const noexcept;

  /// The global step that the save was given.
  std::optional<std::int64_t> global_step() const noexcept;

  bool has(std::string_view name) const noexcept;

  /// The entry of a variable. Throws NotFoundError, with the nearest names, if there is none.
  const CheckpointEntry& entry(std::string_view name) const;

  /// A variable's value. Throws NotFoundError as entry() does; DataLossError if the data does not have its
  /// checksum or holds a bool that is neither 0 nor 1; ResourceExhaustedError if there is no memory for it.
  Array read(std::string_view name) const;

  /// Reads all data and compares every checksum. Throws what read() throws, for the first variable that is
  /// damaged.
  void verify() const;

  const detail::OpenCheckpoint& file() const noexcept { return *file_; }

 private:
  std::shared_ptr<const detail::OpenCheckpoint> file_;
};

struct WriteCheckpointOptions {
  std::optional<std::int64_t> global_step = std::nullopt;  ///< stored in the file
  /// Called for each piece of data that has been written, with its bytes, for a progress bar: by any thread,
  /// but one at a time. What it throws ends the write, and no file appears.
  std::function<void(std::uint64_t bytes)> on_written = {};
  /// Deflate's, from 1, fast, to 9, small: variables of 4 KiB and more are compressed without loss. Programs
  /// that read HDF5 read them; versions of varscope that do not know them say so. 0 compresses nothing.
  int compression_level = 0;
};

/// Writes a checkpoint of these variables. Equal content gives equal bytes, in whatever order it comes. The
/// file appears whole or not at all: it is written beside, flushed to the device, renamed to `path`, and the
/// directory is flushed; a file at `path` is replaced.
///
/// Throws ValueError for a name that is empty, longer than 16384 bytes, within more than 1024 scopes or given
/// twice, for a rank above 32, for another compression level, and for a path that is empty or a directory's;
/// ResourceExhaustedError for a full disk or a scope of more than 65535 direct members; otherwise what the
/// system's reason says (NotFoundError for a missing directory, FailedPreconditionError for a forbidden one,
/// ...). Then `path` is as before. Thread-safe.
VARSCOPE_API void write_checkpoint(const std::string& path,
                                   std::span<const std::pair<std::string, Array>> variables,
                                   const WriteCheckpointOptions& options = {});

/// The variables in a checkpoint, sorted by name. A directory stands for its latest checkpoint (ValueError if
/// there is none), a path without ".h5" also for the file with it. Throws what CheckpointReader does.
/// Thread-safe.
VARSCOPE_API std::vector<CheckpointEntry> list_variables(const std::string& path);

/// The value of one variable; a trailing ":0" of the name is dropped, as in TensorFlow. `path` as for
/// list_variables(). Throws what CheckpointReader::read() does. Thread-safe.
VARSCOPE_API Array load_variable(const std::string& path, std::string_view name);

}  // namespace varscope
