// SPDX-License-Identifier: Apache-2.0
// RestoreReport: what became of every variable that a restore wanted, and of everything in the file.
#pragma once

#include <varscope/dtype.hpp>
#include <varscope/export.hpp>
#include <varscope/shape.hpp>
#include <varscope/source_location.hpp>

#include <string>
#include <vector>

namespace varscope {

/// A value. Lists are sorted by the variables' keys; every variable of the Saver is in exactly one of the
/// first three, every tensor of the file that no variable wanted is in the last.
struct VARSCOPE_API RestoreReport {
  struct Restored {
    std::string variable;  ///< its name, "new/conv1/weights"; of a partitioned one the full name
    std::string tensor;    ///< its name in the file, "old/conv1/weights"
  };
  struct Missing {
    std::string variable;
    std::string tensor;  ///< what was looked for
    DType dtype = DType::float32;
    Shape shape;
    SourceLocation where;              ///< the line that made the variable
    std::vector<std::string> nearest;  ///< of the names in the file, at most three; may be empty
  };
  struct Mismatched {
    std::string variable;
    std::string tensor;
    DType dtype = DType::float32;  ///< of the variable
    Shape shape;
    SourceLocation where;
    DType found_dtype = DType::float32;  ///< of the tensor in the file
    Shape found_shape;
  };

  std::string checkpoint;  ///< the path of the file
  std::vector<Restored> restored;
  std::vector<Missing> missing;
  std::vector<Mismatched> mismatched;
  std::vector<std::string> unexpected;  ///< tensors of the file

  /// Whether every variable was restored. Thread-safe.
  bool complete() const noexcept { return missing.empty() && mismatched.empty(); }

  /// A line that counts, and one for everything that was not restored. Thread-safe.
  std::string to_string() const;
};

}  // namespace varscope
