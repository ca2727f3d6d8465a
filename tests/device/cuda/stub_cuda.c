/* CUDA 10.2 without a GPU, for tests: libcudart.so.10.2 with -DRUNTIME, libcuda.so.1 with -DDRIVER.
 *
 * Every call is a line in the file $STUB_CUDA_LOG. Device memory is the process's own: NaN at first, and followed by a
 * page that nobody may touch. A cubin is text, one kernel a line: its name and its parameters' names; every kernel writes
 * twice what A holds to B, an element a thread. Or it is a shared object whose kernels run (`emulated_driver.h`).
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emulated_driver.h"

static void record(const char *format, ...) {
    const char *path = getenv("STUB_CUDA_LOG");
    FILE *file = path == NULL ? NULL : fopen(path, "a");
    va_list arguments;
    if (file == NULL)
        return;
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    fputc('\n', file);
    fclose(file);
}

#define WORD(value) ((unsigned long long)(uintptr_t)(value))

#ifdef RUNTIME
enum { LAST_ATTRIBUTE = 101 };
static int last_error;
static uintptr_t next_handle = 0x1000;
static int version = VERSION;

static int create(const char *name, void **handle) {
    *handle = (void *)(next_handle += 0x10);
    record("%s %llx", name, WORD(*handle));
    return 0;
}

int cudaRuntimeGetVersion(int *value) { *value = version; return 0; }
int cudaGetDeviceCount(int *count) { record("cudaGetDeviceCount"); *count = 1; return 0; }
int cudaGetDevice(int *device) { record("cudaGetDevice"); *device = 0; return 0; }
int cudaSetDevice(int device) { record("cudaSetDevice %d", device); return device == 0 ? 0 : 101; }
int cudaPeekAtLastError(void) { record("cudaPeekAtLastError"); return last_error; }
int cudaGetLastError(void) { int error = last_error; record("cudaGetLastError"); last_error = 0; return error; }
const char *cudaGetErrorName(int error) { record("cudaGetErrorName %d", error); return "cudaErrorOfStub"; }
const char *cudaGetErrorString(int error) { record("cudaGetErrorString %d", error); return "an error of the stub"; }

/* A page that holds the size of the whole, then pages at whose end the memory is, then the page not to touch. */
static void *new_memory(size_t bytes) {
    const size_t alignment = 256, page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t used = (bytes + alignment - 1) / alignment * alignment;
    const size_t whole = (used + page - 1) / page * page + 2 * page;
    char *pages = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + whole - page, page, PROT_NONE) != 0)
        return NULL;
    memcpy(pages, &whole, sizeof whole);
    return memset(pages + whole - page - used, 0xFF, used);
}
static void release(void *memory) {
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    char *pages = (char *)((uintptr_t)memory / page * page - page);
    size_t whole;
    memcpy(&whole, pages, sizeof whole);
    munmap(pages, whole);
}
int cudaMalloc(void **memory, size_t bytes) {
    *memory = new_memory(bytes);
    record("cudaMalloc %zu %llx", bytes, WORD(*memory));
    return *memory == NULL ? 2 : 0;
}
int cudaMallocHost(void **memory, size_t bytes) {
    *memory = calloc(1, bytes ? bytes : 1);
    record("cudaMallocHost %zu %llx", bytes, WORD(*memory));
    return 0;
}
int cudaFree(void *memory) {
    record("cudaFree %llx", WORD(memory));
    if (memory != NULL)
        release(memory);
    return 0;
}
int cudaFreeHost(void *memory) { record("cudaFreeHost %llx", WORD(memory)); free(memory); return 0; }
int cudaMemGetInfo(size_t *available, size_t *total) {
    record("cudaMemGetInfo");
    *available = 5000000000u;
    *total = 8000000000u;
    return 0;
}
int cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, void *stream) {
    record("cudaMemcpyAsync %zu %d %llx", bytes, kind, WORD(stream));
    memcpy(to, from, bytes);
    return 0;
}
int cudaMemcpyPeerAsync(void *to, int to_device, const void *from, int from_device, size_t bytes, void *stream) {
    record("cudaMemcpyPeerAsync %d %d %zu %llx", to_device, from_device, bytes, WORD(stream));
    memcpy(to, from, bytes);
    return 0;
}

int cudaStreamCreate(void **stream) { return create("cudaStreamCreate", stream); }
int cudaStreamCreateWithFlags(void **stream, unsigned flags) {
    record("cudaStreamCreateWithFlags %u", flags);
    return create("cudaStreamCreate", stream);
}
int cudaStreamDestroy(void *stream) { record("cudaStreamDestroy %llx", WORD(stream)); return 0; }
int cudaStreamSynchronize(void *stream) { record("cudaStreamSynchronize %llx", WORD(stream)); return 0; }
int cudaStreamWaitEvent(void *stream, void *event, unsigned flags) {
    record("cudaStreamWaitEvent %llx %llx %u", WORD(stream), WORD(event), flags);
    return 0;
}
int cudaStreamBeginCapture(void *stream, int mode) {
    record("cudaStreamBeginCapture %llx %d", WORD(stream), mode);
    return 0;
}
int cudaStreamEndCapture(void *stream, void **graph) {
    record("cudaStreamEndCapture %llx", WORD(stream));
    return create("graph", graph);
}

int cudaEventCreate(void **event) { return create("cudaEventCreate", event); }
int cudaEventDestroy(void *event) { record("cudaEventDestroy %llx", WORD(event)); return 0; }
int cudaEventRecord(void *event, void *stream) {
    record("cudaEventRecord %llx %llx", WORD(event), WORD(stream));
    return 0;
}
int cudaEventSynchronize(void *event) { record("cudaEventSynchronize %llx", WORD(event)); return 0; }
int cudaEventElapsedTime(float *milliseconds, void *start, void *stop) {
    record("cudaEventElapsedTime %llx %llx", WORD(start), WORD(stop));
    *milliseconds = 2.5f;
    return 0;
}

