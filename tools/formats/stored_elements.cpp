// SPDX-License-Identifier: Apache-2.0
#include "stored_elements.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace varscope::tools {

static_assert(std::endian::native == std::endian::little, "elements are compared as the machine has them");

namespace {

std::uint64_t bits_at(const std::byte* from, std::size_t size, ByteOrder order) noexcept {
  std::uint64_t bits = 0;
  for (std::size_t k = 0; k < size; ++k) {
    const std::size_t at = order == ByteOrder::little ? size - 1 - k : k;
    bits = bits << 8 | static_cast<std::uint64_t>(from[at]);
  }
  return bits;
}

float float_of_half(std::uint32_t half) noexcept {
  const std::uint32_t sign = (half & 0x8000U) << 16;
  const std::uint32_t exponent = half >> 10 & 0x1FU;
  const std::uint32_t mantissa = half & 0x3FFU;
  if (exponent == 0) {  // zero, or a denormal: mantissa x 2^-24, which a float32 holds
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t exponent_bits = exponent == 0x1FU ? 0xFFU : exponent + (127U - 15U);
  return std::bit_cast<float>(sign | exponent_bits << 23 | mantissa << 13);
}

template <typename Element, typename Convert>
void convert_each(std::span<const std::byte> from, std::size_t size, ByteOrder order, Array& into,
                  const Convert& convert) {
  const std::byte* at = from.data();
  for (Element& element : into.values<Element>()) {
    element = convert(bits_at(at, size, order));
    at += size;
  }
}

}  // namespace

std::size_t stored_size(StoredType type) noexcept {
  switch (type) {
    case StoredType::boolean:
    case StoredType::uint8:
    case StoredType::int8:
      return 1;
    case StoredType::uint16:
    case StoredType::int16:
    case StoredType::float16:
    case StoredType::bfloat16:
      return 2;
    case StoredType::uint32:
    case StoredType::int32:
    case StoredType::float32:
      return 4;
    case StoredType::uint64:
    case StoredType::int64:
    case StoredType::float64:
      return 8;
  }
  return 0;
}

DType dtype_for(StoredType type) noexcept {
  switch (type) {
    case StoredType::boolean:
      return DType::boolean;
    case StoredType::uint8:
      return DType::uint8;
    case StoredType::int8:
    case StoredType::int16:
    case StoredType::uint16:
    case StoredType::int32:
      return DType::int32;
    case StoredType::uint32:
    case StoredType::uint64:
    case StoredType::int64:
      return DType::int64;
    case StoredType::float16:
    case StoredType::bfloat16:
    case StoredType::float32:
      return DType::float32;
    case StoredType::float64:
      return DType::float64;
  }
  return DType::float32;
}

bool is_stored_alike(StoredType type, ByteOrder order) noexcept {
  const std::size_t size = stored_size(type);
  return size == dtype_size(dtype_for(type)) && (size == 1 || order == ByteOrder::little);
}

void convert_elements(std::span<const std::byte> from, StoredType type, ByteOrder order, Array& into) {
  const std::size_t size = stored_size(type);
  switch (type) {
    case StoredType::boolean:
    case StoredType::uint8:
      std::copy(from.begin(), from.end(), static_cast<std::byte*>(into.data()));
      return;
    case StoredType::int8:
      return convert_each<std::int32_t>(from, size, order, into,
                                        [](std::uint64_t bits) { return static_cast<std::int8_t>(bits); });
    case StoredType::int16:
      return convert_each<std::int32_t>(from, size, order, into,
                                        [](std::uint64_t bits) { return static_cast<std::int16_t>(bits); });
    case StoredType::uint16:
    case StoredType::int32:
      return convert_each<std::int32_t>(from, size, order, into,
                                        [](std::uint64_t bits) { return static_cast<std::int32_t>(bits); });
    case StoredType::uint32:
    case StoredType::uint64:
    case StoredType::int64:
      return convert_each<std::int64_t>(from, size, order, into,
                                        [](std::uint64_t bits) { return static_cast<std::int64_t>(bits); });
    case StoredType::float16:
      return convert_each<float>(from, size, order, into, [](std::uint64_t bits) {
        return float_of_half(static_cast<std::uint32_t>(bits));
      });
    case StoredType::bfloat16:
      return convert_each<float>(from, size, order, into, [](std::uint64_t bits) {
        return std::bit_cast<float>(static_cast<std::uint32_t>(bits << 16));
      });
    case StoredType::float32:
      return convert_each<float>(from, size, order, into, [](std::uint64_t bits) {
        return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
      });
    case StoredType::float64:
      return convert_each<double>(from, size, order, into,
                                  [](std::uint64_t bits) { return std::bit_cast<double>(bits); });
  }
}

std::string value_problem(StoredType type, const Array& array) {
  if (type == StoredType::uint64) {
    const auto values = array.values<std::int64_t>();
    if (std::any_of(values.begin(), values.end(), [](std::int64_t value) { return value < 0; }))
      return "its elements are uint64, and some are above 2^63 - 1, which int64 does not hold";
  } else if (type == StoredType::boolean) {
    const auto* bytes = static_cast<const unsigned char*>(array.data());
    if (std::any_of(bytes, bytes + array.num_bytes(), [](unsigned char byte) { return byte > 1; }))
      return "its elements are bools, and some are neither 0 nor 1";
  }
  return {};
}

}  // namespace varscope::tools
