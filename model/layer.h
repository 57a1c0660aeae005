/* From the model's words (weights, enumerators) to the kernels'. */
#ifndef RK_MODEL_LAYER_H
#define RK_MODEL_LAYER_H

#include "model/kernels/dense.h"
#include "model/kernels/kernels.h"
#include "model/model.h"

static inline struct rk_dense rk_layer_dense(const struct rk_linear *linear, uint32_t n_in, uint32_t n_out)
{
	return (struct rk_dense){.weight = linear->weight, .bias = linear->bias, .n_in = n_in, .n_out = n_out};
}

/* y ← act(x Wᵀ + b) for a [n_out, n_in] layer and contiguous rows. */
void rk_layer_apply(const struct rk_dense *dense, float *x, size_t n_rows, rk_activate_fn activate, float *ret_y);

/* y ← LN(x) row by row, rows of `dim` floats; y may be x. */
void rk_layer_norm_rows(const struct rk_model *model, const struct rk_layer_norm *norm, const float *x, size_t n_rows,
			float *ret_y);

rk_activate_fn rk_layer_activation(const struct rk_kernels *kernels, enum rk_activation activation);

/* ret_e[dim] ← row `row` of the item table */
void rk_layer_gather_item(const struct rk_model *model, int32_t row, float *ret_e);

#endif
