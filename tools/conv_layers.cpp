// SPDX-License-Identifier: Apache-2.0
#include "conv_layers.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <fnmatch.h>
#include <fstream>

namespace varscope::tools {

namespace {

constexpr std::string_view kHeader = "name,n,h,w,c,k,r,s,stride,pad,groups,dilation";
constexpr std::size_t kColumns = 12;
constexpr std::int64_t kLargestNumber = 1'000'000;

std::int64_t window(std::int64_t taps, std::int64_t dilation) noexcept {
  return (taps - 1) * dilation + 1;
}

std::int64_t out_size(std::int64_t in, std::int64_t taps, const ConvLayer& layer) noexcept {
  const std::int64_t span = layer.padding == ConvPadding::same ? in : in - window(taps, layer.dilation) + 1;
  return span <= 0 ? 0 : (span + layer.stride - 1) / layer.stride;
}

std::int64_t pad_total(std::int64_t in, std::int64_t taps, const ConvLayer& layer) noexcept {
  if (layer.padding == ConvPadding::valid) return 0;
  const std::int64_t covered = (out_size(in, taps, layer) - 1) * layer.stride + window(taps, layer.dilation);
  return std::max<std::int64_t>(covered - in, 0);
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const auto comma = line.find(',');
    fields.push_back(trimmed(line.substr(0, comma)));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

// One line of a file: knows where it is, so that every complaint says it.
class LayerLine {
 public:
  LayerLine(std::string place, std::string_view line) : place_(std::move(place)), fields_(split(line)) {
    if (fields_.size() != kColumns)
      fail("expected " + std::to_string(kColumns) + " columns (" + std::string(kHeader) + "), found " +
           std::to_string(fields_.size()));
  }

  ConvLayer layer() const {
    ConvLayer layer;
    layer.name = fields_[0];
    if (layer.name.empty()) fail("the name is empty");
    layer.n = number(1, "n");
    layer.h = number(2, "h");
    layer.w = number(3, "w");
    layer.c = number(4, "c");
    layer.k = number(5, "k");
    layer.r = number(6, "r");
    layer.s = number(7, "s");
    layer.stride = number(8, "stride");
    if (fields_[9] != "same" && fields_[9] != "valid")
      fail("pad must be 'same' or 'valid', not '" + std::string(fields_[9]) + "'");
    layer.padding = fields_[9] == "same" ? ConvPadding::same : ConvPadding::valid;
    layer.groups = number(10, "groups");
    layer.dilation = number(11, "dilation");
    if (layer.c % layer.groups != 0 || layer.k % layer.groups != 0)
      fail("c = " + std::to_string(layer.c) + " and k = " + std::to_string(layer.k) +
           " must be multiples of groups = " + std::to_string(layer.groups));
    if (layer.out_height() < 1 || layer.out_width() < 1)
      fail("the filter is larger than the image, so that pad 'valid' leaves no output");
    return layer;
  }

 private:
  std::int64_t number(std::size_t column, const char* name) const {
    const std::string_view text = fields_[column];
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 1 || value > kLargestNumber)
      fail(std::string(name) + " must be a whole number from 1 to " + std::to_string(kLargestNumber) +
           ", not '" + std::string(text) + "'");
    return value;
  }

  [[noreturn]] void fail(const std::string& what) const { throw InvalidArgumentError(place_ + ": " + what); }

  std::string place_;
  std::vector<std::string_view> fields_;
};

}  // namespace

std::int64_t ConvLayer::out_height() const noexcept {
  return out_size(h, r, *this);
}
std::int64_t ConvLayer::out_width() const noexcept {
  return out_size(w, s, *this);
}
std::int64_t ConvLayer::pad_top() const noexcept {
  return pad_total(h, r, *this) / 2;
}
std::int64_t ConvLayer::pad_bottom() const noexcept {
  return pad_total(h, r, *this) - pad_top();
}
std::int64_t ConvLayer::pad_left() const noexcept {
  return pad_total(w, s, *this) / 2;
}
std::int64_t ConvLayer::pad_right() const noexcept {
  return pad_total(w, s, *this) - pad_left();
}

double ConvLayer::floating_point_operations() const noexcept {
  return 2.0 * static_cast<double>(n) * static_cast<double>(out_height() * out_width()) *
         static_cast<double>(k) * static_cast<double>(c / groups) * static_cast<double>(r * s);
}

std::vector<ConvLayer> read_conv_layers(const std::string& path) {
  std::ifstream file(path);
  if (!file)
    throw NotFoundError("cannot read the layer file '" + path +
                        "': give --layers a CSV file with the header " + std::string(kHeader));
  std::vector<ConvLayer> layers;
  std::string line;
  bool header_seen = false;
  for (int number = 1; std::getline(file, line); ++number) {
    const std::string_view text = trimmed(line);
    if (text.empty() || text.front() == '#') continue;
    const std::string place = path + ":" + std::to_string(number);
    if (!header_seen) {
      if (text != kHeader)
        throw InvalidArgumentError(place + ": expected the header '" + std::string(kHeader) + "', found '" +
                                   std::string(text.substr(0, 80)) + "'");
      header_seen = true;
      continue;
    }
    layers.push_back(LayerLine(place, text).layer());
  }
  if (layers.empty())
    throw InvalidArgumentError(path + ": no layers; a line is a layer, after the header " +
                               std::string(kHeader));
  return layers;
}

std::vector<ConvLayer> select_conv_layers(const std::vector<ConvLayer>& layers, const std::string& pattern) {
  std::vector<ConvLayer> selected;
  std::string names;
  for (const ConvLayer& layer : layers) {
    if (fnmatch(pattern.c_str(), layer.name.c_str(), 0) == 0) selected.push_back(layer);
    names += (names.empty() ? "" : ", ") + layer.name;
  }
  if (selected.empty())
    throw NotFoundError("no layer matches '" + pattern + "' (a shell pattern such as 'seed_*'); there are " +
                        names);
  return selected;
}

}  // namespace varscope::tools
