#include "model/kernels/scalar/scalar.h"

static void add(const float *x, size_t n, float *y)
{
	for (size_t i = 0; i < n; i++)
		y[i] += x[i];
}

static void scale(float factor, size_t n, float *x)
{
	for (size_t i = 0; i < n; i++)
		x[i] *= factor;
}

void rk_scalar_axpy(float factor, const float *x, size_t n, float *y)
{
	for (size_t i = 0; i < n; i++)
		y[i] += factor * x[i];
}

static void multiply(const float *a, const float *b, size_t n, float *ret_y)
{
	for (size_t i = 0; i < n; i++)
		ret_y[i] = a[i] * b[i];
}

static void multiply_add(const float *a, const float *b, size_t n, float *y)
{
	for (size_t i = 0; i < n; i++)
		y[i] += a[i] * b[i];
}

float rk_scalar_dot(const float *a, const float *b, size_t n)
{
	/* eight sums side by side: a shorter chain of roundings, and no chain of latencies */
	enum { N_LANES = 8 };
	float lanes[N_LANES] = {0.0F};
	size_t i = 0;
	for (; i + N_LANES <= n; i += N_LANES) {
		for (size_t lane = 0; lane < N_LANES; lane++)
			lanes[lane] += a[i + lane] * b[i + lane];
	}
	for (; i < n; i++)
		lanes[i % N_LANES] += a[i] * b[i];
	return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

void rk_scalar_init_elementwise(struct rk_kernels *kernels)
{
	kernels->add = add;
	kernels->scale = scale;
	kernels->axpy = rk_scalar_axpy;
	kernels->multiply = multiply;
	kernels->multiply_add = multiply_add;
	kernels->dot = rk_scalar_dot;
}
