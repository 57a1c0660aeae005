#include "model/kernels/scalar/scalar.h"

#include <math.h>

void rk_scalar_softmax(float *x, size_t n)
{
	float max = -INFINITY;
	for (size_t i = 0; i < n; i++)
		max = x[i] > max ? x[i] : max;
	double sum = 0.0;
	for (size_t i = 0; i < n; i++) {
		x[i] = expf(x[i] - max);
		sum += (double)x[i];
	}
	float inverse = (float)(1.0 / sum);
	for (size_t i = 0; i < n; i++)
		x[i] *= inverse;
}

void rk_scalar_init_softmax(struct rk_kernels *kernels)
{
	kernels->softmax = rk_scalar_softmax;
}
