/* Kernels of the AVX-512 tier that need more of the processor than the tier does; the ladder asks for them. */
#ifndef RK_KERNELS_AVX512_VARIANTS_H
#define RK_KERNELS_AVX512_VARIANTS_H

#include "model/kernels/kernels.h"

void rk_avx512_bf16_pairs(const float *x, uint32_t n_rows, uint32_t n_lanes, uint32_t *ret_pairs);
void rk_avx512_bf16_product_halves(const struct rk_product *product, const uint32_t *pairs, uint32_t n_lanes,
				   void (*activate)(float *y, uint32_t n_rows, uint32_t n_lanes), float *ret_y);
void rk_avx512_bf16_halve(const float *x, size_t n, uint16_t *ret_halves);

extern const struct rk_kernels rk_avx512_bf16_kernels;

#endif
