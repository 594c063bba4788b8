// SPDX-License-Identifier: Apache-2.0
// PlainBeside: the type of a value that is not atomic, in a structure that is a template over its atomic
// type.
#pragma once

namespace varscope::detail {

/// T itself. Tests that put atomics of their own under a structure specialize this, to watch what the atomics
/// publish as well.
template <template <typename> class Atom, typename T>
struct PlainBeside {
  using type = T;
};

}  // namespace varscope::detail
