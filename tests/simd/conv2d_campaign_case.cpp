// SPDX-License-Identifier: Apache-2.0
#include "conv2d_campaign_case.hpp"

#include "exact_activation.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <sstream>

namespace varscope::simd::testing {

namespace {

// SplitMix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014): the same numbers with every standard library, and a
// stream for each case costs nothing.
class CaseRandom {
 public:
  CaseRandom(std::uint64_t seed, std::uint64_t number) : state_(seed) { state_ = next() + number * kStep; }

  // first .. last, both included.
  std::int64_t integer(std::int64_t first, std::int64_t last) {
    return first + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(last - first + 1));
  }
  // 0 .. 1
  double fraction() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  bool chance(double probability) { return fraction() < probability; }

 private:
  static constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15u;

  std::uint64_t next() {
    state_ += kStep;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

enum class Padding : unsigned char { valid, same, odd };

// What a shape is made of, before the sizes that follow from the others.
struct ShapeParts {
  Conv2DShape shape;
  std::int64_t group_in = 1;
  std::int64_t group_out = 1;
  std::int64_t fewest_in = 1;  // these are not made smaller than this
  std::int64_t fewest_out = 1;
  std::int64_t crop = 0;  // rows and columns of the output that are left out, as gradients leave them out
  Padding padding = Padding::valid;
  std::int64_t pad_top = 0;  // of odd padding
  std::int64_t pad_left = 0;
  std::int64_t pad_bottom = 0;
  std::int64_t pad_right = 0;
};

// VALID and SAME as TensorFlow defines them; VALID becomes SAME where a window is larger than the image.
void set_output(Padding padding, std::int64_t in, std::int64_t window, std::int64_t stride,
                std::int64_t odd_before, std::int64_t odd_after, std::int64_t* out, std::int64_t* before) {
  if (padding == Padding::odd) {
    *before = odd_before;
    *out = std::max<std::int64_t>(in + odd_before + odd_after - window, 0) / stride + 1;
  } else if (padding == Padding::valid && in >= window) {
    *before = 0;
    *out = (in - window) / stride + 1;
  } else {
    *out = (in + stride - 1) / stride;
    *before = std::max<std::int64_t>((*out - 1) * stride + window - in, 0) / 2;
  }
}

std::int64_t window_height(const Conv2DShape& s) {
  return (s.filter_height - 1) * s.dilation_height + 1;
}

std::int64_t window_width(const Conv2DShape& s) {
  return (s.filter_width - 1) * s.dilation_width + 1;
}

Conv2DShape assemble(const ShapeParts& parts) {
  Conv2DShape s = parts.shape;
  s.in_channels = s.groups * parts.group_in;
  s.out_channels = s.groups * parts.group_out;
  set_output(parts.padding, s.in_height, window_height(s), s.stride_height, parts.pad_top, parts.pad_bottom,
             &s.out_height, &s.pad_top);
  set_output(parts.padding, s.in_width, window_width(s), s.stride_width, parts.pad_left, parts.pad_right,
             &s.out_width, &s.pad_left);
  s.out_height = std::max<std::int64_t>(s.out_height - parts.crop, 1);
  s.out_width = std::max<std::int64_t>(s.out_width - parts.crop, 1);
  return s;
}

std::int64_t outputs_of(const Conv2DShape& s) {
  return s.batch * s.out_height * s.out_width * s.out_channels;
}

std::int64_t filter_size(const Conv2DShape& s) {
  return s.filter_height * s.filter_width * (s.in_channels / s.groups) * s.out_channels;
}

std::int64_t input_size(const Conv2DShape& s) {
  return s.batch * s.in_height * s.in_width * s.in_channels;
}

// Counts around the registers and register tiles of all instruction sets, and few among the many.
std::int64_t draw_channels(CaseRandom& random) {
  const double which = random.fraction();
  if (which < 0.4) return random.integer(1, 20);
  if (which < 0.65) return random.integer(1, 70);
  return std::max<std::int64_t>(8 * random.integer(1, 17) + random.integer(-1, 1), 1);
}

ShapeParts draw_parts(bool large, CaseRandom& random) {
  ShapeParts parts;
  Conv2DShape& s = parts.shape;
  s.batch = random.integer(1, 3);
  s.in_height = random.integer(1, 24);
  s.in_width = random.integer(1, 40);
  const auto mostly_one = [&](double probability) {
    return random.chance(probability) ? 1 : random.integer(1, 3);
  };
  s.filter_height = random.integer(1, 7);
  s.filter_width = random.chance(0.6) ? s.filter_height : random.integer(1, 7);
  s.stride_height = mostly_one(0.4);
  s.stride_width = mostly_one(0.4);
  s.dilation_height = mostly_one(0.5);
  s.dilation_width = mostly_one(0.5);
  const double padding = random.fraction();
  parts.padding = padding < 0.3 ? Padding::valid : padding < 0.7 ? Padding::same : Padding::odd;
  const double kind = random.fraction();
  if (kind < 0.3) {  // anything
    parts.group_in = draw_channels(random);
    parts.group_out = draw_channels(random);
  } else if (kind < 0.45) {  // grouped
    s.groups = random.integer(2, 4);
    parts.group_in = random.integer(1, 24);
    parts.group_out = draw_channels(random);
    if (random.chance(0.5)) {  // groups of a register of channels or less
      parts.group_in = parts.group_out = parts.fewest_in = parts.fewest_out = 4 << random.integer(0, 2);
      s.groups = random.integer(1, large ? 40 : 10);
      s.filter_width = 3;
      s.stride_width = random.integer(1, 2);
      if (s.stride_width == 2) s.dilation_width = 1;
      if (parts.padding == Padding::odd) parts.padding = Padding::same;  // or no image would be small enough
    }
  } else if (kind < 0.65) {  // depthwise
    s.groups = draw_channels(random);
    parts.group_out = random.chance(0.7) ? 1 : random.integer(2, 4);
    if (random.chance(0.5)) s.filter_width = 2 * random.integer(1, 3) + 1;  // these are computed by strips
    if (large && random.chance(0.2)) {  // several registers of channels at one time
      s.groups = 128 * random.integer(1, 4);
      s.filter_width = 3;
      s.stride_width = 2;
      s.dilation_width = 1;
      parts.group_out = 1;
      if (parts.padding == Padding::odd) parts.padding = Padding::same;  // or no image would be small enough
    }
  } else if (kind < 0.75) {  // pointwise
    s.filter_height = s.filter_width = s.stride_height = s.stride_width = 1;
    parts.group_in = draw_channels(random);
    parts.group_out = draw_channels(random);
    if (parts.padding == Padding::odd) parts.padding = Padding::valid;
    if (large && random.chance(0.3)) {  // rows a page apart are copied; some blocks are tiles of their own
      parts.group_in = parts.fewest_in = 1024;
      parts.group_out = parts.fewest_out = random.integer(1, 190);
    } else if (large && random.chance(0.2)) {  // Strassen has parts of its halves as tiles
      parts.group_out = parts.fewest_out = random.integer(510, 600);
    }
  } else {  // what Winograd takes
    s.filter_height = s.filter_width = random.integer(2, random.chance(0.6) ? 5 : 9);
    if (random.chance(0.2)) s.filter_width = random.integer(2, 11);
    s.stride_height = s.stride_width = random.integer(1, 2);
    s.dilation_height = s.dilation_width =
        s.stride_height == 1 && random.chance(0.3) ? random.integer(2, 3) : 1;
    if (random.chance(0.3)) {  // one row or column, whose stride and dilation may be any
      std::int64_t* const taps = random.chance(0.5) ? &s.filter_height : &s.filter_width;
      *taps = 1;
      if (random.chance(0.3)) (taps == &s.filter_height ? s.stride_height : s.stride_width) = 3;
    }
    const bool large_window = s.dilation_height > 1 || std::max(s.filter_height, s.filter_width) > 7;
    if (large_window && parts.padding == Padding::odd) parts.padding = Padding::same;  // as below
    if (random.chance(0.25)) {  // grouped, mostly such that some groups fill registers
      s.groups = 2 * random.integer(1, 8);
      parts.fewest_in = 4;
      parts.group_in = 4 * random.integer(1, 6);
      parts.group_out = 4 * random.integer(1, 8);
    } else {
      parts.fewest_in = 8;
      parts.group_in = std::max(draw_channels(random), parts.fewest_in);
      parts.group_out = draw_channels(random);
    }
    if (s.groups == 1 && large && random.chance(0.2)) {  // parts of so many are tiles of their own
      parts.group_out = parts.fewest_out = random.integer(250, 300);
      if (parts.padding == Padding::odd) parts.padding = Padding::same;  // or no image would be small enough
    }
  }
  if (random.chance(0.15)) parts.crop = random.integer(1, 2);
  // Up to one more than a window, so that some lie wholly outside of the image.
  parts.pad_top = random.integer(0, window_height(s) + 1);
  parts.pad_bottom = random.integer(0, window_height(s) + 1);
  parts.pad_left = random.integer(0, window_width(s) + 1);
  parts.pad_right = random.integer(0, window_width(s) + 1);
  return parts;
}

// A shape that costs little: sizes are halved at random until it does.
Conv2DShape draw_shape(CaseRandom& random) {
  // Products. Some must be many, because plans do not cut what is short into tiles.
  constexpr std::int64_t kFew = 60'000;
  const double which = random.fraction();
  const std::int64_t most = which < 0.8 ? kFew : which < 0.96 ? 400'000 : 4'000'000;
  const std::int64_t largest_filter = most > kFew ? 200'000 : 15'000;
  constexpr int kMostHalvings = 100;  // what is then still too large cannot get smaller
  ShapeParts parts;
  for (int halvings = 0;; ++halvings) {
    if (halvings % kMostHalvings == 0) parts = draw_parts(most > kFew, random);
    const Conv2DShape s = assemble(parts);
    const std::int64_t products = outputs_of(s) * filter_size(s) / s.out_channels;
    if (products <= most && input_size(s) <= most && filter_size(s) <= largest_filter) return s;
    std::int64_t* const sizes[] = {&parts.shape.batch,  &parts.shape.in_height, &parts.shape.in_width,
                                   &parts.shape.groups, &parts.group_in,        &parts.group_out};
    std::int64_t* const size = sizes[random.integer(0, 5)];
    const std::int64_t fewest = size == &parts.group_in    ? parts.fewest_in
                                : size == &parts.group_out ? parts.fewest_out
                                                           : 1;
    *size = std::max(*size - (*size + 1) / 2, fewest);
  }
}

// From caches that hold next to nothing to those of real machines.
CacheSizes draw_caches(CaseRandom& random) {
  if (random.chance(0.3)) return {};
  const auto size = [&](int smallest, int largest) {
    return (std::int64_t{1} << random.integer(smallest, largest)) * random.integer(4, 7) / 4;
  };
  return {.level1_data = size(8, 16), .level2 = size(11, 20), .level3 = size(15, 24)};
}

std::vector<float> draw_values(std::int64_t count, bool integers, std::int64_t largest, bool wide,
                               CaseRandom& random) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) {
    if (integers) {  // without zero: it would hide what it is multiplied with
      const std::int64_t number = random.integer(-largest, largest - 1);
      value = static_cast<float>(number < 0 ? number : number + 1);
    } else {
      value = static_cast<float>(2 * random.fraction() - 1);
      if (wide) value = std::ldexp(value, static_cast<int>(random.integer(-12, 12)));
    }
  }
  return values;
}

double absolute(float value) {
  return std::fabs(static_cast<double>(value));
}

// What of the contract is the epilogue's.
double epilogue_magnitude(const CampaignData& data, std::size_t channel, std::size_t output) {
  return (data.bias.empty() ? 0.0 : absolute(data.bias[channel])) +
         (data.residual.empty() ? 0.0 : absolute(data.residual[output]));
}

void add_exact_sums(const CampaignCase& drawn, CampaignData& data) {
  const Conv2DShape& s = drawn.shape;
  const std::int64_t group_in = s.in_channels / s.groups;
  const std::int64_t group_out = s.out_channels / s.groups;
  std::vector<double> sums(static_cast<std::size_t>(group_out));
  std::vector<double> norms(static_cast<std::size_t>(group_out));
  data.exact.reserve(static_cast<std::size_t>(outputs_of(s)));
  data.contract.reserve(static_cast<std::size_t>(outputs_of(s)));
  for (std::int64_t place = 0; place < s.batch * s.out_height * s.out_width * s.groups; ++place) {
    const std::int64_t group = place % s.groups;
    const std::int64_t x = place / s.groups % s.out_width;
    const std::int64_t y = place / s.groups / s.out_width % s.out_height;
    const std::int64_t image = place / s.groups / s.out_width / s.out_height;
    std::fill(sums.begin(), sums.end(), 0.0);
    std::fill(norms.begin(), norms.end(), 0.0);
    double largest = 0;
    for (std::int64_t tap = 0; tap < s.filter_height * s.filter_width; ++tap) {
      const std::int64_t in_y = y * s.stride_height + tap / s.filter_width * s.dilation_height - s.pad_top;
      const std::int64_t in_x = x * s.stride_width + tap % s.filter_width * s.dilation_width - s.pad_left;
      if (in_y < 0 || in_y >= s.in_height || in_x < 0 || in_x >= s.in_width) continue;
      const float* const pixel = data.input.data() +
                                 ((image * s.in_height + in_y) * s.in_width + in_x) * s.in_channels +
                                 group * group_in;
      for (std::int64_t c = 0; c < group_in; ++c) {
        const float* const weights =
            data.filter.data() + (tap * group_in + c) * s.out_channels + group * group_out;
        const auto value = static_cast<double>(pixel[c]);
        largest = std::max(largest, std::fabs(value));
        for (std::int64_t k = 0; k < group_out; ++k) {
          sums[static_cast<std::size_t>(k)] += value * static_cast<double>(weights[k]);
          norms[static_cast<std::size_t>(k)] += absolute(weights[k]);
        }
      }
    }
    for (std::int64_t k = 0; k < group_out; ++k) {
      const auto channel = static_cast<std::size_t>(group * group_out + k);
      const std::size_t output = data.exact.size();
      double sum = sums[static_cast<std::size_t>(k)];
      if (!data.bias.empty()) sum += static_cast<double>(data.bias[channel]);
      if (!data.residual.empty()) sum += static_cast<double>(data.residual[output]);
      data.exact.push_back(activated(drawn.activation, sum));
      data.contract.push_back(largest * norms[static_cast<std::size_t>(k)] +
                              epilogue_magnitude(data, channel, output));
    }
  }
}

bool mostly_zeros(const std::vector<double>& values) {
  return std::count(values.begin(), values.end(), 0.0) * 4 > static_cast<std::ptrdiff_t>(values.size()) * 3;
}

const char* activation_text(Activation activation) {
  switch (activation) {
    case Activation::none:
      return "";
    case Activation::relu:
      return " relu";
    case Activation::sigmoid:
      return " sigmoid";
    case Activation::tanh:
      return " tanh";
  }
  return " unknown activation";
}

}  // namespace

