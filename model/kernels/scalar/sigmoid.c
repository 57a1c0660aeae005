#include "model/kernels/scalar/scalar.h"

#include <math.h>

float rk_scalar_sigmoid_one(float x)
{
	/* exp of a number that is not positive never overflows */
	float e = expf(-fabsf(x));
	return (x < 0.0F ? e : 1.0F) / (1.0F + e);
}

static void sigmoid(const float *x, size_t n, float *ret_y)
{
	for (size_t i = 0; i < n; i++)
		ret_y[i] = rk_scalar_sigmoid_one(x[i]);
}

void rk_scalar_init_sigmoid(struct rk_kernels *kernels)
{
	kernels->sigmoid = sigmoid;
}
