#pragma once

// Stacks, and switches between them: hand-written for x86-64 and AArch64, where a switch takes a
// few nanoseconds; ucontext (which asks the system at every switch) elsewhere.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <new>

#if !defined(__x86_64__) && !defined(__aarch64__) && !defined(HEATPOSE_HOST_BLOCKS_UCONTEXT)
#define HEATPOSE_HOST_BLOCKS_UCONTEXT
#endif
#ifdef HEATPOSE_HOST_BLOCKS_UCONTEXT
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define HEATPOSE_HOST_BLOCKS_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEATPOSE_HOST_BLOCKS_ASAN
#endif
#endif
#ifdef HEATPOSE_HOST_BLOCKS_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// A call of which the compiler assumes nothing, and which no sanitizer touches.
#if defined(__clang__)
#define HEATPOSE_HOST_BLOCKS_OPAQUE __attribute__((noinline, no_sanitize("address", "undefined")))
#else
#define HEATPOSE_HOST_BLOCKS_OPAQUE __attribute__((noipa, no_sanitize("address", "undefined")))
#endif

namespace heatpose::host_blocks {

/// Memory that functions run on; lives for good. Sanitizers make frames many times as large.
struct Stack {
  static constexpr std::size_t kBytes = 256 * 1024;
  char* bottom = nullptr;

  void allocate() {
    const std::size_t guard = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* at =
        mmap(nullptr, guard + kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw std::bad_alloc();
    mprotect(at, guard, PROT_NONE);
    bottom = static_cast<char*>(at) + guard;
  }
};

#ifdef HEATPOSE_HOST_BLOCKS_UCONTEXT

struct Context {
  ucontext_t state;

  void start(const Stack& stack, std::size_t, void (*entry)()) {
    getcontext(&state);
    state.uc_stack.ss_sp = stack.bottom;
    state.uc_stack.ss_size = Stack::kBytes;
    state.uc_link = nullptr;
    makecontext(&state, entry, 0);
  }
  static void swap(Context& from, Context& to) { swapcontext(&from.state, &to.state); }
};

#else

struct Context {
  void* stack_pointer = nullptr;

  /// `entry` must not return. `skip` bytes at the top stay unused: the tops of stacks that lie at
  /// equal offsets in their pages would share a few sets of the cache.
  void start(const Stack& stack, std::size_t skip, void (*entry)()) {
    auto** top = reinterpret_cast<void**>(stack.bottom + Stack::kBytes - 64 - (skip & ~15ul));
#if defined(__x86_64__)
    top[-1] = nullptr;  // where a caller's address would be; the stack is aligned above it
    top[-2] = reinterpret_cast<void*>(entry);
    stack_pointer = top - 2;
#else
    top[-4] = nullptr;
    top[-3] = reinterpret_cast<void*>(entry);
    stack_pointer = top - 4;
#endif
  }

  HEATPOSE_HOST_BLOCKS_OPAQUE static void swap(Context& from, Context& to) {
    void** save = &from.stack_pointer;
    void* load = to.stack_pointer;
#if defined(__x86_64__)
    asm volatile(
        "leaq -128(%%rsp), %%rsp\n\t"  // the red zone
        "pushq %%rbp\n\t"
        "pushq %%rbx\n\t"
        "leaq 1f(%%rip), %%rax\n\t"
        "pushq %%rax\n\t"
        "movq %%rsp, (%[save])\n\t"
        "movq %[load], %%rsp\n\t"
        "popq %%rax\n\t"
        "jmp *%%rax\n"
        "1:\n\t"
        "popq %%rbx\n\t"
        "popq %%rbp\n\t"
        "leaq 128(%%rsp), %%rsp\n\t"
        : [save] "+D"(save), [load] "+S"(load)
        :
        : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1",
          "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
          "xmm13", "xmm14", "xmm15", "cc", "memory");
#else
    asm volatile(
        "sub sp, sp, #32\n\t"
        "adr x9, 1f\n\t"
        "stp x29, x9, [sp]\n\t"
        "str x19, [sp, #16]\n\t"
        "mov x9, sp\n\t"
        "str x9, [%[save]]\n\t"
        "mov sp, %[load]\n\t"
        "ldp x29, x9, [sp]\n\t"
        "ldr x19, [sp, #16]\n\t"
        "add sp, sp, #32\n\t"
        "ret x9\n"  // not br: no landing pad is needed where branches are protected
        "1:\n\t"
        : [save] "+r"(save), [load] "+r"(load)
        :
        : "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x20", "x21", "x22", "x23",
          "x24", "x25", "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7",
          "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20",
          "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "cc",
          "memory");
#endif
  }
};

#endif

}  // namespace heatpose::host_blocks
