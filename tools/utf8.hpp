// SPDX-License-Identifier: Apache-2.0
// Names of variables are any bytes; other formats and terminals want text.
#pragma once

#include <string>
#include <string_view>

namespace varscope::tools {

/// Whether these bytes are UTF-8 (no surrogates, nothing overlong, nothing above U+10FFFF).
bool is_utf8(std::string_view bytes) noexcept;

/// For a terminal: what is not UTF-8, and control characters, with which a hostile name could move the
/// cursor, become \x1B and the like; line ends stay.
std::string printable(std::string_view bytes);

}  // namespace varscope::tools