#if VERSION < 12000
int cudaGraphInstantiate(void **executable, void *graph, void **node, char *text, size_t bytes) {
    record("cudaGraphInstantiate %llx %llx %llx %zu", WORD(graph), WORD(node), WORD(text), bytes);
    return create("executable", executable);
}
#else
int cudaGraphInstantiate(void **executable, void *graph, unsigned long long flags) {
    record("cudaGraphInstantiate %llx %llu", WORD(graph), flags);
    return create("executable", executable);
}
#endif
int cudaGraphLaunch(void *executable, void *stream) {
    record("cudaGraphLaunch %llx %llx", WORD(executable), WORD(stream));
    return 0;
}
int cudaGraphDestroy(void *graph) { record("cudaGraphDestroy %llx", WORD(graph)); return 0; }
int cudaGraphExecDestroy(void *executable) { record("cudaGraphExecDestroy %llx", WORD(executable)); return 0; }

/* Compute capability 6.2, warps of 32, 48 KB of shared memory; the rest says which attribute it is. */
int cudaDeviceGetAttribute(int *value, int attribute, int device) {
    record("cudaDeviceGetAttribute %d %d", attribute, device);
    if (attribute > LAST_ATTRIBUTE && version < 11000)
        return last_error = 1;
    *value = attribute == 75 ? 6 : attribute == 76 ? 2 : attribute == 10 ? 32 : attribute == 97 ? 49152 : 1000 + attribute;
    return 0;
}

/* As in every CUDA since 10.0 up to the memory's size; what follows there differs and is spoilt here. */
int cudaGetDeviceProperties(char *properties, int device) {
    const size_t memory = 8000000000u;
    const unsigned mask = 7;
    record("cudaGetDeviceProperties %d", device);
    memset(properties, 0xAB, 712);
    strcpy(properties, "NVIDIA Tegra X2");
    memset(properties + 256, 0x11, 16);
    memset(properties + 272, 0x22, 8);
    memcpy(properties + 280, &mask, sizeof mask);
    memcpy(properties + 288, &memory, sizeof memory);
    return 0;
}
#endif

#ifdef DRIVER
struct module {
    char *text;
    void *library;
};

struct kernel {
    char name[256];
    launch_function *launch;
    int a, b;
};

int cuGetErrorName(int error, const char **name) {
    record("cuGetErrorName %d", error);
    *name = emulation_error(error) != NULL ? emulation_error(error) : "CUDA_ERROR_OF_STUB";
    return 0;
}
int cuGetErrorString(int error, const char **text) {
    record("cuGetErrorString %d", error);
    *text = "an error of the stub";
    return 0;
}
int cuDeviceGetName(char *name, int bytes, int device) {
    record("cuDeviceGetName %d", device);
    snprintf(name, (size_t)bytes, "NVIDIA Tegra X2");
    return 0;
}
int cuModuleLoadData(struct module **module, const char *image) {
    const int is_text = memcmp(image, "\177ELF", 4) != 0;
    record("cuModuleLoadData");
    *module = calloc(1, sizeof **module);
    if (is_text)
        (*module)->text = strdup(image);
    else
        (*module)->library = emulation_open(image);
    return is_text || (*module)->library != NULL ? 0 : 200;
}
int cuModuleUnload(struct module *module) {
    record("cuModuleUnload");
    free(module->text); /* a library stays: who unloads a module may still hold its kernels */
    free(module);
    return 0;
}

static int position(const char *words, const char *wanted) {
    char word[64];
    int index, length;
    for (index = -1; sscanf(words, " %63[^ \n]%n", word, &length) == 1 && words[0] != '\n'; index++, words += length)
        if (index >= 0 && strncmp(word, wanted, 1) == 0)
            return index;
    return -1;
}

int cuModuleGetFunction(struct kernel **function, const struct module *module, const char *name) {
    const char *line = module->text == NULL ? NULL : strstr(module->text, name);
    launch_function *launch = module->library == NULL ? NULL : emulation_find(module->library, name);
    record("cuModuleGetFunction %s", name);
    if (line == NULL && launch == NULL)
        return 500;
    *function = calloc(1, sizeof **function);
    snprintf((*function)->name, sizeof (*function)->name, "%s", name);
    (*function)->launch = launch;
    (*function)->a = line == NULL ? -1 : position(line, "A");
    (*function)->b = line == NULL ? -1 : position(line, "B");
    return 0;
}
int cuFuncSetAttribute(void *function, int attribute, int value) {
    record("cuFuncSetAttribute %s %d %d", ((struct kernel *)function)->name, attribute, value);
    return 0;
}
int cuLaunchKernel(struct kernel *kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared_bytes, void *stream, void **arguments, void **extra) {
    const unsigned grid[] = {gx, gy, gz}, block[] = {bx, by, bz};
    const float *a;
    float *b;
    unsigned long index;
    record("cuLaunchKernel %s %u,%u,%u %u,%u,%u %u %llx %llx", kernel == NULL ? "-" : kernel->name, gx, gy, gz, bx, by,
           bz, shared_bytes, WORD(stream), WORD(extra));
    if (kernel == NULL)
        return 0;
    if (kernel->launch != NULL)
        return emulation_launch(kernel->name, kernel->launch, grid, block, shared_bytes, arguments);
    a = *(float **)arguments[kernel->a];
    b = *(float **)arguments[kernel->b];
    for (index = 0; index < (unsigned long)gx * bx; index++)
        b[index] = 2 * a[index];
    return 0;
}
#endif
