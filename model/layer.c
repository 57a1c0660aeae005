#include "model/layer.h"

#include "model/base/check.h"

void rk_layer_apply(const struct rk_dense *dense, float *x, size_t n_rows, rk_activate_fn activate, float *ret_y)
{
	struct rk_rows in = {.data = x, .n_rows = n_rows, .stride = dense->n_in};
	struct rk_rows out = {.data = ret_y, .n_rows = n_rows, .stride = dense->n_out};
	rk_dense_apply(dense, in, activate, out);
}

void rk_layer_norm_rows(const struct rk_model *model, const struct rk_layer_norm *norm, const float *x, size_t n_rows,
			float *ret_y)
{
	size_t dim = model->config.dim;
	for (size_t row = 0; row < n_rows; row++)
		model->kernels->layer_norm(x + row * dim, norm->weight, norm->bias, dim, model->config.encoder.norm_eps,
					   ret_y + row * dim);
}

rk_activate_fn rk_layer_activation(const struct rk_kernels *kernels, enum rk_activation activation)
{
	rk_activate_fn of[] = {
		[RK_ACTIVATION_RELU] = kernels->relu,
		[RK_ACTIVATION_GELU] = kernels->gelu,
		[RK_ACTIVATION_GELU_TANH] = kernels->gelu_tanh,
		[RK_ACTIVATION_SILU] = kernels->silu,
	};
	return of[activation];
}

void rk_layer_gather_item(const struct rk_model *model, int32_t row, float *ret_e)
{
	RK_ASSERT(row >= 0 && (uint32_t)row < model->weights.n_items);
	rk_widen_fn of[] = {
		[RK_DTYPE_F32] = model->kernels->widen_f32,
		[RK_DTYPE_F16] = model->kernels->widen_f16,
		[RK_DTYPE_BF16] = model->kernels->widen_bf16,
	};
	enum rk_dtype dtype = model->weights.item_dtype;
	size_t row_bytes = model->config.dim * rk_dtype_bytes(dtype);
	of[dtype]((const char *)model->weights.item_embedding + (size_t)row * row_bytes, model->config.dim, ret_e);
}
