// SPDX-License-Identifier: Apache-2.0
#include "checkpoint_state.hpp"

#include "durable_file.hpp"
#include "name_hints.hpp"
#include "open_checkpoint.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace varscope::io {

namespace {

constexpr std::string_view kLatestField = "model_checkpoint_path";
constexpr std::string_view kAllField = "all_model_checkpoint_paths";
constexpr std::string_view kCheckpointSuffix = ".h5";
constexpr std::uint64_t kMaxStateFileBytes = std::uint64_t{16} << 20;

/// As text protocol buffers quote strings: backslashes before quotes and backslashes, the rest of what is not
/// printable ASCII in three octal digits.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte == '"' || byte == '\\') {
      result += '\\';
      result += character;
    } else if (byte < 0x20 || byte >= 0x7F) {
      result += '\\';
      for (const int shift : {6, 3, 0}) result += static_cast<char>('0' + ((byte >> shift) & 7));
    } else {
      result += character;
    }
  }
  return result + '"';
}

bool is_octal(char character) {
  return character >= '0' && character <= '7';
}

/// The reverse of quoted(); empty if it is not a whole quoted string.
std::optional<std::string> unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::string result;
  while (!text.empty()) {
    const char character = text.front();
    text.remove_prefix(1);
    if (character == '"') return std::nullopt;
    if (character != '\\') {
      result += character;
    } else if (text.size() >= 3 && std::all_of(text.begin(), text.begin() + 3, is_octal)) {
      result += static_cast<char>((text[0] - '0') * 64 + (text[1] - '0') * 8 + (text[2] - '0'));
      text.remove_prefix(3);
    } else if (!text.empty() && (text.front() == '"' || text.front() == '\\' || text.front() == '\'')) {
      result += text.front();
      text.remove_prefix(1);
    } else {
      return std::nullopt;
    }
  }
  return result;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string relative_to(const std::string& directory, const std::string& path) {
  return directory_of(path) == directory ? file_name_of(path) : path;
}

std::string read_text(FileSystem& files, const std::string& path) {
  const std::unique_ptr<ReadableFile> file = files.open(path);
  if (file->size() > kMaxStateFileBytes) throw DataLossError("'" + path + "' is too large for a state file");
  std::string text(file->size(), '\0');
  file->read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

/// Empty if a line is not `field: value`. Fields of other names, such as time stamps, are passed over.
std::optional<CheckpointState> parse_state(std::string_view text) {
  CheckpointState state;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return std::nullopt;
    const std::string_view field = trimmed(line.substr(0, colon));
    if (field != kLatestField && field != kAllField) continue;
    std::optional<std::string> value = unquoted(trimmed(line.substr(colon + 1)));
    if (!value) return std::nullopt;
    if (field == kLatestField) {
      state.latest = std::move(*value);
    } else {
      state.all.push_back(std::move(*value));
    }
  }
  return state;
}

/// Of a path that leads to nothing. Throws ValueError with the checkpoints that are there instead.
[[noreturn]] void refuse_missing(FileSystem& files, const std::string& path) {
  std::string message = "'" + path + "' is not a valid checkpoint: there is no such file";
  std::vector<std::string> checkpoints;
  try {
    for (std::string& name : files.list(directory_of(path))) {
      if (name.ends_with(kCheckpointSuffix)) checkpoints.push_back(std::move(name));
    }
  } catch (const Error&) {
    message += ", nor a directory '" + directory_of(path) + "'";
  }
  if (!checkpoints.empty()) {
    message += " in its directory" + NameHints(checkpoints).describe(file_name_of(path));
  }
  throw ValueError(message);
}

}  // namespace

void write_checkpoint_state(FileSystem& files, const std::string& directory, const std::string& file_name,
                            const CheckpointState& state) {
  const auto line = [&](std::string_view field, const std::string& path) {
    return std::string(field) + ": " + quoted(relative_to(directory, path)) + "\n";
  };
  std::string text = line(kLatestField, state.latest);
  for (const std::string& path : state.all) text += line(kAllField, path);
  write_durably(files, join_path(directory, file_name),
                [&](WritableFile& file) { file.write_at(0, std::as_bytes(std::span(text))); });
}

std::optional<CheckpointState> read_checkpoint_state(FileSystem& files, const std::string& directory,
                                                     const std::string& file_name) {
  const std::string path = join_path(directory, file_name);
  std::optional<CheckpointState> state;
  try {
    state = parse_state(read_text(files, path));
  } catch (const Error&) {
    return std::nullopt;
  }
  if (!state) return std::nullopt;
  if (state->latest.empty()) {
    throw ValueError("the state file '" + path + "' names no latest checkpoint: it has no field " +
                     std::string(kLatestField));
  }
  state->latest = join_path(directory, state->latest);
  for (std::string& each : state->all) each = join_path(directory, each);
  return state;
}

LatestCheckpoint find_latest_checkpoint(FileSystem& files, const std::string& directory,
                                        const LatestCheckpointOptions& options) {
  LatestCheckpoint found;
  std::optional<CheckpointState> state = read_checkpoint_state(files, directory, options.latest_filename);
  if (!state) return found;
  if (state->all.empty() || state->all.back() != state->latest) state->all.push_back(state->latest);
  for (auto path = state->all.rbegin(); path != state->all.rend() && !found.path; ++path) {
    try {
      const detail::OpenCheckpoint checkpoint(files, *path);
      if (options.verify_data) checkpoint.verify();
      found.path = *path;
    } catch (const Error& error) {
      found.skipped.push_back({*path, error.what()});
    }
  }
  return found;
}

std::string find_checkpoint(FileSystem& files, const std::string& path) {
  const std::optional<FileStatus> status = files.status(path);
  if (!status) {
    const std::string with_suffix = path + std::string(kCheckpointSuffix);
    return !path.empty() && files.status(with_suffix) ? with_suffix : path;
  }
  if (!status->is_directory) return path;
  LatestCheckpoint latest = find_latest_checkpoint(files, path, {});
  if (latest.path) return std::move(*latest.path);
  std::string message = "there is no checkpoint in the directory '" + path + "': ";
  if (latest.skipped.empty()) {
    message += std::string("it has no state file '") + kDefaultStateFile + "'";
  } else {
    message += "none that its state file names can be read";
    for (const SkippedCheckpoint& skipped : latest.skipped) message += "; " + skipped.reason;
  }
  throw ValueError(message);
}

std::string require_checkpoint(FileSystem& files, const std::string& path) {
  std::string found = find_checkpoint(files, path);
  if (found.empty() || !files.status(found)) refuse_missing(files, found);
  return found;
}

}  // namespace varscope::io

namespace varscope {

LatestCheckpoint find_latest_checkpoint(const std::string& directory,
                                        const LatestCheckpointOptions& options) {
  return io::find_latest_checkpoint(io::posix_file_system(), directory, options);
}

std::optional<std::string> latest_checkpoint(const std::string& directory,
                                             const LatestCheckpointOptions& options) {
  return find_latest_checkpoint(directory, options).path;
}

}  // namespace varscope
