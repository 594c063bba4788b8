// SPDX-License-Identifier: Apache-2.0
#include "variable_file.hpp"

#include "formats/foreign_hdf5_process.hpp"
#include "formats/npz.hpp"
#include "formats/safetensors.hpp"
#include "missing_file.hpp"
#include "progress_bar.hpp"
#include "text_table.hpp"
#include "utf8.hpp"

#include <varscope/error.hpp>
#include <varscope/foreign_hdf5.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace varscope::tools {

namespace {

constexpr std::array<std::string_view, 4> kEndings = {".h5", ".hdf5", ".npz", ".safetensors"};

bool is_directory(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

template <typename Open>
auto with_advice(const std::string& path, const Open& open) {
  try {
    return open();
  } catch (const NotFoundError& error) {
    throw NotFoundError(error.what() + missing_file_advice(path, kEndings));
  } catch (const InvalidArgumentError& error) {
    if (is_directory(path)) throw InvalidArgumentError(error.what() + directory_advice(path, kEndings));
    throw;
  }
}

FileContents read_contents(const std::string& path, FileFormat format) {
  std::error_code ignored;
  const std::uintmax_t bytes = std::filesystem::file_size(path, ignored);
  ProgressBar progress("reading " + path, ignored ? 0 : bytes);
  const ReportBytes report = [&progress](std::uint64_t done) { progress.advance(done); };
  switch (format) {
    case FileFormat::foreign_hdf5:
      return read_foreign_hdf5_apart(path, report);
    case FileFormat::npz:
      return read_npz(path, report);
    case FileFormat::safetensors:
      return read_safetensors(path, report);
    case FileFormat::checkpoint:
      break;
  }
  return {};
}

}  // namespace

FileFormat format_named(std::string_view name) {
  if (name == "checkpoint") return FileFormat::checkpoint;
  if (name == "hdf5") return FileFormat::foreign_hdf5;
  if (name == "npz") return FileFormat::npz;
  if (name == "safetensors") return FileFormat::safetensors;
  throw InvalidArgumentError("there is no format '" + std::string(name) + "'; there are " +
                             std::string(format_names));
}

FileFormat format_to_read(const std::string& path) {
  if (path.ends_with(".npz")) return FileFormat::npz;
  if (path.ends_with(".safetensors")) return FileFormat::safetensors;
  return FileFormat::checkpoint;
}

FileFormat format_to_write(const std::string& path) {
  if (path.ends_with(".h5") || path.ends_with(".hdf5")) return FileFormat::checkpoint;
  const FileFormat format = format_to_read(path);
  if (format != FileFormat::checkpoint) return format;
  throw InvalidArgumentError(
      "'" + path +
      "' does not say what to write: let it end in .h5 (a checkpoint, which is plain HDF5), "
      ".npz or .safetensors");
}

CheckpointReader open_checkpoint(const std::string& path) {
  return with_advice(path, [&path] {
    try {
      return CheckpointReader(path);
    } catch (const InvalidArgumentError& error) {
      if (is_directory(path) || !is_hdf5(path)) throw;
      throw InvalidArgumentError(std::string(error.what()) +
                                 "; if h5py, Keras or MATLAB wrote it, and you trust it, 'varscope convert " +
                                 path + " OUT.h5 --from hdf5' takes it over");
    }
  });
}

VariableFile::VariableFile(std::string path, FileFormat format) : path_(std::move(path)) {
  if (format == FileFormat::checkpoint) {
    reader_.emplace(open_checkpoint(path_));
    global_step_ = reader_->global_step();
    for (const CheckpointEntry& entry : reader_->entries())
      entries_.push_back({entry.name, entry.dtype, entry.shape, entry.bytes});
  } else {
    contents_ = with_advice(path_, [&] { return read_contents(path_, format); });
    global_step_ = contents_.global_step;
    for (const auto& [name, array] : contents_.variables)
      entries_.push_back({name, array.dtype(), array.shape(), array.num_bytes()});
  }
  for (const Entry& entry : entries_) bytes_ += entry.bytes;
}

const VariableFile::Entry* VariableFile::find(std::string_view name) const noexcept {
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), name,
                       [](const Entry& entry, std::string_view key) { return entry.name < key; });
  return found != entries_.end() && found->name == name ? &*found : nullptr;
}

Array VariableFile::read(const Entry& entry) const {
  if (reader_) return reader_->read(entry.name);
  return contents_.variables[static_cast<std::size_t>(&entry - entries_.data())].second;
}

const VariableFile::Entry& entry_of(const VariableFile& file, const std::string& name) {
  if (const VariableFile::Entry* found = file.find(name)) return *found;
  std::vector<std::string> names;
  for (const VariableFile::Entry& entry : file.entries()) names.push_back(entry.name);
  const std::string nearest = nearest_name(name, names);
  throw NotFoundError(
      "'" + file.path() + "' has no variable '" + name + "'" +
      (nearest.empty() ? "; 'varscope inspect' shows what it has" : "; the nearest is '" + nearest + "'"));
}

void require_compressible(FileFormat format, int compression_level) {
  if (compression_level == 0 || format == FileFormat::checkpoint) return;
  throw InvalidArgumentError("--compress is for checkpoints; a .npz is compressed by 'convert --deflate'");
}

void write_variables(const std::string& path, FileFormat format,
                     std::span<const std::pair<std::string, Array>> variables, const WriteOptions& options) {
  std::uint64_t bytes = 0;
  for (const auto& [name, array] : variables) bytes += array.num_bytes();
  ProgressBar progress("writing " + path, bytes);
  const ReportBytes report = [&progress](std::uint64_t done) { progress.advance(done); };
  switch (format) {
    case FileFormat::checkpoint:
      return write_checkpoint(path, variables,
                              {.global_step = options.global_step,
                               .on_written = report,
                               .compression_level = options.compression_level});
    case FileFormat::npz:
      return write_npz(path, variables, {.deflate = options.deflate}, report);
    case FileFormat::safetensors:
      return write_safetensors(path, variables, options.global_step, report);
    case FileFormat::foreign_hdf5:
      throw InvalidArgumentError(
          "HDF5 is written as a checkpoint, which every program that reads HDF5 reads; use "
          "'--to checkpoint'");
  }
}

void print_skipped(const VariableFile& file) {
  for (const SkippedItem& item : file.skipped()) {
    std::fprintf(stderr, "left out: '%s' of '%s': %s\n", printable(item.name).c_str(),
                 printable(file.path()).c_str(), printable(item.reason).c_str());
  }
}

std::string summary(std::size_t variables, std::uint64_t bytes) {
  return grouped_digits(static_cast<long long>(variables)) +
         (variables == 1 ? " variable, " : " variables, ") + byte_count(static_cast<double>(bytes));
}

}  // namespace varscope::tools
