// SPDX-License-Identifier: Apache-2.0
// The random cases of conv2d_campaign, and what their exact results are.
#pragma once

#include "guarded_region.hpp"

#include <varscope/simd/conv2d.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace varscope::simd::testing {

// One array of values, and the sums in double precision that belong to it.
struct CampaignData {
  bool integers = false;  // so small that every sum of them is exact in float32
  Placement placement = Placement::before_guard;
  std::vector<float> input;
  std::vector<float> filter;
  std::vector<float> bias;      // empty for none
  std::vector<float> residual;  // empty for none

  std::vector<double> exact;     // the output
  std::vector<double> contract;  // what conv2d_error_factor() * eps multiplies, for sums of the products
};

struct CampaignCase {
  Conv2DShape shape;
  CacheSizes caches;
  Activation activation = Activation::none;
  CampaignData data[2];      // integers and real numbers
  std::int64_t redrawn = 0;  // how many cases were drawn before whose results were mostly zeros
};

// A pure function of its arguments, on any machine.
CampaignCase draw_campaign_case(std::uint64_t seed, std::uint64_t number);

// Outputs of one of Winograd's patches, and the taps that it multiplies, some beyond the filter's end.
struct PatchSize {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t taps_height = 0;
  std::int64_t taps_width = 0;
};

// As CampaignData::contract, for Winograd with such patches.
std::vector<double> winograd_contract(const CampaignCase& drawn, const CampaignData& data, PatchSize size);

// The same for Strassen, which pairs the pixels 2i and 2i + 1 of an image and the output channels that are
// `half_channels` apart.
std::vector<double> strassen_contract(const CampaignCase& drawn, const CampaignData& data,
                                      std::int64_t half_channels);

// Everything about the case but its numbers, in a line.
std::string describe(const CampaignCase& drawn);

}  // namespace varscope::simd::testing
