// CUDA C on a CPU: one block after the other, each thread a fiber that runs until it has to wait for the others.
//
// Made to find what a GPU would not forgive: shared memory and outputs begin as NaN; arguments end where a page begins
// that nobody may touch; every launch runs twice, once with the first thread in front and once with the last, and has
// to give the same bits, which it would not if threads read what others have not synchronised.
// Vectors at addresses that they do not divide end the program if it is compiled with -fsanitize=alignment.

#pragma once

#include <sys/mman.h>
#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(threads)
#define __shared__ static __attribute__((section("shared_memory")))
#define alignas(bytes) __attribute__((aligned(bytes)))
#define threadIdx (emulation::running->index)
#define blockIdx emulation::block

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

extern char __start_shared_memory[] __attribute__((weak));
extern char __stop_shared_memory[] __attribute__((weak));

namespace emulation {

struct Index {
  unsigned x, y, z;
};

enum class State { ready, at_barrier, in_warp, done };

struct Fiber {
  ucontext_t context;
  Index index;
  unsigned warp, lane;
  State state;
  float given, taken;
  unsigned from;
};

constexpr size_t kStack = 64 << 10;
constexpr unsigned kWarp = 32;

inline Fiber* running = nullptr;
inline Index block;
inline ucontext_t scheduler;
inline std::function<void()> kernel;

[[noreturn]] inline void fail(const char* words) {
  fprintf(stderr, "%s\n", words);
  exit(1);
}

inline void wait(State state) {
  Fiber* self = running;
  self->state = state;
  swapcontext(&self->context, &scheduler);
}

inline void enter() {
  kernel();
  wait(State::done);
}

inline float exchanged(float value, unsigned from) {
  Fiber* self = running;
  self->given = value;
  self->from = from < kWarp ? from : self->lane;
  wait(State::in_warp);
  return self->taken;
}

class Block {
 public:
  explicit Block(unsigned threads) : fibers_(threads), stacks_(threads * kStack) {}

  // Runs one block: its threads in order, or the last one first.
  void run(bool is_backward) {
    poison_shared_memory();
    for (unsigned thread = 0; thread < fibers_.size(); ++thread) start(thread);
    do {
      for (size_t turn = 0; turn < fibers_.size(); ++turn) {
        resume(fibers_[is_backward ? fibers_.size() - 1 - turn : turn]);
      }
    } while (released());
  }

 private:
  static void poison_shared_memory() {
    if (!__start_shared_memory) return;
    float* memory = reinterpret_cast<float*>(__start_shared_memory);
    size_t count = (__stop_shared_memory - __start_shared_memory) / sizeof(float);
    for (size_t i = 0; i < count; ++i) memory[i] = std::numeric_limits<float>::quiet_NaN();
  }

  void start(unsigned thread) {
    Fiber& fiber = fibers_[thread];
    fiber.index = {thread % extent.x, thread / extent.x % extent.y, thread / extent.x / extent.y};
    fiber.warp = thread / kWarp;
    fiber.lane = thread % kWarp;
    fiber.state = State::ready;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = &stacks_[thread * kStack];
    fiber.context.uc_stack.ss_size = kStack;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, enter, 0);
  }

  static void resume(Fiber& fiber) {
    if (fiber.state != State::ready) return;
    running = &fiber;
    swapcontext(&scheduler, &fiber.context);
  }

  // Lets those go on who wait for each other; false when all threads are done.
  bool released() {
    unsigned count[4] = {0, 0, 0, 0};
    for (Fiber& fiber : fibers_) ++count[static_cast<int>(fiber.state)];
    if (count[static_cast<int>(State::done)] == fibers_.size()) return false;
    bool is_in_warp = count[static_cast<int>(State::in_warp)] > 0;
    if (!is_in_warp && count[static_cast<int>(State::done)]) fail("some threads end where others wait at a barrier");
    State freed = is_in_warp ? State::in_warp : State::at_barrier;
    for (Fiber& fiber : fibers_) {
      if (fiber.state == State::in_warp) fiber.taken = fibers_[fiber.warp * kWarp + fiber.from].given;
    }
    for (Fiber& fiber : fibers_) {
      if (fiber.state == freed) fiber.state = State::ready;
    }
    return true;
  }

