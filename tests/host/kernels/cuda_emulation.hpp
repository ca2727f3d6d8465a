// CUDA C on a CPU: one block after the other, each thread a fiber that runs until it has to wait for the others.
//
// Made to find what a GPU would not forgive: shared memory begins as NaN; threads that wait for others that never come
// end the program by a trap, as vectors at addresses that they do not divide do if it is compiled with
// -fsanitize=alignment -fsanitize-undefined-trap-on-error. Backward, the last thread comes first: whoever starts a kernel both ways has to get the same
// bits, and would not if threads read what others have not synchronised.

#pragma once

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(threads)
#define __shared__ static __attribute__((section(SHARED_MEMORY)))
#define alignas(bytes) __attribute__((aligned(bytes)))
#define threadIdx (emulation::running->index)
#define blockIdx emulation::block
#define uint unsigned int

// The section for what is `__shared__`; a source with several kernels may give each one its own.
#define SHARED_MEMORY "shared_memory"

#define VECTOR(bytes) struct __attribute__((may_alias, aligned(bytes)))
VECTOR(16) float4 { float x, y, z, w; };
VECTOR(16) int4 { int x, y, z, w; };
VECTOR(8) float2 { float x, y; };
VECTOR(8) int2 { int x, y; };
#undef VECTOR

inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }
inline int2 make_int2(int x, int y) { return {x, y}; }

template <typename T>
T max(T left, T right) {
  return left > right ? left : right;
}
template <typename T>
T min(T left, T right) {
  return left < right ? left : right;
}
inline float __expf(float x) { return expf(x); }
inline float __powf(float x, float y) { return powf(x, y); }

#define BOUND extern "C" __attribute__((weak, visibility("hidden"))) char
BOUND __start_shared_memory[], __stop_shared_memory[];

namespace emulation {

struct Index {
  unsigned x, y, z;

  unsigned count() const { return x * y * z; }
  Index at(unsigned number) const { return {number % x, number / x % y, number / x / y}; }
};

// Where a kernel's shared memory lies; null where it has none.
struct Shared {
  char *begin, *end;

