/* The kernels that every tier defines, under the tier's names. Included after <tier>/vec.h. */
#ifndef RK_KERNELS_VECTOR_DECLARE_H
#define RK_KERNELS_VECTOR_DECLARE_H

#include "model/kernels/kernels.h"

#define RK_DECLARE_PRODUCT(name)                                                                                       \
	void RK_TIER(name)(const struct rk_product *product, const float *x, uint32_t n_lanes, float *ret_y);
#define RK_DECLARE_ROWS(name) void RK_TIER(name)(float *y, uint32_t n_rows, uint32_t n_lanes);
#define RK_DECLARE_GATHER(name) void RK_TIER(name)(const struct rk_gather *gather);

RK_DECLARE_PRODUCT(product)
RK_DECLARE_PRODUCT(product_relu)
RK_DECLARE_PRODUCT(product_gelu)
RK_DECLARE_PRODUCT(product_gelu_tanh)
RK_DECLARE_PRODUCT(product_silu)
void RK_TIER(product_pack)(const struct rk_product *product, const float *x, uint32_t n_lanes, size_t group_stride,
			   float *ret_packed);
void RK_TIER(pairs)(const float *x, uint32_t n_rows, uint32_t n_lanes, uint32_t *ret_pairs);
void RK_TIER(product_halves)(const struct rk_product *product, const uint32_t *pairs, uint32_t n_lanes,
			     void (*activate)(float *y, uint32_t n_rows, uint32_t n_lanes), float *ret_y);
void RK_TIER(halve)(const float *x, size_t n, uint16_t *ret_halves);
RK_DECLARE_ROWS(relu)
RK_DECLARE_ROWS(gelu)
RK_DECLARE_ROWS(gelu_tanh)
RK_DECLARE_ROWS(silu)
RK_DECLARE_ROWS(sigmoid)
RK_DECLARE_ROWS(tanh)
RK_DECLARE_ROWS(softmax)
void RK_TIER(softmax_causal)(float *y, uint32_t n_rows, const float *places, uint32_t n_lanes);
void RK_TIER(layer_norm)(const float *x, const struct rk_norm *norm, uint32_t n_rows, uint32_t n_lanes, float *ret_y);
RK_DECLARE_GATHER(gather_f32)
RK_DECLARE_GATHER(gather_f16)
RK_DECLARE_GATHER(gather_bf16)
void RK_TIER(add)(const float *x, uint32_t n_rows, uint32_t n_lanes, float *y);
void RK_TIER(scale)(const float *x, const float *factors, uint32_t n_rows, uint32_t n_lanes, float *ret_y);
void RK_TIER(cross)(const float *x0, const float *w, uint32_t n_rows, uint32_t n_lanes, float *x);
void RK_TIER(mix)(const float *x, const float *gate, uint32_t n_rows, uint32_t n_lanes, float *y);
void RK_TIER(blend)(const float *a, const float *b, const float *c, size_t n, float *ret_y);
double RK_TIER(peak)(uint64_t n_steps, float *ret_sum);

extern const struct rk_kernels RK_TIER(kernels);

#endif
