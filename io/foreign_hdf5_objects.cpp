// SPDX-License-Identifier: Apache-2.0
#include "foreign_hdf5_objects.hpp"

#include "hdf5_library.hpp"
#include "variable_path.hpp"

#include <varscope/error.hpp>

#include <hdf5.h>

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

namespace varscope::io {

namespace {

// Both functions have a version for each layout of their structures, and only newer releases have the newer
// ones.
#if H5_VERSION_GE(1, 12, 0)
using LinkInformation = H5L_info2_t;
const auto iterate_links = H5Literate2;

std::string object_identity(hid_t object) {
  H5O_info2_t information{};
  check_hdf5(H5Oget_info3(object, &information, H5O_INFO_BASIC), "H5Oget_info3");
  const auto* bytes = reinterpret_cast<const char*>(&information.token);
  return {bytes, sizeof information.token};
}
#else
using LinkInformation = H5L_info_t;
const auto iterate_links = H5Literate;

std::string object_identity(hid_t object) {
  H5O_info_t information{};
  check_hdf5(H5Oget_info2(object, &information, H5O_INFO_BASIC), "H5Oget_info2");
  const auto* bytes = reinterpret_cast<const char*>(&information.addr);
  return {bytes, sizeof information.addr};
}
#endif

// Shorter than any link in a file: its name, and where it leads.
constexpr std::uint64_t kLeastBytesOfLink = 8;

struct Link {
  std::string name;
  H5L_type_t kind = H5L_TYPE_ERROR;
};

// libhdf5 is C: an exception must not pass through it.
struct LinkCollector {
  std::vector<Link> links;
  std::uint64_t most = 0;
  bool too_many = false;
  std::exception_ptr error;
};

herr_t collect_link(hid_t /*group*/, const char* name, const LinkInformation* information,
                    void* data) noexcept {
  auto& collector = *static_cast<LinkCollector*>(data);
  try {
    if (collector.links.size() >= collector.most) {
      collector.too_many = true;
      return -1;
    }
    collector.links.push_back({name, information->type});
    return 0;
  } catch (...) {
    collector.error = std::current_exception();
    return -1;
  }
}

herr_t refuse_external_link(const char* /*parent_file*/, const char* /*parent_group*/,
                            const char* /*child_file*/, const char* /*child_object*/, unsigned* /*flags*/,
                            hid_t /*access*/, void* /*data*/) noexcept {
  return -1;
}

class Walk {
 public:
  Walk(hid_t file, const std::string& file_name, std::uint64_t file_bytes)
      : file_(file),
        file_name_(file_name),
        links_left_(file_bytes / kLeastBytesOfLink),
        group_access_(H5Pcreate(H5P_GROUP_ACCESS), H5Pclose, "H5Pcreate"),
        link_access_(H5Pcreate(H5P_LINK_ACCESS), H5Pclose, "H5Pcreate") {
    forbid_external_links(group_access_.get());
    forbid_external_links(link_access_.get());
  }

  FoundObjects run() {
    {
      const Hdf5Id root(H5Gopen2(file_, "/", group_access_.get()), H5Gclose, "H5Gopen2");
      groups_.emplace(object_identity(root.get()), "/");
    }
    // A list of what is to be visited instead of recursion: how deep a file nests is up to the file.
    waiting_.emplace_back();
    while (!waiting_.empty()) {
      const std::string group = std::move(waiting_.back());
      waiting_.pop_back();
      visit(group);
    }
    return std::move(found_);
  }

 private:
  void visit(const std::string& path) {  // "" is the root
    const char* const shown = path.empty() ? "/" : path.c_str();
    const Hdf5Id group(H5Gopen2(file_, shown, group_access_.get()), H5Gclose, "H5Gopen2");
    LinkCollector collector;
    collector.most = links_left_;
    hsize_t position = 0;
    const herr_t result =
        iterate_links(group.get(), H5_INDEX_NAME, H5_ITER_NATIVE, &position, collect_link, &collector);
    if (collector.error) std::rethrow_exception(collector.error);
    if (collector.too_many) {
      throw DataLossError("'" + file_name_ + "': the groups up to '" + shown +
                          "' have more links than the file has room for: it is damaged or hostile");
    }
    check_hdf5(result, "H5Literate");
    links_left_ -= collector.links.size();
    for (const Link& link : collector.links) take_link(group.get(), path, link);
  }

  void take_link(hid_t group, const std::string& group_path, const Link& link) {
    const std::string path = group_path + "/" + link.name;
    if (link.kind == H5L_TYPE_SOFT)
      return skip(path, "it is a soft link; what it leads to is taken under its own path");
    if (link.kind == H5L_TYPE_EXTERNAL) {
      throw InvalidArgumentError("'" + file_name_ + "': '" + path +
                                 "' is a link into another file, and such links are not followed; copy what "
                                 "it leads to into the file, e.g. with h5copy, or delete the link");
    }
    if (link.kind != H5L_TYPE_HARD) {
      throw InvalidArgumentError("'" + file_name_ + "': '" + path + "' is a link of the user-defined class " +
                                 std::to_string(link.kind) +
                                 ", and only hard links are followed; delete it, or link to the object");
    }
    // libhdf5 takes a name for a path, so such a link cannot be followed as the one that it is.
    if (link.name.empty() || link.name == "." || link.name.find('/') != std::string::npos)
      return skip(path, "its link's name is not the name of one object");
    if (path.size() > kMaxVariableNameBytes)
      return skip(group_path, "a path below it is longer than a variable's name may be");
    take_object(group, path, link.name);
  }

  void take_object(hid_t group, const std::string& path, const std::string& name) {
    const Hdf5Id object(H5Oopen(group, name.c_str(), link_access_.get()), H5Oclose,
                        ("H5Oopen of '" + path + "'").c_str());
    switch (H5Iget_type(object.get())) {
      case H5I_DATASET:
        found_.datasets.push_back({path, object_identity(object.get())});
        return;
      case H5I_GROUP: {
        const auto [known, is_new] = groups_.emplace(object_identity(object.get()), path);
        if (!is_new) return skip(path, "it is the group '" + known->second + "' once more");
        if (static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) > kMaxScopeDepth)
          return skip(path, "it is within more groups than a variable may have scopes");
        waiting_.push_back(path);
        return;
      }
      case H5I_DATATYPE:
        return skip(path, "it is a type, without data");
      default:
        return skip(path, "it is neither a group nor a dataset");
    }
  }

  void skip(const std::string& path, std::string reason) {
    found_.skipped.push_back({path, std::move(reason)});
  }

  hid_t file_;
  const std::string& file_name_;
  std::uint64_t links_left_;
  Hdf5Id group_access_;
  Hdf5Id link_access_;
  std::map<std::string, std::string> groups_;  // visited or waiting: the object, and its first path
  std::vector<std::string> waiting_;
  FoundObjects found_;
};

}  // namespace

void forbid_external_links(std::int64_t access_properties) {
  check_hdf5(H5Pset_elink_cb(access_properties, refuse_external_link, nullptr), "H5Pset_elink_cb");
}

FoundObjects find_foreign_datasets(std::int64_t file, const std::string& file_name,
                                   std::uint64_t file_bytes) {
  return Walk(file, file_name, file_bytes).run();
}

}  // namespace varscope::io
