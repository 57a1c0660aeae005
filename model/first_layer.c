/*
 * Weights of a request are written in packed groups of stride candidate_rows: columns of e (W_e + W_x diag(u)), of f
 * (written once), then of each polarity: W_t, or W_t V where the values are folded.
 */
#include "model/first_layer.h"

#include "model/encoder.h"
#include "model/layer.h"
#include "model/pack.h"

#include <string.h>

static size_t group_stride(const struct rk_model *model)
{
	return (size_t)model->plan.candidate_rows * RK_PACK;
}

/* Copies [groups][n_in][RK_PACK] to column `column` of the request's weights. */
static void copy_columns(const struct rk_model *model, const struct rk_first_layer *layer, const float *packed,
			 uint32_t n_in, uint32_t column, float *weights)
{
	size_t n_floats = (size_t)n_in * RK_PACK;
	for (uint32_t group = 0; group < rk_groups_of(layer->n_out) && n_in > 0; group++)
		memcpy(weights + group * group_stride(model) + (size_t)column * RK_PACK, packed + group * n_floats,
		       n_floats * sizeof(float));
}

void rk_first_layer_init(const struct rk_model *model, struct rk_scratch *scratch)
{
	for (uint32_t i = 0; i < model->packed.n_first; i++) {
		if (model->plan.form != RK_FORM_FLOATS)
			rk_first_layer_init_rows(model, scratch, i);
		else
			copy_columns(model, &model->packed.first[i], model->packed.first[i].features,
				     model->config.candidate_features.width, model->config.dim,
				     scratch->first[i].weights);
	}
}

static void fold_items(const struct rk_model *model, const struct rk_first_layer *layer, const float *user_spread,
		       float *weights)
{
	size_t n_floats = (size_t)model->config.dim * RK_PACK;
	for (uint32_t group = 0; group < rk_groups_of(layer->n_out); group++)
		model->kernels->blend(layer->item + group * n_floats, layer->product + group * n_floats, user_spread,
				      n_floats, weights + group * group_stride(model));
}

/* Columns (head, event) of W_t V: events as outputs, the layer's outputs as lanes. */
static void fold_values(const struct rk_model *model, const float *panels, uint32_t n_out,
			const struct rk_attention_scratch *attention, float *weights)
{
	uint32_t dim = model->config.dim, heads = model->config.ranker.attention_heads, head_dim = dim / heads;
	uint32_t out_panels = rk_panels_of(n_out);
	uint32_t first_column = attention->first_row - model->plan.fixed_rows;
	for (uint32_t i = 0; i < heads * out_panels; i++) {
		uint32_t head = i / out_panels, out_panel = i % out_panels;
		for (uint32_t panel = 0; panel * RK_PANEL < attention->n; panel++) {
			const struct rk_product of_events = {
				.weights =
					attention->values + ((size_t)panel * dim + (size_t)head * head_dim) * RK_PANEL,
				.step_stride = RK_PANEL,
				.group_stride = RK_PACK,
				.n_in = head_dim,
				.n_out = rk_lanes_of(attention->n, panel),
			};
			size_t column = (size_t)first_column + (size_t)head * attention->n + panel * RK_PANEL;
			model->kernels->product_pack(
				&of_events, panels + (size_t)i * head_dim * RK_PANEL, rk_lanes_of(n_out, out_panel),
				group_stride(model),
				weights + (size_t)out_panel * (RK_PANEL / RK_PACK) * group_stride(model) +
					column * RK_PACK);
		}
	}
}

static void fold_bias(const struct rk_model *model, const struct rk_first_layer *layer, const float *user, float *bias)
{
	const struct rk_product of_user = {
		.weights = user, .step_stride = 1, .group_stride = 0, .n_in = layer->n_user, .n_out = 1};
	for (uint32_t panel = 0; panel < rk_panels_of(layer->n_out); panel++)
		model->kernels->product(&of_user, layer->user + (size_t)panel * layer->n_user * RK_PANEL, RK_PANEL,
					bias + (size_t)panel * RK_PANEL);
}

static void fold_weights(const struct rk_model *model, struct rk_scratch *scratch, uint32_t i)
{
	const struct rk_first_layer *layer = &model->packed.first[i];
	float *weights = scratch->first[i].weights;
	uint32_t dim = model->config.dim;
	for (uint32_t k = 0; k < dim; k++)
		for (uint32_t j = 0; j < RK_PACK; j++)
			scratch->user_spread[k * RK_PACK + j] = scratch->user[k];
	fold_items(model, layer, scratch->user_spread, weights);
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++) {
		const struct rk_attention_scratch *attention = &scratch->attention[polarity];
		if (!rk_config_attends(&model->config, (enum rk_polarity)polarity))
			continue;
		if (attention->fold_values)
			fold_values(model, layer->folded[polarity], layer->n_out, attention, weights);
		else
			copy_columns(model, layer, layer->attended[polarity], dim,
				     attention->first_row - model->plan.fixed_rows, weights);
	}
}

void rk_first_layer_fold(const struct rk_model *model, struct rk_scratch *scratch)
{
	float *flags = scratch->user + model->config.dim + model->config.user_features.width;
	*flags++ = 1.0F;
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++) {
		const struct rk_attention_scratch *attention = &scratch->attention[polarity];
		flags[polarity] = attention->fold_values && attention->n > 0 ? 1.0F : 0.0F;
	}
	for (uint32_t i = 0; i < model->packed.n_first; i++) {
		fold_bias(model, &model->packed.first[i], scratch->user, scratch->first[i].bias);
		if (model->plan.form != RK_FORM_FLOATS)
			rk_first_layer_fold_rows(model, scratch, i);
		else
			fold_weights(model, scratch, i);
	}
}

struct rk_product rk_first_layer_product(const struct rk_model *model, const struct rk_scratch *scratch, uint32_t i)
{
	uint32_t n_in = model->config.dim + model->config.candidate_features.width;
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++)
		if (rk_config_attends(&model->config, (enum rk_polarity)polarity))
			n_in += scratch->attention[polarity].n_rows;
	uint32_t n_out = model->packed.first[i].n_out;
	struct rk_product product = {.weights = scratch->first[i].weights,
				     .step_stride = RK_PACK,
				     .group_stride = group_stride(model),
				     .n_in = n_in,
				     .n_out = n_out};
	if (model->plan.form != RK_FORM_FLOATS)
		product = rk_layer_of(&scratch->first[i].rounded, n_out, n_in);
	product.bias = scratch->first[i].bias;
	return product;
}
