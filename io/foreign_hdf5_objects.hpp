// SPDX-License-Identifier: Apache-2.0
// The datasets of a foreign HDF5 file: a walk along hard links, which never leaves the file and always ends.
#pragma once

#include <varscope/foreign_hdf5.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace varscope::io {

struct FoundDataset {
  std::string path;    // "/conv1/kernel:0"
  std::string object;  // where it is in the file, as bytes: equal for two paths to one dataset
};

struct FoundObjects {
  std::vector<FoundDataset> datasets;
  std::vector<SkippedHdf5Object> skipped;
};

/// Every dataset of the open file, each path once. A group that is reached again is skipped, which ends
/// cycles. Throws InvalidArgumentError for a link that leads out of the file or is of a class of its own,
/// DataLossError for more links than `file_bytes` can hold, RuntimeError for what libhdf5 refuses.
/// `file_name` is for messages. Requires: an Hdf5Turn.
FoundObjects find_foreign_datasets(std::int64_t file, const std::string& file_name, std::uint64_t file_bytes);

/// Makes access properties (of links, groups or datasets) refuse to follow a link into another file.
void forbid_external_links(std::int64_t access_properties);

}  // namespace varscope::io
