#include "model/kernels/scalar/scalar.h"

#include <math.h>

static void gru_step(const float *input_gates, const float *hidden_gates, size_t n, float *state)
{
	for (size_t i = 0; i < n; i++) {
		float reset = rk_scalar_sigmoid_one(input_gates[i] + hidden_gates[i]);
		float update = rk_scalar_sigmoid_one(input_gates[n + i] + hidden_gates[n + i]);
		float candidate = tanhf(input_gates[2 * n + i] + reset * hidden_gates[2 * n + i]);
		state[i] = (1.0F - update) * candidate + update * state[i];
	}
}

void rk_scalar_init_gru(struct rk_kernels *kernels)
{
	kernels->gru_step = gru_step;
}
