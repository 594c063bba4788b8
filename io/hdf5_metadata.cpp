// SPDX-License-Identifier: Apache-2.0
#include "hdf5_metadata.hpp"

#include "checkpoint_format.hpp"
#include "hdf5_library.hpp"
#include "variable_path.hpp"

#include <varscope/error.hpp>

#include <hdf5.h>

#include <algorithm>

namespace varscope::io {

namespace {

/// Memory of the image grows by so much at a time.
constexpr std::size_t kImageIncrement = std::size_t{1} << 20;

struct PlannedDataset {
  std::vector<std::string> links;
  const VariableMetadata* variable;
};

/// A group and what is needed to size its header before its members are known to libhdf5.
struct PlannedGroup {
  std::size_t depth = 0;         // 0 for the root
  std::size_t member_count = 0;  // groups and datasets directly below
  std::size_t member_name_bytes = 0;
};

Hdf5Id property_list(hid_t list_class) {
  return {H5Pcreate(list_class), H5Pclose, "H5Pcreate"};
}

/// In the order of their paths, so that the members of a group follow each other.
std::vector<PlannedDataset> plan_datasets(std::span<const VariableMetadata> variables) {
  std::vector<PlannedDataset> datasets;
  datasets.reserve(variables.size());
  for (const VariableMetadata& variable : variables) {
    datasets.push_back({variable_path_links(variable.name), &variable});
  }
  std::sort(datasets.begin(), datasets.end(),
            [](const PlannedDataset& a, const PlannedDataset& b) { return a.links < b.links; });
  return datasets;
}

/// How many of the groups that hold `previous` hold `next` too, the root not counted.
std::size_t shared_groups(const std::vector<std::string>& previous, const std::vector<std::string>& next) {
  const std::size_t limit = std::min(previous.size(), next.size()) - 1;
  std::size_t depth = 0;
  while (depth < limit && previous[depth] == next[depth]) ++depth;
  return depth;
}

/// The groups in the order in which write_tree() opens them, the root first.
std::vector<PlannedGroup> plan_groups(const std::vector<PlannedDataset>& datasets) {
  std::vector<PlannedGroup> groups(1);
  std::vector<std::size_t> open = {0};  // indices into groups
  const std::vector<std::string>* previous = nullptr;
  for (const PlannedDataset& dataset : datasets) {
    if (previous != nullptr) open.resize(1 + shared_groups(*previous, dataset.links));
    for (std::size_t depth = open.size() - 1; depth < dataset.links.size(); ++depth) {
      PlannedGroup& parent = groups[open.back()];
      ++parent.member_count;
      parent.member_name_bytes += dataset.links[depth].size();
      if (depth + 1 == dataset.links.size()) break;
      groups.push_back({.depth = depth + 1});
      open.push_back(groups.size() - 1);
    }
    previous = &dataset.links;
  }
  for (const PlannedGroup& group : groups) {
    if (group.member_count > kMaxGroupMembers) {
      throw ResourceExhaustedError("one scope of the checkpoint has " + std::to_string(group.member_count) +
                                   " direct members; HDF5's compact groups take at most " +
                                   std::to_string(kMaxGroupMembers) +
                                   ": spread the variables over more scopes");
    }
  }
  return groups;
}

void set_group_properties(hid_t list, const PlannedGroup& group) {
  check_hdf5(H5Pset_obj_track_times(list, false), "H5Pset_obj_track_times");
  // Links stay in the group's own header, however many there are: no heaps, no B-trees.
  check_hdf5(H5Pset_link_phase_change(list, kMaxGroupMembers, 0), "H5Pset_link_phase_change");
  // The header is made large enough at once. One more entry of the average length takes up what rounding the
  // average loses; more would leave a hole larger than one HDF5 message (64 KiB) can describe.
  const std::size_t members = std::max<std::size_t>(group.member_count, 1);
  const std::size_t average = (group.member_name_bytes + members - 1) / members;
  check_hdf5(H5Pset_est_link_info(list, static_cast<unsigned>(members), static_cast<unsigned>(average)),
             "H5Pset_est_link_info");
}

Hdf5Id element_type(DType dtype) {
  const auto copy_of = [](hid_t type) { return Hdf5Id(H5Tcopy(type), H5Tclose, "H5Tcopy"); };
  switch (dtype) {
    case DType::float32:
      return copy_of(H5T_IEEE_F32LE);
    case DType::float64:
      return copy_of(H5T_IEEE_F64LE);
    case DType::int32:
      return copy_of(H5T_STD_I32LE);
    case DType::int64:
      return copy_of(H5T_STD_I64LE);
    case DType::uint8:
      return copy_of(H5T_STD_U8LE);
    case DType::boolean:
      break;
  }
  Hdf5Id type(H5Tenum_create(H5T_STD_I8LE), H5Tclose, "H5Tenum_create");  // as h5py writes numpy.bool_
  signed char value = 0;
  check_hdf5(H5Tenum_insert(type.get(), "FALSE", &value), "H5Tenum_insert");
  value = 1;
  check_hdf5(H5Tenum_insert(type.get(), "TRUE", &value), "H5Tenum_insert");
  return type;
}

Hdf5Id element_space(const Shape& shape) {
  if (shape.rank() == 0) return {H5Screate(H5S_SCALAR), H5Sclose, "H5Screate"};
  const std::vector<hsize_t> extents(shape.dimensions().begin(), shape.dimensions().end());
  return {H5Screate_simple(shape.rank(), extents.data(), nullptr), H5Sclose, "H5Screate_simple"};
}

void write_attribute(hid_t object, const char* name, hid_t file_type, hid_t memory_type, const void* value) {
  const Hdf5Id scalar(H5Screate(H5S_SCALAR), H5Sclose, "H5Screate");
  const Hdf5Id attribute(H5Acreate2(object, name, file_type, scalar.get(), H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose, "H5Acreate2");
  check_hdf5(H5Awrite(attribute.get(), memory_type, value), "H5Awrite");
}

void write_text_attribute(hid_t object, const char* name, const std::string& value) {
  const Hdf5Id type(H5Tcopy(H5T_C_S1), H5Tclose, "H5Tcopy");
  check_hdf5(H5Tset_size(type.get(), value.size()), "H5Tset_size");
  check_hdf5(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), "H5Tset_strpad");
  check_hdf5(H5Tset_cset(type.get(), H5T_CSET_UTF8), "H5Tset_cset");
  write_attribute(object, name, type.get(), type.get(), value.data());
}

void write_dataset(hid_t group, const std::string& link, const VariableMetadata& variable, hid_t properties) {
  const Hdf5Id type = element_type(variable.dtype);
  const Hdf5Id space = element_space(variable.shape);
  const Hdf5Id dataset(
      H5Dcreate2(group, link.c_str(), type.get(), space.get(), H5P_DEFAULT, properties, H5P_DEFAULT),
      H5Dclose, "H5Dcreate2");
  write_text_attribute(dataset.get(), kNameAttribute, variable.name);
  write_attribute(dataset.get(), kChecksumAttribute, H5T_STD_U32LE, H5T_NATIVE_UINT32, &variable.crc32c);
}

void write_tree(hid_t root, const std::vector<PlannedDataset>& datasets,
                const std::vector<PlannedGroup>& groups) {
  const Hdf5Id properties = property_list(H5P_DATASET_CREATE);
  check_hdf5(H5Pset_obj_track_times(properties.get(), false), "H5Pset_obj_track_times");
  check_hdf5(H5Pset_layout(properties.get(), H5D_CONTIGUOUS), "H5Pset_layout");
  // Late: space for the data is given by checkpoint_writer.cpp, behind all metadata.
  check_hdf5(H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_LATE), "H5Pset_alloc_time");
  check_hdf5(H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER), "H5Pset_fill_time");

