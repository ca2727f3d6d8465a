/* A libcudart.so.13 for boards whose CUDA is older, such as the Jetson TX2 with CUDA 10.2.
 *
 * TVM's wheel is built for CUDA 13. What its CUDA runtime calls exists under the same name in the board's own CUDA, but
 * for a few things that this library does itself; the rest it hands on. It needs no header of CUDA's: only what it
 * touches is declared here. The C library's symbols that it uses are those of glibc 2.17, the language is C99.
 *
 * STAGELINE_CUDART is the path of the CUDA runtime to hand calls on to; 10.1 is the oldest with these signatures.
 * Facts about CUDA's interface are those of NVIDIA's CUDA Runtime API and Driver API references, and of the offsets that
 * a compiler gives for the headers of CUDA 13.0.
 */

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#ifndef STAGELINE_CUDART
#error "STAGELINE_CUDART names the CUDA runtime to forward to"
#endif

#define EXPORT __attribute__((visibility("default")))

enum { SUCCESS = 0, INVALID_VALUE = 1, SYMBOL_NOT_FOUND = 302, RUNTIME_NOT_LOADED = 303, NOT_SUPPORTED = 801 };
enum { CUDA_11 = 11000, CUDA_12 = 12000 };

/* Of both interfaces, runtime (cudaError_t) and driver (CUresult); their numbers agree since CUDA 10.1. */
typedef int status;
typedef void *handle;

static handle runtime, driver;
static char failure[512] = "libcuda.so.1 or the board's CUDA runtime lacks a function";

__attribute__((constructor)) static void open_libraries(void) {
    runtime = dlopen(STAGELINE_CUDART, RTLD_NOW | RTLD_LOCAL);
    if (runtime == NULL)
        snprintf(failure, sizeof failure, "%s", dlerror());
    driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
}

static handle find(handle library, const char *name) { return library == NULL ? NULL : dlsym(library, name); }

static status missing(void) { return runtime == NULL ? RUNTIME_NOT_LOADED : SYMBOL_NOT_FOUND; }

/* Looks a function up at its first call. Two threads may both do so: they find the same. */
#define LOOK_UP(target, library, name)                                                                             \
    static handle found;                                                                                           \
    if (found == NULL)                                                                                             \
        found = find(library, name);                                                                               \
    memcpy(&target, &found, sizeof found);

