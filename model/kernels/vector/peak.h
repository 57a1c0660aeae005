/* The yardstick: multiply-adds on registers alone. Included by <tier>/peak.c after <tier>/vec.h. */
#include "model/kernels/vector/declare.h"

double RK_TIER(peak)(uint64_t n_steps, float *ret_sum)
{
	enum { N_SUMS = TILE_ROWS * TILE_VECS };
	vec sums[N_SUMS];
	const vec factor = vec_set1(0.999F), term = vec_set1(1e-6F);
	_Pragma("GCC unroll 32") for (int i = 0; i < N_SUMS; i++) sums[i] = vec_set1((float)i);
	for (uint64_t step = 0; step < n_steps; step++) {
		_Pragma("GCC unroll 32") for (int i = 0; i < N_SUMS; i++) sums[i] = vec_fma(sums[i], factor, term);
	}
	float lanes[VEC_LANES] __attribute__((aligned(64)));
	*ret_sum = 0.0F;
	for (int i = 0; i < N_SUMS; i++) {
		vec_store(lanes, sums[i]);
		*ret_sum += lanes[0];
	}
	return 2.0 * N_SUMS * VEC_LANES * (double)n_steps;
}
