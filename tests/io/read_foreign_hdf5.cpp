// SPDX-License-Identifier: Apache-2.0
// Reads a foreign HDF5 file and writes it as a checkpoint, for check_foreign_hdf5.py to compare:
//   read_foreign_hdf5 FILE CHECKPOINT   or   read_foreign_hdf5 --list FILE
// A refusal is printed as "ErrorName: message" and gives status 1.
#include <varscope/varscope.hpp>

#include <cstdio>
#include <string>

namespace vs = varscope;

namespace {

void print_skipped(const std::vector<vs::SkippedHdf5Object>& skipped) {
  for (const vs::SkippedHdf5Object& object : skipped)
    std::printf("skipped %s: %s\n", object.path.c_str(), object.reason.c_str());
}

void list(const char* path) {
  const vs::ForeignHdf5Listing listing = vs::list_foreign_hdf5(path);
  for (const vs::ForeignHdf5Entry& entry : listing.entries) {
    std::printf("%s = %s: %s as %s %s\n", entry.name.c_str(), entry.path.c_str(), entry.stored_type.c_str(),
                std::string(vs::dtype_name(entry.dtype)).c_str(), entry.shape.to_string().c_str());
  }
  print_skipped(listing.skipped);
}

void convert(const char* path, const char* checkpoint) {
  const vs::ForeignHdf5Contents contents = vs::read_foreign_hdf5(path);
  vs::write_checkpoint(checkpoint, contents.variables);
  print_skipped(contents.skipped);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    if (std::string(argv[1]) == "--list") {
      list(argv[2]);
    } else {
      convert(argv[1], argv[2]);
    }
    return 0;
  } catch (const vs::Error& error) {
    std::printf("%s: %s\n", std::string(vs::error_name(error.code())).c_str(), error.what());
    return 1;
  }
}
