/*
 * The dense layer: the one matrix product of the model, and the only place that knows the BLAS library.
 */
#ifndef RK_KERNELS_DENSE_H
#define RK_KERNELS_DENSE_H

#include "model/kernels/kernels.h"

#include <stddef.h>
#include <stdint.h>

/* y = x Wᵀ + b */
struct rk_dense {
	const float *weight; /* [n_out, n_in] */
	const float *bias;   /* [n_out] */
	uint32_t n_in, n_out;
};

/* Rows of floats in the scratch, `stride` floats apart. */
struct rk_rows {
	float *data;
	size_t n_rows, stride;
};

/* Makes the BLAS library compute on the calling thread alone, whichever flavour of it is installed.
 * Called before the first rk_dense_apply; again is harmless, also while others compute. */
void rk_dense_init(void);

/* y[M, n_out] ← act(x[M, n_in] Wᵀ + b), M = x.n_rows = y.n_rows; no activation if `activate` is NULL.
 * x and y may not overlap. Sizes and strides fit an int (rk_plan_init checks). */
void rk_dense_apply(const struct rk_dense *dense, struct rk_rows x, rk_activate_fn activate, struct rk_rows y);

#endif
