// SPDX-License-Identifier: Apache-2.0
#include "file_system.hpp"
#include "foreign_hdf5_objects.hpp"
#include "foreign_hdf5_types.hpp"
#include "hdf5_format.hpp"
#include "hdf5_library.hpp"

#include <varscope/error.hpp>
#include <varscope/foreign_hdf5.hpp>

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

namespace varscope {

namespace {

using io::check_hdf5;
using io::Hdf5Id;

// Real files stay below both: weights hardly compress, and what is small harms nobody.
constexpr std::uint64_t kHarmlessBytes = std::uint64_t{4} << 30;
constexpr std::uint64_t kMostBytesPerFileByte = 1000;

std::uint64_t checked_file_size(const std::string& path) {
  const auto file = io::posix_file_system().open(path);
  if (io::find_hdf5_signature(*file)) return file->size();
  throw InvalidArgumentError("'" + path + "' is not an HDF5 file: it has no HDF5 signature");
}

Hdf5Id open_file(const std::string& path) {
  const Hdf5Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "H5Pcreate");
  // Named, since the environment can choose another driver, and other drivers open other files.
  check_hdf5(H5Pset_fapl_sec2(access.get()), "H5Pset_fapl_sec2");
  check_hdf5(H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG), "H5Pset_fclose_degree");
  return {H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose, "H5Fopen"};
}

/// A file that is being read. Every member needs an Hdf5Turn.
class ForeignFile {
 public:
  explicit ForeignFile(const std::string& path)
      : path_(path),
        bytes_(checked_file_size(path)),
        file_(open_file(path)),
        dataset_access_(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose, "H5Pcreate") {
    io::forbid_external_links(dataset_access_.get());
  }

  /// Finds out what is there; before the others.
  void index() {
    io::FoundObjects found = io::find_foreign_datasets(file_.get(), path_, bytes_);
    skipped_ = std::move(found.skipped);
    for (const io::FoundDataset& dataset : found.datasets) add(dataset);
    give_names();
  }

  ForeignHdf5Listing listing() && {
    sort_skipped();
    ForeignHdf5Listing result;
    for (Dataset& dataset : datasets_) result.entries.push_back(std::move(dataset.entry));
    result.skipped = std::move(skipped_);
    return result;
  }

  ForeignHdf5Contents contents() && {
    ForeignHdf5Contents result;
    std::map<std::string, std::optional<Array>> read_already;  // by the object; empty: its values do not fit
    std::map<std::string, std::string> reasons;
    for (const Dataset& dataset : datasets_) {
      current_ = dataset.entry.path;
      const auto [place, is_new] = read_already.try_emplace(dataset.object);
      if (is_new) {
        Array array(dataset.entry.shape, dataset.entry.dtype);
        const Hdf5Id opened = open(dataset.entry.path);
        std::string reason = io::read_foreign_elements(opened.get(), dataset.type, array);
        if (reason.empty()) {
          place->second = std::move(array);
        } else {
          reasons.emplace(dataset.object, std::move(reason));
        }
      }
      if (place->second) {
        result.variables.emplace_back(dataset.entry.name, *place->second);
      } else {
        skipped_.push_back({dataset.entry.path, reasons.at(dataset.object)});
      }
    }
    sort_skipped();
    result.skipped = std::move(skipped_);
    return result;
  }

  /// The object that is being read, for messages.
  const std::string& current() const noexcept { return current_; }

 private:
  struct Dataset {
    ForeignHdf5Entry entry;
    io::ForeignType type;
    std::string object;
  };

  Hdf5Id open(const std::string& path) const {
    return {H5Dopen2(file_.get(), path.c_str(), dataset_access_.get()), H5Dclose, "H5Dopen2"};
  }

  [[noreturn]] void refuse(const std::string& path, const std::string& what) const {
    throw InvalidArgumentError("'" + path_ + "': the dataset '" + path + "' " + what);
  }

