/*
 * DCN-V2, stacked: x ← x₀ ⊙ (W x + b) + x, then the hidden layers. W x + b of cross layer 0 comes with its user part
 * folded; x₀ itself is put together here, in the order of the weights' columns.
 */
#include "model/layer.h"
#include "model/ranker.h"

#include <string.h>

/* x₀ = [u ; e ; u⊙e ; t⁺ ; t⁻ ; c ; f] from the user's [u ; c] and the block's [e ; u⊙e ; t⁺ ; t⁻ ; f]. */
static void assemble(const struct rk_model *model, const struct rk_scratch *scratch, struct rk_rows x0)
{
	size_t dim = model->config.dim;
	size_t n_c = model->config.user_features.width;
	size_t n_f = model->config.candidate_features.width;
	size_t n_z = model->plan.candidate_columns;
	for (size_t row = 0; row < x0.n_rows; row++) {
		const float *z = scratch->block.z + row * n_z;
		float *x = x0.data + row * x0.stride;
		memcpy(x, scratch->user, dim * sizeof(float));
		memcpy(x + dim, z, (n_z - n_f) * sizeof(float));
		memcpy(x + dim + n_z - n_f, scratch->user + dim, n_c * sizeof(float));
		memcpy(x + dim + n_z - n_f + n_c, z + n_z - n_f, n_f * sizeof(float));
	}
}

void rk_dcn_v2_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	const struct rk_ranker_config *ranker = &model->config.ranker;
	struct rk_block_scratch *block = &scratch->block;
	uint32_t width = model->plan.first_outputs;
	size_t n_values = (size_t)block->n_rows * width;
	struct rk_rows x0 = {.data = block->cross[0], .n_rows = block->n_rows, .stride = width};
	struct rk_rows x = {.data = block->cross[1], .n_rows = block->n_rows, .stride = width};
	struct rk_rows product = {.data = block->first, .n_rows = block->n_rows, .stride = width};
	assemble(model, scratch, x0);
	memcpy(x.data, x0.data, n_values * sizeof(float));
	model->kernels->multiply_add(x0.data, product.data, n_values, x.data);
	for (uint32_t k = 1; k < ranker->n_cross_layers; k++) {
		struct rk_dense cross = rk_layer_dense(&model->weights.cross[k], width, width);
		rk_dense_apply(&cross, x, NULL, product);
		model->kernels->multiply_add(x0.data, product.data, n_values, x.data);
	}
	struct rk_hidden_layers hidden = {
		.layers = model->weights.hidden, .sizes = ranker->hidden, .n = ranker->n_hidden, .n_in = width};
	struct rk_rows last = rk_hidden_layers_run(model, &hidden, block, x);
	rk_ranker_heads(model, block, last, ranker->hidden[ranker->n_hidden - 1]);
}
