// SPDX-License-Identifier: Apache-2.0
// What runs and judges the cases of conv2d_campaign, each beside memory that faults.
#pragma once

#include "conv2d_campaign_case.hpp"
#include "guarded_region.hpp"

#include <varscope/simd/conv2d.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace varscope::simd::testing {

// What one algorithm did on one instruction set.
struct Record {
  std::int64_t runs = 0;
  double worst = 0;  // error as a share of its bound
};

// What all cases did together; each worker has its own, they are added at the end.
struct Tally {
  std::int64_t redrawn = 0;
  std::map<std::pair<std::string, std::string>, Record> records;  // by set and algorithm
  // Runs of plans that were cut there, so that a campaign shows what it has covered.
  std::map<std::string, std::int64_t> cuts;

  void add(const Tally& other) {
    redrawn += other.redrawn;
    for (const auto& [key, record] : other.records) {
      Record& sum = records[key];
      sum.runs += record.runs;
      sum.worst = std::max(sum.worst, record.worst);
    }
    for (const auto& [key, count] : other.cuts) cuts[key] += count;
  }
};

// Makes an access to guarded memory print the case and what was accessed, and end the program.
void catch_faults();

struct Regions {
  GuardedRegion input{"the input"};
  GuardedRegion filter{"the filter"};
  GuardedRegion packed{"the packed filter"};
  GuardedRegion bias{"the bias"};
  GuardedRegion residual{"the residual"};
  GuardedRegion output{"the output"};
  GuardedRegion workspace{"the workspace"};
};

// Runs one case at a time; belongs to the thread that made it.
class Worker {
 public:
  // Failures go to `report`, a line each.
  Worker(std::uint64_t seed, std::function<void(const std::string&)> report);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  void run_case(std::uint64_t number);

  const Tally& tally() const { return tally_; }

 private:
  void place_inputs(const CampaignData& data);
  const float* run(const Conv2DPlan& plan, const CampaignCase& drawn, const CampaignData& data,
                   std::uint64_t number);
  void judge(const Conv2DPlan& plan, const CampaignCase& drawn, const CampaignData& data,
             const std::vector<double>& bounds, const float* output, Record& record);

  const std::uint64_t seed_;
  const std::function<void(const std::string&)> report_;
  Regions regions_;
  Tally tally_;
  const float* input_ = nullptr;
  const float* filter_ = nullptr;
  const float* bias_ = nullptr;
  const float* residual_ = nullptr;
};

}  // namespace varscope::simd::testing
