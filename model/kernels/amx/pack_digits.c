/* Weights that are computed for a request, in digits: the same numbers as rk_pack_digits makes at load. */
#include "model/base/digits.h"
#include "model/kernels/amx/tiles.h"
#include "model/kernels/amx/variants.h"
#include "model/kernels/avx512/vec.h"

#include <string.h>

#define UNROLL _Pragma("GCC unroll 8")

enum { STEP_VECS = RK_DIGIT_STEP / VEC_LANES, TILE_BYTES = TILE_OUTPUTS * RK_DIGIT_STEP };

/* Of 16 columns, those that there are. */
static inline __mmask16 first_columns(uint32_t n)
{
	return (__mmask16)(n >= VEC_LANES ? 0xffffU : (1U << n) - 1U);
}

static inline __m512i magnitude(vec a)
{
	return _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(0x7fffffff));
}

/* rk_digits_balance of each; the least is 2^−40 */
static inline __m512i balance_of(__m512i largest)
{
	const __m512i least = _mm512_set1_epi32((127 - 40) << 23), most = _mm512_set1_epi32((127 + 40) << 23);
	__m512i power = _mm512_and_si512(largest, _mm512_set1_epi32(0x7f800000));
	return _mm512_min_epi32(most, _mm512_max_epi32(least, power));
}

/* in_scales of a step's columns, of which n are there. */
static void balance(const float *rows, size_t stride, uint32_t n_out, uint32_t n, float *ret_scales)
{
	__m512i largest[STEP_VECS];
	__mmask16 masks[STEP_VECS];
	UNROLL for (uint32_t v = 0; v < STEP_VECS; v++)
	{
		largest[v] = _mm512_setzero_si512();
		masks[v] = first_columns(n > v * VEC_LANES ? n - v * VEC_LANES : 0);
	}
	for (uint32_t m = 0; m < n_out; m++, rows += stride)
		UNROLL for (uint32_t v = 0; v < STEP_VECS; v++) largest[v] =
			_mm512_max_epi32(largest[v], magnitude(_mm512_maskz_loadu_ps(masks[v], rows + v * VEC_LANES)));
	UNROLL for (uint32_t v = 0; v < STEP_VECS; v++)
		_mm512_store_si512(ret_scales + v * VEC_LANES, balance_of(largest[v]));
}

/* Weights of 16 columns, brought near 1: a power of two with exponent e has its inverse at 254 − e. */
static inline vec balanced(const float *row, __mmask16 mask, const float *in_scales)
{
	__m512i inverse = _mm512_sub_epi32(_mm512_set1_epi32(0x7f000000), _mm512_load_si512(in_scales));
	return _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, row), _mm512_castsi512_ps(inverse));
}

static uint32_t largest_of_row(const float *row, uint32_t n_in, const float *in_scales)
{
	__m512i even = _mm512_setzero_si512(), odd = even;
	uint32_t k = 0;
	for (; k + 2 * VEC_LANES <= n_in; k += 2 * VEC_LANES) {
		even = _mm512_max_epi32(even, magnitude(balanced(row + k, 0xffffU, in_scales + k)));
		odd = _mm512_max_epi32(odd,
				       magnitude(balanced(row + k + VEC_LANES, 0xffffU, in_scales + k + VEC_LANES)));
	}
	for (; k < n_in; k += VEC_LANES)
		even = _mm512_max_epi32(even, magnitude(balanced(row + k, first_columns(n_in - k), in_scales + k)));
	return (uint32_t)_mm512_reduce_max_epi32(_mm512_max_epi32(even, odd));
}

static inline void store_digits(vec weights, vec factor, int8_t *ret_digits)
{
	const __m512i offset = _mm512_set1_epi32(RK_DIGITS_OFFSET);
	__m512i whole = _mm512_cvtps_epi32(_mm512_mul_ps(weights, factor));
	__m512i digits = _mm512_xor_si512(_mm512_add_epi32(whole, offset), offset);
	/* the same byte of all words side by side: d₃, d₂, d₁ */
	__m512i order = _mm512_add_epi8(
		_mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60)),
		_mm512_set_epi64(0, 0, 0x0202020202020202, 0x0202020202020202, 0x0101010101010101, 0x0101010101010101,
				 0, 0));
	__m512i turned = _mm512_permutexvar_epi8(order, digits);
	_mm_storeu_epi8(ret_digits, _mm512_extracti32x4_epi32(turned, 2));
	_mm_storeu_epi8(ret_digits + TILE_BYTES, _mm512_extracti32x4_epi32(turned, 1));
	_mm_storeu_epi8(ret_digits + 2 * (size_t)TILE_BYTES, _mm512_castsi512_si128(turned));
}

static void pack_row(const float *row, uint32_t n_in, uint32_t n_padded, const float *in_scales, int8_t *ret_tiles,
		     float *ret_scale)
{
	const uint32_t bits = largest_of_row(row, n_in, in_scales);
	const vec factor = vec_set1(rk_float_of_bits((RK_DIGITS_FACTOR - rk_digits_exponent(bits)) << 23));
	*ret_scale = rk_digits_scale(bits);
	for (uint32_t k = 0; k < n_padded; k += RK_DIGIT_STEP, ret_tiles += RK_N_DIGITS * TILE_BYTES)
		UNROLL for (uint32_t v = 0; v < STEP_VECS; v++)
		{
			uint32_t at = k + v * VEC_LANES;
			__mmask16 mask = first_columns(n_in > at ? n_in - at : 0);
			store_digits(balanced(row + at, mask, in_scales + at), factor, ret_tiles + v * VEC_LANES);
		}
}

void rk_amx_pack_digits(const float *rows, size_t stride, uint32_t n_out, uint32_t n_in,
			const struct rk_digits *ret_digits)
{
	const uint32_t n_padded = rk_digits_padded(n_in);
	const size_t group_bytes = (size_t)n_padded * RK_N_DIGITS * TILE_OUTPUTS;
	for (uint32_t k = 0; k < n_padded; k += RK_DIGIT_STEP)
		balance(rows + k, stride, n_out, n_in - k, ret_digits->in_scales + k);
	for (uint32_t m = 0; m < rk_digit_rows_of(n_out); m++) {
		int8_t *tiles =
			ret_digits->tiles + m / TILE_OUTPUTS * group_bytes + (size_t)(m % TILE_OUTPUTS) * RK_DIGIT_STEP;
		const bool is_row = m < n_out;
		pack_row(is_row ? rows + m * stride : rows, is_row ? n_in : 0, n_padded, ret_digits->in_scales, tiles,
			 &ret_digits->out_scales[m]);
	}
}
