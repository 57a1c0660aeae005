/* Sums and products element by element. Included by <tier>/elementwise.c after <tier>/vec.h. */
#include "model/kernels/vector/declare.h"
#include "model/kernels/vector/math.h"

#define EACH_VEC(at)                                                                                                   \
	for (uint32_t row = 0; row < n_rows; row++)                                                                    \
		for (size_t lane = 0, at = row * (size_t)RK_PANEL; lane < n_lanes; lane += VEC_LANES, at += VEC_LANES)

void RK_TIER(add)(const float *x, uint32_t n_rows, uint32_t n_lanes, float *y)
{
	EACH_VEC(at)
	vec_store(y + at, vec_add(vec_load(y + at), vec_load(x + at)));
}

void RK_TIER(scale)(const float *x, const float *factors, uint32_t n_rows, uint32_t n_lanes, float *ret_y)
{
	EACH_VEC(at)
	vec_store(ret_y + at, vec_mul(vec_load(x + at), vec_set1(factors[row])));
}

void RK_TIER(cross)(const float *x0, const float *w, uint32_t n_rows, uint32_t n_lanes, float *x)
{
	EACH_VEC(at)
	vec_store(x + at, vec_fma(vec_load(x0 + at), vec_load(w + at), vec_load(x + at)));
}

void RK_TIER(mix)(const float *x, const float *gate, uint32_t n_rows, uint32_t n_lanes, float *y)
{
	EACH_VEC(at)
	vec_store(y + at, vec_fma(vec_load(x + at), vec_load(gate + lane), vec_load(y + at)));
}

void RK_TIER(blend)(const float *a, const float *b, const float *c, size_t n, float *ret_y)
{
	size_t i = 0;
	for (; i + VEC_LANES <= n; i += VEC_LANES)
		vec_storeu(ret_y + i, vec_fma(vec_loadu(b + i), vec_loadu(c + i), vec_loadu(a + i)));
	for (; i < n; i++)
		ret_y[i] = a[i] + b[i] * c[i];
}
