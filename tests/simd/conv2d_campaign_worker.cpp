// SPDX-License-Identifier: Apache-2.0
#include "conv2d_campaign_worker.hpp"

#include "exact_activation.hpp"

#include <varscope/simd/kernel_set.hpp>

#include <cinttypes>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <limits>
#include <signal.h>
#include <unistd.h>

namespace varscope::simd::testing {

namespace {

constexpr double kUnitRoundoff = 0x1p-24;  // the eps of the contract
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// "automatic" is missing: its plan is one of the others.
constexpr Conv2DAlgorithm kAlgorithms[] = {
    Conv2DAlgorithm::direct,       Conv2DAlgorithm::pointwise,    Conv2DAlgorithm::depthwise,
    Conv2DAlgorithm::winograd_2x2, Conv2DAlgorithm::winograd_4x4, Conv2DAlgorithm::winograd_6x6,
    Conv2DAlgorithm::winograd_1x4, Conv2DAlgorithm::grouped,      Conv2DAlgorithm::strassen,
    Conv2DAlgorithm::reference,
};

void count_cuts(const Conv2DPlan& plan, Tally& tally) {
  const Conv2DShape& s = plan.shape;
  const auto count = [&](const char* name, bool cut) { tally.cuts[name] += cut ? 1 : 0; };
  if (plan.algorithm == Conv2DAlgorithm::direct) {
    count("direct rows", plan.blocking.row_tiles > 1);
    count("direct blocks", plan.blocking.block_tiles > 1);
    count("direct rows innermost", plan.blocking.rows_innermost && plan.blocking.row_tiles > 1);
    count("direct channels", plan.blocking.channels_per_chunk < s.in_channels / s.groups);
    count("direct filter rows", plan.blocking.filter_rows_per_pass < s.filter_height);
    count("direct edges by columns",
          plan.blocking.edges_by_columns && (s.pad_left > 0 || s.filter_width > 1));
    count("direct passes of blocks", plan.blocking.blocks_per_pass < plan.blocking.blocks_per_tile);
  } else if (plan.algorithm == Conv2DAlgorithm::pointwise) {
    count("pointwise rows", plan.product.row_tiles > 1);
    count("pointwise blocks", plan.product.block_tiles > 1);
    count("pointwise depth", plan.product.depth_per_chunk < s.in_channels);
    count("pointwise copies", plan.product.panel_step > 0);
  } else if (plan.algorithm == Conv2DAlgorithm::depthwise) {
    count("depthwise rows", plan.depthwise.row_tiles > 1);
    count("depthwise columns", plan.depthwise.column_tiles > 1);
    count("depthwise blocks", plan.depthwise.block_tiles > 1);
    count("depthwise strips", plan.depthwise.pixels_per_strip > 0);
    count("depthwise registers", plan.depthwise.registers_per_unit > 1);
    count("depthwise copies", plan.depthwise.copied);
  } else if (plan.algorithm == Conv2DAlgorithm::grouped) {
    count("grouped rows", plan.depthwise.row_tiles > 1);
    count("grouped columns", plan.depthwise.column_tiles > 1);
    count("grouped blocks", plan.depthwise.block_tiles > 1);
    // The last register of channels overlaps the one before.
    const std::int64_t filter = s.filter_height * s.filter_width * s.in_channels / s.groups * s.out_channels;
    count("grouped overlaps", plan.packed_filter_floats > filter);
  } else if (plan.algorithm == Conv2DAlgorithm::winograd_1x4) {
    count("winograd_1x4 rows", plan.winograd_row.row_tiles > 1);
    count("winograd_1x4 register tiles",
          plan.winograd_row.rows_per_tile > plan.winograd_row.rows_per_register_tile);
  } else if (plan.algorithm == Conv2DAlgorithm::strassen) {
    count("strassen pairs", plan.strassen.pair_tiles > 1);
    count("strassen blocks", plan.strassen.block_tiles > 1);
    count("strassen copies", plan.strassen.copied);
  } else if (plan.algorithm != Conv2DAlgorithm::reference) {
    count("winograd groups", s.groups > 1);
    count("winograd dilated", s.dilation_height > 1 || s.dilation_width > 1);
    count("winograd segments", plan.winograd.segment_rows * plan.winograd.segment_columns > 1);
    count("winograd one row", plan.winograd.patch_height == 1 && !plan.winograd.exchanged);
    count("winograd one column", plan.winograd.exchanged);
    count("winograd patches", plan.winograd.patch_tiles > 1);
    count("winograd channel parts", plan.winograd.channel_parts > 1);
    count("winograd channels", plan.winograd.channels_per_chunk < plan.winograd.terms_per_part);
    count("winograd passes of blocks", plan.winograd.blocks_per_pass * plan.blocking.channels_per_block <
                                           plan.winograd.channels_per_group);
  }
}

// No outputs for those that have no patches. Of a filter with one row or column a patch is one too.
PatchSize patch_of(const Conv2DPlan& plan, const Conv2DShape& s) {
  const auto squares = [&](std::int64_t outputs) {
    const WinogradBlocking& winograd = plan.winograd;
    const std::int64_t rows = winograd.segment_rows * winograd.taps_height;
    const std::int64_t columns = winograd.segment_columns * winograd.taps_width;
    return PatchSize{.height = s.filter_height == 1 ? 1 : outputs,
                     .width = s.filter_width == 1 ? 1 : outputs,
                     .taps_height = winograd.exchanged ? columns : rows,
                     .taps_width = winograd.exchanged ? rows : columns};
  };
  switch (plan.algorithm) {
    case Conv2DAlgorithm::winograd_2x2:
      return squares(2);
    case Conv2DAlgorithm::winograd_4x4:
      return squares(4);
    case Conv2DAlgorithm::winograd_6x6:
      return squares(6);
    case Conv2DAlgorithm::winograd_1x4:
      return {1, 4, s.filter_height, s.filter_width};
    default:
      return {};
  }
}

// For the signal handler, which may neither allocate nor format.
thread_local const Regions* running_regions = nullptr;
thread_local char running_text[1024] = "";

void write_all(const char* text) {
  for (std::size_t left = std::strlen(text); left > 0;) {
    const ssize_t written = write(STDERR_FILENO, text, left);
    if (written <= 0) return;
    text += written;
    left -= static_cast<std::size_t>(written);
  }
}

extern "C" void report_fault(int signal, siginfo_t* info, void*) {
  write_all("FAILED: ");
  write_all(running_text);
  write_all(signal == SIGSEGV || signal == SIGBUS ? ": access to memory " : ": signal ");
  const char* place = "elsewhere";
  const char* name = "";
  if (const Regions* all = running_regions) {
    for (const GuardedRegion* region : {&all->input, &all->filter, &all->packed, &all->bias, &all->residual,
                                        &all->output, &all->workspace}) {
      if (const char* relation = region->relation_to(info->si_addr)) {
        place = relation;
        name = region->name();
      }
    }
  }
  write_all(place);
  write_all(" ");
  write_all(name);
  write_all("\n");
  _exit(3);
}

const float* fill(GuardedRegion& region, const std::vector<float>& values, Placement placement) {
  float* const floats = region.place(static_cast<std::int64_t>(values.size()), placement);
  std::copy(values.begin(), values.end(), floats);
  region.seal();
  return floats;
}

std::vector<double> bounds_of(const Conv2DPlan& plan, const CampaignCase& drawn, const CampaignData& data) {
  const PatchSize patch = patch_of(plan, drawn.shape);
  std::vector<double> bounds = plan.algorithm == Conv2DAlgorithm::strassen
                                   ? strassen_contract(drawn, data, plan.strassen.half_channels)
                               : patch.height == 0 ? data.contract
                                                   : winograd_contract(drawn, data, patch);
  for (double& bound : bounds)
    bound = activated_bound(drawn.activation, bound * conv2d_error_factor(plan) * kUnitRoundoff);
  return bounds;
}

}  // namespace

void catch_faults() {
  struct sigaction action = {};
  action.sa_sigaction = report_fault;
  action.sa_flags = SA_SIGINFO;
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE}) sigaction(signal, &action, nullptr);
}

