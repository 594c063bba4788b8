// SPDX-License-Identifier: Apache-2.0
#include "foreign_hdf5_types.hpp"

#include "hdf5_library.hpp"

#include <varscope/error.hpp>

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace varscope::io {

namespace {

struct FreeByLibrary {
  void operator()(char* text) const noexcept { H5free_memory(text); }
};

ForeignType refused(ForeignType type, std::string name, std::string reason) {
  type.name = std::move(name);
  type.refusal = std::move(reason);
  return type;
}

ForeignType integer_type(hid_t type, ForeignType result) {
  const std::size_t bits = H5Tget_precision(type);
  const bool is_signed = check_hdf5(H5Tget_sign(type), "H5Tget_sign") != H5T_SGN_NONE;
  result.name = (is_signed ? "int" : "uint") + std::to_string(bits);
  if (bits == 0 || bits > 64)
    return refused(result, result.name, "its integers have " + std::to_string(bits) + " bits, more than 64");
  if (!is_signed && bits <= 8) {
    result.dtype = DType::uint8;
  } else if (bits <= (is_signed ? 32U : 31U)) {
    result.dtype = DType::int32;
  } else {
    result.dtype = DType::int64;
    if (!is_signed && bits == 64) result.reading = ElementReading::unsigned_64;
  }
  return result;
}

ForeignType float_type(hid_t type, ForeignType result) {
  std::size_t sign_at = 0;
  std::size_t exponent_at = 0;
  std::size_t exponent_bits = 0;
  std::size_t mantissa_at = 0;
  std::size_t mantissa_bits = 0;
  check_hdf5(H5Tget_fields(type, &sign_at, &exponent_at, &exponent_bits, &mantissa_at, &mantissa_bits),
             "H5Tget_fields");
  result.name = "float" + std::to_string(8 * result.stored_bytes);
  if (result.stored_bytes == 2 && exponent_bits == 8) result.name = "bfloat16";
  if (exponent_bits <= 8 && mantissa_bits <= 23) {
    result.dtype = DType::float32;
  } else if (exponent_bits <= 11 && mantissa_bits <= 52) {
    result.dtype = DType::float64;
  } else {
    return refused(result, result.name,
                   "its floats have " + std::to_string(mantissa_bits) + " bits of mantissa and " +
                       std::to_string(exponent_bits) + " of exponent, more than a float64");
  }
  return result;
}

bool has_member(hid_t type, unsigned index, std::string_view name, unsigned char value) {
  const std::unique_ptr<char, FreeByLibrary> found(H5Tget_member_name(type, index));
  unsigned char number = 0xFF;
  return found != nullptr && found.get() == name && H5Tget_member_value(type, index, &number) >= 0 &&
         number == value;
}

ForeignType enumeration_type(hid_t type, ForeignType result) {
  const bool is_bool = result.stored_bytes == 1 && H5Tget_nmembers(type) == 2 &&
                       ((has_member(type, 0, "FALSE", 0) && has_member(type, 1, "TRUE", 1)) ||
                        (has_member(type, 0, "TRUE", 1) && has_member(type, 1, "FALSE", 0)));
  if (!is_bool)
    return refused(result, "enumeration", "its elements are an enumeration other than FALSE = 0, TRUE = 1");
  result.name = "bool";
  result.dtype = DType::boolean;
  result.reading = ElementReading::boolean;
  return result;
}

/// The value of a scalar text attribute of a dataset; empty if there is no such one, or it is long.
std::string short_text_attribute(hid_t dataset, const char* name) {
  if (H5Aexists(dataset, name) <= 0) return {};
  const Hdf5Id attribute(H5Aopen(dataset, name, H5P_DEFAULT), H5Aclose, "H5Aopen");
  const Hdf5Id space(H5Aget_space(attribute.get()), H5Sclose, "H5Aget_space");
  const Hdf5Id type(H5Aget_type(attribute.get()), H5Tclose, "H5Aget_type");
  if (H5Sget_simple_extent_npoints(space.get()) != 1 || H5Tget_class(type.get()) != H5T_STRING) return {};
  std::array<char, 64> text{};
  if (H5Tis_variable_str(type.get()) > 0) {
    char* value = nullptr;
    check_hdf5(H5Aread(attribute.get(), type.get(), static_cast<void*>(&value)), "H5Aread");
    const std::unique_ptr<char, FreeByLibrary> owner(value);
    if (value != nullptr) std::strncpy(text.data(), value, text.size() - 1);
  } else if (H5Tget_size(type.get()) < text.size()) {
    check_hdf5(H5Aread(attribute.get(), type.get(), text.data()), "H5Aread");
  }
  return text.data();
}

// Keras stores bfloat16 as two bytes each, and says so beside them.
ForeignType opaque_type(hid_t dataset, ForeignType result) {
  if (result.stored_bytes == 2 && short_text_attribute(dataset, "dtype") == "bfloat16") {
    result.name = "bfloat16";
    result.reading = ElementReading::bfloat16;
    return result;
  }
  return refused(result, "opaque", "its elements are bytes without a known meaning");
}

hid_t memory_type(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return H5T_NATIVE_FLOAT;
    case DType::float64:
      return H5T_NATIVE_DOUBLE;
    case DType::int32:
      return H5T_NATIVE_INT32;
    case DType::int64:
      return H5T_NATIVE_INT64;
    case DType::uint8:
    case DType::boolean:
      return H5T_NATIVE_UINT8;
  }
  return H5T_NATIVE_FLOAT;
}

void read_all(hid_t dataset, hid_t type, void* into) {
  check_hdf5(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, into), "H5Dread");
}

}  // namespace

