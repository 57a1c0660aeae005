/* Activations after the functions of libm, written so that neither tail cancels and NaN passes through. */
#include "model/kernels/scalar/scalar.h"

#include <math.h>

static void relu(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = x[i] < 0.0F ? 0.0F : x[i];
}

static void gelu(float *x, size_t n)
{
	static const float inverse_sqrt_2 = 0.70710678118654752F;
	/* Φ(x) = ½ erfc(−x/√2): 1 + erf would cancel for negative x */
	for (size_t i = 0; i < n; i++)
		x[i] = 0.5F * x[i] * erfcf(-x[i] * inverse_sqrt_2);
}

static void gelu_tanh(float *x, size_t n)
{
	static const float twice_sqrt_2_over_pi = 1.59576912160573071F;
	/* ½ (1 + tanh(y)) = sigmoid(2y) */
	for (size_t i = 0; i < n; i++)
		x[i] *= rk_scalar_sigmoid_one(twice_sqrt_2_over_pi * (x[i] + 0.044715F * x[i] * x[i] * x[i]));
}

static void silu(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] *= rk_scalar_sigmoid_one(x[i]);
}

void rk_scalar_init_activation(struct rk_kernels *kernels)
{
	kernels->relu = relu;
	kernels->gelu = gelu;
	kernels->gelu_tanh = gelu_tanh;
	kernels->silu = silu;
}
