/* Counts what a process asks the heap for: preloaded in front of the C library's malloc.

   Compiled by benchmarks/soak.py, which reads the count through ctypes. C++'s new and Python's
   objects (with PYTHONMALLOC=malloc) come through here too. */
#include <stdatomic.h>
#include <stddef.h>

static atomic_long allocations;

long allocations_so_far(void) { return atomic_load(&allocations); }

/* glibc's own entries, which need no dlsym: dlsym may itself allocate. */
extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);

void* malloc(size_t size) {
  atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  return __libc_malloc(size);
}

void* calloc(size_t count, size_t size) {
  atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  return __libc_calloc(count, size);
}

void* realloc(void* old, size_t size) {
  atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  return __libc_realloc(old, size);
}

void* memalign(size_t alignment, size_t size) {
  atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void** out, size_t alignment, size_t size) {
  void* block = memalign(alignment, size);
  if (block == NULL) return 12; /* ENOMEM */
  *out = block;
  return 0;
}
