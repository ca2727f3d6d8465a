// Tensors for kernels on the emulation of a GPU: what a program that starts kernels reads and writes.

#pragma once

#include <sys/mman.h>

#include <cstdio>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "cuda_emulation.hpp"

namespace emulation {

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
