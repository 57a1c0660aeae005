/*
 * The request's first layers where the form is not that of floats: the same columns as model/first_layer.c makes, in
 * rows of outputs, which are computed in float and rounded at the end.
 */
#include "model/first_layer.h"

#include "model/encoder.h"
#include "model/layer.h"
#include "model/pack.h"

#include <string.h>

/* Rows are short: a call for each would take longer than the copying. */
static void copy_floats(const float *from, uint32_t n, float *to)
{
	enum { AT_ONCE = 8 };
	for (; n >= AT_ONCE; n -= AT_ONCE, from += AT_ONCE, to += AT_ONCE)
		memcpy(to, from, AT_ONCE * sizeof(*to));
	for (uint32_t i = 0; i < n; i++)
		to[i] = from[i];
}

/* Copies rows [n_out][n_in], `stride` floats apart, to column `column` of the request's. */
static void copy_columns(const struct rk_model *model, const float *from, size_t stride, uint32_t n_out, uint32_t n_in,
			 float *column)
{
	for (uint32_t out = 0; out < n_out; out++)
		copy_floats(from + out * stride, n_in, column + (size_t)out * model->plan.candidate_rows);
}

void rk_first_layer_init_rows(const struct rk_model *model, struct rk_scratch *scratch, uint32_t i)
{
	const struct rk_first_layer *layer = &model->packed.first[i];
	uint32_t n_features = model->config.candidate_features.width;
	copy_columns(model, layer->features, n_features, layer->n_out, n_features,
		     scratch->first[i].weights + model->config.dim);
}

static void fold_items(const struct rk_model *model, const struct rk_first_layer *layer, const float *user, float *rows)
{
	uint32_t dim = model->config.dim;
	for (uint32_t out = 0; out < layer->n_out; out++) {
		size_t first = (size_t)out * dim;
		model->kernels->blend(layer->item + first, layer->product + first, user, dim,
				      rows + (size_t)out * model->plan.candidate_rows);
	}
}

/* Columns (head, event) of W_t V: the layer's outputs as outputs, events as lanes. */
static void fold_values(const struct rk_model *model, struct rk_scratch *scratch, const struct rk_product *layers,
			const struct rk_attention_scratch *attention, float *columns)
{
	uint32_t dim = model->config.dim, heads = model->config.ranker.attention_heads, head_dim = dim / heads;
	float *panel_rows = scratch->block.layer[0];
	for (uint32_t head = 0; head < heads; head++)
		for (uint32_t panel = 0; panel * RK_PANEL < attention->n; panel++) {
			uint32_t n_lanes = rk_lanes_of(attention->n, panel);
			const float *values =
				attention->values + ((size_t)panel * dim + (size_t)head * head_dim) * RK_PANEL;
			rk_layer_run(model, scratch, &layers[head], values, n_lanes, panel_rows);
			copy_columns(model, panel_rows, RK_PANEL, layers[head].n_out, n_lanes,
				     columns + (size_t)head * attention->n + panel * RK_PANEL);
		}
}

void rk_first_layer_fold_rows(const struct rk_model *model, struct rk_scratch *scratch, uint32_t i)
{
	const struct rk_first_layer *layer = &model->packed.first[i];
	float *rows = scratch->first[i].weights;
	uint32_t dim = model->config.dim, n_in = dim + model->config.candidate_features.width;
	fold_items(model, layer, scratch->user, rows);
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++) {
		const struct rk_attention_scratch *attention = &scratch->attention[polarity];
		if (!rk_config_attends(&model->config, (enum rk_polarity)polarity))
			continue;
		if (attention->fold_values)
			fold_values(model, scratch, layer->folded_layers[polarity], attention, rows + n_in);
		else
			copy_columns(model, layer->attended[polarity], dim, layer->n_out, dim, rows + n_in);
		n_in += attention->n_rows;
	}
	rk_layer_round(model, rows, model->plan.candidate_rows, layer->n_out, n_in, &scratch->first[i].rounded);
}
