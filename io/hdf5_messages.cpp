// SPDX-License-Identifier: Apache-2.0
#include "hdf5_messages.hpp"

#include "checkpoint_format.hpp"
#include "hdf5_fixed_array.hpp"
#include "hdf5_types.hpp"

#include <array>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

namespace varscope::io {

namespace {

constexpr std::array<const char*, 11> kTypeClasses = {
    "fixed-point", "floating-point", "time",        "string",          "bit field", "opaque",
    "compound",    "reference",      "enumeration", "variable-length", "array"};

/// Messages of HDF5 that checkpoints do not use, by type.
constexpr std::array<const char*, 25> kMessageNames = {
    "NIL",
    "dataspace",
    "link info",
    "datatype",
    "an old fill value",
    "fill value",
    "link",
    "external data files",
    "data layout",
    "a bogus message",
    "group info",
    "filters",
    "attribute",
    "an object comment",
    "an old modification time",
    "a shared message table",
    "continuation",
    "a symbol table",
    "a modification time",
    "B-tree K values",
    "driver info",
    "attribute info",
    "a reference count",
    "file space info",
    "a metadata cache image",
};

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

ByteRange range_of(const HeaderMessage& message) {
  return {message.offset, message.body.size()};
}

/// Throws unless the next byte is `wanted`; another one is a version that this format does not have.
void expect_version(ByteCursor& cursor, std::uint64_t wanted, const char* what) {
  const std::uint64_t offset = cursor.offset();
  const std::uint64_t version = cursor.take(1);
  if (version != wanted) {
    cursor.place().outside_profile({offset, 1}, std::string(what) + " version " + std::to_string(version));
  }
}

void expect_undefined_address(ByteCursor& cursor, const char* feature) {
  const std::uint64_t offset = cursor.offset();
  if (cursor.take(8) != kUndefinedAddress) cursor.place().outside_profile({offset, 8}, feature);
}

std::string describe_type(std::span<const std::byte> type) {
  if (type.empty()) return "no type";
  const unsigned type_class = std::to_integer<unsigned>(type[0]) & 0x0F;
  return type_class < kTypeClasses.size() ? std::string("a ") + kTypeClasses[type_class] + " type"
                                          : "an unknown type";
}

/// From behind the class on.
DataLayout decode_chunked_layout(ByteCursor& cursor, ByteRange range) {
  constexpr std::uint64_t kFilteredSingleChunk = 2;  // flag
  constexpr std::uint64_t kSingleChunkIndex = 1;
  constexpr std::uint64_t kFixedArrayIndex = 3;
  const Place& place = cursor.place();
  DataLayout layout{.is_chunked = true};
  const std::uint64_t flags = cursor.take(1);
  const std::uint64_t rank = cursor.take(1);  // one more than that of the data, for the size of an element
  const std::uint64_t width = cursor.take(1);
  if (rank < 2 || rank > kMaxRank + 1 || width < 1 || width > 8) place.damaged(range, "impossible chunks");
  for (std::uint64_t axis = 0; axis + 1 < rank; ++axis) {
    // What is too large for 63 bits becomes negative, which no shape of chunks is.
    layout.chunk_shape.push_back(static_cast<std::int64_t>(cursor.take(width)));
  }
  layout.element_bytes = cursor.take(width);
  const std::uint64_t index = cursor.take(1);
  if (index != kSingleChunkIndex && index != kFixedArrayIndex) {
    place.outside_profile(range, "an index of chunks of type " + std::to_string(index));
  }
  if (flags != (index == kSingleChunkIndex ? kFilteredSingleChunk : 0)) {
    place.outside_profile(range, "chunks without filters");
  }
  if (index == kSingleChunkIndex) {
    StoredChunk& chunk = layout.one_chunk.emplace();
    chunk.bytes = cursor.take(8);
    chunk.deflated = decode_filter_mask(cursor.take(4), range, place);
  } else if (cursor.take(1) != kFixedArrayPageBits) {
    place.outside_profile(range, "an index of chunks with pages of another size");
  }
  layout.address = cursor.take(8);
  if (layout.one_chunk) layout.one_chunk->offset = layout.address;
  cursor.expect_end();
  return layout;
}

}  // namespace

void refuse_message(const HeaderMessage& message, const Place& place) {
  if (message.type >= kMessageNames.size()) {
    place.damaged(range_of(message), "a message of unknown type " + std::to_string(message.type));
  }
  place.outside_profile(range_of(message), kMessageNames[message.type]);
}

HardLink decode_link(const HeaderMessage& message, const Place& place) {  // IV.A.2.g
  ByteCursor cursor(message.body, message.offset, place);
  expect_version(cursor, 1, "link");
  const ByteRange flags_range{cursor.offset(), 1};
  const std::uint64_t flags = cursor.take(1);
  if ((flags & 0x04) != 0) place.outside_profile(flags_range, "link creation order");
  if ((flags & 0xE0) != 0) place.damaged(flags_range, "unknown link flags");
  if ((flags & 0x08) != 0) {
    const ByteRange type_range{cursor.offset(), 1};
    const std::uint64_t type = cursor.take(1);
    if (type == 1) place.outside_profile(type_range, "a soft link");
    if (type == 64) place.outside_profile(type_range, "an external link");
    if (type != 0) place.outside_profile(type_range, "a user-defined link");
  }
  if ((flags & 0x10) != 0 && cursor.take(1) > 1) place.damaged(range_of(message), "unknown character set");
  const std::uint64_t size = cursor.take(std::size_t{1} << (flags & 0x03));
  const ByteRange name_range{cursor.offset(), size};
  const std::string_view name = as_text(cursor.take_bytes(size));
  if (name.empty() || name == "." || name.find('/') != name.npos || name.find('\0') != name.npos) {
    place.damaged(name_range, "a link without a proper name");
  }
  const std::uint64_t address = cursor.take(8);
  cursor.expect_end();
  return {name, address};
}

DataLayout decode_layout(const HeaderMessage& message, const Place& place,
                         bool chunks_allowed) {  // IV.A.2.i
  ByteCursor cursor(message.body, message.offset, place);
  const std::uint64_t version = cursor.take(1);
  if (version != 3 && version != 4) {
    place.outside_profile(range_of(message), "data layout version " + std::to_string(version));
  }
  const std::uint64_t layout_class = cursor.take(1);
  if (layout_class == 0) place.outside_profile(range_of(message), "compact data");
  if (layout_class == 2) {
    if (!chunks_allowed) place.outside_profile(range_of(message), "chunked data");
    if (version != 4) place.outside_profile(range_of(message), "chunked data of data layout version 3");
    return decode_chunked_layout(cursor, range_of(message));
  }
  if (layout_class == 3) place.outside_profile(range_of(message), "virtual data");
  if (layout_class != 1) place.damaged(range_of(message), "unknown data layout");
  DataLayout layout;
  layout.address = cursor.take(8);
  layout.size = cursor.take(8);
  cursor.expect_end();
  return layout;
}

std::uint64_t decode_filters(const HeaderMessage& message, const Place& place) {  // IV.A.2.l
  ByteCursor cursor(message.body, message.offset, place);
  expect_version(cursor, 2, "filters");
  std::uint64_t values[2] = {};  // of shuffle the size of an element, of deflate the level
  if (cursor.take(1) != 2) place.outside_profile(range_of(message), "other filters than shuffle and deflate");
  for (std::size_t k = 0; k < 2; ++k) {
    const std::uint64_t filter = cursor.take(2);
    const std::uint64_t flags = cursor.take(2);
    const std::uint64_t count = cursor.take(2);
    if (filter != (k == 0 ? kShuffleFilter : kDeflateFilter) || count != 1) {
      place.outside_profile(range_of(message), "other filters than shuffle and deflate");
    }
    if (flags > 1) place.damaged(range_of(message), "unknown filter flags");
    values[k] = cursor.take(4);
  }
  if (values[1] > 9) place.damaged(range_of(message), "an unknown level of compression");
  cursor.expect_end();
  return values[0];
}

Shape decode_dataspace(const HeaderMessage& message, const Place& place) {  // IV.A.2.b
  ByteCursor cursor(message.body, message.offset, place);
  expect_version(cursor, 2, "dataspace");
  const std::uint64_t rank = cursor.take(1);
  const std::uint64_t flags = cursor.take(1);
  const std::uint64_t type = cursor.take(1);
  if (type == 2) place.outside_profile(range_of(message), "a null dataspace");
  if (type > 2 || flags > 1 || rank > kMaxRank || (type == 0) != (rank == 0)) {
    place.damaged(range_of(message), "an impossible dataspace");
  }
  std::vector<std::int64_t> dimensions;
  std::int64_t elements = 1;
  for (std::uint64_t axis = 0; axis < rank; ++axis) {
    const std::uint64_t dimension = cursor.take(8);
    if (dimension > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) ||
        __builtin_mul_overflow(elements, static_cast<std::int64_t>(dimension), &elements)) {
      place.damaged(range_of(message), "a shape of more elements than 63 bits can count");
    }
    dimensions.push_back(static_cast<std::int64_t>(dimension));
  }
  if (flags == 1) {
    for (const std::int64_t dimension : dimensions) {
      if (cursor.take(8) != static_cast<std::uint64_t>(dimension)) {
        place.outside_profile(range_of(message), "dimensions that can grow");
      }
    }
  }
  cursor.expect_end();
  return Shape(std::move(dimensions));
}

