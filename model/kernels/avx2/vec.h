/* Vectors of 8 floats: AVX2 with FMA. */
#ifndef RK_KERNELS_AVX2_VEC_H
#define RK_KERNELS_AVX2_VEC_H

#include <immintrin.h>
#include <stdint.h>

#define RK_TIER(name) rk_avx2_##name
enum { VEC_LANES = 8, TILE_ROWS = 4, TILE_VECS = 3 };

typedef __m256 vec;
typedef __m256 vec_mask;

static inline vec vec_load(const float *p)
{
	return _mm256_load_ps(p);
}
static inline vec vec_loadu(const float *p)
{
	return _mm256_loadu_ps(p);
}
static inline void vec_store(float *p, vec a)
{
	_mm256_store_ps(p, a);
}
static inline void vec_storeu(float *p, vec a)
{
	_mm256_storeu_ps(p, a);
}
static inline vec vec_set1(float a)
{
	return _mm256_set1_ps(a);
}
static inline vec vec_add(vec a, vec b)
{
	return _mm256_add_ps(a, b);
}
static inline vec vec_sub(vec a, vec b)
{
	return _mm256_sub_ps(a, b);
}
static inline vec vec_mul(vec a, vec b)
{
	return _mm256_mul_ps(a, b);
}
static inline vec vec_div(vec a, vec b)
{
	return _mm256_div_ps(a, b);
}
static inline vec vec_fma(vec a, vec b, vec c)
{
	return _mm256_fmadd_ps(a, b, c);
}
static inline vec vec_max(vec a, vec b)
{
	return _mm256_max_ps(a, b);
}
static inline vec vec_min(vec a, vec b)
{
	return _mm256_min_ps(a, b);
}
static inline vec vec_sqrt(vec a)
{
	return _mm256_sqrt_ps(a);
}
static inline vec vec_abs(vec a)
{
	return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a);
}
static inline vec vec_copysign(vec a, vec sign)
{
	const vec bit = _mm256_set1_ps(-0.0F);
	return _mm256_or_ps(_mm256_and_ps(bit, sign), _mm256_andnot_ps(bit, a));
}
static inline vec vec_round(vec a)
{
	return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vec vec_scale(vec a, vec n)
{
	__m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
	return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), exponent));
}
static inline vec_mask vec_less(vec a, vec b)
{
	return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}
static inline vec vec_select(vec_mask mask, vec yes, vec no)
{
	return _mm256_blendv_ps(no, yes, mask);
}

/* See scalar/vec.h. */
typedef __m256i vec_pairs;
static inline vec_pairs vec_load_pairs(const uint32_t *p)
{
	return _mm256_load_si256((const __m256i *)(const void *)p);
}
static inline void vec_store_pairs(uint32_t *p, vec_pairs a)
{
	_mm256_store_si256((__m256i *)(void *)p, a);
}
static inline vec_pairs vec_set1_pair(uint32_t a)
{
	return _mm256_set1_epi32((int)a);
}
static inline vec vec_even(vec_pairs a)
{
	return _mm256_castsi256_ps(_mm256_slli_epi32(a, 16));
}
static inline vec vec_odd(vec_pairs a)
{
	return _mm256_castsi256_ps(_mm256_and_si256(a, _mm256_set1_epi32((int)0xffff0000U)));
}
static inline __m256i vec_rounded(vec a)
{
	__m256i bits = _mm256_castps_si256(a);
	__m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
	__m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
	__m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
	return _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_UNORD_Q)));
}
static inline vec_pairs vec_pair(vec even, vec odd)
{
	__m256i high = _mm256_and_si256(vec_rounded(odd), _mm256_set1_epi32((int)0xffff0000U));
	return _mm256_or_si256(high, _mm256_srli_epi32(vec_rounded(even), 16));
}

#endif
