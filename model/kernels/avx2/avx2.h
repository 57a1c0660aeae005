/* The AVX2, FMA and F16C tier: overrides of the tiers below it. Only its own files may use its instructions. */
#ifndef RK_KERNELS_AVX2_AVX2_H
#define RK_KERNELS_AVX2_AVX2_H

#include "model/kernels/kernels.h"

/* Overrides what this tier does better. */
void rk_avx2_init(struct rk_kernels *kernels);

/* One a family file. */
void rk_avx2_init_elementwise(struct rk_kernels *kernels);
void rk_avx2_init_gather(struct rk_kernels *kernels);

#endif
