/* The product of bfloat16 pairs with AVX-512-BF16: one instruction a pair of rows and vector of lanes. */
#include "model/kernels/avx512/variants.h"
#include "model/kernels/avx512/vec.h"

#include <string.h>

#define UNROLL _Pragma("GCC unroll 8")

void rk_avx512_bf16_pairs(const float *x, uint32_t n_rows, uint32_t n_lanes, uint32_t *ret_pairs)
{
	const uint32_t n_padded = rk_halves_padded(n_rows);
	for (uint32_t row = 0; row < n_padded; row += 2, ret_pairs += RK_PANEL)
		for (uint32_t lane = 0; lane < n_lanes; lane += VEC_LANES) {
			const float *at = x + row * (size_t)RK_PANEL + lane;
			vec even = row < n_rows ? vec_load(at) : vec_set1(0.0F);
			vec odd = row + 1 < n_rows ? vec_load(at + RK_PANEL) : vec_set1(0.0F);
			__m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(even));
			__m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(odd));
			vec_store_pairs(ret_pairs + lane, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
		}
}

static inline __attribute__((always_inline)) void tile(const struct rk_product *p, uint32_t m, const uint32_t *x,
						       float *y, const int rows, const int n_vecs)
{
	vec sums[TILE_ROWS][TILE_VECS];
	const char *weights = (const char *)(p->halves + m * p->half_stride);
	UNROLL for (int row = 0; row < rows; row++)
	{
		vec bias = vec_set1(p->bias == NULL ? 0.0F : p->bias[m + (uint32_t)row]);
		UNROLL for (int v = 0; v < n_vecs; v++) sums[row][v] = bias;
	}
	for (uint32_t k = 0; k < p->n_in; k += 2, x += RK_PANEL) {
		__m512i lanes[TILE_VECS];
		UNROLL for (int v = 0; v < n_vecs; v++) lanes[v] = vec_load_pairs(x + v * VEC_LANES);
		UNROLL for (int row = 0; row < rows; row++)
		{
			uint32_t pair;
			memcpy(&pair, weights + ((size_t)row * p->half_stride + k) * sizeof(uint16_t), sizeof(pair));
			__m512bh weight = (__m512bh)vec_set1_pair(pair);
			UNROLL for (int v = 0; v < n_vecs; v++) sums[row][v] =
				_mm512_dpbf16_ps(sums[row][v], weight, (__m512bh)lanes[v]);
		}
	}
	UNROLL for (int row = 0; row < rows; row++) UNROLL for (int v = 0; v < n_vecs; v++)
		vec_store(y + row * RK_PANEL + v * VEC_LANES, sums[row][v]);
}

void rk_avx512_bf16_product_halves(const struct rk_product *p, const uint32_t *pairs, uint32_t n_lanes, float *ret_y)
{
	uint32_t m = 0;
	for (; m + TILE_ROWS <= p->n_out; m += TILE_ROWS, ret_y += TILE_ROWS * RK_PANEL) {
		if (n_lanes > 2 * VEC_LANES)
			tile(p, m, pairs, ret_y, TILE_ROWS, 3);
		else if (n_lanes > VEC_LANES)
			tile(p, m, pairs, ret_y, TILE_ROWS, 2);
		else
			tile(p, m, pairs, ret_y, TILE_ROWS, 1);
	}
	for (; m < p->n_out; m++, ret_y += RK_PANEL)
		for (uint32_t lane = 0; lane < n_lanes; lane += VEC_LANES)
			tile(p, m, pairs + lane, ret_y + lane, 1, 1);
}
