// SPDX-License-Identifier: Apache-2.0
#include "npy_header.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <cctype>
#include <optional>

namespace varscope::tools {

namespace {

constexpr std::size_t kNumpyMaxRank = 32;
constexpr std::size_t kAlignment = 64;

// A reader of the part of Python's literals that numpy writes.
class Literal {
 public:
  explicit Literal(std::string_view text) : text_(text) {}

  bool take(char wanted) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  void expect(char wanted) {
    if (!take(wanted)) fail(std::string("'") + wanted + "' is missing");
  }

  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }

  bool starts_with(char wanted) {
    skip_space();
    return at_ < text_.size() && text_[at_] == wanted;
  }

  std::string string() {
    skip_space();
    if (!starts_with('\'') && !starts_with('"')) fail("a text in quotes is missing");
    const char quote = text_[at_++];
    const std::size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) fail("a quote does not end");
    const std::string_view content = text_.substr(at_, end - at_);
    if (content.find('\\') != std::string_view::npos) fail("there is a backslash in a text");
    at_ = end + 1;
    return std::string(content);
  }

  bool boolean() {
    skip_space();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    }
    fail("True or False is missing");
  }

  std::int64_t dimension() {
    skip_space();
    const std::size_t begin = at_;
    std::int64_t value = 0;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0) {
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, text_[at_] - '0', &value))
        fail("a dimension is above 2^63 - 1");
      ++at_;
    }
    if (at_ == begin) fail("a dimension is missing");
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // as Python 2 writes it
    return value;
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw InvalidArgumentError("its .npy header is wrong at character " + std::to_string(at_) + ": " +
                               problem);
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::optional<StoredType> type_of(std::string_view code) {
  constexpr struct {
    std::string_view code;
    StoredType type;
  } kTypes[] = {{"b1", StoredType::boolean}, {"u1", StoredType::uint8},   {"u2", StoredType::uint16},
                {"u4", StoredType::uint32},  {"u8", StoredType::uint64},  {"i1", StoredType::int8},
                {"i2", StoredType::int16},   {"i4", StoredType::int32},   {"i8", StoredType::int64},
                {"f2", StoredType::float16}, {"f4", StoredType::float32}, {"f8", StoredType::float64}};
  for (const auto& known : kTypes) {
    if (known.code == code) return known.type;
  }
  return std::nullopt;
}

void set_type(NpyHeader& header, const std::string& descr) {
  const char order = descr.empty() ? '?' : descr.front();
  const auto type = type_of(std::string_view(descr).substr(std::min<std::size_t>(1, descr.size())));
  if (type && (order == '<' || order == '>' || (order == '|' && stored_size(*type) == 1))) {
    header.type = *type;
    header.order = order == '>' ? ByteOrder::big : ByteOrder::little;
  } else if (descr.size() > 1 && descr[1] == 'O') {
    header.problem = "its elements are pickled Python objects, which are never looked into";
  } else {
    header.problem = "its elements have numpy's type '" + descr + "', which no array holds";
  }
}

void set_shape(NpyHeader& header, Literal& literal) {
  literal.expect('(');
  while (!literal.take(')')) {
    header.dimensions.push_back(literal.dimension());
    if (header.dimensions.size() > kMaxNpyHeaderBytes) literal.fail("it has too many dimensions");
    if (!literal.take(',')) {
      literal.expect(')');
      break;
    }
  }
  if (header.dimensions.size() > kNumpyMaxRank)
    header.problem = "it has " + std::to_string(header.dimensions.size()) + " dimensions, more than 32";
  const auto& dimensions = header.dimensions;
  const bool is_empty = std::find(dimensions.begin(), dimensions.end(), 0) != dimensions.end();
  for (const std::int64_t dimension : dimensions) {
    if (!is_empty &&
        __builtin_mul_overflow(header.elements, static_cast<std::uint64_t>(dimension), &header.elements))
      literal.fail("the shape has more than 2^64 elements");
  }
  if (is_empty) header.elements = 0;
}

}  // namespace

NpyHeader parse_npy_header(std::string_view text) {
  NpyHeader header;
  Literal literal(text);
  bool has_type = false;
  bool has_order = false;
  bool has_shape = false;
  literal.expect('{');
  while (!literal.take('}')) {
    const std::string key = literal.string();
    literal.expect(':');
    if (key == "descr" && !has_type) {
      has_type = true;
      if (literal.starts_with('[')) {
        header.problem = "its elements are records of several fields";
        return header;
      }
      set_type(header, literal.string());
    } else if (key == "fortran_order" && !has_order) {
      has_order = true;
      header.fortran_order = literal.boolean();
    } else if (key == "shape" && !has_shape) {
      has_shape = true;
      set_shape(header, literal);
    } else {
      literal.fail("the key '" + key + "' is unknown or there twice");
    }
    if (!literal.take(',')) {
      literal.expect('}');
      break;
    }
  }
  if (!literal.at_end()) literal.fail("something follows the dictionary");
  if (!has_type || !has_order || !has_shape) literal.fail("descr, fortran_order or shape is missing");
  return header;
}

std::string npy_header(DType dtype, const Shape& shape) {
  const char* descr = "<f4";
  switch (dtype) {
    case DType::float32:
      break;
    case DType::float64:
      descr = "<f8";
      break;
    case DType::int32:
      descr = "<i4";
      break;
    case DType::int64:
      descr = "<i8";
      break;
    case DType::uint8:
      descr = "|u1";
      break;
    case DType::boolean:
      descr = "|b1";
      break;
  }
  std::string text = "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (";
  for (int axis = 0; axis < shape.rank(); ++axis)
    text += (axis > 0 ? " " : "") + std::to_string(shape[axis]) +
            (axis + 1 < shape.rank() || axis == 0 ? "," : "");
  text += "), }";
  std::string all("\x93NUMPY\x01\x00", 8);
  const std::size_t used = all.size() + 2 + text.size() + 1;
  text.append((kAlignment - used % kAlignment) % kAlignment, ' ');
  text += '\n';
  all += static_cast<char>(text.size() & 0xFF);
  all += static_cast<char>(text.size() >> 8);
  return all + text;
}

}  // namespace varscope::tools
