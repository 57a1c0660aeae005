/*
 * The product with bfloat16 weights and activations and float sums, in any vector width: for processors without
 * instructions for it. Each pair of rows is two multiply-adds, even row first.
 */
#include "model/base/half.h"
#include "model/kernels/vector/declare.h"
#include "model/kernels/vector/math.h"

#include <string.h>

#define UNROLL _Pragma("GCC unroll 8")

static void pair_panel(const float *x, uint32_t n_rows, uint32_t n_lanes, uint32_t *ret_pairs)
{
	const uint32_t n_padded = rk_halves_padded(n_rows);
	for (uint32_t row = 0; row < n_padded; row += 2, ret_pairs += RK_PANEL)
		for (uint32_t lane = 0; lane < n_lanes; lane += VEC_LANES) {
			const float *at = x + row * (size_t)RK_PANEL + lane;
			vec even = row < n_rows ? vec_load(at) : vec_set1(0.0F);
			vec odd = row + 1 < n_rows ? vec_load(at + RK_PANEL) : vec_set1(0.0F);
			vec_store_pairs(ret_pairs + lane, vec_pair(even, odd));
		}
}

void RK_TIER(pairs)(const float *x, uint32_t n_rows, uint32_t n_lanes, uint32_t *ret_pairs)
{
	for (uint32_t panel = 0; panel * RK_PANEL < n_lanes; panel++)
		pair_panel(x + (size_t)panel * n_rows * RK_PANEL, n_rows, rk_lanes_of(n_lanes, panel),
			   ret_pairs + (size_t)panel * rk_halves_padded(n_rows) / 2 * RK_PANEL);
}

void RK_TIER(halve)(const float *x, size_t n, uint16_t *ret_halves)
{
	for (size_t i = 0; i < n; i++)
		ret_halves[i] = rk_bf16_of_float(x[i]);
}

static inline __attribute__((always_inline)) void halves_tile(const struct rk_product *p, uint32_t m, const uint32_t *x,
							      float *y, const int rows)
{
	vec sums[TILE_ROWS];
	const char *weights = (const char *)(p->halves + m * p->half_stride);
	UNROLL for (int row = 0; row < rows; row++) sums[row] =
		vec_set1(p->bias == NULL ? 0.0F : p->bias[m + (uint32_t)row]);
	for (uint32_t k = 0; k < p->n_in; k += 2, x += RK_PANEL) {
		vec_pairs lanes = vec_load_pairs(x);
		vec even = vec_even(lanes), odd = vec_odd(lanes);
		UNROLL for (int row = 0; row < rows; row++)
		{
			uint32_t pair;
			memcpy(&pair, weights + ((size_t)row * p->half_stride + k) * sizeof(uint16_t), sizeof(pair));
			sums[row] = vec_fma(vec_even(vec_set1_pair(pair)), even, sums[row]);
			sums[row] = vec_fma(vec_odd(vec_set1_pair(pair)), odd, sums[row]);
		}
	}
	UNROLL for (int row = 0; row < rows; row++) vec_store(y + row * RK_PANEL, sums[row]);
}

static void product_panel(const struct rk_product *p, const uint32_t *x, uint32_t n_lanes, float *y)
{
	uint32_t m = 0;
	for (; m + TILE_ROWS <= p->n_out; m += TILE_ROWS)
		for (uint32_t lane = 0; lane < n_lanes; lane += VEC_LANES)
			halves_tile(p, m, x + lane, y + m * RK_PANEL + lane, TILE_ROWS);
	for (; m < p->n_out; m++)
		for (uint32_t lane = 0; lane < n_lanes; lane += VEC_LANES)
			halves_tile(p, m, x + lane, y + m * RK_PANEL + lane, 1);
}

void RK_TIER(product_halves)(const struct rk_product *p, const uint32_t *pairs, uint32_t n_lanes,
			     void (*activate)(float *y, uint32_t n_rows, uint32_t n_lanes), float *ret_y)
{
	for (uint32_t panel = 0; panel * RK_PANEL < n_lanes; panel++, ret_y += (size_t)p->n_out * RK_PANEL) {
		const uint32_t n_here = rk_lanes_of(n_lanes, panel);
		product_panel(p, pairs + (size_t)panel * rk_halves_padded(p->n_in) / 2 * RK_PANEL, n_here, ret_y);
		if (activate != NULL)
			activate(ret_y, p->n_out, n_here);
	}
}
