/* 8 × 8 floats, and the loads that feed them. See vector/gather.h. */
#ifndef RK_KERNELS_AVX2_TRANSPOSE_H
#define RK_KERNELS_AVX2_TRANSPOSE_H

#include "model/kernels/avx2/vec.h"

#include <string.h>

static inline vec load_f32(const void *row, uint32_t first, uint32_t n)
{
	const float *from = (const float *)row + first;
	if (n == VEC_LANES)
		return _mm256_loadu_ps(from);
	float values[VEC_LANES] = {0};
	memcpy(values, from, n * sizeof(float));
	return _mm256_loadu_ps(values);
}

static inline __m128i load_halves(const void *row, uint32_t first, uint32_t n)
{
	uint16_t halves[VEC_LANES] = {0};
	memcpy(halves, (const uint16_t *)row + first, n * sizeof(uint16_t));
	return _mm_loadu_si128((const __m128i *)(const void *)halves);
}

static inline vec load_f16(const void *row, uint32_t first, uint32_t n)
{
	return _mm256_cvtph_ps(load_halves(row, first, n));
}

static inline vec load_bf16(const void *row, uint32_t first, uint32_t n)
{
	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_halves(row, first, n)), 16));
}

/* Three rounds: pairs of floats, pairs of pairs, halves. */
static inline __attribute__((always_inline)) void transpose(vec r[8])
{
	vec t[8];
	for (int i = 0; i < 8; i += 2) {
		t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
		t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
	}
	for (int i = 0; i < 8; i += 4) {
		r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
		r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
		r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
		r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
	}
	for (int i = 0; i < 4; i++) {
		t[i] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20);
		t[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
	}
	memcpy(r, t, sizeof(t));
}

#endif