  // Before anything else is asked of a dataset: for a virtual one even its shape opens other files.
  void check_storage(hid_t dataset, const std::string& path) const {
    const Hdf5Id creation(H5Dget_create_plist(dataset), H5Pclose, "H5Dget_create_plist");
    if (H5Pget_layout(creation.get()) == H5D_VIRTUAL)
      refuse(path, "is virtual: its data is in other files, which are not opened; copy it into one file");
    if (check_hdf5(H5Pget_external_count(creation.get()), "H5Pget_external_count") > 0)
      refuse(path, "keeps its data in external files, which are not opened; h5repack puts it into the file");
    const int filters = check_hdf5(H5Pget_nfilters(creation.get()), "H5Pget_nfilters");
    for (int k = 0; k < filters; ++k) {
      unsigned flags = 0;
      unsigned configuration = 0;
      std::size_t values = 0;
      std::array<char, 32> name{};
      const H5Z_filter_t filter =
          check_hdf5(H5Pget_filter2(creation.get(), static_cast<unsigned>(k), &flags, &values, nullptr,
                                    name.size() - 1, name.data(), &configuration),
                     "H5Pget_filter2");
      if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32) {
        refuse(path, "is stored through filter " + std::to_string(filter) + " ('" + name.data() +
                         "'); only deflate, shuffle and fletcher32 are read, and plugins are never loaded. "
                         "'h5repack -f GZIP=1 IN OUT' stores it so");
      }
    }
  }

  void add(const io::FoundDataset& found) {
    current_ = found.path;
    const Hdf5Id dataset = open(found.path);
    check_storage(dataset.get(), found.path);
    Dataset added;
    added.type = io::foreign_type_of(dataset.get());
    if (!added.type.refusal.empty()) {
      skipped_.push_back({found.path, added.type.refusal});
      return;
    }
    const Hdf5Id space(H5Dget_space(dataset.get()), H5Sclose, "H5Dget_space");
    if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) {
      skipped_.push_back({found.path, "it has no elements and no shape (a null dataspace)"});
      return;
    }
    std::array<hsize_t, H5S_MAX_RANK> extents{};
    const int rank = check_hdf5(H5Sget_simple_extent_ndims(space.get()), "H5Sget_simple_extent_ndims");
    check_hdf5(H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr), "H5Sget_simple_extent_dims");
    added.entry.shape =
        checked_shape(found.path, {extents.data(), static_cast<std::size_t>(rank)},
                      std::max<std::uint64_t>(added.type.stored_bytes, dtype_size(added.type.dtype)));
    added.entry.path = found.path;
    added.entry.stored_type = added.type.name;
    added.entry.dtype = added.type.dtype;
    added.object = found.object;
    datasets_.push_back(std::move(added));
  }

  Shape checked_shape(const std::string& path, std::span<const hsize_t> extents,
                      std::uint64_t element_bytes) {
    std::vector<std::int64_t> dimensions;
    std::uint64_t bytes = element_bytes;
    bool too_large = false;
    const bool is_empty = std::find(extents.begin(), extents.end(), hsize_t{0}) != extents.end();
    for (const hsize_t extent : extents) {
      too_large = too_large || extent > static_cast<hsize_t>(INT64_MAX) ||
                  (!is_empty && __builtin_mul_overflow(bytes, extent, &bytes));
      dimensions.push_back(static_cast<std::int64_t>(extent));
    }
    too_large = too_large || (!is_empty && __builtin_add_overflow(declared_bytes_, bytes, &declared_bytes_));
    if (too_large || (declared_bytes_ > kHarmlessBytes && declared_bytes_ / kMostBytesPerFileByte > bytes_)) {
      throw DataLossError("'" + path_ + "': with the dataset '" + path + "' it declares " +
                          (too_large ? "more than 2^63" : std::to_string(declared_bytes_)) +
                          " bytes of data, but the file has " + std::to_string(bytes_) +
                          " bytes, less than a thousandth: it is damaged or hostile");
    }
    return Shape(std::move(dimensions));
  }

  /// Each dataset's path without the first "/", and without ":0" where that is not another dataset's path.
  void give_names() {
    std::set<std::string_view> paths;
    for (const Dataset& dataset : datasets_) {
      if (!paths.insert(dataset.entry.path).second) {
        throw DataLossError("'" + path_ + "': two links have the path '" + dataset.entry.path +
                            "': it is damaged or hostile");
      }
    }
    for (Dataset& dataset : datasets_) {
      std::string_view path = dataset.entry.path;
      if (path.size() > 3 && path.ends_with(":0") && path[path.size() - 3] != '/') path.remove_suffix(2);
      if (paths.count(path) != 0) path = dataset.entry.path;
      dataset.entry.name = path.substr(1);
    }
    std::sort(datasets_.begin(), datasets_.end(),
              [](const Dataset& a, const Dataset& b) { return a.entry.name < b.entry.name; });
  }

  void sort_skipped() {
    std::sort(skipped_.begin(), skipped_.end(),
              [](const SkippedHdf5Object& a, const SkippedHdf5Object& b) { return a.path < b.path; });
  }

  const std::string& path_;
  std::uint64_t bytes_;
  Hdf5Id file_;
  Hdf5Id dataset_access_;
  std::string current_;
  std::uint64_t declared_bytes_ = 0;
  std::vector<Dataset> datasets_;
  std::vector<SkippedHdf5Object> skipped_;
};

/// libhdf5's failures become DataLossError: what it refuses is a fault of the file.
template <typename Read>
auto with_foreign_file(const std::string& path, const Read& read) {
  checked_file_size(path);  // what the operating system refuses needs no libhdf5
  const io::Hdf5Turn turn;
  const io::Hdf5PluginsOff plugins_off;
  std::optional<ForeignFile> file;
  try {
    file.emplace(path).index();
    return read(*file);
  } catch (const RuntimeError& error) {
    const std::string object = file && !file->current().empty() ? ", object '" + file->current() + "'" : "";
    throw DataLossError("cannot read '" + path + "'" + object +
                        ": it is damaged, or uses what this libhdf5 does not know: " + error.what());
  }
}

}  // namespace

bool is_hdf5(const std::string& path) {
  return io::find_hdf5_signature(*io::posix_file_system().open(path)).has_value();
}

ForeignHdf5Listing list_foreign_hdf5(const std::string& path) {
  return with_foreign_file(path, [](ForeignFile& file) { return std::move(file).listing(); });
}

ForeignHdf5Contents read_foreign_hdf5(const std::string& path) {
  return with_foreign_file(path, [](ForeignFile& file) { return std::move(file).contents(); });
}

}  // namespace varscope
