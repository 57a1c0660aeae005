/* Sixteen values at a time; the tail under a mask, which neither reads nor writes past the row. */
#include "model/kernels/avx512/avx512.h"

#include <immintrin.h>
#include <stdint.h>

enum { N_LANES = 16 };

static __mmask16 lanes_left(size_t i, size_t n)
{
	unsigned lanes = n - i >= N_LANES ? 0xffffU : (1U << (n - i)) - 1U;
	return (__mmask16)lanes;
}

static void widen_f16(const void *row, size_t n, float *ret_y)
{
	for (size_t i = 0; i < n; i += N_LANES) {
		__mmask16 lanes = lanes_left(i, n);
		__m256i packed = _mm256_maskz_loadu_epi16(lanes, (const char *)row + i * sizeof(uint16_t));
		_mm512_mask_storeu_ps(ret_y + i, lanes, _mm512_cvtph_ps(packed));
	}
}

static void widen_bf16(const void *row, size_t n, float *ret_y)
{
	for (size_t i = 0; i < n; i += N_LANES) {
		__mmask16 lanes = lanes_left(i, n);
		__m256i packed = _mm256_maskz_loadu_epi16(lanes, (const char *)row + i * sizeof(uint16_t));
		__m512i widened = _mm512_slli_epi32(_mm512_cvtepu16_epi32(packed), 16);
		_mm512_mask_storeu_ps(ret_y + i, lanes, _mm512_castsi512_ps(widened));
	}
}

void rk_avx512_init_gather(struct rk_kernels *kernels)
{
	kernels->widen_f16 = widen_f16;
	kernels->widen_bf16 = widen_bf16;
}
