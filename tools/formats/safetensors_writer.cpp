// SPDX-License-Identifier: Apache-2.0
#include "safetensors.hpp"
#include "utf8.hpp"

#include <varscope/atomic_file.hpp>
#include <varscope/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace varscope::tools {

namespace {

constexpr std::size_t kHeaderAlignment = 8;

const char* type_name(DType dtype) noexcept {
  switch (dtype) {
    case DType::float32:
      return "F32";
    case DType::float64:
      return "F64";
    case DType::int32:
      return "I32";
    case DType::int64:
      return "I64";
    case DType::uint8:
      return "U8";
    case DType::boolean:
      return "BOOL";
  }
  return "F32";
}

void check_tensor_name(const std::string& name) {
  if (!is_utf8(name) || name == "__metadata__")
    throw ValueError("the variable '" + printable(name) +
                     "' cannot be written into a safetensors file: its name " +
                     (is_utf8(name) ? "is reserved there" : "is not UTF-8") + "; rename it");
}

std::string padded_header(const std::vector<const std::pair<std::string, Array>*>& order,
                          std::optional<std::int64_t> global_step) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (global_step) header["__metadata__"] = {{"global_step", std::to_string(*global_step)}};
  std::string text = header.dump();
  text.pop_back();
  // Member by member: an ordered object looks through all its keys for each new one.
  std::uint64_t at = 0;
  for (const auto* variable : order) {
    const auto& [name, array] = *variable;
    const std::uint64_t end = at + array.num_bytes();
    const nlohmann::ordered_json value = {{"dtype", type_name(array.dtype())},
                                          {"shape", array.shape().dimensions()},
                                          {"data_offsets", {at, end}}};
    text += (text.size() > 1 ? "," : "") + nlohmann::ordered_json(name).dump() + ":" + value.dump();
    at = end;
  }
  text += "}";
  text.append((kHeaderAlignment - text.size() % kHeaderAlignment) % kHeaderAlignment, ' ');
  if (text.size() > kMaxSafetensorsHeaderBytes) {
    throw ResourceExhaustedError("the names and shapes of these variables need a header of " +
                                 std::to_string(text.size()) +
                                 " bytes, but a safetensors file allows 100000000; write several files");
  }
  return text;
}

}  // namespace

void write_safetensors(const std::string& path, std::span<const std::pair<std::string, Array>> variables,
                       std::optional<std::int64_t> global_step, const ReportBytes& report) {
  std::vector<const std::pair<std::string, Array>*> order;
  for (const auto& variable : variables) {
    check_tensor_name(variable.first);
    order.push_back(&variable);
  }
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    const std::size_t size_of_a = dtype_size(a->second.dtype());
    const std::size_t size_of_b = dtype_size(b->second.dtype());
    return size_of_a != size_of_b ? size_of_a > size_of_b : a->first < b->first;
  });
  const std::string header = padded_header(order, global_step);
  write_file_atomically(path, [&](const AppendBytes& append) {
    const std::uint64_t length = header.size();
    std::array<std::byte, 8> prefix{};
    for (std::size_t k = 0; k < prefix.size(); ++k)
      prefix[k] = static_cast<std::byte>(length >> (8 * k) & 0xFF);
    append(prefix);
    append(std::as_bytes(std::span(header)));
    for (const auto* variable : order) {
      const Array& array = variable->second;
      append({static_cast<const std::byte*>(array.data()), array.num_bytes()});
      report(array.num_bytes());
    }
  });
}

}  // namespace varscope::tools
