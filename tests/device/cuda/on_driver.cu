// Kernels in the form in which TVM writes them, for what a GPU does with right ones and with wrong ones.

extern "C" __global__ void __launch_bounds__(64) reverse(float* __restrict__ out, float* __restrict__ in);
extern "C" __global__ void __launch_bounds__(64) reverse(float* __restrict__ out, float* __restrict__ in) {
  __shared__ alignas(64) float kept[64];
  kept[((int)threadIdx.x)] = in[((((int)blockIdx.x) * 64) + ((int)threadIdx.x))];
  __syncthreads();
  out[((((int)blockIdx.x) * 64) + ((int)threadIdx.x))] = kept[(63 - ((int)threadIdx.x))];
}

extern "C" __global__ void __launch_bounds__(64) sum(float* __restrict__ out, float* __restrict__ in, int count) {
  __shared__ alignas(64) float sums[64];
  sums[((int)threadIdx.x)] = 0.000000000e+00f;
  for (int i = 0; i < count; ++i) {
    sums[((int)threadIdx.x)] = (sums[((int)threadIdx.x)] + in[((i * 64) + ((int)threadIdx.x))]);
  }
  __syncthreads();
  for (int half = 32; half > 0; half = (half >> 1)) {
    if (((int)threadIdx.x) < half) {
      sums[((int)threadIdx.x)] = (sums[((int)threadIdx.x)] + sums[(((int)threadIdx.x) + half)]);
    }
    __syncthreads();
  }
  out[0] = sums[0];
}

// Reads shared memory that nobody wrote.
extern "C" __global__ void __launch_bounds__(64) unset(float* __restrict__ out) {
  __shared__ alignas(64) float kept[64];
  out[((int)threadIdx.x)] = kept[((int)threadIdx.x)];
}

// Lets some threads wait for others that never come.
extern "C" __global__ void __launch_bounds__(64) uneven(float* __restrict__ out) {
  if (((int)threadIdx.x) < 7) {
    __syncthreads();
  }
  out[((int)threadIdx.x)] = 1.000000000e+00f;
}

// Writes a vector between two that a GPU could write.
extern "C" __global__ void __launch_bounds__(64) crooked(float* __restrict__ out) {
  *(float4*)(out + (((((int)threadIdx.x) & 15) * 4) + 2)) = make_float4(1.000000000e+00f, 1.000000000e+00f, 1.000000000e+00f, 1.000000000e+00f);
}

// Needs more than 48 KB of shared memory.
extern "C" __global__ void __launch_bounds__(64) greedy(float* __restrict__ out) {
  __shared__ alignas(64) float kept[12289];
  kept[((int)threadIdx.x)] = 1.000000000e+00f;
  __syncthreads();
  out[((int)threadIdx.x)] = kept[(63 - ((int)threadIdx.x))];
}