Worker::Worker(std::uint64_t seed, std::function<void(const std::string&)> report)
    : seed_(seed), report_(std::move(report)) {
  running_regions = &regions_;
}

Worker::~Worker() {
  running_regions = nullptr;
}

void Worker::run_case(std::uint64_t number) {
  std::snprintf(running_text, sizeof running_text, "drawing; repeat with --seed %" PRIu64 " --first %" PRIu64,
                seed_, number);
  const CampaignCase drawn = draw_campaign_case(seed_, number);
  const std::string description = describe(drawn);
  tally_.redrawn += drawn.redrawn;
  for (const CampaignData& data : drawn.data) {
    place_inputs(data);
    for (const Conv2DAlgorithm algorithm : kAlgorithms) {
      std::vector<double> bounds;  // of this algorithm; all sets have the same factor
      for (const KernelSet* kernels : built_kernel_sets()) {
        if (!supported(*kernels)) continue;
        // Every set has the same function for it.
        const bool is_last = kernels == built_kernel_sets().back();
        if (algorithm == Conv2DAlgorithm::reference && !is_last) continue;
        const Conv2DPlan plan = plan_conv2d(*kernels, drawn.shape, algorithm, drawn.caches);
        if (plan.refusal != nullptr) continue;
        std::snprintf(running_text, sizeof running_text,
                      "%s %s, %s %s; %s; repeat with --seed %" PRIu64 " --first %" PRIu64 " --count 1",
                      kernels->name, conv2d_algorithm_name(algorithm), data.integers ? "integers" : "reals",
                      placement_name(data.placement), description.c_str(), seed_, number);
        if (bounds.empty()) bounds = bounds_of(plan, drawn, data);
        const float* output = run(plan, drawn, data, number);
        Record& record = tally_.records[{kernels->name, conv2d_algorithm_name(algorithm)}];
        record.runs += 1;
        count_cuts(plan, tally_);
        judge(plan, drawn, data, bounds, output, record);
      }
    }
  }
}