DType decode_datatype(const HeaderMessage& message, const Place& place) {
  for (const auto& [encoding, dtype] : kElementTypes) {
    if (as_text(message.body) == encoding) return dtype;
  }
  place.outside_profile(range_of(message),
                        describe_type(message.body) +
                            " that is none of float32, float64, int32, int64, uint8 and bool "
                            "(little-endian)");
}

Attribute decode_attribute(const HeaderMessage& message, const Place& place) {  // IV.A.2.m
  ByteCursor cursor(message.body, message.offset, place);
  expect_version(cursor, 3, "attribute");
  if (cursor.take(1) != 0) place.outside_profile(range_of(message), "shared types of attributes");
  const std::uint64_t name_size = cursor.take(2);
  const std::uint64_t type_size = cursor.take(2);
  const std::uint64_t space_size = cursor.take(2);
  if (cursor.take(1) > 1) place.damaged(range_of(message), "unknown character set");
  std::string_view name = as_text(cursor.take_bytes(name_size));
  if (name.size() < 2 || name.find('\0') != name.size() - 1) {
    place.damaged(range_of(message), "an attribute without a proper name");
  }
  name.remove_suffix(1);
  Attribute attribute{.name = name};
  const std::span<const std::byte> type_bytes = cursor.take_bytes(type_size);
  const std::string_view type = as_text(type_bytes);
  const std::span<const std::byte> space_bytes = cursor.take_bytes(space_size);
  const std::string_view space = as_text(space_bytes);
  if (space.size() == kListSpacePrefix.size() + 8 && space.starts_with(kListSpacePrefix) &&
      type == kUint32Type) {
    ByteCursor extent(space_bytes.subspan(kListSpacePrefix.size()), message.offset, place);
    // Compared with what is there, not multiplied: the extent is anything yet.
    if (extent.take(8) != cursor.remaining() / 4) {
      place.damaged(range_of(message), "a list of another length than its attribute has room for");
    }
    attribute.kind = Attribute::Kind::uint32_list;
    attribute.list_bytes = cursor.take_bytes(cursor.remaining() / 4 * 4);
    cursor.expect_end();
    return attribute;
  }
  if (space != kScalarSpace) {
    place.outside_profile(range_of(message), "the attribute '" + std::string(attribute.name) +
                                                 "', which is neither a scalar nor a list");
  }
  if (type == kUint32Type) {
    attribute.kind = Attribute::Kind::uint32;
    attribute.integer = cursor.take(4);
  } else if (type == kInt64Type) {
    attribute.kind = Attribute::Kind::int64;
    attribute.integer = cursor.take(8);
  } else if (type.size() == kTextTypePrefix.size() + 4 && type.starts_with(kTextTypePrefix)) {
    ByteCursor size(type_bytes.subspan(kTextTypePrefix.size()), message.offset, place);
    attribute.text = as_text(cursor.take_bytes(size.take(4)));
  } else {
    place.outside_profile(range_of(message), "the attribute '" + std::string(attribute.name) +
                                                 "', which has " + describe_type(type_bytes));
  }
  cursor.expect_end();
  return attribute;
}

