/*
 * Softmax down each lane of a panel. Included by <tier>/softmax.c after <tier>/vec.h.
 * The lanes stand side by side, so there is no horizontal sum; rows are added in their order.
 */
#include "model/kernels/vector/declare.h"
#include "model/kernels/vector/math.h"

#include <math.h>

static void softmax_vec(float *y, uint32_t n_rows)
{
	vec top = vec_load(y);
	for (uint32_t row = 1; row < n_rows; row++)
		top = vec_max(top, vec_load(y + row * RK_PANEL));
	vec sum = vec_set1(0.0F);
	for (uint32_t row = 0; row < n_rows; row++) {
		vec e = vec_exp(vec_sub(vec_load(y + row * RK_PANEL), top));
		vec_store(y + row * RK_PANEL, e);
		sum = vec_add(sum, e);
	}
	vec share = vec_div(vec_set1(1.0F), sum);
	for (uint32_t row = 0; row < n_rows; row++)
		vec_store(y + row * RK_PANEL, vec_mul(vec_load(y + row * RK_PANEL), share));
}

void RK_TIER(softmax)(float *y, uint32_t n_rows, uint32_t n_lanes)
{
	for (uint32_t lane = 0; n_rows > 0 && lane < n_lanes; lane += VEC_LANES)
		softmax_vec(y + lane, n_rows);
}

void RK_TIER(softmax_causal)(float *y, uint32_t n_rows, const float *places, uint32_t n_lanes)
{
	for (uint32_t lane = 0; n_rows > 0 && lane < n_lanes; lane += VEC_LANES) {
		const vec place = vec_load(places + lane);
		/* places ascend: rows up to the first lane's are open to all */
		for (uint32_t row = (uint32_t)places[lane] + 1; row < n_rows; row++) {
			vec_mask hidden = vec_less(place, vec_set1((float)row));
			float *at = y + row * RK_PANEL + lane;
			vec_store(at, vec_select(hidden, vec_set1(-INFINITY), vec_load(at)));
		}
		softmax_vec(y + lane, n_rows);
	}
}
