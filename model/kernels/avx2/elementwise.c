/* Eight floats at a time; the tail one by one. */
#include "model/kernels/avx2/avx2.h"

#include <immintrin.h>

enum { N_LANES = 8 };

static void add(const float *x, size_t n, float *y)
{
	size_t i = 0;
	for (; i + N_LANES <= n; i += N_LANES)
		_mm256_storeu_ps(y + i, _mm256_add_ps(_mm256_loadu_ps(y + i), _mm256_loadu_ps(x + i)));
	for (; i < n; i++)
		y[i] += x[i];
}

static void scale(float factor, size_t n, float *x)
{
	__m256 factors = _mm256_set1_ps(factor);
	size_t i = 0;
	for (; i + N_LANES <= n; i += N_LANES)
		_mm256_storeu_ps(x + i, _mm256_mul_ps(_mm256_loadu_ps(x + i), factors));
	for (; i < n; i++)
		x[i] *= factor;
}

static void axpy(float factor, const float *x, size_t n, float *y)
{
	__m256 factors = _mm256_set1_ps(factor);
	size_t i = 0;
	for (; i + N_LANES <= n; i += N_LANES)
		_mm256_storeu_ps(y + i, _mm256_fmadd_ps(factors, _mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
	for (; i < n; i++)
		y[i] = __builtin_fmaf(factor, x[i], y[i]);
}

static void multiply(const float *a, const float *b, size_t n, float *ret_y)
{
	size_t i = 0;
	for (; i + N_LANES <= n; i += N_LANES)
		_mm256_storeu_ps(ret_y + i, _mm256_mul_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
	for (; i < n; i++)
		ret_y[i] = a[i] * b[i];
}

static void multiply_add(const float *a, const float *b, size_t n, float *y)
{
	size_t i = 0;
	for (; i + N_LANES <= n; i += N_LANES)
		_mm256_storeu_ps(
			y + i, _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), _mm256_loadu_ps(y + i)));
	for (; i < n; i++)
		y[i] = __builtin_fmaf(a[i], b[i], y[i]);
}

static float sum_of_lanes(__m256 lanes)
{
	__m128 four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1));
	__m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
	return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static float dot(const float *a, const float *b, size_t n)
{
	__m256 even = _mm256_setzero_ps(), odd = _mm256_setzero_ps();
	size_t i = 0;
	for (; i + (size_t)2 * N_LANES <= n; i += (size_t)2 * N_LANES) {
		even = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), even);
		odd = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + N_LANES), _mm256_loadu_ps(b + i + N_LANES), odd);
	}
	for (; i + N_LANES <= n; i += N_LANES)
		even = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), even);
	float tail = 0.0F;
	for (; i < n; i++)
		tail = __builtin_fmaf(a[i], b[i], tail);
	return sum_of_lanes(_mm256_add_ps(even, odd)) + tail;
}

void rk_avx2_init_elementwise(struct rk_kernels *kernels)
{
	kernels->add = add;
	kernels->scale = scale;
	kernels->axpy = axpy;
	kernels->multiply = multiply;
	kernels->multiply_add = multiply_add;
	kernels->dot = dot;
}
