// SPDX-License-Identifier: Apache-2.0
#include "hdf5_library.hpp"

#include <varscope/error.hpp>

#include <hdf5.h>

#include <type_traits>

namespace varscope::io {

static_assert(std::is_same_v<hid_t, std::int64_t> && std::is_same_v<herr_t, int>);

namespace {

std::mutex& library_mutex() {
  static std::mutex mutex;
  return mutex;
}

/// Appends one line of libhdf5's error stack to the std::string behind `text`.
herr_t append_error(unsigned /*depth*/, const H5E_error2_t* error, void* text) noexcept {
  try {
    auto& message = *static_cast<std::string*>(text);
    message += "; ";
    message += error->func_name != nullptr ? error->func_name : "unknown function";
    message += ": ";
    message += error->desc != nullptr ? error->desc : "no description";
    return 0;
  } catch (...) {
    return -1;  // out of memory: what was collected so far must do
  }
}

}  // namespace

Hdf5Turn::Hdf5Turn() : lock_(library_mutex()) {
  check_hdf5(H5open(), "H5open");
  check_hdf5(H5Eget_auto2(H5E_DEFAULT, &print_, &print_data_), "H5Eget_auto2");
  check_hdf5(H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr), "H5Eset_auto2");
}

Hdf5Turn::~Hdf5Turn() {
  H5Eclear2(H5E_DEFAULT);
  H5Eset_auto2(H5E_DEFAULT, print_, print_data_);
}

Hdf5PluginsOff::Hdf5PluginsOff() {
  check_hdf5(H5PLget_loading_state(&before_), "H5PLget_loading_state");
  check_hdf5(H5PLset_loading_state(0), "H5PLset_loading_state");
}

Hdf5PluginsOff::~Hdf5PluginsOff() {
  H5PLset_loading_state(before_);
}

void throw_hdf5_error(const std::string& call) {
  std::string message = "libhdf5 refused " + call;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, append_error, &message);
  throw RuntimeError(message);
}

}  // namespace varscope::io
