// SPDX-License-Identifier: Apache-2.0
#include "runtime/variable_values.hpp"

namespace varscope::detail {

VariableVersion::~VariableVersion() {
  // relaxed: the last owner destroys it; its reference count ordered all earlier uses before this.
  for (PackedForm* form = forms_.load(std::memory_order_relaxed); form != nullptr;) {
    PackedForm* next = form->next;
    delete form;
    form = next;
  }
}

const void* VariableVersion::packed(const Kernel& kernel, const PackedInput& wanted) const {
  // acquire: pairs with the release below, so that the form's memory is complete.
  PackedForm* head = forms_.load(std::memory_order_acquire);
  const auto find = [&wanted](const PackedForm* form, const PackedForm* end) -> const PackedForm* {
    for (; form != end; form = form->next) {
      if (form->layout == wanted.layout) return form;
    }
    return nullptr;
  };
  if (const PackedForm* form = find(head, nullptr)) return form->memory.data();

  const Shape bytes{static_cast<std::int64_t>(wanted.bytes)};
  std::unique_ptr<PackedForm> made(
      new PackedForm{wanted.layout, Array::uninitialized(bytes, DType::uint8), head});
  kernel.pack(value_.data(), made->memory.data());
  // release: publishes the packed memory; acquire on failure: shows what another thread added.
  while (
      !forms_.compare_exchange_weak(head, made.get(), std::memory_order_release, std::memory_order_acquire)) {
    if (const PackedForm* form = find(head, made->next)) return form->memory.data();
    made->next = head;
  }
  return made.release()->memory.data();
}

VariableValues::VariableValues() : snapshot_(std::make_unique<Snapshot>()) {}

void VariableValues::publish(std::vector<Change> changes, bool only_missing) {
  const std::lock_guard lock(writer_);
  auto next = std::make_unique<Snapshot>(snapshot_.writer_view());
  for (Change& change : changes) {
    if (change.first >= next->versions_.size()) next->versions_.resize(change.first + 1);
    std::shared_ptr<const VariableVersion>& version = next->versions_[change.first];
    if (only_missing && version != nullptr) continue;
    version = std::make_shared<VariableVersion>(std::move(change.second));
  }
  snapshot_.replace(std::move(next));
}

}  // namespace varscope::detail
