// SPDX-License-Identifier: Apache-2.0
// varscope inspect: what is in a checkpoint, as a tree of scopes.
#include "command.hpp"
#include "text_table.hpp"
#include "utf8.hpp"
#include "variable_file.hpp"

#include <varscope/checkpoint.hpp>
#include <varscope/inspect.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

namespace varscope::tools {

namespace {

struct InspectRequest {
  std::string file;
  bool json = false;
};

struct Total {
  std::int64_t variables = 0;
  std::int64_t elements = 0;
  std::int64_t bytes = 0;
  std::int64_t stored_bytes = 0;

  void add(const CheckpointEntry& entry, const VariableStatistics& statistics) {
    ++variables;
    elements += statistics.elements;
    bytes += static_cast<std::int64_t>(entry.bytes);
    stored_bytes += static_cast<std::int64_t>(entry.stored_bytes);
  }
};

std::string number_text(double number) {
  return std::isnan(number) ? "-" : formatted("%.6g", number);
}

// "3 nan, 1 inf"; empty if all elements are finite, as they should be.
std::string not_finite_text(const VariableStatistics& statistics) {
  std::string text;
  if (statistics.nans > 0) text = grouped_digits(statistics.nans) + " nan";
  if (statistics.infinities > 0)
    text += (text.empty() ? "" : ", ") + grouped_digits(statistics.infinities) + " inf";
  return text;
}

// A line of the tree: a scope, or a variable with its index into entries().
struct TreeLine {
  std::string text;
  const CheckpointEntry* entry = nullptr;
};

// Scopes and variables of one scope together, each by name; what is in a scope follows it.
std::vector<TreeLine> tree_of(std::span<const CheckpointEntry> entries) {
  std::vector<TreeLine> lines;
  std::vector<std::string> open;  // names of the scopes that the line before was in
  for (const CheckpointEntry& entry : entries) {
    std::vector<std::string> scopes;
    std::size_t begin = 0;
    for (std::size_t slash; (slash = entry.name.find('/', begin)) != std::string::npos; begin = slash + 1)
      scopes.push_back(entry.name.substr(begin, slash - begin));
    const auto differ = std::mismatch(scopes.begin(), scopes.end(), open.begin(), open.end()).first;
    for (auto scope = differ; scope != scopes.end(); ++scope) {
      const auto depth = static_cast<std::size_t>(scope - scopes.begin());
      lines.push_back({std::string(2 * depth, ' ') + printable(*scope) + "/", nullptr});
    }
    lines.push_back({std::string(2 * scopes.size(), ' ') + printable(entry.name.substr(begin)), &entry});
    open = std::move(scopes);
  }
  return lines;
}

void print_tree(const CheckpointReader& reader) {
  const std::vector<TreeLine> lines = tree_of(reader.entries());
  std::size_t name_width = 0;
  std::size_t shape_width = 0;
  for (const TreeLine& line : lines) {
    name_width = std::max(name_width, line.text.size());
    if (line.entry != nullptr) shape_width = std::max(shape_width, line.entry->shape.to_string().size());
  }
  using Align = TextTable::Align;
  const bool compressed = std::any_of(reader.entries().begin(), reader.entries().end(),
                                      [](const CheckpointEntry& entry) { return entry.num_chunks > 0; });
  std::vector<TextTable::Column> columns = {{"variable", name_width, Align::left},
                                            {"dtype", 7, Align::left},
                                            {"shape", shape_width, Align::left},
                                            {"size", 9},
                                            {"min", 9},
                                            {"mean", 9},
                                            {"max", 9},
                                            {"", 0, Align::left}};
  if (compressed) columns.insert(columns.begin() + 4, {"in file", 9});
  const TextTable table(columns);
  const auto step = reader.global_step();
  std::printf("%s: varscope checkpoint, format version %d, %s\n\n", reader.path().c_str(),
              reader.format_version(),
              step ? ("global step " + std::to_string(*step)).c_str() : "no global step");
  std::fputs(table.header().c_str(), stdout);
  Total total;
  for (const TreeLine& line : lines) {
    if (line.entry == nullptr) {
      std::printf("%s\n", line.text.c_str());
      continue;
    }
    const CheckpointEntry& entry = *line.entry;
    const VariableStatistics statistics = variable_statistics(reader, entry.name);
    total.add(entry, statistics);
    std::vector<std::string> cells = {line.text,
                                      std::string(dtype_name(entry.dtype)),
                                      entry.shape.to_string(),
                                      byte_count(static_cast<double>(entry.bytes)),
                                      number_text(statistics.min),
                                      number_text(statistics.mean),
                                      number_text(statistics.max),
                                      not_finite_text(statistics)};
    if (compressed) cells.insert(cells.begin() + 4, byte_count(static_cast<double>(entry.stored_bytes)));
    std::fputs(table.row(cells).c_str(), stdout);
  }
  const std::string stored =
      compressed ? ", compressed to " + byte_count(static_cast<double>(total.stored_bytes)) : "";
  std::printf("\n%s variable%s, %s elements, %s%s\n", grouped_digits(total.variables).c_str(),
              total.variables == 1 ? "" : "s", grouped_digits(total.elements).c_str(),
              byte_count(static_cast<double>(total.bytes)).c_str(), stored.c_str());
}

// A name may be any bytes, and JSON is text.
std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// One line a variable, for people with `grep` and programs alike; all of it, or nothing if the file is
// damaged.
void print_json(const CheckpointReader& reader) {
  const auto step = reader.global_step();
  std::string text = "{\"file\": " + text_of(nlohmann::ordered_json(reader.path())) +
                     ", \"format_version\": " + std::to_string(reader.format_version()) +
                     ", \"global_step\": " + (step ? std::to_string(*step) : "null") + ",\n \"variables\": [";
  Total total;
  for (const CheckpointEntry& entry : reader.entries()) {
    const VariableStatistics statistics = variable_statistics(reader, entry.name);
    const nlohmann::ordered_json variable = {{"name", entry.name},
                                             {"shape", entry.shape.dimensions()},
                                             {"dtype", dtype_name(entry.dtype)},
                                             {"bytes", entry.bytes},
                                             {"stored_bytes", entry.stored_bytes},
                                             {"min", statistics.min},
                                             {"mean", statistics.mean},
                                             {"max", statistics.max},
                                             {"nans", statistics.nans},
                                             {"infinities", statistics.infinities}};
    text += (total.variables == 0 ? "\n  " : ",\n  ") + text_of(variable);
    total.add(entry, statistics);
  }
  const nlohmann::ordered_json totals = {{"variables", total.variables},
                                         {"elements", total.elements},
                                         {"bytes", total.bytes},
                                         {"stored_bytes", total.stored_bytes}};
  std::printf("%s\n ],\n \"total\": %s}\n", text.c_str(), totals.dump().c_str());
}

}  // namespace

void add_inspect_command(CLI::App& program) {
  const auto request = std::make_shared<InspectRequest>();
  CLI::App* inspect = program.add_subcommand(
      "inspect",
      "Show the variables of a checkpoint as a tree of scopes, with shape, type, bytes, min, mean and max. "
      "NaNs and infinities are counted; every checksum is verified on the way.");
  inspect->add_option("file", request->file, "The checkpoint, such as checkpoints/filter-1000.h5")
      ->required()
      ->type_name("FILE");
  inspect->add_flag("--json", request->json,
                    "One JSON object: file, format_version, global_step, variables (name, shape, dtype, "
                    "bytes, stored_bytes, min, mean, max; null where there is none or it is NaN), total");
  inspect->footer(
      "Examples:\n"
      "  varscope inspect demo-output/filter-1000.h5\n"
      "  varscope inspect demo-output/filter-1000.h5 --json");
  inspect->callback([request] {
    const CheckpointReader reader = open_checkpoint(request->file);
    if (request->json) {
      print_json(reader);
    } else {
      print_tree(reader);
    }
  });
}

}  // namespace varscope::tools
