// SPDX-License-Identifier: Apache-2.0
// IDX: two zero bytes, the element type, the rank, the dimensions as big-endian 32-bit numbers, the elements
// in big-endian order, the last index fastest.
#include "file_content.hpp"

#include <varscope/data_files.hpp>
#include <varscope/error.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <span>

namespace varscope {

namespace {

using input::FileContent;

/// How an element is stored, and what it becomes.
struct IdxType {
  int code;
  std::size_t bytes;
  DType dtype;
};

constexpr IdxType kIdxTypes[] = {
    {0x08, 1, DType::uint8},    // unsigned byte
    {0x09, 1, DType::int32},    // signed byte
    {0x0B, 2, DType::int32},    // short
    {0x0C, 4, DType::int32},    // int
    {0x0D, 4, DType::float32},  // float
    {0x0E, 8, DType::float64},  // double
};

constexpr std::size_t kPieceBytes = std::size_t{1} << 16U;

std::uint64_t big_endian(std::span<const std::byte> bytes) noexcept {
  std::uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8U | std::to_integer<std::uint64_t>(byte);
  return value;
}

IdxType read_type(FileContent& content, std::span<const std::byte> magic) {
  if (magic[0] != std::byte{0} || magic[1] != std::byte{0}) {
    content.fail(0, 2, "are not zero: it is not an IDX file");
  }
  const int code = std::to_integer<int>(magic[2]);
  const auto* const type = std::ranges::find(kIdxTypes, code, &IdxType::code);
  if (type == std::end(kIdxTypes)) {
    content.fail(2, 3,
                 "is " + std::to_string(code) +
                     ", but the element types of IDX are 8, 9, 11, 12, 13 and 14: it is not an IDX file");
  }
  return *type;
}

/// The product; nothing if 63 bits cannot count it.
std::optional<std::int64_t> product(const std::vector<std::int64_t>& dimensions, std::int64_t last) {
  std::int64_t value = last;
  for (const std::int64_t dimension : dimensions) {
    if (__builtin_mul_overflow(value, dimension, &value)) return std::nullopt;
  }
  return value;
}

/// Reads the dimensions and sees to it that the elements can be there before anybody takes memory for them.
Shape read_shape(FileContent& content, std::size_t rank, const IdxType& type) {
  std::array<std::byte, 4> bytes{};
  std::vector<std::int64_t> dimensions(rank);
  for (std::int64_t& dimension : dimensions) {
    content.read(bytes);
    dimension = static_cast<std::int64_t>(big_endian(bytes));
  }
  const Shape shape(dimensions);
  const std::uint64_t header_bytes = 4 + 4 * rank;
  const std::optional<std::int64_t> elements_bytes =
      product(dimensions, static_cast<std::int64_t>(type.bytes));
  // Room for the widest dtype keeps what follows from overflowing.
  if (!elements_bytes.has_value() || !product(dimensions, sizeof(double)).has_value()) {
    content.fail(4, header_bytes, "give the shape " + shape.to_string() + ", which nothing can hold");
  }
  const std::uint64_t held = content.size_limit() - std::min(content.size_limit(), header_bytes);
  if (static_cast<std::uint64_t>(*elements_bytes) > held) {
    content.fail(4, header_bytes,
                 "give the shape " + shape.to_string() + ", whose elements take " +
                     std::to_string(*elements_bytes) + " bytes, but there " +
                     (content.compressed() ? "cannot be more than " : "are ") + std::to_string(held) +
                     ": it is damaged or cut off");
  }
  return shape;
}

/// Reads elements of kBytes bytes each and stores what `convert` makes of their bits.
template <std::size_t kBytes, typename T, typename Convert>
void read_elements(FileContent& content, Array& array, Convert&& convert) {
  std::vector<std::byte> piece(kPieceBytes);
  std::span<T> values = array.values<T>();
  while (!values.empty()) {
    const std::size_t count = std::min(values.size(), kPieceBytes / kBytes);
    const std::span<std::byte> bytes = std::span(piece).first(count * kBytes);
    content.read(bytes);
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = convert(big_endian(bytes.subspan(i * kBytes, kBytes)));
    }
    values = values.subspan(count);
  }
}

void read_elements(FileContent& content, const IdxType& type, Array& array) {
  switch (type.code) {
    case 0x09:
      return read_elements<1, std::int32_t>(
          content, array, [](std::uint64_t bits) { return static_cast<std::int8_t>(bits); });
    case 0x0B:
      return read_elements<2, std::int32_t>(
          content, array, [](std::uint64_t bits) { return static_cast<std::int16_t>(bits); });
    case 0x0C:
      return read_elements<4, std::int32_t>(
          content, array, [](std::uint64_t bits) { return static_cast<std::int32_t>(bits); });
    case 0x0D:
      return read_elements<4, float>(content, array, [](std::uint64_t bits) {
        return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
      });
    case 0x0E:
      return read_elements<8, double>(content, array,
                                      [](std::uint64_t bits) { return std::bit_cast<double>(bits); });
    default:
      content.read(std::as_writable_bytes(array.values<std::uint8_t>()));
  }
}

}  // namespace

Array read_idx(const std::string& path) {
  FileContent content(path);
  std::array<std::byte, 4> magic{};
  content.read(magic);
  const IdxType type = read_type(content, magic);
  const Shape shape = read_shape(content, std::to_integer<std::size_t>(magic[3]), type);
  Array array = input::allocate(path, shape, type.dtype);
  read_elements(content, type, array);
  content.require_end();
  return array;
}

}  // namespace varscope
