/*
 * SASRec, a causal transformer, in its three orders of normalisation.
 *
 * A block runs in two passes over chunks of rows, in place in the residual stream x. The first computes the keys and
 * values of all events. The second, which needs nothing of x but its own rows any more, attends and applies the
 * feed-forward layer; in the last block it visits only the events whose H is read.
 */
#include "model/encoder.h"
#include "model/layer.h"

#include <math.h>
#include <string.h>

struct block {
	const struct rk_model *model;
	const struct rk_block_weights *weights;
	struct rk_encoder_scratch *scratch;
	const uint32_t *events; /* event of each row of x, or NULL: row i is event i */
};

static void project(const struct block *block, const struct rk_linear *linear, float *x, size_t n_rows, float *ret_y)
{
	uint32_t dim = block->model->config.dim;
	struct rk_dense dense = rk_layer_dense(linear, dim, dim);
	rk_layer_apply(&dense, x, n_rows, NULL, ret_y);
}

static void fill_keys_and_values(const struct block *block, uint32_t first, uint32_t n_rows)
{
	struct rk_encoder_scratch *scratch = block->scratch;
	size_t offset = (size_t)first * block->model->config.dim;
	float *input = scratch->states + offset;
	if (block->model->config.encoder.norm == RK_NORM_PRE) {
		rk_layer_norm_rows(block->model, &block->weights->attention_norm, input, n_rows, scratch->normed);
		input = scratch->normed;
	}
	project(block, &block->weights->attention.key, input, n_rows, scratch->keys + offset);
	project(block, &block->weights->attention.value, input, n_rows, scratch->values + offset);
}

/* The queries of the chunk against keys 0 … its own event, head by head, into scratch->attended. */
static void attend_chunk(const struct block *block, uint32_t first, uint32_t n_rows)
{
	const struct rk_model *model = block->model;
	struct rk_encoder_scratch *scratch = block->scratch;
	size_t dim = model->config.dim;
	size_t head_dim = dim / model->config.encoder.n_heads;
	struct rk_attend attend = {
		.head_dim = head_dim, .stride = dim, .scale = 1.0F / sqrtf((float)head_dim), .scores = scratch->scores};
	for (uint32_t row = 0; row < n_rows; row++) {
		attend.n_keys = 1 + (size_t)(block->events == NULL ? first + row : block->events[first + row]);
		for (size_t column = 0; column < dim; column += head_dim) {
			attend.query = scratch->query + row * dim + column;
			attend.keys = scratch->keys + column;
			attend.values = scratch->values + column;
			attend.ret_out = scratch->attended + row * dim + column;
			model->kernels->attend(&attend);
		}
	}
}

/* x ← x + MHA(…) with the norm where its order has it. */
static void run_attention(const struct block *block, uint32_t first, uint32_t n_rows)
{
	const struct rk_model *model = block->model;
	const struct rk_layer_norm *norm = &block->weights->attention_norm;
	enum rk_norm_order order = model->config.encoder.norm;
	struct rk_encoder_scratch *scratch = block->scratch;
	size_t dim = model->config.dim;
	float *x = scratch->states + first * dim;
	float *query_input = x;
	if (order == RK_NORM_PRE) {
		rk_layer_norm_rows(model, norm, x, n_rows, scratch->normed);
		query_input = scratch->normed;
	} else if (order == RK_NORM_QUERY) {
		rk_layer_norm_rows(model, norm, x, n_rows, x);
	}
	project(block, &block->weights->attention.query, query_input, n_rows, scratch->query);
	attend_chunk(block, first, n_rows);
	project(block, &block->weights->attention.output, scratch->attended, n_rows, scratch->normed);
	model->kernels->add(scratch->normed, n_rows * dim, x);
	if (order == RK_NORM_POST)
		rk_layer_norm_rows(model, norm, x, n_rows, x);
}

/* x ← x + FFN(…) with the norm where its order has it. */
static void run_ffn(const struct block *block, uint32_t first, uint32_t n_rows)
{
	const struct rk_model *model = block->model;
	const struct rk_encoder_config *config = &model->config.encoder;
	const struct rk_layer_norm *norm = &block->weights->ffn_norm;
	struct rk_encoder_scratch *scratch = block->scratch;
	uint32_t dim = model->config.dim;
	float *x = scratch->states + (size_t)first * dim;
	float *input = x;
	if (config->norm == RK_NORM_PRE) {
		rk_layer_norm_rows(model, norm, x, n_rows, scratch->normed);
		input = scratch->normed;
	} else if (config->norm == RK_NORM_QUERY) {
		rk_layer_norm_rows(model, norm, x, n_rows, x);
	}
	struct rk_dense up = rk_layer_dense(&block->weights->up, dim, config->ffn);
	struct rk_dense down = rk_layer_dense(&block->weights->down, config->ffn, dim);
	rk_layer_apply(&up, input, n_rows, rk_layer_activation(model->kernels, config->activation), scratch->hidden);
	rk_layer_apply(&down, scratch->hidden, n_rows, NULL, scratch->query);
	model->kernels->add(scratch->query, (size_t)n_rows * dim, x);
	if (config->norm == RK_NORM_POST)
		rk_layer_norm_rows(model, norm, x, n_rows, x);
}

/* One block over all events, of which in the last one only those that are read go on. */
static void run_block(struct block *block, const struct rk_history *history, bool last)
{
	uint32_t chunk = block->model->plan.chunk_rows;
	for (uint32_t first = 0; first < history->n_used; first += chunk) {
		uint32_t left = history->n_used - first;
		fill_keys_and_values(block, first, left < chunk ? left : chunk);
	}
	uint32_t n_rows = history->n_used;
	if (last) {
		rk_encoder_keep_reads(history, block->model->config.dim, block->scratch->states);
		block->events = history->reads;
		n_rows = history->n_reads;
	}
	for (uint32_t first = 0; first < n_rows; first += chunk) {
		uint32_t left = n_rows - first;
		run_attention(block, first, left < chunk ? left : chunk);
		run_ffn(block, first, left < chunk ? left : chunk);
	}
}

void rk_sasrec_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	const struct rk_history *history = &scratch->history;
	const struct rk_encoder_config *config = &model->config.encoder;
	size_t dim = model->config.dim;
	float *states = scratch->encoder.states;
	for (uint32_t layer = 0; layer < config->n_layers; layer++) {
		struct block block = {
			.model = model, .weights = &model->weights.blocks[layer], .scratch = &scratch->encoder};
		run_block(&block, history, layer + 1 == config->n_layers);
	}
	if (config->final_norm)
		rk_layer_norm_rows(model, &model->weights.final_norm, states, history->n_reads, states);
	memcpy(scratch->user, states + (history->n_reads - 1) * dim, dim * sizeof(float));
}
