/* Sixteen floats at a time; the tail under a mask, which neither reads nor writes past the end. */
#include "model/kernels/avx512/avx512.h"

#include <immintrin.h>

enum { N_LANES = 16 };

/* The lanes of the step at i that lie within n: all of them, or the tail. */
static __mmask16 lanes_left(size_t i, size_t n)
{
	unsigned lanes = n - i >= N_LANES ? 0xffffU : (1U << (n - i)) - 1U;
	return (__mmask16)lanes;
}

static void add(const float *x, size_t n, float *y)
{
	for (size_t i = 0; i < n; i += N_LANES) {
		__mmask16 lanes = lanes_left(i, n);
		__m512 sum = _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, y + i), _mm512_maskz_loadu_ps(lanes, x + i));
		_mm512_mask_storeu_ps(y + i, lanes, sum);
	}
}

static void scale(float factor, size_t n, float *x)
{
	__m512 factors = _mm512_set1_ps(factor);
	for (size_t i = 0; i < n; i += N_LANES) {
		__mmask16 lanes = lanes_left(i, n);
		_mm512_mask_storeu_ps(x + i, lanes, _mm512_mul_ps(factors, _mm512_maskz_loadu_ps(lanes, x + i)));
	}
}

static void axpy(float factor, const float *x, size_t n, float *y)
{
	__m512 factors = _mm512_set1_ps(factor);
	for (size_t i = 0; i < n; i += N_LANES) {
		__mmask16 lanes = lanes_left(i, n);
		__m512 sum = _mm512_fmadd_ps(factors, _mm512_maskz_loadu_ps(lanes, x + i),
					     _mm512_maskz_loadu_ps(lanes, y + i));
		_mm512_mask_storeu_ps(y + i, lanes, sum);
	}
}

static void multiply(const float *a, const float *b, size_t n, float *ret_y)
{
	for (size_t i = 0; i < n; i += N_LANES) {
		__mmask16 lanes = lanes_left(i, n);
		__m512 product =
			_mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, a + i), _mm512_maskz_loadu_ps(lanes, b + i));
		_mm512_mask_storeu_ps(ret_y + i, lanes, product);
	}
}

static void multiply_add(const float *a, const float *b, size_t n, float *y)
{
	for (size_t i = 0; i < n; i += N_LANES) {
		__mmask16 lanes = lanes_left(i, n);
		__m512 sum = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(lanes, a + i), _mm512_maskz_loadu_ps(lanes, b + i),
					     _mm512_maskz_loadu_ps(lanes, y + i));
		_mm512_mask_storeu_ps(y + i, lanes, sum);
	}
}

static float dot(const float *a, const float *b, size_t n)
{
	__m512 sum = _mm512_setzero_ps();
	for (size_t i = 0; i < n; i += N_LANES) {
		__mmask16 lanes = lanes_left(i, n);
		sum = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(lanes, a + i), _mm512_maskz_loadu_ps(lanes, b + i), sum);
	}
	return _mm512_reduce_add_ps(sum);
}

void rk_avx512_init_elementwise(struct rk_kernels *kernels)
{
	kernels->add = add;
	kernels->scale = scale;
	kernels->axpy = axpy;
	kernels->multiply = multiply;
	kernels->multiply_add = multiply_add;
	kernels->dot = dot;
}
