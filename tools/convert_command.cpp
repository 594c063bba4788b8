// SPDX-License-Identifier: Apache-2.0
// varscope convert: between checkpoints, HDF5 of other programs, .npz and .safetensors.
#include "command.hpp"
#include "utf8.hpp"
#include "variable_file.hpp"

#include <varscope/error.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

namespace varscope::tools {

namespace {

struct ConvertRequest {
  std::string in;
  std::string out;
  std::string from;
  std::string to;
  bool deflate = false;
  int compression_level = 0;
};

void run_convert(const ConvertRequest& request) {
  const FileFormat to = request.to.empty() ? format_to_write(request.out) : format_named(request.to);
  require_compressible(to, request.compression_level);
  const FileFormat from = request.from.empty() ? format_to_read(request.in) : format_named(request.from);
  if (request.deflate && to != FileFormat::npz)
    throw InvalidArgumentError(
        "--deflate is for .npz; a checkpoint is compressed with --compress, .safetensors keeps data as it "
        "is");
  const VariableFile file(request.in, from);
  print_skipped(file);
  NamedArrays variables;
  for (const VariableFile::Entry& entry : file.entries())
    variables.emplace_back(entry.name, file.read(entry));
  write_variables(request.out, to, variables,
                  {.global_step = file.global_step(),
                   .deflate = request.deflate,
                   .compression_level = request.compression_level});
  if (to == FileFormat::npz && file.global_step())
    std::fprintf(stderr, "left out: the global step %lld, for which .npz has no place\n",
                 static_cast<long long>(*file.global_step()));
  std::printf("%s: %s\n", printable(request.out).c_str(), summary(variables.size(), file.bytes()).c_str());
}

}  // namespace

void add_compress_option(CLI::App& command, int& level) {
  command
      .add_option("--compress", level,
                  "Compress a checkpoint: 1 is fast, 9 small. Every program that reads HDF5 reads it; older "
                  "versions of varscope do not")
      ->type_name("LEVEL")
      ->check(CLI::Range(1, 9));
}

void add_convert_command(CLI::App& program) {
  const auto request = std::make_shared<ConvertRequest>();
  CLI::App* convert = program.add_subcommand("convert",
                                             "Write the variables of a file in another format: a checkpoint "
                                             "(.h5, plain HDF5 for every program that reads "
                                             "it), .npz, .safetensors. Reads these too, and with '--from "
                                             "hdf5' what h5py, Keras and MATLAB write. What "
                                             "cannot be taken over is named.");
  convert->add_option("in", request->in, "The file to read")->required()->type_name("IN");
  convert->add_option("out", request->out, "The file to write")->required()->type_name("OUT");
  const std::string names(format_names);
  convert->add_option("--from", request->from, "What IN is, if its ending does not say it: " + names)
      ->type_name("FORMAT");
  convert
      ->add_option("--to", request->to,
                   "What OUT becomes, if its ending does not say it: checkpoint, npz, safetensors")
      ->type_name("FORMAT");
  convert->add_flag("--deflate", request->deflate, "Compress a .npz; weights hardly become smaller");
  add_compress_option(*convert, request->compression_level);
  convert->footer(
      "'--from hdf5' reads through libhdf5, whose parser has known faults: use it for files that you trust.\n"
      "It runs in a process of its own, follows no link out of the file, and loads no plugin.\n"
      "\n"
      "Examples:\n"
      "  varscope convert model.weights.h5 model.h5 --from hdf5\n"
      "  varscope convert checkpoints/filter-1000.h5 filter.npz\n"
      "  varscope convert model.safetensors model.h5");
  convert->callback([request] { run_convert(*request); });
}

}  // namespace varscope::tools