CampaignCase draw_campaign_case(std::uint64_t seed, std::uint64_t number) {
  CaseRandom random(seed, number);
  for (std::int64_t redrawn = 0;; ++redrawn) {
    CampaignCase drawn;
    drawn.redrawn = redrawn;
    drawn.shape = draw_shape(random);
    drawn.caches = draw_caches(random);
    const double activation = random.fraction();
    drawn.activation = activation < 0.4    ? Activation::relu
                       : activation < 0.45 ? Activation::sigmoid
                       : activation < 0.5  ? Activation::tanh
                                           : Activation::none;
    const Conv2DShape& s = drawn.shape;
    const bool with_bias = random.chance(0.5);
    const bool with_residual = random.chance(0.4);
    const bool wide = random.chance(0.25);
    const bool swapped = random.chance(0.5);
    for (const bool integers : {true, false}) {
      CampaignData& data = drawn.data[integers ? 0 : 1];
      data.integers = integers;
      data.placement = integers == swapped ? Placement::behind_guard : Placement::before_guard;
      data.input = draw_values(input_size(s), integers, 3, wide, random);
      data.filter = draw_values(filter_size(s), integers, 3, wide, random);
      if (with_bias) data.bias = draw_values(s.out_channels, integers, 9, wide, random);
      if (with_residual) data.residual = draw_values(outputs_of(s), integers, 9, wide, random);
      add_exact_sums(drawn, data);
    }
    if (!mostly_zeros(drawn.data[0].exact) && !mostly_zeros(drawn.data[1].exact)) return drawn;
  }
}

