// SPDX-License-Identifier: Apache-2.0
// read_foreign_hdf5() in a process of its own: libhdf5 has faults that a bad file can make it crash or hang
// with, and then it is that process that ends.
#pragma once

#include "file_contents.hpp"

#include <string>

namespace varscope::tools {

/// Reads a foreign HDF5 file. Throws what read_foreign_hdf5() throws, DataLossError if libhdf5 crashed or
/// found no end, RuntimeError if there can be no other process. Requires: no other thread has been started.
FileContents read_foreign_hdf5_apart(const std::string& path, const ReportBytes& report);

}  // namespace varscope::tools
