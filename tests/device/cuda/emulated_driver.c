/* Loads and runs what the emulation's nvcc made. A kernel that faults is an error of its launch, as on a GPU, and as
 * there nothing can be launched any more afterwards. */
#define _GNU_SOURCE
#include "emulated_driver.h"

#include <dlfcn.h>
#include <elf.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_VALUE = 1, NOT_SUPPORTED = 801 };
enum { ILLEGAL_ADDRESS = 700, MISALIGNED_ADDRESS = 716, LAUNCH_FAILED = 719 };

static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};
enum { FAULTS = sizeof faults / sizeof *faults };

static pthread_mutex_t gpu = PTHREAD_MUTEX_INITIALIZER; /* the emulation's state is the process's */
static struct sigaction before[FAULTS];
static __thread sigjmp_buf *launching; /* NULL unless this thread runs a kernel */
static void *volatile fault_address;
static int broken;

/* An image comes without its length; the linker puts the table of sections at a shared object's end. */
static size_t length_of(const Elf64_Ehdr *image) {
    return image->e_shoff + (size_t)image->e_shentsize * image->e_shnum;
}

void *emulation_open(const void *image) {
    char path[64];
    void *library = NULL;
    const int file = memfd_create("cubin", MFD_CLOEXEC);
    const size_t bytes = length_of(image);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (file >= 0 && write(file, image, bytes) == (ssize_t)bytes)
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        fprintf(stderr, "the emulated GPU cannot load kernels: %s\n", dlerror());
    return library; /* the file stays open: the loader takes equal paths for equal libraries */
}

launch_function *emulation_find(void *library, const char *kernel) {
    char symbol[256];
    launch_function *found = NULL;
    void *address;
    snprintf(symbol, sizeof symbol, "launch_%s", kernel);
    address = dlsym(library, symbol);
    memcpy(&found, &address, sizeof found);
    return found;
}

static void on_fault(int number, siginfo_t *about, void *context) {
    int index;
    (void)context;
    if (launching != NULL) {
        fault_address = about->si_addr;
        siglongjmp(*launching, number);
    }
    for (index = 0; index < FAULTS; index++) /* somebody else's: it happens again, to whom it would have happened */
        if (faults[index] == number)
            sigaction(number, &before[index], NULL);
}

static void catch_faults(void) {
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    int index;
    action.sa_sigaction = on_fault;
    for (index = 0; index < FAULTS; index++)
        sigaction(faults[index], &action, &before[index]);
}

static void leave_faults(void) {
    int index;
    for (index = 0; index < FAULTS; index++)
        sigaction(faults[index], &before[index], NULL);
}

static int explained(const char *kernel, int number) {
    if (number == SIGSEGV || number == SIGBUS) {
        fprintf(stderr, "kernel %s touched address %p\n", kernel, fault_address);
        return ILLEGAL_ADDRESS;
    }
    if (number == SIGILL) {
        fprintf(stderr, "kernel %s read or wrote a vector at an address that its size does not divide\n", kernel);
        return MISALIGNED_ADDRESS;
    }
    fprintf(stderr, "kernel %s ended with signal %d\n", kernel, number);
    return LAUNCH_FAILED;
}

static int run(const char *name, launch_function *launch, const unsigned *grid, const unsigned *block,
               void **arguments) {
    sigjmp_buf back;
    int number, result;
    catch_faults();
    number = sigsetjmp(back, 1);
    if (number == 0) {
        launching = &back;
        result = launch(grid, block, arguments) ? SUCCESS : INVALID_VALUE;
    } else
        result = broken = explained(name, number);
    launching = NULL;
    leave_faults();
    return result;
}

int emulation_launch(const char *name, launch_function *launch, const unsigned *grid, const unsigned *block,
                     unsigned shared_bytes, void **arguments) {
    int result;
    if (shared_bytes != 0)
        return NOT_SUPPORTED;
    pthread_mutex_lock(&gpu);
    result = broken != SUCCESS ? broken : run(name, launch, grid, block, arguments);
    pthread_mutex_unlock(&gpu);
    return result;
}

const char *emulation_error(int error) {
    switch (error) {
    case INVALID_VALUE: return "CUDA_ERROR_INVALID_VALUE";
    case ILLEGAL_ADDRESS: return "CUDA_ERROR_ILLEGAL_ADDRESS";
    case MISALIGNED_ADDRESS: return "CUDA_ERROR_MISALIGNED_ADDRESS";
    case LAUNCH_FAILED: return "CUDA_ERROR_LAUNCH_FAILED";
    case NOT_SUPPORTED: return "CUDA_ERROR_NOT_SUPPORTED";
    default: return NULL;
    }
}