std::vector<double> winograd_contract(const CampaignCase& drawn, const CampaignData& data, PatchSize size) {
  const Conv2DShape& s = drawn.shape;
  std::vector<double> norms(static_cast<std::size_t>(s.out_channels));
  for (std::size_t i = 0; i < data.filter.size(); ++i) norms[i % norms.size()] += absolute(data.filter[i]);
  std::vector<double> contract(data.exact.size());
  // Each first row and column has its own patches, whose pixels are as far apart as the filter's taps.
  const auto per_first = [](std::int64_t outputs, std::int64_t dilation, std::int64_t patch) {
    return ((outputs + dilation - 1) / dilation + patch - 1) / patch;
  };
  const std::int64_t rows_per_first = per_first(s.out_height, s.dilation_height, size.height);
  const std::int64_t columns_per_first = per_first(s.out_width, s.dilation_width, size.width);
  const std::int64_t patch_rows = s.dilation_height * rows_per_first;
  const std::int64_t patch_columns = s.dilation_width * columns_per_first;
  for (std::int64_t patch = 0; patch < s.batch * patch_rows * patch_columns; ++patch) {
    const std::int64_t column = patch % patch_columns;
    const std::int64_t row = patch / patch_columns % patch_rows;
    const std::int64_t first_x =
        column / columns_per_first + column % columns_per_first * size.width * s.dilation_width;
    const std::int64_t first_y =
        row / rows_per_first + row % rows_per_first * size.height * s.dilation_height;
    const std::int64_t image = patch / patch_columns / patch_rows;
    const std::int64_t height =
        ((size.height - 1) * s.stride_height + size.taps_height - 1) * s.dilation_height + 1;
    const std::int64_t width =
        ((size.width - 1) * s.stride_width + size.taps_width - 1) * s.dilation_width + 1;
    const std::int64_t top = first_y * s.stride_height - s.pad_top;
    const std::int64_t left = first_x * s.stride_width - s.pad_left;
    double largest = 0;
    for (std::int64_t y = top; y < std::min(top + height, s.in_height); y += s.dilation_height) {
      for (std::int64_t x = left; x < std::min(left + width, s.in_width); x += s.dilation_width) {
        if (y < 0 || x < 0) continue;
        const float* const pixel =
            data.input.data() + ((image * s.in_height + y) * s.in_width + x) * s.in_channels;
        for (std::int64_t c = 0; c < s.in_channels; ++c) largest = std::max(largest, absolute(pixel[c]));
      }
    }
    const std::int64_t end_y = std::min(first_y + size.height * s.dilation_height, s.out_height);
    const std::int64_t end_x = std::min(first_x + size.width * s.dilation_width, s.out_width);
    for (std::int64_t y = first_y; y < end_y; y += s.dilation_height) {
      for (std::int64_t x = first_x; x < end_x; x += s.dilation_width) {
        for (std::size_t k = 0; k < norms.size(); ++k) {
          const std::size_t output =
              static_cast<std::size_t>((image * s.out_height + y) * s.out_width + x) * norms.size() + k;
          contract[output] = largest * norms[k] + epilogue_magnitude(data, k, output);
        }
      }
    }
  }
  return contract;
}