  size_t bytes() const { return begin ? end - begin : 0; }
};

enum class State { ready, at_barrier, in_warp, done };

struct Fiber {
  jmp_buf context;
  bool has_begun;
  Index index;
  unsigned warp, lane;
  State state;
  float given, taken;
  unsigned from;
};

constexpr size_t kStack = 256 << 10;  // only what a thread has touched is memory
constexpr unsigned kWarp = 32;
constexpr unsigned kMostThreads = 1024;
constexpr size_t kMostShared = 48 << 10;

inline Fiber fibers[kMostThreads];  // from launch to launch: to make one costs more than most threads
inline char* stacks;
inline Fiber* running = nullptr;
inline Index block;
inline jmp_buf scheduler;
inline void (*call)(void*);
inline void* callee;

[[noreturn]] inline void fail(const char* words) {
  fprintf(stderr, "%s\n", words);
  raise(SIGTRAP);
  abort();
}

// `swapcontext` would do the same, with two calls into the kernel for signals that nobody blocks.
inline void wait(State state) {
  running->state = state;
  if (!_setjmp(running->context)) _longjmp(scheduler, 1);
}

inline void enter() {
  for (;;) {
    call(callee);
    wait(State::done);
  }
}

inline void begin(Fiber& fiber) {
  ucontext_t context;
  fiber.has_begun = true;
  getcontext(&context);
  context.uc_stack.ss_sp = stacks + (&fiber - fibers) * kStack;
  context.uc_stack.ss_size = kStack;
  context.uc_link = nullptr;
  makecontext(&context, enter, 0);
  setcontext(&context);
}

inline void resume(Fiber& fiber) {
  if (fiber.state != State::ready) return;
  running = &fiber;
  if (_setjmp(scheduler)) return;
  if (!fiber.has_begun) begin(fiber);
  _longjmp(fiber.context, 1);
}

inline float exchanged(float value, unsigned from) {
  Fiber* self = running;
  self->given = value;
  self->from = from < kWarp ? from : self->lane;
  wait(State::in_warp);
  return self->taken;
}

// Lets those of the first threads go on who wait for each other; false when all are done.
inline bool released(unsigned threads) {
  unsigned count[4] = {0, 0, 0, 0};
  for (unsigned i = 0; i < threads; ++i) ++count[static_cast<int>(fibers[i].state)];
  if (count[static_cast<int>(State::done)] == threads) return false;
  bool is_in_warp = count[static_cast<int>(State::in_warp)] > 0;
  if (!is_in_warp && count[static_cast<int>(State::done)]) fail("some threads end where others wait at a barrier");
  State freed = is_in_warp ? State::in_warp : State::at_barrier;
  for (unsigned i = 0; i < threads; ++i) {
    Fiber& fiber = fibers[i];
    if (fiber.state == State::in_warp) fiber.taken = fibers[fiber.warp * kWarp + fiber.from].given;
  }
  for (unsigned i = 0; i < threads; ++i) {
    if (fibers[i].state == freed) fibers[i].state = State::ready;
  }
  return true;
}

inline void run_block(Index extent, Shared shared, bool is_backward) {
  unsigned threads = extent.count();
  if (shared.bytes()) memset(shared.begin, 0xFF, shared.bytes());  // NaN, whatever is read from it
  for (unsigned i = 0; i < threads; ++i) {
    fibers[i].index = extent.at(i);
    fibers[i].warp = i / kWarp;
    fibers[i].lane = i % kWarp;
    fibers[i].state = State::ready;
  }
  do {
    for (unsigned turn = 0; turn < threads; ++turn) resume(fibers[is_backward ? threads - 1 - turn : turn]);
  } while (released(threads));
}

// Runs a kernel's threads, each of which calls `body`. Nothing is lost if a trap's handler never returns here.
template <typename Body>
void launch(Index grid, Index threads, bool is_backward, Body body,
            Shared shared = {__start_shared_memory, __stop_shared_memory}) {
  if (!stacks) {
    void* memory = mmap(nullptr, kMostThreads * kStack, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) fail("no memory");
    stacks = static_cast<char*>(memory);
  }
  call = [](void* body) { (*static_cast<Body*>(body))(); };
  callee = &body;
  for (unsigned turn = 0; turn < grid.count(); ++turn) {
    block = grid.at(is_backward ? grid.count() - 1 - turn : turn);
    run_block(threads, shared, is_backward);
  }
}

template <typename... Parameters, size_t... I>
void launch_with(void (*kernel)(Parameters...), Index grid, Index threads, void** arguments, Shared shared,
                 std::index_sequence<I...>) {
  launch(grid, threads, false, [=] { kernel(*static_cast<Parameters*>(arguments[I])...); }, shared);
}

// Launches as CUDA's driver does, arguments given as pointers to their values; false if a GPU had no room for a block.
template <typename... Parameters>
bool launch_by_driver(void (*kernel)(Parameters...), const unsigned* grid, const unsigned* threads, void** arguments,
                      Shared shared) {
  Index extent{threads[0], threads[1], threads[2]};
  if (extent.count() == 0 || extent.count() > kMostThreads || shared.bytes() > kMostShared) return false;
  launch_with(kernel, {grid[0], grid[1], grid[2]}, extent, arguments, shared,
              std::index_sequence_for<Parameters...>{});
  return true;
}

}  // namespace emulation

// A function `launch_NAME` for whoever loads the kernel as part of a library; its shared memory is in a section `shared_NAME`.
#define LAUNCHABLE(name)                                                                                        \
  BOUND __start_shared_##name[], __stop_shared_##name[];                                                                      \
  extern "C" __attribute__((visibility("default"))) bool launch_##name(const unsigned* grid,                    \
                                                                       const unsigned* threads, void** arguments) { \
    return emulation::launch_by_driver(name, grid, threads, arguments, {__start_shared_##name, __stop_shared_##name});        \
  }

inline void __syncthreads() { emulation::wait(emulation::State::at_barrier); }
inline void __syncwarp(unsigned = ~0u) { emulation::exchanged(0, emulation::kWarp); }
inline unsigned __activemask() { return ~0u; }
inline float __shfl_sync(unsigned, float value, int lane, int = 32) { return emulation::exchanged(value, lane); }
inline float __shfl_down_sync(unsigned, float value, unsigned distance, int = 32) {
  return emulation::exchanged(value, emulation::running->lane + distance);
}
inline float __shfl_up_sync(unsigned, float value, unsigned distance, int = 32) {
  return emulation::exchanged(value, emulation::running->lane - distance);
}
inline float __shfl_xor_sync(unsigned, float value, int mask, int = 32) {
  return emulation::exchanged(value, emulation::running->lane ^ mask);
}
