// SPDX-License-Identifier: Apache-2.0
#include "open_checkpoint.hpp"

#include "checkpoint_index.hpp"
#include "crc32c.hpp"
#include "nearest_names.hpp"
#include "variable_path.hpp"

#include <varscope/error.hpp>

#include <algorithm>

namespace varscope::detail {

namespace {

/// A multiple of every element's size; small enough that a checksum is taken while the piece is in the cache.
constexpr std::size_t kPieceBytes = std::size_t{1} << 18;

/// The checksum of a variable's data, piece by piece, and that every bool is one.
class DataCheck {
 public:
  explicit DataCheck(const CheckpointEntry& entry) : is_bool_(entry.dtype == DType::boolean) {}

  void add(std::span<const std::byte> piece) {
    crc32c_ = io::crc32c(piece, crc32c_);
    if (!is_bool_) return;
    const auto is_improper = [](std::byte byte) { return byte > std::byte{1}; };
    improper_bool_ = improper_bool_ || std::any_of(piece.begin(), piece.end(), is_improper);
  }

  std::uint32_t crc32c() const noexcept { return crc32c_; }
  bool improper_bool() const noexcept { return improper_bool_; }

 private:
  bool is_bool_;
  bool improper_bool_ = false;
  std::uint32_t crc32c_ = 0;
};

}  // namespace

OpenCheckpoint::OpenCheckpoint(io::FileSystem& files, std::string path)
    : path_(std::move(path)), file_(files.open(path_)) {
  io::CheckpointIndex index = io::read_checkpoint_index(*file_, path_, io::IndexedFile::checkpoint);
  entries_.reserve(index.variables.size());
  for (io::IndexedVariable& variable : index.variables) entries_.push_back(std::move(variable.entry));
  global_step_ = index.global_step;
}

const CheckpointEntry* OpenCheckpoint::find(std::string_view name) const noexcept {
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), name,
                       [](const CheckpointEntry& entry, std::string_view key) { return entry.name < key; });
  return found != entries_.end() && found->name == name ? &*found : nullptr;
}

const CheckpointEntry& OpenCheckpoint::entry(std::string_view name) const {
  if (const CheckpointEntry* found = find(name)) return *found;
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const CheckpointEntry& entry : entries_) names.push_back(entry.name);
  throw NotFoundError("the checkpoint '" + path_ + "' has no variable '" + std::string(name) + "'" +
                      io::describe_nearest_names(name, names));
}

void OpenCheckpoint::refuse_data(const CheckpointEntry& entry, const std::string& what) const {
  io::throw_damaged(path_, io::variable_path(entry.name), {entry.offset, entry.bytes}, what);
}

void OpenCheckpoint::read(const CheckpointEntry& entry, std::span<std::byte> into) const {
  DataCheck check(entry);
  for (std::size_t done = 0; done < into.size(); done += kPieceBytes) {
    const std::span<std::byte> piece = into.subspan(done, std::min(kPieceBytes, into.size() - done));
    file_->read_at(entry.offset + done, piece);
    check.add(piece);
  }
  if (check.crc32c() != entry.crc32c) refuse_data(entry, "the data does not have its checksum");
  if (check.improper_bool()) refuse_data(entry, "a bool that is neither 0 nor 1");
}

void OpenCheckpoint::read_pieces(const CheckpointEntry& entry,
                                 const std::function<void(std::span<const std::byte>)>& use) const {
  DataCheck check(entry);
  std::vector<std::byte> buffer(std::min<std::uint64_t>(kPieceBytes, entry.bytes));
  for (std::uint64_t done = 0; done < entry.bytes; done += kPieceBytes) {
    const std::size_t size = std::min<std::uint64_t>(kPieceBytes, entry.bytes - done);
    const std::span<std::byte> piece = std::span(buffer).first(size);
    file_->read_at(entry.offset + done, piece);
    check.add(piece);
    use(piece);
  }
  if (check.crc32c() != entry.crc32c) refuse_data(entry, "the data does not have its checksum");
  if (check.improper_bool()) refuse_data(entry, "a bool that is neither 0 nor 1");
}

void OpenCheckpoint::verify() const {
  for (const CheckpointEntry& entry : entries_) {
    read_pieces(entry, [](std::span<const std::byte>) {});
  }
}

}  // namespace varscope::detail
