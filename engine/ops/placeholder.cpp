// SPDX-License-Identifier: Apache-2.0
// Placeholder: a value that every run is fed.
#include "ops/build.hpp"

#include <varscope/array_ops.hpp>

namespace varscope {

namespace {

class PlaceholderDefinition final : public detail::OpDefinition {
 public:
  explicit PlaceholderDefinition(detail::TensorSpec spec) : spec_(std::move(spec)) {}

  std::string_view type() const noexcept override { return "Placeholder"; }
  detail::OpRole role() const noexcept override { return detail::OpRole::placeholder; }
  std::vector<detail::TensorSpec> infer(std::span<const detail::TensorSpec>) const override {
    return {spec_};
  }
  std::unique_ptr<detail::Kernel> make_kernel(std::span<const detail::TensorSpec>,
                                              std::span<const detail::TensorSpec>) const override {
    return nullptr;
  }

 private:
  detail::TensorSpec spec_;
};

}  // namespace

Tensor placeholder(Shape shape, PlaceholderOptions options, SourceLocation where) {
  return detail::build(
      std::make_shared<PlaceholderDefinition>(detail::TensorSpec{options.dtype, std::move(shape)}), {},
      options.name, "Placeholder", where);
}

}  // namespace varscope
