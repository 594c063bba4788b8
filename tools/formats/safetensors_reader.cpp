// SPDX-License-Identifier: Apache-2.0
#include "input_file.hpp"
#include "safetensors.hpp"
#include "stored_elements.hpp"

#include <varscope/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

namespace varscope::tools {

namespace {

constexpr std::size_t kSafetensorsMaxRank = 32;

struct NamedType {
  std::string_view name;
  std::uint64_t bits;
  std::optional<StoredType> type;  // none: no array holds it
};

// All of the format's types: ranges are checked also of those that are skipped.
constexpr NamedType kTypes[] = {
    {"BOOL", 8, StoredType::boolean},   {"U8", 8, StoredType::uint8},    {"I8", 8, StoredType::int8},
    {"U16", 16, StoredType::uint16},    {"I16", 16, StoredType::int16},  {"F16", 16, StoredType::float16},
    {"BF16", 16, StoredType::bfloat16}, {"U32", 32, StoredType::uint32}, {"I32", 32, StoredType::int32},
    {"F32", 32, StoredType::float32},   {"U64", 64, StoredType::uint64}, {"I64", 64, StoredType::int64},
    {"F64", 64, StoredType::float64},   {"F4", 4, std::nullopt},         {"F6_E2M3", 6, std::nullopt},
    {"F6_E3M2", 6, std::nullopt},       {"F8_E5M2", 8, std::nullopt},    {"F8_E4M3", 8, std::nullopt},
    {"F8_E8M0", 8, std::nullopt},       {"C64", 64, std::nullopt},
};

struct Tensor {
  std::string name;
  std::string dtype;
  std::optional<std::vector<std::uint64_t>> shape = std::nullopt;
  std::optional<std::vector<std::uint64_t>> offsets = std::nullopt;
};

struct Header {
  std::vector<Tensor> tensors;
  std::optional<std::string> global_step;
};

/// Takes the header's JSON as it is parsed, and nothing that the format does not have: so neither nesting nor
/// numbers cost more memory than their text.
class HeaderParser final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Header take() { return std::move(header_); }
  const std::string& problem() const noexcept { return problem_; }

  bool null() override { return refuse("null"); }
  bool boolean(bool /*value*/) override { return refuse("true or false"); }
  bool number_integer(number_integer_t /*value*/) override { return refuse("a negative number"); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override {
    return refuse("a number with a fraction");
  }
  bool binary(binary_t& /*value*/) override { return refuse("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::numbers) return refuse("a number");
    numbers_->push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::metadata) {
      if (key_ == "global_step") header_.global_step = std::move(value);
      return true;
    }
    if (place_ != Place::tensor || key_ != "dtype") return refuse("a text");
    header_.tensors.back().dtype = std::move(value);
    return true;
  }

  bool start_object(std::size_t /*size*/) override {
    if (place_ == Place::outside) {
      place_ = Place::root;
    } else if (place_ == Place::root && key_ == "__metadata__") {
      place_ = Place::metadata;
      keys_.clear();
    } else if (place_ == Place::root) {
      place_ = Place::tensor;
      keys_.clear();
      header_.tensors.push_back({.name = key_, .dtype = {}});
    } else {
      return refuse("an object");
    }
    return true;
  }

  bool key(string_t& name) override {
    if (!(place_ == Place::root ? names_ : keys_).insert(name).second)
      return fail("the key '" + name + "' is there twice");
    if (place_ == Place::tensor && name != "dtype" && name != "shape" && name != "data_offsets")
      return fail("the tensor '" + header_.tensors.back().name + "' has the unknown key '" + name + "'");
    key_ = std::move(name);
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor) {
      const Tensor& tensor = header_.tensors.back();
      if (tensor.dtype.empty() || !tensor.shape || !tensor.offsets)
        return fail("the tensor '" + tensor.name + "' lacks its dtype, shape or data_offsets");
    }
    place_ = place_ == Place::root ? Place::outside : Place::root;
    return true;
  }

