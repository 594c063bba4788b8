// SPDX-License-Identifier: Apache-2.0
#include "checkpoint_state.hpp"
#include "open_checkpoint.hpp"

#include <varscope/checkpoint.hpp>

namespace varscope {

namespace {

Array read_entry(const detail::OpenCheckpoint& file, const CheckpointEntry& entry) {
  Array array = Array::uninitialized(entry.shape, entry.dtype);
  file.read(entry, {static_cast<std::byte*>(array.data()), array.num_bytes()});
  return array;
}

}  // namespace

CheckpointReader::CheckpointReader(const std::string& path)
    : file_(std::make_shared<const detail::OpenCheckpoint>(io::posix_file_system(), path)) {}

const std::string& CheckpointReader::path() const noexcept {
  return file_->path();
}

std::span<const CheckpointEntry> CheckpointReader::entries() const noexcept {
  return file_->entries();
}

int CheckpointReader::format_version() const noexcept {
  return static_cast<int>(file_->format_version());
}

std::optional<std::int64_t> CheckpointReader::global_step() const noexcept {
  return file_->global_step();
}

bool CheckpointReader::has(std::string_view name) const noexcept {
  return file_->find(name) != nullptr;
}

const CheckpointEntry& CheckpointReader::entry(std::string_view name) const {
  return file_->entry(name);
}

Array CheckpointReader::read(std::string_view name) const {
  return read_entry(*file_, file_->entry(name));
}

void CheckpointReader::verify() const {
  file_->verify();
}

std::vector<CheckpointEntry> list_variables(const std::string& path) {
  const CheckpointReader reader(io::find_checkpoint(io::posix_file_system(), path));
  return {reader.entries().begin(), reader.entries().end()};
}

Array load_variable(const std::string& path, std::string_view name) {
  const CheckpointReader reader(io::find_checkpoint(io::posix_file_system(), path));
  if (name.ends_with(":0")) name.remove_suffix(2);
  return reader.read(name);
}

}  // namespace varscope
