// SPDX-License-Identifier: Apache-2.0
// Compiled only where oneDNN was found; onednn_absent.cpp takes its place elsewhere.
#include "onednn_convolution.hpp"

#include <varscope/error.hpp>

#include <dnnl.hpp>

#include <dlfcn.h>
#include <unordered_map>

namespace varscope::tools {

namespace {

using dnnl::memory;
using Tag = memory::format_tag;

template <typename Action>
auto translating_errors(const Action& action) {
  try {
    return action();
  } catch (const dnnl::error& error) {
    throw RuntimeError(std::string("oneDNN failed: ") + error.what());
  }
}

// Found at run time, so that it is the OpenMP that oneDNN itself was linked with (there may be several).
void set_openmp_threads(int threads) {
  using SetThreads = void (*)(int);
  const auto set_threads = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (set_threads == nullptr)
    throw FailedPreconditionError(
        "this oneDNN does not use OpenMP, so its number of threads cannot be set equal: use one built with "
        "OpenMP, "
        "such as Debian's libdnnl-dev");
  set_threads(threads);
}

memory::desc described(const memory::dims& dims, Tag tag) {
  return {dims, memory::data_type::f32, tag};
}

dnnl::primitive_attr with_relu() {
  dnnl::post_ops post_ops;
#if DNNL_VERSION_MAJOR >= 3
  post_ops.append_eltwise(dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
#else
  post_ops.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
#endif
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(post_ops);
  return attributes;
}

dnnl::convolution_forward::primitive_desc make_description(const ConvLayer& layer, Tag image_tag,
                                                           const dnnl::engine& engine) {
  const memory::dims filter_dims = layer.groups == 1 ? memory::dims{layer.k, layer.c, layer.r, layer.s}
                                                     : memory::dims{layer.groups, layer.k / layer.groups,
                                                                    layer.c / layer.groups, layer.r, layer.s};
  const memory::desc source = described({layer.n, layer.c, layer.h, layer.w}, image_tag);
  const memory::desc weights = described(filter_dims, Tag::any);
  const memory::desc bias = described({layer.k}, Tag::x);
  const memory::desc destination =
      described({layer.n, layer.k, layer.out_height(), layer.out_width()}, image_tag);
  const memory::dims strides{layer.stride, layer.stride};
  const memory::dims dilations{layer.dilation - 1, layer.dilation - 1};  // oneDNN counts the gaps
  const memory::dims padding_before{layer.pad_top(), layer.pad_left()};
  const memory::dims padding_after{layer.pad_bottom(), layer.pad_right()};
#if DNNL_VERSION_MAJOR >= 3
  return {engine,
          dnnl::prop_kind::forward_inference,
          dnnl::algorithm::convolution_direct,
          source,
          weights,
          bias,
          destination,
          strides,
          dilations,
          padding_before,
          padding_after,
          with_relu()};
#else
  const dnnl::convolution_forward::desc operation(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, source, weights, bias,
      destination, strides, dilations, padding_before, padding_after);
  return {operation, with_relu(), engine};
#endif
}

}  // namespace

struct OneDnnConvolution::Primitive {
  Primitive(const ConvProblem& problem, Layout layout)
      : layer(problem.layer),
        engine(dnnl::engine::kind::cpu, 0),
        stream(engine),
        description(make_description(layer, layout == Layout::nhwc ? Tag::nhwc : Tag::any, engine)),
        convolution(description) {
    const memory::desc plain_input = described({layer.n, layer.c, layer.h, layer.w}, Tag::nhwc);
    const memory::desc plain_filter =
        layer.groups == 1
            ? described({layer.k, layer.c, layer.r, layer.s}, Tag::hwio)
            : described({layer.groups, layer.k / layer.groups, layer.c / layer.groups, layer.r, layer.s},
                        Tag::hwigo);
    destination = memory(description.dst_desc(), engine);
    arguments = {{DNNL_ARG_SRC, in_layout(problem.input, plain_input, description.src_desc())},
                 {DNNL_ARG_WEIGHTS, in_layout(problem.filter, plain_filter, description.weights_desc())},
                 {DNNL_ARG_BIAS, in_layout(problem.bias, description.bias_desc(), description.bias_desc())},
                 {DNNL_ARG_DST, destination}};
  }

  memory in_layout(const Array& values, const memory::desc& plain, const memory::desc& wanted) {
    memory source(plain, engine, const_cast<void*>(values.data()));  // read only: the source of a reorder
    memory converted(wanted, engine);
    dnnl::reorder(source, converted).execute(stream, source, converted);
    stream.wait();
    return converted;
  }

  ConvLayer layer;
  dnnl::engine engine;
  dnnl::stream stream;
  dnnl::convolution_forward::primitive_desc description;
  dnnl::convolution_forward convolution;
  memory destination;
  std::unordered_map<int, memory> arguments;
};

bool onednn_available() noexcept {
  return true;
}

std::string onednn_version() {
  const dnnl_version_t* version = dnnl::version();
  return "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch);
}

void limit_onednn_instruction_set(std::string_view name) {
  dnnl::cpu_isa limit;
  if (name == "avx512") {
    limit = dnnl::cpu_isa::avx512_core;
  } else if (name == "avx2") {
    limit = dnnl::cpu_isa::avx2;
  } else if (name == "sse4_2") {
    limit = dnnl::cpu_isa::sse41;
  } else {
    return;
  }
  if (dnnl::set_max_cpu_isa(limit) != dnnl::status::success)
    throw FailedPreconditionError("oneDNN refused to be held to '" + std::string(name) +
                                  "': it can be told only once, before it computes anything");
}

OneDnnConvolution::OneDnnConvolution(const ConvProblem& problem, Layout layout, int threads) {
  set_openmp_threads(threads);  // before the primitive is made: oneDNN plans for that many
  primitive_ = translating_errors([&] { return std::make_unique<Primitive>(problem, layout); });
}

OneDnnConvolution::~OneDnnConvolution() = default;

void OneDnnConvolution::run() {
  translating_errors([&] {
    primitive_->convolution.execute(primitive_->stream, primitive_->arguments);
    primitive_->stream.wait();
  });
}

Array OneDnnConvolution::output() const {
  return translating_errors([&] {
    const ConvLayer& layer = primitive_->layer;
    Array values = Array::uninitialized(layer.output_shape(), DType::float32);
    memory plain(described({layer.n, layer.k, layer.out_height(), layer.out_width()}, Tag::nhwc),
                 primitive_->engine, values.data());
    dnnl::reorder(primitive_->destination, plain).execute(primitive_->stream, primitive_->destination, plain);
    primitive_->stream.wait();
    return values;
  });
}

std::string OneDnnConvolution::implementation() const {
  return translating_errors([&] { return std::string(primitive_->description.impl_info_str()); });
}

}  // namespace varscope::tools
