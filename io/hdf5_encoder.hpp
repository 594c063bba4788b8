// SPDX-License-Identifier: Apache-2.0
// Hdf5Encoder: writes object headers of the profile into memory, the counterpart of hdf5_format and
// hdf5_messages. Section numbers refer to the HDF5 File Format Specification, version 3.0.
#pragma once

#include "chunk_grid.hpp"

#include <varscope/dtype.hpp>
#include <varscope/shape.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace varscope::io {

// How many bytes the messages of a header take, their prefixes included.
std::uint64_t group_messages_bytes() noexcept;  ///< link info and group info, which every group has
std::uint64_t link_message_bytes(std::size_t name_bytes) noexcept;
std::uint64_t dataset_messages_bytes(DType dtype, const Shape& shape) noexcept;
std::uint64_t contiguous_layout_bytes() noexcept;
std::uint64_t chunked_layout_bytes(const ChunkGrid& grid) noexcept;  ///< filters and layout
std::uint64_t attribute_info_message_bytes() noexcept;
std::uint64_t text_attribute_bytes(std::string_view name, std::size_t text_bytes) noexcept;
std::uint64_t uint32_attribute_bytes(std::string_view name) noexcept;
std::uint64_t int64_attribute_bytes(std::string_view name) noexcept;
std::uint64_t uint32_list_attribute_bytes(std::string_view name, std::size_t count) noexcept;

/// A header around messages of so many bytes.
std::uint64_t object_header_bytes(std::uint64_t messages_bytes) noexcept;

/// Appends to some bytes. Requires: between begin_header() and end_header() exactly the announced bytes are
/// appended.
class Hdf5Encoder {
 public:
  explicit Hdf5Encoder(std::vector<std::byte>& bytes) : bytes_(bytes) {}

  void begin_header(std::uint64_t messages_bytes);  // IV.A.1.b
  void end_header();

  void group_messages();                                                    // IV.A.2.c and k
  void link_message(std::string_view name, std::uint64_t address);          // IV.A.2.g
  void dataset_messages(DType dtype, const Shape& shape);                   // IV.A.2.b, d and f
  void contiguous_layout(std::uint64_t address, std::uint64_t data_bytes);  // IV.A.2.i
  /// `index` is the address of the fixed array, if there is more than one chunk.
  void chunked_layout(const ChunkGrid& grid, int compression_level, const StoredChunk& first_chunk,
                      std::uint64_t index);                           // IV.A.2.l and i
  void attribute_info_message();                                      // IV.A.2.v
  void text_attribute(std::string_view name, std::string_view text);  // IV.A.2.m
  void uint32_attribute(std::string_view name, std::uint32_t value);
  void int64_attribute(std::string_view name, std::int64_t value);
  void uint32_list_attribute(std::string_view name, std::span<const std::uint32_t> values);

 private:
  void integer(std::uint64_t value, std::size_t size);
  void text(std::string_view text);
  void begin_message(std::uint8_t type, std::uint64_t body_bytes, std::uint8_t flags);
  void begin_attribute(std::string_view name, std::uint64_t type_bytes, std::uint64_t space_bytes,
                       std::uint64_t value_bytes);

  std::vector<std::byte>& bytes_;
  std::size_t header_begin_ = 0;
};

}  // namespace varscope::io
