// SPDX-License-Identifier: Apache-2.0
// HDF5 files that other programs wrote (h5py, Keras, MATLAB, ...), read through libhdf5.
//
// CheckpointReader never does that: it takes varscope's own profile of HDF5 and checks every byte of the
// metadata. libhdf5 takes everything, and its parser has known faults that a hostile file can use to crash
// the process or worse. So these functions are for files that you trust as much as you trust a program; the
// program `varscope convert` calls them in a process of its own. What can be kept out is kept out:
//
//   external links, links of other classes, external storage, virtual      refused: nothing but the file
//   datasets                                                               itself is ever opened
//   filters other than deflate, shuffle and fletcher32; filter plugins     refused; plugins are off meanwhile
//   more than 4 GiB declared that are also more than 1000 times the file   refused before memory is asked for
//   groups that contain themselves, absurd nesting                         skipped, and reported
//
// A dataset becomes a variable. "/conv1/kernel:0" becomes "conv1/kernel"; where that would give two datasets
// one name, both keep ":0" or whatever they have. The element types:
//
//   in the file                                        in the array
//   float16, bfloat16 and all that float32 holds       float32
//   float64 and what it holds                          float64
//   int8, int16, int32, uint16                         int32
//   int64, uint32; uint64 if all values fit            int64
//   uint8                                              uint8
//   h5py's bool (an enumeration FALSE = 0, TRUE = 1)   bool
//
// Of either byte order. What has no place in an array (text, compounds, references, ...) is skipped, with its
// reason, and so are soft links. MATLAB's arrays come with their dimensions reversed, as HDF5 stores them.
#pragma once

#include <varscope/array.hpp>
#include <varscope/dtype.hpp>
#include <varscope/export.hpp>
#include <varscope/shape.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace varscope {

/// Something in a foreign file that is no variable.
struct SkippedHdf5Object {
  std::string path;    ///< "/model_weights/names"
  std::string reason;  ///< "its elements are text, which no array holds"
};

/// A dataset that can be read.
struct ForeignHdf5Entry {
  std::string name;         ///< of the variable: "conv1/kernel"
  std::string path;         ///< of the dataset: "/conv1/kernel:0"
  std::string stored_type;  ///< "float16", "uint32", "bool": what the elements are in the file
  DType dtype = DType::float32;
  Shape shape;
};

/// What is in a foreign file. Both lists are sorted, by name and by path.
struct ForeignHdf5Listing {
  std::vector<ForeignHdf5Entry> entries;
  std::vector<SkippedHdf5Object> skipped;
};

/// What was read of a foreign file. The variables are as write_checkpoint() wants them, sorted by name; those
/// whose paths lead to one dataset (hard links) share their elements.
struct ForeignHdf5Contents {
  std::vector<std::pair<std::string, Array>> variables;
  std::vector<SkippedHdf5Object> skipped;
};

/// Whether a file is HDF5, a checkpoint or any other, by how it begins. Throws NotFoundError if there is no
/// such file, InvalidArgumentError for what is no regular file. Thread-safe.
VARSCOPE_API bool is_hdf5(const std::string& path);

/// Lists a file without reading data. Throws NotFoundError if there is no such file; InvalidArgumentError if
/// it is not HDF5, or has what the table above refuses, naming the object and what to do; DataLossError,
/// naming the object and libhdf5's reason, if it is damaged or declares data that it cannot have.
/// Thread-safe; one call at a time is in libhdf5.
VARSCOPE_API ForeignHdf5Listing list_foreign_hdf5(const std::string& path);

/// Reads all that list_foreign_hdf5() lists, all or nothing. A uint64 that int64 does not hold, or a bool
/// that is neither 0 nor 1, makes its dataset a skipped one. Throws what list_foreign_hdf5() throws, and
/// ResourceExhaustedError if there is no memory for the values. Thread-safe; one call at a time is in
/// libhdf5.
VARSCOPE_API ForeignHdf5Contents read_foreign_hdf5(const std::string& path);

}  // namespace varscope
