/* What the amx tier does with tiles; the rest of its table is that of AVX-512. */
#ifndef RK_KERNELS_AMX_VARIANTS_H
#define RK_KERNELS_AMX_VARIANTS_H

#include "model/kernels/kernels.h"

void rk_amx_product_halves(const struct rk_product *product, const uint32_t *pairs, uint32_t n_lanes,
			   void (*activate)(float *y, uint32_t n_rows, uint32_t n_lanes), float *ret_y);
void rk_amx_digits(const struct rk_product *product, const float *x, uint32_t n_lanes, uint32_t *ret_quads,
		   float *ret_scales);
void rk_amx_product_digits(const struct rk_product *product, const uint32_t *quads, const float *scales,
			   uint32_t n_lanes, void (*activate)(float *y, uint32_t n_rows, uint32_t n_lanes),
			   float *ret_y);
void rk_amx_pack_digits(const float *rows, size_t stride, uint32_t n_out, uint32_t n_in,
			const struct rk_digits *ret_digits);

extern const struct rk_kernels rk_amx_kernels;

#endif
