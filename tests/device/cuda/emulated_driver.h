/* The part of the stub driver that executes: cubins of `emulated_nvcc.py`, shared objects for this machine. */

typedef _Bool launch_function(const unsigned *grid, const unsigned *block, void **arguments);

/* Loads a shared object from memory; NULL if that cannot be. */
void *emulation_open(const void *image);

/* What launches a kernel of a loaded one; NULL if it has no such kernel. */
launch_function *emulation_find(void *library, const char *kernel);

/* Runs a kernel to its end and gives an error of the driver's interface, or 0. */
int emulation_launch(const char *name, launch_function *launch, const unsigned *grid, const unsigned *block,
                     unsigned shared_bytes, void **arguments);

/* An error's name; NULL if no launch gives such an error. */
const char *emulation_error(int error);
