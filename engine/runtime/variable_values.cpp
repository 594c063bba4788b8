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

namespace {

/// The array of a version that was replaced, if nobody else has it.
std::optional<Array> memory_of(std::shared_ptr<const VariableVersion> version) {
  // Neither count can rise again once it is one (invariant 2 of VariableValues).
  if (version == nullptr || version.use_count() != 1) return std::nullopt;
  // use_count() orders nothing. But who had a part let go of it by lowering the count, and we lower it after
  // that: what the others did comes before what we do, copies of the array that they made among it.
  std::shared_ptr<const VariableVersion>(version).reset();
  if (!version->value().unique()) return std::nullopt;
  Array memory = version->value();
  version.reset();  // lowers the count of the array's sharers, who have read its elements
  return memory;
}

}  // namespace

VariableValues::Memory VariableValues::memory_for(std::size_t index, const Shape& shape, DType dtype) {
  Version spare;
  std::optional<Array> stale_rows;
  {
    const std::lock_guard lock(writer_);
    if (index < spares_.size()) spare = std::move(spares_[index]);
    const VariableVersion* const current = snapshot_.writer_view().find(index);
    if (current != nullptr) stale_rows = current->changed_rows();
  }
  if (std::optional<Array> memory = memory_of(std::move(spare))) return {std::move(*memory), stale_rows};
  return {Array::uninitialized(shape, dtype), std::nullopt};
}

void VariableValues::publish(std::vector<Change> changes, Arrival arrival) {
  const std::lock_guard lock(writer_);
  auto next = std::make_unique<Snapshot>(snapshot_.writer_view());
  std::vector<std::pair<std::size_t, Version>> replaced;
  for (Change& change : changes) {
    if (change.index >= next->versions_.size()) next->versions_.resize(change.index + 1);
    Version& version = next->versions_[change.index];
    if (arrival == Arrival::missing && version != nullptr) continue;
    if (version != nullptr && version->own_memory()) replaced.emplace_back(change.index, std::move(version));
    version = std::make_shared<VariableVersion>(std::move(change.value), arrival != Arrival::shared,
                                                std::move(change.changed_rows));
  }
  if (spares_.size() < next->versions_.size()) spares_.resize(next->versions_.size());
  snapshot_.replace(std::move(next));
  for (auto& [index, version] : replaced) spares_[index] = std::move(version);
}

}  // namespace varscope::detail
