/* The AVX-512 (F, BW, DQ, VL) tier: overrides of the tiers below it. Only its own files may use its instructions. */
#ifndef RK_KERNELS_AVX512_AVX512_H
#define RK_KERNELS_AVX512_AVX512_H

#include "model/kernels/kernels.h"

/* Overrides what this tier does better. */
void rk_avx512_init(struct rk_kernels *kernels);

/* One a family file. */
void rk_avx512_init_elementwise(struct rk_kernels *kernels);
void rk_avx512_init_gather(struct rk_kernels *kernels);

#endif
