/* The product of bfloat16 pairs with AVX-512-BF16: one instruction a pair of rows and vector of lanes. */
#include "model/kernels/avx512/variants.h"
#include "model/kernels/avx512/vec.h"

#include <string.h>

#define UNROLL _Pragma("GCC unroll 8")

/* Rows 2k and 2k + 1 of 16 lanes: rounded side by side, then brought together lane by lane. */
static inline __m512i pair(vec even, vec odd)
{
	const __m512i together = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7,
						  22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
	return _mm512_permutexvar_epi16(together, (__m512i)_mm512_cvtne2ps_pbh(odd, even));
}

static void pair_panel(const float *x, uint32_t n_rows, uint32_t n_lanes, uint32_t *ret_pairs)
{
	const uint32_t n_padded = rk_halves_padded(n_rows);
	for (uint32_t row = 0; row < n_padded; row += 2, ret_pairs += RK_PANEL)
		for (uint32_t lane = 0; lane < n_lanes; lane += VEC_LANES) {
			const float *at = x + row * (size_t)RK_PANEL + lane;
			vec even = row < n_rows ? vec_load(at) : vec_set1(0.0F);
			vec odd = row + 1 < n_rows ? vec_load(at + RK_PANEL) : vec_set1(0.0F);
			vec_store_pairs(ret_pairs + lane, pair(even, odd));
		}
}

void rk_avx512_bf16_pairs(const float *x, uint32_t n_rows, uint32_t n_lanes, uint32_t *ret_pairs)
{
	for (uint32_t panel = 0; panel * RK_PANEL < n_lanes; panel++)
		pair_panel(x + (size_t)panel * n_rows * RK_PANEL, n_rows, rk_lanes_of(n_lanes, panel),
			   ret_pairs + (size_t)panel * rk_halves_padded(n_rows) / 2 * RK_PANEL);
}

void rk_avx512_bf16_halve(const float *x, size_t n, uint16_t *ret_halves)
{
	for (; n >= VEC_LANES; n -= VEC_LANES, x += VEC_LANES, ret_halves += VEC_LANES)
		_mm256_storeu_epi16(ret_halves, (__m256i)_mm512_cvtneps_pbh(vec_loadu(x)));
	const __mmask16 rest = (__mmask16)((1U << n) - 1U);
	_mm256_mask_storeu_epi16(ret_halves, rest, (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(rest, x)));
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

static void product_panel(const struct rk_product *p, const uint32_t *x, uint32_t n_lanes, float *y)
{
	uint32_t m = 0;
	for (; m + TILE_ROWS <= p->n_out; m += TILE_ROWS, y += TILE_ROWS * RK_PANEL) {
		if (n_lanes > 2 * VEC_LANES)
			tile(p, m, x, y, TILE_ROWS, 3);
		else if (n_lanes > VEC_LANES)
			tile(p, m, x, y, TILE_ROWS, 2);
		else
			tile(p, m, x, y, TILE_ROWS, 1);
	}
	for (; m < p->n_out; m++, y += RK_PANEL)
		for (uint32_t lane = 0; lane < n_lanes; lane += VEC_LANES)
			tile(p, m, x + lane, y + lane, 1, 1);
}

void rk_avx512_bf16_product_halves(const struct rk_product *p, const uint32_t *pairs, uint32_t n_lanes,
				   void (*activate)(float *y, uint32_t n_rows, uint32_t n_lanes), float *ret_y)
{
	for (uint32_t panel = 0; panel * RK_PANEL < n_lanes; panel++, ret_y += (size_t)p->n_out * RK_PANEL) {
		const uint32_t n_here = rk_lanes_of(n_lanes, panel);
		product_panel(p, pairs + (size_t)panel * rk_halves_padded(p->n_in) / 2 * RK_PANEL, n_here, ret_y);
		if (activate != NULL)
			activate(ret_y, p->n_out, n_here);
	}
}