void Worker::place_inputs(const CampaignData& data) {
  input_ = fill(regions_.input, data.input, data.placement);
  filter_ = fill(regions_.filter, data.filter, data.placement);
  bias_ = data.bias.empty() ? nullptr : fill(regions_.bias, data.bias, data.placement);
  residual_ = data.residual.empty() ? nullptr : fill(regions_.residual, data.residual, data.placement);
}

// Output and workspace are NaN before, and so is what packing leaves out: what is read before it is
// written, or not written at all, shows in the result.
const float* Worker::run(const Conv2DPlan& plan, const CampaignCase& drawn, const CampaignData& data,
                         std::uint64_t number) {
  float* const packed = regions_.packed.place(plan.packed_filter_floats, data.placement);
  // From any tile on, forwards in one case and backwards in the next: no tile may rely on others.
  const auto tile = [number](std::int64_t i, std::int64_t count) {
    const std::int64_t from_any = (i + static_cast<std::int64_t>(number % 7)) % count;
    return number % 2 == 0 ? from_any : count - 1 - from_any;
  };
  for (std::int64_t i = 0; i < plan.pack_tile_count; ++i)
    plan.pack_filter_tile(plan, filter_, packed, tile(i, plan.pack_tile_count));
  regions_.packed.seal();
  float* const output = regions_.output.place(static_cast<std::int64_t>(data.exact.size()), data.placement);
  for (std::int64_t i = 0; i < plan.tile_count; ++i) {
    const Conv2DArguments arguments = {
        .input = input_,
        .packed_filter = packed,
        .output = output,
        .epilogue = {.bias = bias_, .residual = residual_, .activation = drawn.activation},
        .workspace = regions_.workspace.place(plan.workspace_floats, data.placement)};
    plan.run_tile(plan, arguments, tile(i, plan.tile_count));
  }
  return output;
}

void Worker::judge(const Conv2DPlan& plan, const CampaignCase& drawn, const CampaignData& data,
                   const std::vector<double>& bounds, const float* output, Record& record) {
  const bool whole = data.integers && is_comparison(drawn.activation);
  const bool bits = whole && patch_of(plan, drawn.shape).height == 0;
  std::int64_t wrong = 0;
  std::size_t first_wrong = 0;
  for (std::size_t i = 0; i < data.exact.size(); ++i) {
    const double value = static_cast<double>(output[i]);
    const double error = std::fabs(value - data.exact[i]);
    const double share = error == 0 ? 0 : error <= kInfinity ? error / bounds[i] : kInfinity;
    bool right = share <= 1;
    if (bits) {
      const float exact = static_cast<float>(data.exact[i]);
      right = std::memcmp(&exact, &output[i], sizeof exact) == 0;
    } else if (whole) {
      right = right && std::nearbyint(value) == data.exact[i];
    }
    record.worst = std::max(record.worst, share);
    if (!right && wrong++ == 0) first_wrong = i;
  }
  if (wrong == 0) return;
  char text[sizeof running_text + 200];
  std::snprintf(text, sizeof text,
                "%s: %" PRId64 " of %zu outputs are wrong, at %zu %.9g instead of %.17g, allowed %.3g",
                running_text, wrong, data.exact.size(), first_wrong, static_cast<double>(output[first_wrong]),
                data.exact[first_wrong], bits ? 0.0 : bounds[first_wrong]);
  report_(text);
}

}  // namespace varscope::simd::testing
