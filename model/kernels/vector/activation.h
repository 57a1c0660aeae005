/* Element by element over the rows of a panel. Included by <tier>/activation.c after <tier>/vec.h. */
#include "model/kernels/vector/declare.h"
#include "model/kernels/vector/math.h"

#define ACTIVATION(name)                                                                                               \
	void RK_TIER(name)(float *y, uint32_t n_rows, uint32_t n_lanes)                                                \
	{                                                                                                              \
		for (uint32_t row = 0; row < n_rows; row++, y += RK_PANEL)                                             \
			for (uint32_t lane = 0; lane < n_lanes; lane += VEC_LANES)                                     \
				vec_store(y + lane, vec_##name(vec_load(y + lane)));                                   \
	}

ACTIVATION(relu)
ACTIVATION(gelu)
ACTIVATION(gelu_tanh)
ACTIVATION(silu)
ACTIVATION(sigmoid)
ACTIVATION(tanh)
