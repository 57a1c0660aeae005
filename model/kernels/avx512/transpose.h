/* 16 × 16 floats, and the loads that feed them. See vector/gather.h. */
#ifndef RK_KERNELS_AVX512_TRANSPOSE_H
#define RK_KERNELS_AVX512_TRANSPOSE_H

#include "model/kernels/avx512/vec.h"

#define UNROLL_TRANSPOSE _Pragma("GCC unroll 16")

static inline __mmask16 first_lanes(uint32_t n)
{
	return (__mmask16)((1U << n) - 1U);
}

static inline vec load_f32(const void *row, uint32_t first, uint32_t n)
{
	return _mm512_maskz_loadu_ps(first_lanes(n), (const float *)row + first);
}

static inline vec load_f16(const void *row, uint32_t first, uint32_t n)
{
	return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_lanes(n), (const uint16_t *)row + first));
}

static inline vec load_bf16(const void *row, uint32_t first, uint32_t n)
{
	__m256i halves = _mm256_maskz_loadu_epi16(first_lanes(n), (const uint16_t *)row + first);
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

/* Four rounds: pairs of floats, pairs of doubles, then 128-bit parts twice. */
static inline __attribute__((always_inline)) void transpose(vec r[16])
{
	vec t[16];
	UNROLL_TRANSPOSE for (int i = 0; i < 16; i += 2)
	{
		t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
		t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
	}
	UNROLL_TRANSPOSE for (int i = 0; i < 16; i += 4)
	{
		__m512d a = _mm512_castps_pd(t[i]), b = _mm512_castps_pd(t[i + 1]);
		__m512d c = _mm512_castps_pd(t[i + 2]), d = _mm512_castps_pd(t[i + 3]);
		r[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
		r[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
		r[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
		r[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
	}
	UNROLL_TRANSPOSE for (int i = 0; i < 4; i++)
	{
		t[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
		t[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
		t[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
		t[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
	}
	UNROLL_TRANSPOSE for (int i = 0; i < 4; i++)
	{
		r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
		r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
		r[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
		r[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd);
	}
}

#endif
