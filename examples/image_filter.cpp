// SPDX-License-Identifier: Apache-2.0
// One filter, called twice over one set of variables, on real images; saved, and restored by a second
// process.
#include "console.hpp"
#include "grey_images.hpp"
#include "image_filter_options.hpp"
#include "image_filter_report.hpp"
#include "output_folder.hpp"
#include "progress_bar.hpp"
#include "second_process.hpp"

#include <varscope/varscope.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

namespace vs = varscope;
using namespace example;

constexpr std::size_t kBatch = 50;

// The tutorial's two functions. They own their variables by name; the scopes around a call decide which ones.
vs::Tensor conv_relu(vs::Tensor input, vs::Shape kernel_shape, vs::Shape bias_shape) {
  auto weights = vs::get_variable("weights", kernel_shape, {.initializer = vs::random_normal_initializer()});
  auto biases = vs::get_variable("biases", bias_shape, {.initializer = vs::constant_initializer(0.0f)});
  auto conv = vs::conv2d(input, weights, {.strides = {1, 1, 1, 1}, .padding = vs::Padding::same});
  return vs::relu(conv + biases);
}

vs::Tensor my_image_filter(vs::Tensor input_images) {
  vs::Tensor relu1;
  {
    auto conv1 = vs::variable_scope("conv1");  // variables made here are "conv1/weights" and "conv1/biases"
    relu1 = conv_relu(input_images, {5, 5, 32, 32}, {32});
  }
  auto conv2 = vs::variable_scope("conv2");
  return conv_relu(relu1, {5, 5, 32, 32}, {32});
}

// The filter wants 32 channels, the images have one: a convolution in a scope of its own lifts them.
// AUTO_REUSE makes the variable in the first call and shares it in the second.
vs::Tensor lift(vs::Tensor grey_images) {
  auto scope = vs::variable_scope("lift", {.reuse = vs::AUTO_REUSE});
  auto weights = vs::get_variable("weights", {5, 5, 1, 32}, {.initializer = vs::random_normal_initializer()});
  return vs::conv2d(grey_images, weights, {.padding = vs::Padding::same});
}

struct Model {
  vs::Graph graph;
  vs::Tensor image1, image2, result1, result2;
  std::string refusal;  // what happens without reuse_variables()
};

void build(Model& model, const GreyImages& images, std::uint64_t seed) {
  auto building = model.graph.as_default();
  vs::set_random_seed(seed);
  const vs::Shape shape{-1, images.height(), images.width(), 1};
  model.image1 = vs::placeholder(shape, {.name = "image1"});
  model.image2 = vs::placeholder(shape, {.name = "image2"});
  const vs::Tensor lifted1 = lift(model.image1);
  const vs::Tensor lifted2 = lift(model.image2);

  auto scope = vs::variable_scope("image_filters");
  model.result1 = my_image_filter(lifted1);
  try {
    my_image_filter(lifted2);  // forgot scope.reuse_variables()
  } catch (const vs::ValueError& error) {
    model.refusal = error.what();
  }
  scope.reuse_variables();
  model.result2 = my_image_filter(lifted2);
}

// The first images of either half, and what both calls make of them.
Outputs run_first_batches(const vs::Callable& filter, const GreyImages& images) {
  const std::size_t half = images.count / 2;
  const std::size_t count = std::min(kBatch, half);
  Outputs outputs{{batch_of(images, 0, count), batch_of(images, half, count)}, {}};
  outputs.results = filter(outputs.images);
  return outputs;
}

void filter_all(const vs::Callable& filter, const GreyImages& images) {
  const std::size_t half = images.count / 2;
  const double taps = 5.0 * 5.0 * (1 * 32 + 32 * 32 + 32 * 32);  // multiplications and additions a pixel
  const double operations = 2.0 * taps * static_cast<double>(images.height() * images.width());  // an image
  ProgressBar progress(static_cast<double>(2 * half));
  std::vector<vs::Array> results(2);  // made by the first run, overwritten by the others
  for (std::size_t first = 0; first < half;) {
    const std::size_t count = std::min(kBatch, half - first);
    const vs::Array feeds[] = {batch_of(images, first, count), batch_of(images, half + first, count)};
    filter.run_into(feeds, results);
    first += count;
    progress.show(static_cast<double>(2 * first), [&] {
      const double speed = static_cast<double>(2 * first) / progress.seconds();
      char text[96];
      std::snprintf(text, sizeof text, "%s / %s images   %s images/s   %.0f GFLOP/s",
                    grouped_digits(2 * first).c_str(), grouped_digits(2 * half).c_str(),
                    grouped_digits(static_cast<std::size_t>(speed)).c_str(), speed * operations * 1e-9);
      return std::string(text);
    });
  }
}

int filter_and_save(const Options& options) {
  const GreyImages images = read_grey_images(options.images, options.count);
  std::printf("The image filter of the variable scope tutorial, on %s images of %lld x %lld\n(%s)\n",
              grouped_digits(images.count).c_str(), static_cast<long long>(images.height()),
              static_cast<long long>(images.width()), options.images.c_str());
  if (images.count < 2) throw std::runtime_error("two images are needed at least, one for each call");

  heading("Build: my_image_filter() twice over one set of variables");
  Model model;
  build(model, images, 1);
  print_refusal(model.refusal);
  print_variables("With it, both calls share these four:", model.graph.global_variables("image_filters"));
  print_variables("The lift from 1 channel to 32 has a scope of its own:",
                  model.graph.global_variables("lift"));

  heading("Run: one half of the images through each call, on " + std::string(vs::instruction_set()));
  vs::Session session(model.graph);
  const vs::Callable filter =
      session.make_callable({model.image1, model.image2}, {model.result1, model.result2});
  const Outputs outputs = run_first_batches(filter, images);  // plans, initializes the variables
  filter_all(filter, images);

  heading("Save, and restore in a second process");
  make_output_folder(options.output);
  const std::string checkpoint = vs::Saver().save(session, options.output + "/filter", {.global_step = 1000});
  std::printf("   saved %s, %s bytes\n", checkpoint.c_str(),
              grouped_digits(std::filesystem::file_size(checkpoint)).c_str());
  const std::string sheet = options.output + "/contact-sheet.png";
  write_contact_sheet(sheet, outputs);
  const int status = compare_in_second_process(options, checkpoint, outputs);
  if (status == 0) print_next_steps(sheet, checkpoint);
  return status;
}

// What the second process does: a new model with other random numbers, restored, run on the same images.
int restore_and_compare(const Options& options) {
  const GreyImages images = read_grey_images(options.images, options.count);
  Model model;
  build(model, images, 2);
  vs::Session session(model.graph);
  const vs::Callable filter =
      session.make_callable({model.image1, model.image2}, {model.result1, model.result2});
  const std::string before = digest(run_first_batches(filter, images).results);
  vs::Saver().restore(session, options.restore);
  return report_comparison(options, before, run_first_batches(filter, images));
}

int main(int argc, char** argv) {
  try {
    const Options options = parse_options(argc, argv);
    if (options.help) return print_help();
    return options.restore.empty() ? filter_and_save(options) : restore_and_compare(options);
  } catch (const std::exception& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "image_filter: %s\n", error.what());
    return 1;
  }
}