#define FORWARD(name, parameters, arguments)                                                                       \
    EXPORT status name parameters {                                                                                \
        status(*target) parameters;                                                                                \
        LOOK_UP(target, runtime, #name)                                                                            \
        return target == NULL ? missing() : target arguments;                                                      \
    }

FORWARD(cudaGetDevice, (int *device), (device))
FORWARD(cudaGetDeviceCount, (int *count), (count))
FORWARD(cudaGetLastError, (void), ())
FORWARD(cudaPeekAtLastError, (void), ())

FORWARD(cudaMalloc, (handle * memory, size_t bytes), (memory, bytes))
FORWARD(cudaMallocHost, (handle * memory, size_t bytes), (memory, bytes))
FORWARD(cudaFree, (handle memory), (memory))
FORWARD(cudaFreeHost, (handle memory), (memory))
FORWARD(cudaMemGetInfo, (size_t *free_bytes, size_t *total_bytes), (free_bytes, total_bytes))
FORWARD(cudaMemcpyAsync, (handle to, const void *from, size_t bytes, int kind, handle stream),
        (to, from, bytes, kind, stream))
FORWARD(cudaMemcpyPeerAsync, (handle to, int to_device, const void *from, int from_device, size_t bytes, handle stream),
        (to, to_device, from, from_device, bytes, stream))

FORWARD(cudaStreamCreate, (handle * stream), (stream))
FORWARD(cudaStreamCreateWithFlags, (handle * stream, unsigned flags), (stream, flags))
FORWARD(cudaStreamDestroy, (handle stream), (stream))
FORWARD(cudaStreamSynchronize, (handle stream), (stream))
FORWARD(cudaStreamWaitEvent, (handle stream, handle event, unsigned flags), (stream, event, flags))
FORWARD(cudaStreamBeginCapture, (handle stream, int mode), (stream, mode))
FORWARD(cudaStreamEndCapture, (handle stream, handle *graph), (stream, graph))

FORWARD(cudaEventCreate, (handle * event), (event))
FORWARD(cudaEventDestroy, (handle event), (event))
FORWARD(cudaEventRecord, (handle event, handle stream), (event, stream))
FORWARD(cudaEventSynchronize, (handle event), (event))
FORWARD(cudaEventElapsedTime, (float *milliseconds, handle start, handle stop), (milliseconds, start, stop))

FORWARD(cudaGraphLaunch, (handle executable, handle stream), (executable, stream))
FORWARD(cudaGraphDestroy, (handle graph), (graph))
FORWARD(cudaGraphExecDestroy, (handle executable), (executable))

static int runtime_version(void) {
    status (*target)(int *);
    int version = 0;
    LOOK_UP(target, runtime, "cudaRuntimeGetVersion")
    return target != NULL && target(&version) == SUCCESS ? version : 0;
}

static const char *describe(const char *(*target)(status), status error, const char *fallback) {
    return target == NULL || error == RUNTIME_NOT_LOADED || error == SYMBOL_NOT_FOUND ? fallback : target(error);
}

EXPORT const char *cudaGetErrorName(status error) {
    const char *(*target)(status);
    LOOK_UP(target, runtime, "cudaGetErrorName")
    return describe(target, error, "cudaErrorSharedObjectInitFailed");
}

EXPORT const char *cudaGetErrorString(status error) {
    const char *(*target)(status);
    LOOK_UP(target, runtime, "cudaGetErrorString")
    return describe(target, error, failure);
}

/* Since CUDA 12 this also makes the device's context and makes it the thread's current one, and TVM relies on that: it
 * loads modules and launches kernels by the driver, which demands a current context. Before, the first call that needed a
 * context did; freeing nothing is such a call. */
EXPORT status cudaSetDevice(int device) {
    static __thread int ready = -1;
    status (*target)(int);
    status result;
    LOOK_UP(target, runtime, "cudaSetDevice")
    if (target == NULL)
        return missing();
    result = target(device);
    if (result != SUCCESS || ready == device)
        return result;
    if (runtime_version() < CUDA_12)
        result = cudaFree(NULL);
    if (result == SUCCESS)
        ready = device;
    return result;
}

/* CUDA 10 ends with cudaDevAttrDirectManagedMemAccessFromHost and calls every later attribute an invalid value. A board
 * of its time has none of what they stand for: zero. */
EXPORT status cudaDeviceGetAttribute(int *value, int attribute, int device) {
    enum { LAST_OF_CUDA_10 = 101 };
    status (*target)(int *, int, int);
    LOOK_UP(target, runtime, "cudaDeviceGetAttribute")
    if (target == NULL)
        return missing();
    if (attribute > LAST_OF_CUDA_10 && runtime_version() < CUDA_11) {
        if (value == NULL)
            return INVALID_VALUE;
        *value = 0;
        return SUCCESS;
    }
    return target(value, attribute, device);
}

/* cudaDeviceProp of CUDA 13. It begins as in CUDA 10: name, UUID, LUID, bytes of memory. Every later member is an
 * attribute of the device, so the list says for each, in order, which one (a number of cudaDeviceAttr; the numbers have
 * never changed), negative where the member is a size_t. Offsets follow from order and alignment, as in the compiler. */
enum { PROPERTIES_BYTES = 1008, BEGINNING_BYTES = 296, NO_ATTRIBUTE = 0 };

static const short members[] = {
    -8,  12,  10,  -11, 1,   2,   3,   4,   5,   6,   7,            /* sharedMemPerBlock .. maxGridSize */
    -9,  75,  76,  -14, -51, 16,  18,  19,                          /* totalConstMem .. canMapHostMemory */
    21,  77,  22,  23,  73,  74,  70,  71,  72,  45,  46,           /* maxTexture1D .. maxTexture2DGather */
    24,  25,  26,  47,  48,  49,  52,  42,  43,  27,  28,  29,      /* maxTexture3D .. maxTexture2DLayered */
    53,  54,  55,  56,  57,  58,  59,  60,  61,  62,  63,  64,  65, /* .. maxSurface2DLayered */
    66,  67,  68,  -30, 31,  32,  33,  34,  50,  35,  40,  41,  37, /* maxSurfaceCubemap .. memoryBusWidth */
    38,  108, 39,  78,  79,  80,  -81, 82,  83,  84,  85,  86,      /* l2CacheSize .. hostNativeAtomicSupported */
    88,  89,  90,  91,  95,  -97, 100, 101, 106, 109, -111,         /* .. reservedSharedMemPerBlock */
    99,  112, 113, 114, 115, 116, 117, 118, 119, 121, 125, 120,     /* hostRegisterSupported .. clusterLaunch */
    NO_ATTRIBUTE,                                                   /* unifiedFunctionPointers */
    130, 131, 133, 134, 139, 140, 143,                              /* deviceNumaConfig .. hostNumaMultinodeIpc */
};

static size_t attribute_of(int attribute, int device) {
    int value = 0;
    if (attribute != NO_ATTRIBUTE && cudaDeviceGetAttribute(&value, attribute, device) != SUCCESS) {
        cudaGetLastError(); /* nobody asked for this attribute, so nobody shall find its error */
        return 0;
    }
    return (size_t)value;
}

static void fill_members(char *properties, int device) {
    size_t offset = BEGINNING_BYTES, index;
    for (index = 0; index < sizeof members / sizeof *members; index++) {
        const int is_size = members[index] < 0;
        const size_t bytes = is_size ? sizeof(size_t) : sizeof(int);
        const size_t value = attribute_of(is_size ? -members[index] : members[index], device);
        const int number = (int)value;
        offset = (offset + bytes - 1) / bytes * bytes;
        memcpy(properties + offset, is_size ? (const void *)&value : (const void *)&number, bytes);
        offset += bytes;
    }
}

EXPORT status cudaGetDeviceProperties(char *properties, int device) {
    char own[4096] = {0}; /* of whatever version: none is half as long */
    status (*target)(char *, int);
    status result;
    LOOK_UP(target, runtime, "cudaGetDeviceProperties")
    if (target == NULL)
        return missing();
    result = properties == NULL ? INVALID_VALUE : target(own, device);
    if (result == SUCCESS) {
        memset(properties, 0, PROPERTIES_BYTES);
        memcpy(properties, own, BEGINNING_BYTES);
        fill_members(properties, device);
    }
    return result;
}

/* Three parameters since CUDA 12. Before, there were no flags, and room for a node and a text that explain a failure. */
EXPORT status cudaGraphInstantiate(handle *executable, handle graph, unsigned long long flags) {
    status (*now)(handle *, handle, unsigned long long);
    status (*before)(handle *, handle, handle *, char *, size_t);
    LOOK_UP(now, runtime, "cudaGraphInstantiate")
    if (now == NULL)
        return missing();
    if (runtime_version() >= CUDA_12)
        return now(executable, graph, flags);
    memcpy(&before, &found, sizeof found);
    return flags != 0 ? NOT_SUPPORTED : before(executable, graph, NULL, NULL, 0);
}

/* CUlaunchConfig and the beginning of CUlaunchAttribute, which older drivers do not know. */
struct launch_attribute {
    int kind;
    char padding[4];
    char value[64];
};

struct launch {
    unsigned grid[3], block[3], shared_bytes;
    handle stream;
    const struct launch_attribute *attributes;
    unsigned attribute_count;
};

static int asks_for_more_than_a_launch(const struct launch *launch) {
    enum { IGNORE = 0 };
    unsigned index;
    for (index = 0; index < launch->attribute_count; index++)
        if (launch->attributes[index].kind != IGNORE)
            return 1;
    return 0;
}

EXPORT status cuLaunchKernelEx(const struct launch *launch, handle function, handle *arguments, handle *extra) {
    status (*target)(handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, handle, handle *,
                     handle *);
    const unsigned *grid, *block;
    LOOK_UP(target, driver, "cuLaunchKernel")
    if (target == NULL)
        return SYMBOL_NOT_FOUND;
    if (launch == NULL)
        return INVALID_VALUE;
    if (asks_for_more_than_a_launch(launch))
        return NOT_SUPPORTED;
    grid = launch->grid;
    block = launch->block;
    return target(function, grid[0], grid[1], grid[2], block[0], block[1], block[2], launch->shared_bytes,
                  launch->stream, arguments, extra);
}

/* Descriptors for copies by hardware that came with Hopper. */
EXPORT status cuTensorMapEncodeTiled(void) { return NOT_SUPPORTED; }