std::vector<double> strassen_contract(const CampaignCase& drawn, const CampaignData& data,
                                      std::int64_t half_channels) {
  const Conv2DShape& s = drawn.shape;
  const auto channels = static_cast<std::size_t>(s.out_channels);
  const auto half = static_cast<std::size_t>(half_channels);
  std::vector<double> norms(channels);
  for (std::size_t i = 0; i < data.filter.size(); ++i) norms[i % channels] += absolute(data.filter[i]);
  const auto largest_of = [&](std::int64_t image, std::int64_t pixel) {
    const std::int64_t y = pixel / s.out_width * s.stride_height;
    const std::int64_t x = pixel % s.out_width * s.stride_width;
    const float* const values =
        data.input.data() + ((image * s.in_height + y) * s.in_width + x) * s.in_channels;
    double largest = 0;
    for (std::int64_t c = 0; c < s.in_channels; ++c) largest = std::max(largest, absolute(values[c]));
    return largest;
  };
  std::vector<double> contract(data.exact.size());
  const std::int64_t pixels = s.out_height * s.out_width;
  for (std::int64_t place = 0; place < s.batch * pixels; ++place) {
    const std::int64_t image = place / pixels;
    const std::int64_t pixel = place % pixels;
    const std::int64_t other = pixel % 2 == 0 ? std::min(pixel + 1, pixels - 1) : pixel - 1;
    const double largest = std::max(largest_of(image, pixel), largest_of(image, other));
    for (std::size_t k = 0; k < channels; ++k) {
      const std::size_t partner = k < half ? k + half : k - half;
      const std::size_t output = static_cast<std::size_t>(place) * channels + k;
      contract[output] = largest * (norms[k] + (partner < channels ? norms[partner] : 0.0)) +
                         epilogue_magnitude(data, k, output);
    }
  }
  return contract;
}

std::string describe(const CampaignCase& drawn) {
  const Conv2DShape& s = drawn.shape;
  std::ostringstream text;
  text << "batch " << s.batch << " in " << s.in_height << 'x' << s.in_width << 'x' << s.in_channels << " out "
       << s.out_height << 'x' << s.out_width << 'x' << s.out_channels << " filter " << s.filter_height << 'x'
       << s.filter_width << " stride " << s.stride_height << 'x' << s.stride_width << " dilation "
       << s.dilation_height << 'x' << s.dilation_width << " pad " << s.pad_top << ',' << s.pad_left
       << " groups " << s.groups << " caches " << drawn.caches.level1_data << ',' << drawn.caches.level2
       << ',' << drawn.caches.level3 << (drawn.data[0].bias.empty() ? "" : " bias")
       << (drawn.data[0].residual.empty() ? "" : " residual") << activation_text(drawn.activation);
  return text.str();
}

}  // namespace varscope::simd::testing
