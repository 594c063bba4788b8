// SPDX-License-Identifier: Apache-2.0
#include "missing_file.hpp"

#include <varscope/nearest_names.hpp>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

namespace varscope::tools {

namespace {

constexpr std::size_t kMostNames = 10000;  // of a directory; more would take long to compare
constexpr std::size_t kMostShown = 4;

/// The files of a directory with one of the endings (all, if there are none), sorted.
std::vector<std::string> files_in(const std::filesystem::path& directory,
                                  std::span<const std::string_view> endings) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator() && names.size() < kMostNames;
       entry.increment(error)) {
    std::error_code ignored;
    if (!entry->is_regular_file(ignored)) continue;
    const std::string name = entry->path().filename().string();
    if (endings.empty() || std::any_of(endings.begin(), endings.end(),
                                       [&](std::string_view ending) { return name.ends_with(ending); }))
      names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (std::size_t k = 0; k < std::min(names.size(), kMostShown); ++k)
    list += (k > 0 ? ", '" : "'") + names[k] + "'";
  return names.size() > kMostShown ? list + " and " + std::to_string(names.size() - kMostShown) + " more"
                                   : list;
}

}  // namespace

std::string nearest_name(std::string_view wanted, std::span<const std::string> names) {
  const auto longer = std::find_if(names.begin(), names.end(), [wanted](const std::string& name) {
    return !wanted.empty() && name.starts_with(wanted);
  });
  if (longer != names.end()) return *longer;
  const std::vector<std::string> nearest = nearest_names(wanted, names);
  return nearest.empty() ? std::string() : nearest.front();
}

std::string missing_file_advice(const std::string& path, std::span<const std::string_view> endings) {
  const std::filesystem::path whole(path);
  const std::filesystem::path directory = whole.has_parent_path() ? whole.parent_path() : ".";
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error))
    return "; there is no directory '" + directory.string() + "' either";
  const std::vector<std::string> names = files_in(directory, endings);
  const std::string nearest = nearest_name(whole.filename().string(), names);
  if (!nearest.empty())
    return "; did you mean '" + (whole.has_parent_path() ? (directory / nearest).string() : nearest) + "'?";
  return directory_advice(directory.string(), endings);
}

std::string directory_advice(const std::string& path, std::span<const std::string_view> endings) {
  const std::vector<std::string> names = files_in(path, endings);
  if (!names.empty()) return "; the directory '" + path + "' has " + list_of(names);
  std::string wanted;
  for (const std::string_view ending : endings)
    wanted += (wanted.empty() ? "" : " or ") + std::string(ending);
  return "; the directory '" + path + "' has no file" + (wanted.empty() ? "" : " that ends in " + wanted);
}

}  // namespace varscope::tools
