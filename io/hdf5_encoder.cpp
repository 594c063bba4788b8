// SPDX-License-Identifier: Apache-2.0
#include "hdf5_encoder.hpp"

#include "checkpoint_format.hpp"
#include "hdf5_checksum.hpp"
#include "hdf5_fixed_array.hpp"
#include "hdf5_format.hpp"
#include "hdf5_messages.hpp"
#include "hdf5_types.hpp"

#include <algorithm>
#include <bit>

namespace varscope::io {

namespace {

constexpr std::uint64_t kPrefixBytes = 4;  // of a message: type, size in 2 bytes, flags

// Flags of messages: the content never changes; it is not to be shared between objects.
constexpr std::uint8_t kConstant = 0x01;
constexpr std::uint8_t kDontShare = 0x04;

// Flags of an object header: the size of its messages is in 4 bytes.
constexpr std::uint8_t kFourByteSize = 0x02;
constexpr std::uint64_t kHeaderOverhead = 4 + 1 + 1 + 4 + 4;  // OHDR, version, flags, size, ..., checksum

constexpr std::uint64_t kLinkInfoBytes = 18;
constexpr std::uint64_t kGroupInfoBytes = 6;
constexpr std::uint64_t kAttributeInfoBytes = 18;
constexpr std::uint64_t kFillValueBytes = 2;
constexpr std::uint64_t kContiguousBytes = 18;
constexpr std::uint64_t kFiltersBytes = 2 + 2 * 10;
constexpr std::uint64_t kAttributeFixedBytes = 9;

std::string_view type_of(DType dtype) noexcept {
  const auto is_dtype = [dtype](const auto& type) { return type.second == dtype; };
  return std::find_if(kElementTypes.begin(), kElementTypes.end(), is_dtype)->first;
}

std::uint64_t dataspace_bytes(const Shape& shape) noexcept {
  return 4 + 8 * static_cast<std::uint64_t>(shape.rank());
}

/// Version, class, flags, rank, width; the chunk's shape; the index's type, about it, and its address.
std::uint64_t chunked_bytes(const ChunkGrid& grid) noexcept {
  return 5 + 4 * (grid.chunk_shape().size() + 1) + 1 + (grid.count() == 1 ? 12 : 1) + 8;
}

/// log2 of the bytes that a link's name needs for its length.
unsigned length_code(std::size_t name_bytes) noexcept {
  return name_bytes <= 0xFF ? 0 : name_bytes <= 0xFFFF ? 1 : 2;
}

std::uint64_t attribute_bytes(std::string_view name, std::uint64_t type_bytes, std::uint64_t space_bytes,
                              std::uint64_t value_bytes) noexcept {
  return kAttributeFixedBytes + name.size() + 1 + type_bytes + space_bytes + value_bytes;
}

}  // namespace

std::uint64_t group_messages_bytes() noexcept {
  return 2 * kPrefixBytes + kLinkInfoBytes + kGroupInfoBytes;
}

std::uint64_t link_message_bytes(std::size_t name_bytes) noexcept {
  return kPrefixBytes + 2 + (std::uint64_t{1} << length_code(name_bytes)) + name_bytes + 8;
}

std::uint64_t dataset_messages_bytes(DType dtype, const Shape& shape) noexcept {
  return 3 * kPrefixBytes + dataspace_bytes(shape) + type_of(dtype).size() + kFillValueBytes;
}

std::uint64_t contiguous_layout_bytes() noexcept {
  return kPrefixBytes + kContiguousBytes;
}

std::uint64_t chunked_layout_bytes(const ChunkGrid& grid) noexcept {
  return 2 * kPrefixBytes + kFiltersBytes + chunked_bytes(grid);
}

std::uint64_t attribute_info_message_bytes() noexcept {
  return kPrefixBytes + kAttributeInfoBytes;
}

std::uint64_t text_attribute_bytes(std::string_view name, std::size_t text_bytes) noexcept {
  return kPrefixBytes + attribute_bytes(name, kTextTypePrefix.size() + 4, kScalarSpace.size(), text_bytes);
}

std::uint64_t uint32_attribute_bytes(std::string_view name) noexcept {
  return kPrefixBytes + attribute_bytes(name, kUint32Type.size(), kScalarSpace.size(), 4);
}

std::uint64_t int64_attribute_bytes(std::string_view name) noexcept {
  return kPrefixBytes + attribute_bytes(name, kInt64Type.size(), kScalarSpace.size(), 8);
}

std::uint64_t uint32_list_attribute_bytes(std::string_view name, std::size_t count) noexcept {
  return kPrefixBytes + attribute_bytes(name, kUint32Type.size(), kListSpacePrefix.size() + 8, 4 * count);
}

std::uint64_t object_header_bytes(std::uint64_t messages_bytes) noexcept {
  return kHeaderOverhead + messages_bytes;
}

void Hdf5Encoder::integer(std::uint64_t value, std::size_t size) {
  static_assert(std::endian::native == std::endian::little);
  const auto* begin = reinterpret_cast<const std::byte*>(&value);
  bytes_.insert(bytes_.end(), begin, begin + size);
}

void Hdf5Encoder::text(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  bytes_.insert(bytes_.end(), begin, begin + text.size());
}

void Hdf5Encoder::begin_header(std::uint64_t messages_bytes) {
  header_begin_ = bytes_.size();
  text("OHDR");
  integer(2, 1);  // version
  integer(kFourByteSize, 1);
  integer(messages_bytes, 4);
}

void Hdf5Encoder::end_header() {
  const auto header = std::span<const std::byte>(bytes_).subspan(header_begin_);
  integer(hdf5_checksum(header), 4);
}

void Hdf5Encoder::begin_message(std::uint8_t type, std::uint64_t body_bytes, std::uint8_t flags) {
  integer(type, 1);
  integer(body_bytes, 2);
  integer(flags, 1);
}

void Hdf5Encoder::group_messages() {
  begin_message(kLinkInfoMessage, kLinkInfoBytes, 0);
  integer(0, 2);  // version, flags: no creation order
  integer(kUndefinedAddress, 8);
  integer(kUndefinedAddress, 8);
  begin_message(kGroupInfoMessage, kGroupInfoBytes, kConstant);
  integer(0, 1);                 // version
  integer(1, 1);                 // flags: phase change limits follow
  integer(kMaxGroupMembers, 2);  // whoever adds a link keeps to compact links
  integer(0, 2);
}

void Hdf5Encoder::link_message(std::string_view name, std::uint64_t address) {
  const unsigned code = length_code(name.size());
  begin_message(kLinkMessage, link_message_bytes(name.size()) - kPrefixBytes, 0);
  integer(1, 1);     // version
  integer(code, 1);  // flags: a hard link in ASCII without creation order
  integer(name.size(), std::size_t{1} << code);
  text(name);
  integer(address, 8);
}

void Hdf5Encoder::dataset_messages(DType dtype, const Shape& shape) {
  begin_message(kDataspaceMessage, dataspace_bytes(shape), 0);
  integer(2, 1);  // version
  integer(static_cast<std::uint64_t>(shape.rank()), 1);
  integer(0, 1);                          // flags: no maximum dimensions, hence these
  integer(shape.rank() == 0 ? 0 : 1, 1);  // scalar or simple
  for (const std::int64_t dimension : shape.dimensions()) integer(static_cast<std::uint64_t>(dimension), 8);
  const std::string_view type = type_of(dtype);
  begin_message(kDatatypeMessage, type.size(), kConstant);
  text(type);
  begin_message(kFillValueMessage, kFillValueBytes, kConstant);
  integer(3, 1);  // version
  integer(6, 1);  // flags: space allocated late, fill value never written and none defined
}

void Hdf5Encoder::contiguous_layout(std::uint64_t address, std::uint64_t data_bytes) {
  begin_message(kDataLayoutMessage, kContiguousBytes, 0);
  integer(4, 1);  // version
  integer(1, 1);  // contiguous
  integer(data_bytes > 0 ? address : kUndefinedAddress, 8);
  integer(data_bytes, 8);
}

void Hdf5Encoder::chunked_layout(const ChunkGrid& grid, int compression_level, const StoredChunk& first_chunk,
                                 std::uint64_t index) {
  begin_message(kFiltersMessage, kFiltersBytes, kConstant);
  integer(2, 1);  // version
  integer(2, 1);  // filters, in the order of writing
  const auto filter = [this](std::uint16_t number, std::uint64_t value) {
    integer(number, 2);
    integer(1, 2);  // flags: may be skipped
    integer(1, 2);  // values
    integer(value, 4);
  };
  filter(kShuffleFilter, grid.element_bytes());
  filter(kDeflateFilter, static_cast<std::uint64_t>(compression_level));

  const bool one = grid.count() == 1;
  begin_message(kDataLayoutMessage, chunked_bytes(grid), 0);
  integer(4, 1);            // version
  integer(2, 1);            // chunked
  integer(one ? 2 : 0, 1);  // flags: the one chunk is filtered
  integer(grid.chunk_shape().size() + 1, 1);
  integer(4, 1);  // bytes of an extent
  for (const std::int64_t extent : grid.chunk_shape()) integer(static_cast<std::uint64_t>(extent), 4);
  integer(grid.element_bytes(), 4);
  if (one) {
    integer(1, 1);  // no index
    integer(first_chunk.bytes, 8);
    integer(first_chunk.deflated ? kNoFilterSkipped : kBothFiltersSkipped, 4);
    integer(first_chunk.offset, 8);
  } else {
    integer(3, 1);  // a fixed array
    integer(kFixedArrayPageBits, 1);
    integer(index, 8);
  }
}

void Hdf5Encoder::attribute_info_message() {
  begin_message(kAttributeInfoMessage, kAttributeInfoBytes, kDontShare);
  integer(0, 2);  // version, flags: no creation order
  integer(kUndefinedAddress, 8);
  integer(kUndefinedAddress, 8);
}

void Hdf5Encoder::begin_attribute(std::string_view name, std::uint64_t type_bytes, std::uint64_t space_bytes,
                                  std::uint64_t value_bytes) {
  begin_message(kAttributeMessage, attribute_bytes(name, type_bytes, space_bytes, value_bytes), 0);
  integer(3, 1);  // version
  integer(0, 1);  // flags: nothing shared
  integer(name.size() + 1, 2);
  integer(type_bytes, 2);
  integer(space_bytes, 2);
  integer(0, 1);  // the name is in ASCII
  text(name);
  integer(0, 1);
}

void Hdf5Encoder::text_attribute(std::string_view name, std::string_view value) {
  begin_attribute(name, kTextTypePrefix.size() + 4, kScalarSpace.size(), value.size());
  text(kTextTypePrefix);
  integer(value.size(), 4);
  text(kScalarSpace);
  text(value);
}

void Hdf5Encoder::uint32_attribute(std::string_view name, std::uint32_t value) {
  begin_attribute(name, kUint32Type.size(), kScalarSpace.size(), 4);
  text(kUint32Type);
  text(kScalarSpace);
  integer(value, 4);
}

void Hdf5Encoder::int64_attribute(std::string_view name, std::int64_t value) {
  begin_attribute(name, kInt64Type.size(), kScalarSpace.size(), 8);
  text(kInt64Type);
  text(kScalarSpace);
  integer(std::bit_cast<std::uint64_t>(value), 8);
}

void Hdf5Encoder::uint32_list_attribute(std::string_view name, std::span<const std::uint32_t> values) {
  begin_attribute(name, kUint32Type.size(), kListSpacePrefix.size() + 8, 4 * values.size());
  text(kUint32Type);
  text(kListSpacePrefix);
  integer(values.size(), 8);
  for (const std::uint32_t value : values) integer(value, 4);
}

}  // namespace varscope::io
