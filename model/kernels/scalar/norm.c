#include "model/kernels/scalar/scalar.h"

#include <math.h>

static void layer_norm(const float *x, const float *weight, const float *bias, size_t n, float eps, float *ret_y)
{
	double sum = 0.0;
	for (size_t i = 0; i < n; i++)
		sum += (double)x[i];
	double mean = sum / (double)n;
	double squares = 0.0;
	for (size_t i = 0; i < n; i++) {
		double deviation = (double)x[i] - mean;
		squares += deviation * deviation;
	}
	double inverse = 1.0 / sqrt(squares / (double)n + (double)eps);
	for (size_t i = 0; i < n; i++)
		ret_y[i] = (float)(((double)x[i] - mean) * inverse) * weight[i] + bias[i];
}

void rk_scalar_init_norm(struct rk_kernels *kernels)
{
	kernels->layer_norm = layer_norm;
}
