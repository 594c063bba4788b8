// SPDX-License-Identifier: Apache-2.0
// Reads the files of well-known data sets: IDX (MNIST, Fashion-MNIST) and the binary version of CIFAR-10.
// Files may be damaged or hostile: every size is checked before memory is taken for it.
#pragma once

#include <varscope/array.hpp>
#include <varscope/export.hpp>

#include <string>
#include <vector>

namespace varscope {

/// Images and the class of each.
struct LabeledImages {
  Array images;  ///< uint8 [n,h,w,c]
  Array labels;  ///< int32 [n]
};

/// The array in an IDX file (http://yann.lecun.com/exdb/mnist/), in the shape that the file gives: [n,28,28]
/// for MNIST's images, [n] for its labels. The file may be compressed with gzip, which its content tells and
/// not its name. Unsigned bytes become uint8, signed bytes, shorts and ints int32, floats float32, doubles
/// float64.
///
/// Throws NotFoundError if there is no such file; InvalidArgumentError for a directory or what is no regular
/// file; FailedPreconditionError if the system does not let us read it; DataLossError, naming the bytes, if
/// it is not IDX, damaged, or longer or shorter than its header says (a compressed file is not decompressed
/// further than that, and not at all if it is too small to hold so much); ResourceExhaustedError if there is
/// no memory for the array. Thread-safe.
VARSCOPE_API Array read_idx(const std::string& path);

/// The records of all these files, one file after the other: images uint8 [n,32,32,3], labels int32 [n]
/// between 0 and 9. The files are those of CIFAR-10's binary version
/// (https://www.cs.toronto.edu/~kriz/cifar.html): records of 3073 bytes, the label and then the image's
/// planes in red, green and blue, which are interleaved here.
///
/// Throws ValueError if there is no path; DataLossError, naming the bytes, for a file that is not whole
/// records, or a label above 9; otherwise what read_idx() throws. Thread-safe.
VARSCOPE_API LabeledImages read_cifar10(const std::vector<std::string>& paths);

}  // namespace varscope
