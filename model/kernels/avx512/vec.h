/* Vectors of 16 floats: AVX-512 F, BW, DQ, VL with FMA. See model/kernels/vector/README in the scalar tier for the
 * contract. */
#ifndef RK_KERNELS_AVX512_VEC_H
#define RK_KERNELS_AVX512_VEC_H

#include <immintrin.h>
#include <stdint.h>

#define RK_TIER(name) rk_avx512_##name
enum { VEC_LANES = 16, TILE_ROWS = 8, TILE_VECS = 3 };

typedef __m512 vec;
typedef __mmask16 vec_mask;

static inline vec vec_load(const float *p)
{
	return _mm512_load_ps(p);
}
static inline vec vec_loadu(const float *p)
{
	return _mm512_loadu_ps(p);
}
static inline void vec_store(float *p, vec a)
{
	_mm512_store_ps(p, a);
}
static inline void vec_storeu(float *p, vec a)
{
	_mm512_storeu_ps(p, a);
}
static inline vec vec_set1(float a)
{
	return _mm512_set1_ps(a);
}
static inline vec vec_add(vec a, vec b)
{
	return _mm512_add_ps(a, b);
}
static inline vec vec_sub(vec a, vec b)
{
	return _mm512_sub_ps(a, b);
}
static inline vec vec_mul(vec a, vec b)
{
	return _mm512_mul_ps(a, b);
}
static inline vec vec_div(vec a, vec b)
{
	return _mm512_div_ps(a, b);
}
static inline vec vec_fma(vec a, vec b, vec c)
{
	return _mm512_fmadd_ps(a, b, c);
}
static inline vec vec_max(vec a, vec b)
{
	return _mm512_max_ps(a, b);
}
static inline vec vec_min(vec a, vec b)
{
	return _mm512_min_ps(a, b);
}
static inline vec vec_sqrt(vec a)
{
	return _mm512_sqrt_ps(a);
}
static inline vec vec_abs(vec a)
{
	return _mm512_abs_ps(a);
}
static inline vec vec_copysign(vec a, vec sign)
{
	return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(_mm512_set1_epi32((int)0x80000000U),
							     _mm512_castps_si512(sign), _mm512_castps_si512(a), 0xca));
}
static inline vec vec_round(vec a)
{
	return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* a · 2^n for whole n in −126 … 127 and a in [1/2, 2] */
static inline vec vec_scale(vec a, vec n)
{
	return _mm512_scalef_ps(a, n);
}
static inline vec_mask vec_less(vec a, vec b)
{
	return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
static inline vec vec_select(vec_mask mask, vec yes, vec no)
{
	return _mm512_mask_blend_ps(mask, no, yes);
}
static inline float vec_sum(vec a)
{
	return _mm512_reduce_add_ps(a);
}

/* See scalar/vec.h. */
typedef __m512i vec_pairs;
static inline vec_pairs vec_load_pairs(const uint32_t *p)
{
	return _mm512_load_si512(p);
}
static inline void vec_store_pairs(uint32_t *p, vec_pairs a)
{
	_mm512_store_si512(p, a);
}
static inline vec_pairs vec_set1_pair(uint32_t a)
{
	return _mm512_set1_epi32((int)a);
}
static inline vec vec_even(vec_pairs a)
{
	return _mm512_castsi512_ps(_mm512_slli_epi32(a, 16));
}
static inline vec vec_odd(vec_pairs a)
{
	return _mm512_castsi512_ps(_mm512_and_si512(a, _mm512_set1_epi32((int)0xffff0000U)));
}
static inline __m512i vec_rounded(vec a)
{
	__m512i bits = _mm512_castps_si512(a);
	__m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
	__m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
	__mmask16 is_nan = _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
	return _mm512_mask_or_epi32(rounded, is_nan, bits, _mm512_set1_epi32(0x400000));
}
static inline vec_pairs vec_pair(vec even, vec odd)
{
	__m512i high = _mm512_and_si512(vec_rounded(odd), _mm512_set1_epi32((int)0xffff0000U));
	return _mm512_or_si512(high, _mm512_srli_epi32(vec_rounded(even), 16));
}

#endif
