/* Eight values at a time; a tail is copied into a whole register first, so that nothing past the row is read. */
#include "model/kernels/avx2/avx2.h"

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

enum { N_LANES = 8 };

static __m256 widen_half(__m128i packed)
{
	return _mm256_cvtph_ps(packed);
}

static __m256 widen_upper(__m128i packed)
{
	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(packed), 16));
}

static inline void widen(const void *row, size_t n, float *ret_y, __m256 (*widen_eight)(__m128i))
{
	const char *bytes = row;
	size_t i = 0;
	for (; i + N_LANES <= n; i += N_LANES) {
		__m128i packed;
		memcpy(&packed, bytes + i * sizeof(uint16_t), sizeof(packed));
		_mm256_storeu_ps(ret_y + i, widen_eight(packed));
	}
	if (i == n)
		return;
	__m128i packed = _mm_setzero_si128();
	memcpy(&packed, bytes + i * sizeof(uint16_t), (n - i) * sizeof(uint16_t));
	float tail[N_LANES];
	_mm256_storeu_ps(tail, widen_eight(packed));
	memcpy(ret_y + i, tail, (n - i) * sizeof(float));
}

static void widen_f16(const void *row, size_t n, float *ret_y)
{
	widen(row, n, ret_y, widen_half);
}

static void widen_bf16(const void *row, size_t n, float *ret_y)
{
	widen(row, n, ret_y, widen_upper);
}

void rk_avx2_init_gather(struct rk_kernels *kernels)
{
	kernels->widen_f16 = widen_f16;
	kernels->widen_bf16 = widen_bf16;
}