  bool start_array(std::size_t /*size*/) override {
    if (place_ != Place::tensor || key_ == "dtype") return refuse("a list");
    Tensor& tensor = header_.tensors.back();
    numbers_ = &(key_ == "shape" ? tensor.shape : tensor.offsets).emplace();
    place_ = Place::numbers;
    return true;
  }

  bool end_array() override {
    place_ = Place::tensor;
    if (key_ == "data_offsets" && numbers_->size() != 2)
      return fail("the tensor '" + header_.tensors.back().name + "' has " + std::to_string(numbers_->size()) +
                  " data_offsets instead of two");
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::json::exception& /*error*/) override {
    return fail("it is no JSON at its byte " + std::to_string(position));
  }

 private:
  enum class Place { outside, root, metadata, tensor, numbers };

  bool fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  bool refuse(const char* what) {
    const std::string where = place_ == Place::outside ? "at its beginning" : "at the key '" + key_ + "'";
    return fail(std::string(what) + " stands " + where + ", where the format has something else");
  }

  Header header_;
  Place place_ = Place::outside;
  std::string key_;
  std::set<std::string> names_;  // of the root's keys
  std::set<std::string> keys_;   // of the object in it
  std::vector<std::uint64_t>* numbers_ = nullptr;
  std::string problem_;
};

struct PlacedTensor {
  std::string name;
  NamedType type{};
  std::vector<std::int64_t> dimensions;
  std::uint64_t begin = 0;  // behind the header
  std::uint64_t end = 0;
};

class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::string& path) : file_(path) {
    std::array<std::byte, 8> length{};
    if (file_.size() < length.size() + 2) refuse("it has only " + std::to_string(file_.size()) + " bytes");
    file_.read_at(0, length, "the length of the header");
    const auto bytes = little_endian<std::uint64_t>(length);
    std::array<std::byte, 1> first{};
    file_.read_at(length.size(), first, "the header");
    if (first[0] != std::byte{'{'}) refuse("no JSON object begins at byte 8");
    if (bytes > kMaxSafetensorsHeaderBytes)
      file_.damaged("its header should have " + std::to_string(bytes) +
                    " bytes, more than the 100000000 allowed");
    if (bytes > file_.size() - length.size())
      file_.damaged("its header should have " + std::to_string(bytes) + " bytes, but the file has " +
                    std::to_string(file_.size()));
    data_at_ = length.size() + bytes;
    std::string text(static_cast<std::size_t>(bytes), '\0');
    file_.read_at(length.size(), std::as_writable_bytes(std::span(text)), "the header");
    HeaderParser parser;
    if (!nlohmann::json::sax_parse(text, &parser)) file_.damaged("in its header " + parser.problem());
    header_ = parser.take();
    for (const Tensor& tensor : header_.tensors) place(tensor);
    check_cover();
  }

  FileContents contents(const ReportBytes& report) const {
    FileContents result;
    result.global_step = global_step();
    for (const PlacedTensor& tensor : tensors_) {
      Array array;
      std::string reason = read(tensor, array);
      report(tensor.end - tensor.begin);
      if (reason.empty()) {
        result.variables.emplace_back(tensor.name, std::move(array));
      } else {
        result.skipped.push_back({tensor.name, std::move(reason)});
      }
    }
    std::sort(result.variables.begin(), result.variables.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    return result;
  }

 private:
  [[noreturn]] void refuse(const std::string& problem) const {
    throw InvalidArgumentError("'" + file_.path() + "' is not a safetensors file: " + problem +
                               "; if it has another format, say which with 'varscope convert --from'");
  }

  void place(const Tensor& tensor) {
    const auto wrong = [&](const std::string& problem) {
      file_.damaged("the tensor '" + tensor.name + "' " + problem);
    };
    const auto type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                   [&](const NamedType& known) { return known.name == tensor.dtype; });
    if (type == std::end(kTypes)) wrong("has the unknown dtype '" + tensor.dtype + "'");
    PlacedTensor placed{.name = tensor.name, .type = *type, .dimensions = {}};
    placed.begin = tensor.offsets->at(0);
    placed.end = tensor.offsets->at(1);
    const std::uint64_t data_bytes = file_.size() - data_at_;
    if (placed.begin > placed.end || placed.end > data_bytes) {
      wrong("should have the bytes " + std::to_string(placed.begin) + " to " + std::to_string(placed.end) +
            " behind the header, but there are " + std::to_string(data_bytes));
    }
    const bool is_empty = std::find(tensor.shape->begin(), tensor.shape->end(), 0U) != tensor.shape->end();
    std::uint64_t bits = is_empty ? 0 : type->bits;
    for (const std::uint64_t dimension : *tensor.shape) {
      if (dimension > static_cast<std::uint64_t>(INT64_MAX) || __builtin_mul_overflow(bits, dimension, &bits))
        wrong("has a shape of more than 2^64 bits");
      placed.dimensions.push_back(static_cast<std::int64_t>(dimension));
    }
    if (bits % 8 != 0 || bits / 8 != placed.end - placed.begin) {
      wrong("has " + std::to_string(placed.end - placed.begin) + " bytes, but its shape and dtype need " +
            std::to_string(bits) + " bits");
    }
    tensors_.push_back(std::move(placed));
  }

  void check_cover() {
    std::sort(tensors_.begin(), tensors_.end(), [](const PlacedTensor& a, const PlacedTensor& b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    std::uint64_t covered = 0;
    for (const PlacedTensor& tensor : tensors_) {
      if (tensor.begin != covered) {
        file_.damaged("the tensor '" + tensor.name + "' begins at byte " + std::to_string(tensor.begin) +
                      " behind the header, but what is before it ends at " + std::to_string(covered) +
                      ": a " + (tensor.begin > covered ? "hole" : "overlap"));
      }
      covered = tensor.end;
    }
    if (covered != file_.size() - data_at_) {
      file_.damaged("its tensors end at byte " + std::to_string(data_at_ + covered) + ", the file at byte " +
                    std::to_string(file_.size()));
    }
  }

  std::string read(const PlacedTensor& tensor, Array& array) const {
    if (!tensor.type.type)
      return "its elements have the type " + std::string(tensor.type.name) + ", which no array holds";
    if (tensor.dimensions.size() > kSafetensorsMaxRank)
      return "it has " + std::to_string(tensor.dimensions.size()) + " dimensions, more than 32";
    if (tensor.name.empty()) return "it has no name";
    const StoredType type = *tensor.type.type;
    array = Array::uninitialized(Shape(tensor.dimensions), dtype_for(type));
    const std::uint64_t at = data_at_ + tensor.begin;
    if (is_stored_alike(type, ByteOrder::little)) {
      file_.read_at(at, {static_cast<std::byte*>(array.data()), array.num_bytes()}, "a tensor");
    } else {
      std::vector<std::byte> raw(static_cast<std::size_t>(tensor.end - tensor.begin));
      file_.read_at(at, raw, "a tensor");
      convert_elements(raw, type, ByteOrder::little, array);
    }
    return value_problem(type, array);
  }

  std::optional<std::int64_t> global_step() const {
    if (!header_.global_step) return std::nullopt;
    const std::string& text = *header_.global_step;
    std::int64_t step = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;  // somebody else's
    return step;
  }

  InputFile file_;
  std::uint64_t data_at_ = 0;
  Header header_;
  std::vector<PlacedTensor> tensors_;
};

}  // namespace

FileContents read_safetensors(const std::string& path, const ReportBytes& report) {
  return SafetensorsFile(path).contents(report);
}

}  // namespace varscope::tools
