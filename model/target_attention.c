#include "model/target_attention.h"

#include "model/layer.h"

#include <math.h>
#include <string.h>

static void prepare_polarity(const struct rk_model *model, struct rk_scratch *scratch, enum rk_polarity polarity)
{
	const struct rk_attention_weights *weights = &model->weights.target_attention[polarity];
	const struct rk_history *history = &scratch->history;
	uint32_t dim = model->config.dim;
	uint32_t chunk = model->plan.chunk_rows;
	uint32_t n_selected = history->n_selected[polarity];
	struct rk_dense key = rk_layer_dense(&weights->key, dim, dim);
	struct rk_dense value = rk_layer_dense(&weights->value, dim, dim);
	for (uint32_t first = 0; first < n_selected; first += chunk) {
		uint32_t n_rows = n_selected - first < chunk ? n_selected - first : chunk;
		for (uint32_t row = 0; row < n_rows; row++)
			memcpy(scratch->encoder.chunk + (size_t)row * dim,
			       scratch->encoder.states + (size_t)history->selected[polarity][first + row] * dim,
			       dim * sizeof(float));
		size_t offset = (size_t)first * dim;
		rk_layer_apply(&key, scratch->encoder.chunk, n_rows, NULL, scratch->keys[polarity] + offset);
		rk_layer_apply(&value, scratch->encoder.chunk, n_rows, NULL, scratch->values[polarity] + offset);
	}
}

void rk_target_attention_prepare(const struct rk_model *model, struct rk_scratch *scratch)
{
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++)
		prepare_polarity(model, scratch, (enum rk_polarity)polarity);
}

/* Fills d columns of z from `column` on. */
static void run_polarity(const struct rk_model *model, struct rk_scratch *scratch, enum rk_polarity polarity,
			 size_t column)
{
	struct rk_block_scratch *block = &scratch->block;
	uint32_t dim = model->config.dim;
	size_t head_dim = dim / model->config.ranker.attention_heads;
	size_t stride = model->plan.candidate_columns;
	struct rk_attend attend = {
		.n_keys = scratch->history.n_selected[polarity],
		.head_dim = head_dim,
		.stride = dim,
		.scale = 1.0F / sqrtf((float)head_dim),
		.scores = block->scores,
	};
	if (attend.n_keys == 0) {
		for (uint32_t row = 0; row < block->n_rows; row++)
			memset(block->z + row * stride + column, 0, dim * sizeof(float));
		return;
	}
	struct rk_dense query = rk_layer_dense(&model->weights.target_attention[polarity].query, dim, dim);
	struct rk_rows items = {.data = block->z, .n_rows = block->n_rows, .stride = stride};
	struct rk_rows queries = {.data = block->query, .n_rows = block->n_rows, .stride = dim};
	rk_dense_apply(&query, items, NULL, queries);
	for (uint32_t row = 0; row < block->n_rows; row++) {
		for (size_t head = 0; head < dim; head += head_dim) {
			attend.query = block->query + (size_t)row * dim + head;
			attend.keys = scratch->keys[polarity] + head;
			attend.values = scratch->values[polarity] + head;
			attend.ret_out = block->z + row * stride + column + head;
			model->kernels->attend(&attend);
		}
	}
}

void rk_target_attention_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	size_t column = 2 * (size_t)model->config.dim; /* behind e and u⊙e */
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++) {
		if (!rk_config_attends(&model->config, (enum rk_polarity)polarity))
			continue;
		run_polarity(model, scratch, (enum rk_polarity)polarity, column);
		column += model->config.dim;
	}
}
