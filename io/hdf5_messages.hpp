// SPDX-License-Identifier: Apache-2.0
// The strict reader's middle layer: the content of those HDF5 object header messages that checkpoints use.
// Every function throws DataLossError for content that makes no sense, InvalidArgumentError for a feature of
// HDF5 that checkpoints do not use. Section numbers refer to the HDF5 File Format Specification, version 3.0.
#pragma once

#include "chunk_grid.hpp"
#include "hdf5_format.hpp"

#include <varscope/dtype.hpp>
#include <varscope/shape.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace varscope::io {

// Types of messages, section IV.A.2.
inline constexpr std::uint8_t kDataspaceMessage = 0x01;
inline constexpr std::uint8_t kLinkInfoMessage = 0x02;
inline constexpr std::uint8_t kDatatypeMessage = 0x03;
inline constexpr std::uint8_t kFillValueMessage = 0x05;
inline constexpr std::uint8_t kLinkMessage = 0x06;
inline constexpr std::uint8_t kDataLayoutMessage = 0x08;
inline constexpr std::uint8_t kGroupInfoMessage = 0x0A;
inline constexpr std::uint8_t kFiltersMessage = 0x0B;
inline constexpr std::uint8_t kAttributeMessage = 0x0C;
inline constexpr std::uint8_t kAttributeInfoMessage = 0x15;

/// Throws: the message is one that checkpoints do not use.
[[noreturn]] void refuse_message(const HeaderMessage& message, const Place& place);

/// A hard link to another object; its name points into the header.
struct HardLink {
  std::string_view name;
  std::uint64_t address = 0;
};
HardLink decode_link(const HeaderMessage& message, const Place& place);

/// Where a dataset's data is.
struct DataLayout {
  std::uint64_t address = 0;  ///< of the data, of its one chunk, or of the index of its chunks
  std::uint64_t size = 0;     ///< of data that is contiguous
  bool is_chunked = false;
  // Of chunks:
  std::vector<std::int64_t> chunk_shape{};
  std::uint64_t element_bytes = 0;
  std::optional<StoredChunk> one_chunk{};  ///< without a checksum; there is no index then
};

/// Refuses chunks unless they are allowed.
DataLayout decode_layout(const HeaderMessage& message, const Place& place, bool chunks_allowed);

/// Checks that the filters are shuffle and deflate; returns the size of the elements to shuffle.
std::uint64_t decode_filters(const HeaderMessage& message, const Place& place);

Shape decode_dataspace(const HeaderMessage& message, const Place& place);
DType decode_datatype(const HeaderMessage& message, const Place& place);

/// An attribute of a kind that checkpoints use: some text, one integer, or a list of them. It points into the
/// header that it was decoded from.
struct Attribute {
  enum class Kind { text, uint32, int64, uint32_list };
  std::string_view name;
  Kind kind = Kind::text;
  std::string_view text;                    ///< of a text
  std::uint64_t integer = 0;                ///< of an integer, its bits
  std::span<const std::byte> list_bytes{};  ///< of a list, 4 bytes for each
};

std::vector<std::uint32_t> list_of(const Attribute& attribute);
Attribute decode_attribute(const HeaderMessage& message, const Place& place);

// Messages whose content is the same in every checkpoint, or of no consequence for a reader.
void check_link_info(const HeaderMessage& message, const Place& place);
void check_group_info(const HeaderMessage& message, const Place& place);
void check_attribute_info(const HeaderMessage& message, const Place& place);
void check_fill_value(const HeaderMessage& message, const Place& place);

}  // namespace varscope::io