std::vector<std::uint32_t> list_of(const Attribute& attribute) {
  std::vector<std::uint32_t> list(attribute.list_bytes.size() / 4);
  if (!list.empty()) std::memcpy(list.data(), attribute.list_bytes.data(), 4 * list.size());
  return list;
}

void check_link_info(const HeaderMessage& message, const Place& place) {  // IV.A.2.c
  ByteCursor cursor(message.body, message.offset, place);
  expect_version(cursor, 0, "link info");
  if (cursor.take(1) != 0) place.outside_profile(range_of(message), "link creation order");
  expect_undefined_address(cursor, "links in a fractal heap");
  expect_undefined_address(cursor, "links in a B-tree");
  cursor.expect_end();
}

void check_group_info(const HeaderMessage& message, const Place& place) {  // IV.A.2.k
  ByteCursor cursor(message.body, message.offset, place);
  expect_version(cursor, 0, "group info");
  const std::uint64_t flags = cursor.take(1);
  if (flags > 3) place.damaged(range_of(message), "unknown group flags");
  // Phase change limits and estimates concern writers only.
  cursor.take_bytes(((flags & 1) != 0 ? 4 : 0) + ((flags & 2) != 0 ? 4 : 0));
  cursor.expect_end();
}

void check_attribute_info(const HeaderMessage& message, const Place& place) {  // IV.A.2.v
  ByteCursor cursor(message.body, message.offset, place);
  expect_version(cursor, 0, "attribute info");
  if (cursor.take(1) != 0) place.outside_profile(range_of(message), "attribute creation order");
  expect_undefined_address(cursor, "attributes in a fractal heap");
  expect_undefined_address(cursor, "attributes in a B-tree");
  cursor.expect_end();
}

void check_fill_value(const HeaderMessage& message, const Place& place) {  // IV.A.2.f
  ByteCursor cursor(message.body, message.offset, place);
  expect_version(cursor, 3, "fill value");
  const std::uint64_t flags = cursor.take(1);
  if ((flags & 0xC0) != 0) place.damaged(range_of(message), "unknown fill value flags");
  // Bits 0 and 1 say when space is allocated, bits 2 and 3 when fill values are written (1: never), bits 4
  // and 5 whether there is a value of the user's.
  if ((flags & 0x0C) != 0x04 || (flags & 0x30) != 0) place.outside_profile(range_of(message), "fill values");
  cursor.expect_end();
}

}  // namespace varscope::io
