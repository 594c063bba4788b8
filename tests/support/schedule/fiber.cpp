// SPDX-License-Identifier: Apache-2.0
#include "support/schedule/fiber.hpp"

#include <cstdint>
#include <cstring>
#include <new>
#include <sys/mman.h>

#if defined(__x86_64__)
// The System V ABI: six registers survive a call, the rest the compiler has saved already.
asm(R"(
.text
.type varscope_testing_switch_stacks, @function
varscope_testing_switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size varscope_testing_switch_stacks, .-varscope_testing_switch_stacks
)");

extern "C" void varscope_testing_switch_stacks(void** from, void* to);
#endif

namespace varscope::testing::schedule {

Fiber::~Fiber() {
  if (stack_ != nullptr) munmap(stack_, kStackBytes);
}

void Fiber::start(void (*entry)()) {
  if (stack_ == nullptr) {
    void* const memory =
        mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    stack_ = static_cast<std::byte*>(memory);
  }
#if defined(__x86_64__)
  // As if entry() had been interrupted before its first instruction: its address where `ret` looks for it,
  // six registers of any value below, and a return address above, so that the stack is aligned as after a
  // call.
  constexpr std::size_t kWords = 8;
  std::uintptr_t words[kWords] = {};
  words[6] = reinterpret_cast<std::uintptr_t>(entry);
  std::byte* const top = stack_ + kStackBytes - 16 - sizeof words;
  std::memcpy(top, words, sizeof words);
  stack_pointer_ = top;
#else
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_;
  context_.uc_stack.ss_size = kStackBytes;
  context_.uc_link = nullptr;
  makecontext(&context_, entry, 0);
#endif
}

void Fiber::hand_over_to(Fiber& next) {
#if defined(__x86_64__)
  varscope_testing_switch_stacks(&stack_pointer_, next.stack_pointer_);
#else
  swapcontext(&context_, &next.context_);
#endif
}

}  // namespace varscope::testing::schedule
