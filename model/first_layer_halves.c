/*
 * The request's first layers in bfloat16: the same columns as model/first_layer.c makes, in rows of outputs. They are
 * computed in float and rounded once. Columns behind the request's last are zeros up to a whole step, since the product
 * reads that far.
 */
#include "model/first_layer.h"

#include "model/encoder.h"
#include "model/layer.h"
#include "model/pack.h"

#include <string.h>

static size_t row_stride(const struct rk_model *model)
{
	return rk_halves_padded(model->plan.candidate_rows);
}

static void copy_columns(const struct rk_model *model, const struct rk_first_layer *layer, const uint16_t *rows,
			 uint32_t n_in, uint32_t column, uint16_t *halves)
{
	for (uint32_t out = 0; out < layer->n_out && n_in > 0; out++)
		memcpy(halves + out * row_stride(model) + column, rows + (size_t)out * rk_halves_padded(n_in),
		       n_in * sizeof(*halves));
}

void rk_first_layer_init_halves(const struct rk_model *model, struct rk_scratch *scratch, uint32_t i)
{
	copy_columns(model, &model->packed.first[i], model->packed.first[i].feature_halves,
		     model->config.candidate_features.width, model->config.dim, scratch->first[i].halves);
}

static void fold_items(const struct rk_model *model, const struct rk_first_layer *layer, struct rk_scratch *scratch,
		       uint16_t *halves)
{
	uint32_t dim = model->config.dim;
	float *row = scratch->user_spread;
	for (uint32_t out = 0; out < layer->n_out; out++) {
		size_t first = (size_t)out * dim;
		model->kernels->blend(layer->item + first, layer->product + first, scratch->user, dim, row);
		model->kernels->halve(row, dim, halves + out * row_stride(model));
	}
}

/* Columns (head, event) of W_t V: the layer's outputs as outputs, events as lanes. */
static void fold_values(const struct rk_model *model, struct rk_scratch *scratch, const uint16_t *packed,
			uint32_t n_out, const struct rk_attention_scratch *attention, uint16_t *halves)
{
	uint32_t dim = model->config.dim, heads = model->config.ranker.attention_heads, head_dim = dim / heads;
	uint32_t first_column = attention->first_row - model->plan.fixed_rows;
	float *rows = scratch->block.layer[0];
	for (uint32_t head = 0; head < heads; head++)
		for (uint32_t panel = 0; panel * RK_PANEL < attention->n; panel++) {
			uint32_t n_lanes = rk_lanes_of(attention->n, panel), stride = rk_halves_padded(head_dim);
			const struct rk_product of_outputs = {
				.halves = packed + (size_t)head * rk_half_rows_of(n_out) * stride,
				.half_stride = stride,
				.n_in = head_dim,
				.n_out = n_out,
			};
			const float *values =
				attention->values + ((size_t)panel * dim + (size_t)head * head_dim) * RK_PANEL;
			size_t column = (size_t)first_column + (size_t)head * attention->n + panel * RK_PANEL;
			rk_layer_run(model, scratch, &of_outputs, values, n_lanes, rows);
			for (uint32_t out = 0; out < n_out; out++)
				model->kernels->halve(rows + (size_t)out * RK_PANEL, n_lanes,
						      halves + out * row_stride(model) + column);
		}
}

void rk_first_layer_fold_halves(const struct rk_model *model, struct rk_scratch *scratch, uint32_t i)
{
	const struct rk_first_layer *layer = &model->packed.first[i];
	uint16_t *halves = scratch->first[i].halves;
	uint32_t n_in = model->config.dim + model->config.candidate_features.width;
	fold_items(model, layer, scratch, halves);
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++) {
		const struct rk_attention_scratch *attention = &scratch->attention[polarity];
		if (!rk_config_attends(&model->config, (enum rk_polarity)polarity))
			continue;
		if (attention->fold_values)
			fold_values(model, scratch, layer->folded_halves[polarity], layer->n_out, attention, halves);
		else
			copy_columns(model, layer, layer->attended_halves[polarity], model->config.dim, n_in, halves);
		n_in += attention->n_rows;
	}
	for (uint32_t out = 0; out < layer->n_out; out++)
		memset(halves + out * row_stride(model) + n_in, 0, (rk_halves_padded(n_in) - n_in) * sizeof(*halves));
}