 public:
  Index extent{1, 1, 1};

 private:
  std::vector<Fiber> fibers_;
  std::vector<char> stacks_;
};

// Memory for a tensor, its end at a page that nobody may touch, all NaN at first.
inline float* tensor(size_t count) {
  constexpr size_t kPage = 4096, kVector = 16;
  size_t bytes = (count * sizeof(float) + kVector - 1) / kVector * kVector;
  size_t whole = (bytes + kPage - 1) / kPage * kPage;
  char* memory = static_cast<char*>(
      mmap(nullptr, whole + 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (memory == MAP_FAILED || mprotect(memory, kPage, PROT_NONE) || mprotect(memory + kPage + whole, kPage, PROT_NONE)) {
    fail("no memory");
  }
  float* begin = reinterpret_cast<float*>(memory + kPage + whole - bytes);
  for (float* item = reinterpret_cast<float*>(memory + kPage); item < begin + bytes / sizeof(float); ++item) {
    *item = std::numeric_limits<float>::quiet_NaN();
  }
  return begin;
}

inline void launch(Index grid, Index threads, bool is_backward, std::function<void()> body) {
  Block fibers(threads.x * threads.y * threads.z);
  fibers.extent = threads;
  kernel = std::move(body);
  unsigned blocks = grid.x * grid.y * grid.z;
  for (unsigned turn = 0; turn < blocks; ++turn) {
    unsigned number = is_backward ? blocks - 1 - turn : turn;
    block = {number % grid.x, number / grid.x % grid.y, number / grid.x / grid.y};
    fibers.run(is_backward);
  }
}

// A tensor as an argument of a kernel, whichever vectors it wants to see there.
struct Pointer {
  float* begin;
  template <typename T>
  operator T*() const {
    return reinterpret_cast<T*>(begin);
  }
};

// A program's tensors: what they are at first, and what they were after the first run.
class Tensors {
 public:
  struct Shape {
    const char* name;
    size_t count;
    bool is_parameter;
  };

  Tensors(std::vector<Shape> shapes, const char* path) : shapes_(std::move(shapes)) {
    FILE* file = fopen(path, "rb");
    for (const Shape& shape : shapes_) {
      std::vector<float> first(shape.count, std::numeric_limits<float>::quiet_NaN());
      if (shape.is_parameter && fread(first.data(), sizeof(float), shape.count, file) != shape.count) fail("short file");
      first_.push_back(first);
      begins_.push_back(tensor(shape.count));
    }
    fclose(file);
  }

  Pointer operator[](const char* name) const {
    for (size_t i = 0; i < shapes_.size(); ++i) {
      if (!strcmp(shapes_[i].name, name)) return {begins_[i]};
    }
    fail("unknown tensor");
  }

  void begin() {
    for (size_t i = 0; i < shapes_.size(); ++i) memcpy(begins_[i], first_[i].data(), shapes_[i].count * sizeof(float));
  }

  void end() {
    std::vector<std::vector<float>> now;
    for (size_t i = 0; i < shapes_.size(); ++i) now.emplace_back(begins_[i], begins_[i] + shapes_[i].count);
    for (size_t i = 0; i < before_.size(); ++i) {
      if (memcmp(before_[i].data(), now[i].data(), now[i].size() * sizeof(float))) {
        fail("the result depends on the order of threads");
      }
    }
    before_ = std::move(now);
  }

  void write(const char* path) const {
    FILE* file = fopen(path, "wb");
    for (size_t i = 0; i < shapes_.size(); ++i) {
      if (shapes_[i].is_parameter) fwrite(before_[i].data(), sizeof(float), before_[i].size(), file);
    }
    fclose(file);
  }

 private:
  std::vector<Shape> shapes_;
  std::vector<std::vector<float>> first_, before_;
  std::vector<float*> begins_;
};

}  // namespace emulation

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
