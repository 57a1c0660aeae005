#include "model/ranker.h"

#include "model/first_layer.h"
#include "model/layer.h"
#include "model/target_attention.h"

void rk_ranker_prepare(const struct rk_model *model, struct rk_scratch *scratch)
{
	if (model->config.ranker.type == RK_RANKER_DOT)
		return;
	rk_first_layer_fold(model, scratch);
	if (model->config.ranker.type != RK_RANKER_DCN_V2)
		return;
	/* dcn_v2 needs z itself: rows of u and c are the same in all blocks */
	for (uint32_t row = 0; row < model->config.dim + model->config.user_features.width; row++)
		for (uint32_t lane = 0; lane < RK_PANEL; lane++)
			scratch->block.panel[row * RK_PANEL + lane] = scratch->user[row];
}

/* Rows of the item table; items.unknown, which may have another dtype, is written over its lanes afterwards. */
void rk_ranker_gather_items(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch)
{
	struct rk_block_scratch *block = &scratch->block;
	float *rows = block->panel + (size_t)model->plan.fixed_rows * RK_PANEL;
	const struct rk_weights *weights = &model->weights;
	uint32_t dim = model->config.dim;
	size_t row_bytes = dim * rk_dtype_bytes(weights->item_dtype);
	for (uint32_t lane = 0; lane < RK_PANEL; lane++) {
		int32_t row = lane < block->n_lanes ? input->candidate_rows[block->places[lane]] : RK_ROW_UNKNOWN;
		block->row_pointers[lane] = row == RK_ROW_UNKNOWN
						    ? (const void *)scratch->zeros
						    : (const char *)weights->item_embedding + (size_t)row * row_bytes;
	}
	model->kernels->gather[weights->item_dtype](
		&(struct rk_gather){block->row_pointers, block->n_lanes, dim, rows});
	for (uint32_t lane = 0; lane < block->n_lanes; lane++)
		if (input->candidate_rows[block->places[lane]] == RK_ROW_UNKNOWN)
			for (uint32_t k = 0; k < dim; k++)
				rows[(size_t)k * RK_PANEL + lane] = weights->unknown_item[k];
}

void rk_ranker_prefetch(const struct rk_model *model, int32_t row)
{
	enum { LINE = 64, MOST_LINES = 8 }; /* of long rows the first lines; the processor follows by itself */
	size_t row_bytes = model->config.dim * rk_dtype_bytes(model->weights.item_dtype);
	size_t n_bytes = row_bytes < MOST_LINES * LINE ? row_bytes : MOST_LINES * LINE;
	if (row == RK_ROW_UNKNOWN)
		return;
	const char *begin = (const char *)model->weights.item_embedding + (size_t)row * row_bytes;
	for (size_t at = 0; at < n_bytes; at += LINE)
		__builtin_prefetch(begin + at);
}

static void gather_features(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch,
			    float *ret_rows)
{
	const struct rk_features_config *features = &model->config.candidate_features;
	struct rk_block_scratch *block = &scratch->block;
	for (uint32_t lane = 0; lane < block->n_lanes && features->n > 0; lane++) {
		rk_features_expand(features, model->weights.candidate_tables,
				   input->candidate_features + (size_t)block->places[lane] * features->n,
				   block->features);
		for (uint32_t k = 0; k < features->width; k++)
			ret_rows[k * RK_PANEL + lane] = block->features[k];
	}
}

void rk_ranker_gather(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch)
{
	struct rk_block_scratch *block = &scratch->block;
	uint32_t dim = model->config.dim;
	float *items = block->panel + (size_t)model->plan.fixed_rows * RK_PANEL;
	rk_ranker_gather_items(model, input, scratch);
	if (model->config.ranker.type == RK_RANKER_DOT)
		return;
	gather_features(model, input, scratch, items + (size_t)dim * RK_PANEL);
	if (model->config.ranker.type == RK_RANKER_DCN_V2)
		model->kernels->scale(items, scratch->user, dim, block->n_lanes, items - (size_t)dim * RK_PANEL);
	rk_target_attention_run(model, scratch);
}

void rk_ranker_run(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch)
{
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
		rk_dot_run(model, input, scratch->user, scratch);
		break;
	}
}

const float *rk_ranker_layers(const struct rk_model *model, struct rk_scratch *scratch, const struct rk_product *layers,
			      uint32_t n, const float *x, float *const turns[2])
{
	for (uint32_t k = 0; k < n; k++) {
		rk_layer_run_activated(model, scratch, &layers[k], model->config.ranker.activation, x,
				       scratch->block.n_lanes, turns[k % 2]);
		x = turns[k % 2];
	}
	return x;
}