  std::vector<Hdf5Id> open;  // the groups that hold the dataset before, the root left out
  std::size_t next_group = 1;
  const std::vector<std::string>* previous = nullptr;
  for (const PlannedDataset& dataset : datasets) {
    const std::size_t keep = previous != nullptr ? shared_groups(*previous, dataset.links) : 0;
    while (open.size() > keep) open.pop_back();
    while (open.size() + 1 < dataset.links.size()) {
      const Hdf5Id group_properties = property_list(H5P_GROUP_CREATE);
      set_group_properties(group_properties.get(), groups[next_group++]);
      const hid_t parent = open.empty() ? root : open.back().get();
      const std::string& link = dataset.links[open.size()];
      open.push_back({H5Gcreate2(parent, link.c_str(), H5P_DEFAULT, group_properties.get(), H5P_DEFAULT),
                      H5Gclose, "H5Gcreate2"});
    }
    write_dataset(open.empty() ? root : open.back().get(), dataset.links.back(), *dataset.variable,
                  properties.get());
    previous = &dataset.links;
  }
}

}  // namespace

std::vector<std::byte> make_hdf5_metadata(std::span<const VariableMetadata> variables,
                                          std::optional<std::int64_t> global_step) {
  const std::vector<PlannedDataset> datasets = plan_datasets(variables);
  const std::vector<PlannedGroup> groups = plan_groups(datasets);

  const Hdf5Turn turn;
  const Hdf5Id access = property_list(H5P_FILE_ACCESS);
  check_hdf5(H5Pset_fapl_core(access.get(), kImageIncrement, false), "H5Pset_fapl_core");
  check_hdf5(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110), "H5Pset_libver_bounds");
  check_hdf5(H5Pset_meta_block_size(access.get(), 0), "H5Pset_meta_block_size");  // no gaps between headers
  const Hdf5Id creation = property_list(H5P_FILE_CREATE);
  set_group_properties(creation.get(), groups.front());

  // The name is only libhdf5's label for the memory: the driver's backing store is off.
  const Hdf5Id file(H5Fcreate("varscope checkpoint metadata", H5F_ACC_TRUNC, creation.get(), access.get()),
                    H5Fclose, "H5Fcreate");
  {
    const Hdf5Id root(H5Gopen2(file.get(), "/", H5P_DEFAULT), H5Gclose, "H5Gopen2");
    write_text_attribute(root.get(), kFormatAttribute, kFormatName);
    write_attribute(root.get(), kFormatVersionAttribute, H5T_STD_U32LE, H5T_NATIVE_UINT32, &kFormatVersion);
    if (global_step) {
      write_attribute(root.get(), kGlobalStepAttribute, H5T_STD_I64LE, H5T_NATIVE_INT64, &*global_step);
    }
    write_tree(root.get(), datasets, groups);
  }
  check_hdf5(H5Fflush(file.get(), H5F_SCOPE_LOCAL), "H5Fflush");
  const auto size =
      static_cast<std::size_t>(check_hdf5(H5Fget_file_image(file.get(), nullptr, 0), "H5Fget_file_image"));
  std::vector<std::byte> image(size);
  check_hdf5(H5Fget_file_image(file.get(), image.data(), image.size()), "H5Fget_file_image");
  return image;
}

}  // namespace varscope::io
