#include "model/ranker.h"

#include "model/first_layer.h"
#include "model/layer.h"
#include "model/target_attention.h"

#include <string.h>

void rk_ranker_prepare(const struct rk_model *model, struct rk_scratch *scratch)
{
	if (model->config.ranker.type != RK_RANKER_DOT)
		rk_first_layer_fold(model, scratch);
}

void rk_ranker_gather(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch)
{
	const struct rk_features_config *features = &model->config.candidate_features;
	struct rk_block_scratch *block = &scratch->block;
	size_t dim = model->config.dim;
	size_t n_columns = model->plan.candidate_columns;
	for (uint32_t row = 0; row < block->n_rows; row++) {
		uint32_t place = block->places[row];
		float *z = block->z + row * n_columns;
		if (input->candidate_rows[place] == RK_ROW_UNKNOWN)
			memcpy(z, model->weights.unknown_item, dim * sizeof(float));
		else
			rk_layer_gather_item(model, input->candidate_rows[place], z);
		if (model->config.ranker.type == RK_RANKER_DOT)
			continue;
		model->kernels->multiply(scratch->user, z, dim, z + dim);
		if (features->n > 0)
			rk_features_expand(features, model->weights.candidate_tables,
					   input->candidate_features + (size_t)place * features->n,
					   z + n_columns - features->width);
	}
	rk_target_attention_run(model, scratch);
}

void rk_ranker_run(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch)
{
	if (model->config.ranker.type != RK_RANKER_DOT)
		rk_first_layer_run(model, scratch);
	switch (model->config.ranker.type) {
	case RK_RANKER_MLP:
		rk_mlp_run(model, scratch);
		break;
	case RK_RANKER_DCN_V2:
		rk_dcn_v2_run(model, scratch);
		break;
	case RK_RANKER_MMOE:
		rk_mmoe_run(model, scratch);
		break;
	case RK_RANKER_DOT:
		rk_dot_run(model, input, scratch);
		break;
	}
}

struct rk_rows rk_hidden_layers_run(const struct rk_model *model, const struct rk_hidden_layers *hidden,
				    struct rk_block_scratch *block, struct rk_rows x)
{
	rk_activate_fn activate = rk_layer_activation(model->kernels, model->config.ranker.activation);
	uint32_t n_in = hidden->n_in;
	for (uint32_t k = 0; k < hidden->n; k++) {
		struct rk_dense dense = rk_layer_dense(&hidden->layers[k], n_in, hidden->sizes[k]);
		struct rk_rows y = {.data = block->hidden[k % 2], .n_rows = x.n_rows, .stride = hidden->sizes[k]};
		rk_dense_apply(&dense, x, activate, y);
		x = y;
		n_in = hidden->sizes[k];
	}
	return x;
}

void rk_ranker_heads(const struct rk_model *model, struct rk_block_scratch *block, struct rk_rows x, uint32_t n_in)
{
	uint32_t n_signals = model->config.signals.n;
	struct rk_dense heads = rk_layer_dense(&model->weights.heads, n_in, n_signals);
	struct rk_rows logits = {.data = block->logits, .n_rows = x.n_rows, .stride = n_signals};
	rk_dense_apply(&heads, x, NULL, logits);
}
