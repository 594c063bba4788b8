// SPDX-License-Identifier: Apache-2.0
// varscope diff: what is different between two files of variables.
#include "array_difference.hpp"
#include "command.hpp"
#include "progress_bar.hpp"
#include "text_table.hpp"
#include "utf8.hpp"
#include "variable_file.hpp"

#include <varscope/error.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <memory>

namespace varscope::tools {

namespace {

constexpr int kDifferent = 1;
constexpr int kTrouble = 2;

struct DiffRequest {
  std::string first;
  std::string second;
  Tolerance tolerance;
  bool json = false;
};

using Entry = VariableFile::Entry;
using Json = nlohmann::ordered_json;

struct ChangedVariable {
  const Entry* first;
  const Entry* second;
  ArrayDifference values;  // if shape and dtype are equal

  bool same_kind() const { return first->shape == second->shape && first->dtype == second->dtype; }
};

struct Differences {
  std::vector<const Entry*> missing;  // in the second file
  std::vector<const Entry*> added;
  std::vector<ChangedVariable> changed;
  std::size_t compared = 0;

  bool none() const { return missing.empty() && added.empty() && changed.empty(); }
};

Differences find_differences(const VariableFile& first, const VariableFile& second,
                             const Tolerance& tolerance) {
  Differences result;
  ProgressBar progress("comparing", first.bytes());
  for (const Entry& entry : first.entries()) {
    const Entry* other = second.find(entry.name);
    if (other == nullptr) {
      result.missing.push_back(&entry);
    } else {
      ++result.compared;
      ChangedVariable changed{&entry, other, {}};
      if (changed.same_kind())
        changed.values = difference_of(first.read(entry), second.read(*other), tolerance);
      if (!changed.same_kind() || changed.values.different > 0) result.changed.push_back(std::move(changed));
    }
    progress.advance(entry.bytes);
  }
  for (const Entry& entry : second.entries()) {
    if (first.find(entry.name) == nullptr) result.added.push_back(&entry);
  }
  return result;
}

std::string kind_text(const Entry& entry) {
  return std::string(dtype_name(entry.dtype)) + " " + entry.shape.to_string();
}

std::string index_text(const std::vector<std::int64_t>& index) {
  return Shape(index).to_string();
}

void print_text(const VariableFile& first, const VariableFile& second, const Differences& differences) {
  for (const Entry* entry : differences.missing)
    std::printf("missing  %s  %s\n", printable(entry->name).c_str(), kind_text(*entry).c_str());
  for (const Entry* entry : differences.added)
    std::printf("added    %s  %s\n", printable(entry->name).c_str(), kind_text(*entry).c_str());
  for (const ChangedVariable& changed : differences.changed) {
    const std::string name = printable(changed.first->name);
    if (changed.first->shape != changed.second->shape) {
      std::printf("shape    %s  %s, then %s\n", name.c_str(), changed.first->shape.to_string().c_str(),
                  changed.second->shape.to_string().c_str());
    }
    if (changed.first->dtype != changed.second->dtype) {
      std::printf("dtype    %s  %s, then %s\n", name.c_str(),
                  std::string(dtype_name(changed.first->dtype)).c_str(),
                  std::string(dtype_name(changed.second->dtype)).c_str());
    }
    if (changed.same_kind()) {
      const ArrayDifference& values = changed.values;
      std::printf("values   %s  %s of %s elements, most at %s: %s, then %s, by %.6g\n", name.c_str(),
                  grouped_digits(values.different).c_str(),
                  grouped_digits(changed.first->shape.num_elements()).c_str(),
                  index_text(values.index).c_str(), values.first.c_str(), values.second.c_str(),
                  values.largest);
    }
  }
  const auto step_text = [](const VariableFile& file) {
    return file.global_step() ? std::to_string(*file.global_step()) : std::string("none");
  };
  if (first.global_step() != second.global_step())
    std::printf("(global step: %s, then %s)\n", step_text(first).c_str(), step_text(second).c_str());
  std::printf("%s: %zu missing, %zu added, %zu of %zu in both are different\n",
              differences.none() ? "equal" : "different", differences.missing.size(),
              differences.added.size(), differences.changed.size(), differences.compared);
}

Json json_of(const Entry& entry) {
  return {{"name", entry.name}, {"dtype", dtype_name(entry.dtype)}, {"shape", entry.shape.dimensions()}};
}

Json json_of(const VariableFile& file) {
  Json object = {{"file", file.path()}, {"variables", file.entries().size()}, {"global_step", nullptr}};
  if (file.global_step()) object["global_step"] = *file.global_step();
  object["skipped"] = Json::array();
  for (const SkippedItem& item : file.skipped())
    object["skipped"].push_back({{"name", item.name}, {"reason", item.reason}});
  return object;
}

void print_json(const VariableFile& first, const VariableFile& second, const Differences& differences) {
  Json result = {{"equal", differences.none()}, {"first", json_of(first)}, {"second", json_of(second)}};
  for (const char* key : {"missing", "added", "shape", "dtype", "values"}) result[key] = Json::array();
  for (const Entry* entry : differences.missing) result["missing"].push_back(json_of(*entry));
  for (const Entry* entry : differences.added) result["added"].push_back(json_of(*entry));
  for (const ChangedVariable& changed : differences.changed) {
    const std::string& name = changed.first->name;
    if (changed.first->shape != changed.second->shape) {
      result["shape"].push_back({{"name", name},
                                 {"first", changed.first->shape.dimensions()},
                                 {"second", changed.second->shape.dimensions()}});
    }
    if (changed.first->dtype != changed.second->dtype) {
      result["dtype"].push_back({{"name", name},
                                 {"first", dtype_name(changed.first->dtype)},
                                 {"second", dtype_name(changed.second->dtype)}});
    }
    if (changed.same_kind()) {
      result["values"].push_back({{"name", name},
                                  {"elements", changed.first->shape.num_elements()},
                                  {"different", changed.values.different},
                                  {"largest", changed.values.largest},
                                  {"index", changed.values.index},
                                  {"first", changed.values.first},
                                  {"second", changed.values.second}});
    }
  }
  std::printf("%s\n", result.dump(1, ' ', false, Json::error_handler_t::replace).c_str());
}

void run_diff(const DiffRequest& request) {
  const VariableFile first(request.first, format_to_read(request.first));
  const VariableFile second(request.second, format_to_read(request.second));
  const Differences differences = find_differences(first, second, request.tolerance);
  if (request.json) {
    print_json(first, second, differences);
  } else {
    print_skipped(first);
    print_skipped(second);
    print_text(first, second, differences);
  }
  if (!differences.none()) throw ExitStatus{kDifferent};
}

}  // namespace

void add_diff_command(CLI::App& program) {
  const auto request = std::make_shared<DiffRequest>();
  CLI::App* diff = program.add_subcommand(
      "diff",
      "Compare the variables of two files by name: which are missing or added, whose shape, dtype or values "
      "are different, and where the largest difference is. Each file is a checkpoint, .npz or .safetensors. "
      "Exit status 0 if they are equal, 1 if they are different, 2 if they cannot be compared.");
  diff->add_option("first", request->first, "The file before")->required()->type_name("A");
  diff->add_option("second", request->second, "The file after")->required()->type_name("B");
  const CLI::Validator not_negative(
      [](std::string& text) {
        try {
          std::size_t used = 0;
          const double value = std::stod(text, &used);
          if (used == text.size() && std::isfinite(value) && value >= 0) return std::string();
        } catch (const std::exception&) {
        }
        return "'" + text + "' is no number from 0 on";
      },
      "");
  diff->add_option("--tolerance", request->tolerance.absolute,
                   "Elements a and b are equal if |a - b| <= TOLERANCE + RELATIVE * |b| (default 0)")
      ->type_name("TOLERANCE")
      ->check(not_negative);
  diff->add_option("--relative", request->tolerance.relative, "See --tolerance (default 0)")
      ->type_name("RELATIVE")
      ->check(not_negative);
  diff->add_flag(
      "--json", request->json,
      "One JSON object: equal, first and second (file, variables, global_step, skipped), missing, added, "
      "shape, dtype, values (name, elements, different, largest, index, first, second; the two elements "
      "are texts; largest is null beside a NaN or an infinity)");
  diff->footer(
      "NaNs are equal to NaNs. Without a tolerance 0.0 and -0.0 are equal, everything else must be exact.\n"
      "\n"
      "Examples:\n"
      "  varscope diff checkpoints/filter-1000.h5 checkpoints/filter-2000.h5\n"
      "  varscope diff before.h5 after.h5 --relative 1e-5 --tolerance 1e-8\n"
      "  varscope diff model.h5 model.safetensors --json");
  diff->callback([request] {
    try {
      run_diff(*request);
    } catch (const Error& error) {
      print_error(error);
      throw ExitStatus{kTrouble};
    }
  });
}

}  // namespace varscope::tools