ForeignType foreign_type_of(std::int64_t dataset) {
  const Hdf5Id type(H5Dget_type(dataset), H5Tclose, "H5Dget_type");
  ForeignType result;
  result.stored_bytes = H5Tget_size(type.get());
  if (result.stored_bytes == 0) throw_hdf5_error("H5Tget_size");
  switch (H5Tget_class(type.get())) {
    case H5T_INTEGER:
      return integer_type(type.get(), std::move(result));
    case H5T_FLOAT:
      return float_type(type.get(), std::move(result));
    case H5T_ENUM:
      return enumeration_type(type.get(), std::move(result));
    case H5T_OPAQUE:
      return opaque_type(dataset, std::move(result));
    case H5T_STRING:
      return refused(std::move(result), "text", "its elements are text, which no array holds");
    case H5T_COMPOUND:
      return refused(std::move(result), "compound",
                     "its elements are compounds of several values (complex numbers are, too)");
    case H5T_REFERENCE:
      return refused(std::move(result), "reference", "its elements are references to other objects");
    case H5T_VLEN:
      return refused(std::move(result), "list", "its elements are lists of varying length");
    case H5T_ARRAY:
      return refused(std::move(result), "array", "its elements are arrays themselves");
    default:
      return refused(std::move(result), "other", "its elements are neither numbers nor bools");
  }
}

std::string read_foreign_elements(std::int64_t dataset, const ForeignType& type, Array& into) {
  if (into.num_elements() == 0) return {};
  const auto elements = static_cast<std::size_t>(into.num_elements());
  switch (type.reading) {
    case ElementReading::convert:
      read_all(dataset, memory_type(type.dtype), into.data());
      return {};
    case ElementReading::unsigned_64: {
      read_all(dataset, H5T_NATIVE_UINT64, into.data());
      const auto values = into.values<std::int64_t>();
      if (std::any_of(values.begin(), values.end(), [](std::int64_t value) { return value < 0; }))
        return "its elements are uint64, and some are above 2^63 - 1, which int64 does not hold";
      return {};
    }
    case ElementReading::boolean: {
      const Hdf5Id stored(H5Dget_type(dataset), H5Tclose, "H5Dget_type");
      read_all(dataset, stored.get(), into.data());
      const auto* bytes = static_cast<const unsigned char*>(into.data());
      if (std::any_of(bytes, bytes + elements, [](unsigned char byte) { return byte > 1; }))
        return "its elements are bools, and some are neither 0 nor 1";
      return {};
    }
    case ElementReading::bfloat16: {
      const Hdf5Id stored(H5Dget_type(dataset), H5Tclose, "H5Dget_type");
      // Into the first half of the memory, then apart from the end on.
      auto* bytes = static_cast<unsigned char*>(into.data());
      read_all(dataset, stored.get(), bytes);
      for (std::size_t k = elements; k-- > 0;) {
        std::uint16_t half = 0;
        std::memcpy(&half, bytes + k * sizeof half, sizeof half);
        const std::uint32_t whole = std::uint32_t{half} << 16;
        std::memcpy(bytes + k * sizeof whole, &whole, sizeof whole);
      }
      return {};
    }
  }
  return {};
}

}  // namespace varscope::io
