// SPDX-License-Identifier: Apache-2.0
// A model of a file system that can lose its power. Files are in memory; every change is recorded, and
// state_after() gives what a device may hold after a power cut: all that was flushed, and of the rest any
// part.
//
// What POSIX promises, and no more: the data of a file is there once sync() has returned, a name once
// sync_directory() has. Before, each written sector of 512 bytes, each change of a file's size and each
// change of a name may be there or not, in any combination, a rename as a whole. A sector that is lost keeps
// what was there.
#pragma once

#include "file_system.hpp"
#include "memory_file_system.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace varscope::testing {

class CrashingFileSystem final : public io::FileSystem {
 public:
  using Files = std::map<std::string, std::string>;  // content by path

  CrashingFileSystem() = default;
  // Everything of it is on the device.
  explicit CrashingFileSystem(const Files& files) {
    for (const auto& [path, content] : files) {
      inodes_.push_back(content);
      names_[path] = inodes_.size() - 1;
    }
    first_inodes_ = inodes_;
    first_names_ = names_;
  }

  // How many changes and flushes were made.
  std::size_t events() const { return events_.size(); }

  // Which of the first `count` events are changes that nothing has flushed before the power goes.
  std::vector<std::size_t> unflushed(std::size_t count) const {
    std::vector<std::size_t> lost;
    for (std::size_t k = 0; k < count; ++k) {
      if (events_[k].kind == Event::Kind::sync || events_[k].kind == Event::Kind::sync_directory) continue;
      bool flushed = false;
      for (std::size_t later = k + 1; later < count && !flushed; ++later)
        flushed = flushes(events_[later], events_[k]);
      if (!flushed) lost.push_back(k);
    }
    return lost;
  }

  // The files after a power cut behind the first `count` events; of the unflushed ones those are there for
  // which `survives` says so.
  Files state_after(std::size_t count, const std::function<bool(std::size_t)>& survives) const {
    std::vector<std::string> inodes = first_inodes_;
    std::map<std::string, std::size_t> names = first_names_;
    const std::vector<std::size_t> open = unflushed(count);
    for (std::size_t k = 0; k < count; ++k) {
      const Event& event = events_[k];
      if (event.inode >= inodes.size()) inodes.resize(event.inode + 1);
      if (std::binary_search(open.begin(), open.end(), k) && !survives(k)) continue;
      switch (event.kind) {
        case Event::Kind::resize:
          inodes[event.inode].resize(event.offset);
          break;
        case Event::Kind::write: {
          std::string& content = inodes[event.inode];
          // A sector can reach the device while the size that includes it has not.
          if (content.size() < event.offset + event.bytes.size())
            content.resize(event.offset + event.bytes.size());
          content.replace(event.offset, event.bytes.size(), event.bytes);
          break;
        }
        case Event::Kind::create:
          names[event.to] = event.inode;
          break;
        case Event::Kind::rename:
          names.erase(event.from);
          names[event.to] = event.inode;
          break;
        case Event::Kind::remove:
          names.erase(event.from);
          break;
        default:
          break;
      }
    }
    Files files;
    for (const auto& [path, inode] : names) files[path] = inodes[inode];
    return files;
  }

  std::unique_ptr<io::ReadableFile> open(const std::string& path) override {
    const auto found = names_.find(path);
    if (found == names_.end()) throw NotFoundError("cannot open '" + path + "': there is no such file");
    return std::make_unique<MemoryFile>(inodes_[found->second]);
  }
  std::unique_ptr<io::WritableFile> create(const std::string& path) override {
    if (names_.count(path) != 0) throw AlreadyExistsError(path);
    const std::size_t inode = inodes_.size();
    inodes_.emplace_back();
    names_[path] = inode;
    events_.push_back({.kind = Event::Kind::create, .inode = inode, .to = path});
    return std::make_unique<Writer>(*this, inode);
  }
  void rename(const std::string& from, const std::string& to) override {
    const std::size_t inode = names_.at(from);
    names_.erase(from);
    names_[to] = inode;
    events_.push_back({.kind = Event::Kind::rename, .inode = inode, .from = from, .to = to});
  }
  void remove(const std::string& path) override {
    events_.push_back({.kind = Event::Kind::remove, .inode = names_.at(path), .from = path});
    names_.erase(path);
  }
  bool remove_if_abandoned(const std::string& path) override {  // after a restart nobody holds anything
    remove(path);
    return true;
  }
  void sync_directory(const std::string&) override {
    events_.push_back({.kind = Event::Kind::sync_directory});
  }
  std::optional<io::FileStatus> status(const std::string& path) override {
    const auto found = names_.find(path);
    if (found != names_.end()) return io::FileStatus{.size = inodes_[found->second].size()};
    const auto below = names_.lower_bound(path + "/");
    if (below != names_.end() && below->first.starts_with(path + "/"))
      return io::FileStatus{.is_directory = true};
    return std::nullopt;
  }
  std::vector<std::string> list(const std::string& path) override {
    std::vector<std::string> names;
    for (const auto& [name, inode] : names_) {
      if (name.starts_with(path + "/")) names.push_back(name.substr(path.size() + 1));
    }
    return names;
  }

 private:
  struct Event {
    enum class Kind { create, resize, write, sync, rename, remove, sync_directory };
    Kind kind;
    std::size_t inode = 0;
    std::size_t offset = 0;  // of a write; of a change of size the size
    std::string bytes = {};
    std::string from = {};
    std::string to = {};
  };

  static bool flushes(const Event& flush, const Event& change) {
    const bool of_data = change.kind == Event::Kind::resize || change.kind == Event::Kind::write;
    if (of_data) return flush.kind == Event::Kind::sync && flush.inode == change.inode;
    return flush.kind == Event::Kind::sync_directory;
  }

  class Writer final : public io::WritableFile {
   public:
    Writer(CrashingFileSystem& files, std::size_t inode) : files_(files), inode_(inode) {}
    void reserve(std::uint64_t size) override {
      files_.inodes_[inode_].resize(size);
      files_.events_.push_back({.kind = Event::Kind::resize, .inode = inode_, .offset = size});
    }
    void write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
      constexpr std::uint64_t kSector = 512;
      std::string& content = files_.inodes_[inode_];
      if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
      while (!bytes.empty()) {
        const std::size_t size = std::min<std::uint64_t>(bytes.size(), kSector - offset % kSector);
        std::string sector(reinterpret_cast<const char*>(bytes.data()), size);
        content.replace(offset, size, sector);
        files_.events_.push_back(
            {.kind = Event::Kind::write, .inode = inode_, .offset = offset, .bytes = std::move(sector)});
        bytes = bytes.subspan(size);
        offset += size;
      }
    }
    void sync() override { files_.events_.push_back({.kind = Event::Kind::sync, .inode = inode_}); }

   private:
    CrashingFileSystem& files_;
    std::size_t inode_;
  };

  std::vector<std::string> inodes_;
  std::map<std::string, std::size_t> names_;
  std::vector<std::string> first_inodes_;
  std::map<std::string, std::size_t> first_names_;
  std::vector<Event> events_;
};

}  // namespace varscope::testing
