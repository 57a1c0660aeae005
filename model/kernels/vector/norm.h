/* Layer norm down each lane of a panel, two passes. Included by <tier>/norm.c after <tier>/vec.h. */
#include "model/kernels/vector/declare.h"
#include "model/kernels/vector/math.h"

void RK_TIER(layer_norm)(const float *x, const struct rk_norm *norm, uint32_t n_rows, uint32_t n_lanes, float *ret_y)
{
	const vec share = vec_set1(1.0F / (float)n_rows);
	for (uint32_t lane = 0; lane < n_lanes; lane += VEC_LANES) {
		vec sum = vec_set1(0.0F), squares = vec_set1(0.0F);
		for (uint32_t row = 0; row < n_rows; row++)
			sum = vec_add(sum, vec_load(x + row * RK_PANEL + lane));
		vec mean = vec_mul(sum, share);
		for (uint32_t row = 0; row < n_rows; row++) {
			vec centred = vec_sub(vec_load(x + row * RK_PANEL + lane), mean);
			squares = vec_fma(centred, centred, squares);
		}
		vec deviation = vec_sqrt(vec_fma(squares, share, vec_set1(norm->eps)));
		vec scale = vec_div(vec_set1(1.0F), deviation);
		for (uint32_t row = 0; row < n_rows; row++) {
			vec centred = vec_sub(vec_load(x + row * RK_PANEL + lane), mean);
			vec y = vec_fma(vec_mul(centred, scale), vec_set1(norm->weight[row]),
					vec_set1(norm->bias[row]));
			vec_store(ret_y + row * RK_PANEL + lane, y);
		}
	}
}
