/*
 * The one product of the fast path. Included by <tier>/product.c after <tier>/vec.h.
 *
 * A tile of TILE_ROWS outputs × TILE_VECS vectors of lanes stays in registers while k runs; each sum starts from the
 * bias and takes one multiply-add a step, k ascending, whatever the shape of the tile: so all tiles give the same bits.
 * What is done with a finished tile (store, activate, pack) is a step of its own while it is still in the nearest
 * cache.
 */
#include "model/base/check.h"
#include "model/kernels/vector/declare.h"
#include "model/kernels/vector/math.h"

#include <string.h>

#define UNROLL _Pragma("GCC unroll 8")
#define UNROLL16 _Pragma("GCC unroll 16")
#define INLINE static inline __attribute__((always_inline))

/* Computes `rows` outputs over `n_vecs` vectors of lanes; both are constants where it is inlined. */
INLINE void tile(const struct rk_product *p, uint32_t m, const float *x, float *y, const int rows, const int n_vecs)
{
	vec sums[TILE_ROWS][TILE_VECS];
	UNROLL for (int row = 0; row < rows; row++)
	{
		vec bias = vec_set1(p->bias == NULL ? 0.0F : p->bias[m + (uint32_t)row]);
		UNROLL for (int v = 0; v < n_vecs; v++) sums[row][v] = bias;
	}
	const size_t stride = p->step_stride;
	const float *weights = p->weights + m / RK_PACK * p->group_stride + m % RK_PACK;
	for (uint32_t k = 0; k < p->n_in; k++) {
		vec lanes[TILE_VECS];
		UNROLL for (int v = 0; v < n_vecs; v++) lanes[v] = vec_load(x + v * VEC_LANES);
		UNROLL for (int row = 0; row < rows; row++)
		{
			vec weight = vec_set1(weights[row]);
			UNROLL for (int v = 0; v < n_vecs; v++) sums[row][v] = vec_fma(weight, lanes[v], sums[row][v]);
		}
		x += RK_PANEL;
		weights += stride;
	}
	UNROLL for (int row = 0; row < rows; row++) UNROLL for (int v = 0; v < n_vecs; v++)
		vec_store(y + row * RK_PANEL + v * VEC_LANES, sums[row][v]);
}

/* Twice the outputs over a single vector of lanes, where a tile would have too few sums under way to hide the latency
 * of an addition. The sums themselves are the same, in the same order. */
INLINE void narrow_tile(const struct rk_product *p, uint32_t m, const float *x, float *y)
{
	vec sums[2 * TILE_ROWS];
	const float *first = p->weights + m / RK_PACK * p->group_stride + m % RK_PACK;
	const float *second = p->weights + (m + TILE_ROWS) / RK_PACK * p->group_stride + (m + TILE_ROWS) % RK_PACK;
	const size_t stride = p->step_stride;
	UNROLL16 for (int row = 0; row < 2 * TILE_ROWS; row++) sums[row] =
		vec_set1(p->bias == NULL ? 0.0F : p->bias[m + (uint32_t)row]);
	for (uint32_t k = 0; k < p->n_in; k++, x += RK_PANEL, first += stride, second += stride) {
		vec lanes = vec_load(x);
		UNROLL for (int row = 0; row < TILE_ROWS; row++) sums[row] =
			vec_fma(vec_set1(first[row]), lanes, sums[row]);
		UNROLL for (int row = 0; row < TILE_ROWS; row++) sums[TILE_ROWS + row] =
			vec_fma(vec_set1(second[row]), lanes, sums[TILE_ROWS + row]);
	}
	UNROLL16 for (int row = 0; row < 2 * TILE_ROWS; row++) vec_store(y + row * RK_PANEL, sums[row]);
}

/* The lanes of one group of outputs, in steps of TILE_VECS vectors. */
INLINE void row_of_tiles(const struct rk_product *p, uint32_t m, const float *x, uint32_t n_lanes, float *y,
			 const int rows)
{
	for (uint32_t lane = 0; lane < n_lanes; lane += TILE_VECS * VEC_LANES) {
		uint32_t n_vecs = (n_lanes - lane + VEC_LANES - 1) / VEC_LANES;
		if (n_vecs >= 3)
			tile(p, m, x + lane, y + lane, rows, 3);
		else if (n_vecs == 2)
			tile(p, m, x + lane, y + lane, rows, 2);
		else
			tile(p, m, x + lane, y + lane, rows, 1);
	}
}

/* Outputs m … of one tile; returns how many it took. */
INLINE uint32_t outputs(const struct rk_product *p, uint32_t m, const float *x, uint32_t n_lanes, float *y)
{
	uint32_t left = p->n_out - m;
	if (n_lanes <= VEC_LANES && left >= 2 * TILE_ROWS) {
		narrow_tile(p, m, x, y);
		return 2 * TILE_ROWS;
	}
	if (left >= TILE_ROWS) {
		row_of_tiles(p, m, x, n_lanes, y, TILE_ROWS);
		return TILE_ROWS;
	}
	if (left >= 2) {
		row_of_tiles(p, m, x, n_lanes, y, 2);
		return 2;
	}
	row_of_tiles(p, m, x, n_lanes, y, 1);
	return 1;
}

/* A panel's rows that are activated while they are still in the nearest cache. */
enum { ROWS_AT_A_TIME = 32 };

#define PRODUCT(name)                                                                                                  \
	void RK_TIER(product_##name)(const struct rk_product *p, const float *x, uint32_t n_lanes, float *ret_y)       \
	{                                                                                                              \
		uint32_t n_done = 0;                                                                                   \
		for (uint32_t m = 0; m < p->n_out;) {                                                                  \
			m += outputs(p, m, x, n_lanes, ret_y + m * RK_PANEL);                                          \
			if (m - n_done < ROWS_AT_A_TIME && m < p->n_out)                                               \
				continue;                                                                              \
			RK_TIER(name)(ret_y + n_done * RK_PANEL, m - n_done, n_lanes);                                 \
			n_done = m;                                                                                    \
		}                                                                                                      \
	}

void RK_TIER(product)(const struct rk_product *p, const float *x, uint32_t n_lanes, float *ret_y)
{
	for (uint32_t m = 0, n; m < p->n_out; m += n, ret_y += n * RK_PANEL)
		n = outputs(p, m, x, n_lanes, ret_y);
}
PRODUCT(relu)
PRODUCT(gelu)
PRODUCT(gelu_tanh)
PRODUCT(silu)

void RK_TIER(product_pack)(const struct rk_product *p, const float *x, uint32_t n_lanes, size_t group_stride,
			   float *ret_packed)
{
	float rows[2 * TILE_ROWS * RK_PANEL] __attribute__((aligned(64))) RK_UNFILLED;
	for (uint32_t m = 0, n; m < p->n_out; m += n) {
		n = outputs(p, m, x, n_lanes, rows);
		for (uint32_t row = 0; row < n; row++)
			for (uint32_t lane = 0; lane < n_lanes; lane += RK_PACK)
				memcpy(ret_packed + lane / RK_PACK * group_stride + (m + row) * RK_PACK,
				       rows + row * RK_PANEL + lane, RK_PACK * sizeof(float));
	}
}
