#include "model/target_attention.h"

#include "model/encoder.h"
#include "model/layer.h"
#include "model/pack.h"

#include <string.h>

/* Multiply-adds of a request in either form, as far as they differ. n candidates, s events, m outputs of the layers
 * that read z. The forms differ in their last bits, so n is a usual number and not the request's own: the bits of a
 * candidate's score must not depend on the list it stands in. */
struct costs {
	uint64_t n, s, dim, heads, m;
};

enum { USUAL_CANDIDATES = 300 };

static bool scores_fold(const struct costs *c)
{
	uint64_t folded = c->n * c->s * c->heads * c->dim + c->heads * c->s * c->dim * (c->dim + 1);
	uint64_t plain = c->n * (c->dim * c->dim + c->s * c->dim) + c->s * c->dim * c->dim;
	return c->heads <= RK_MAX_FOLDED_HEADS && folded <= plain;
}

static bool values_fold(const struct costs *c, uint32_t max_folded_rows)
{
	uint64_t folded = c->n * c->m * c->s * c->heads + c->s * c->dim * c->m;
	uint64_t plain = c->n * (c->m * c->dim + c->s * c->dim);
	return max_folded_rows > 0 && c->s * c->heads <= max_folded_rows && folded <= plain;
}

static void compute_keys(const struct rk_model *model, struct rk_scratch *scratch,
			 const struct rk_packed_attention *packed, struct rk_attention_scratch *attention)
{
	uint32_t n_panels = rk_panels_of(attention->n);
	uint32_t n_products = attention->fold_scores ? model->config.ranker.attention_heads : 1;
	for (uint32_t i = 0; i < n_products; i++) {
		const struct rk_product *product = attention->fold_scores ? &packed->folded[i] : &packed->key;
		rk_layer_run(model, scratch, product, attention->states, attention->n,
			     attention->keys + (size_t)i * n_panels * product->n_out * RK_PANEL);
	}
}

/* Inputs of one head's score product: e for folded scores, else the head's part of the query. */
static uint32_t score_inputs(const struct rk_model *model, const struct rk_attention_scratch *attention)
{
	return attention->fold_scores ? model->config.dim : model->config.dim / model->config.ranker.attention_heads;
}

/* The keys of one head and panel of events: [score_inputs][RK_PANEL]. */
static const float *keys_of(const struct rk_model *model, const struct rk_attention_scratch *attention, uint32_t head,
			    uint32_t panel)
{
	size_t dim = model->config.dim, head_dim = dim / model->config.ranker.attention_heads;
	if (attention->fold_scores)
		return attention->keys + ((size_t)head * rk_panels_of(attention->n) + panel) * (dim + 1) * RK_PANEL;
	return attention->keys + (panel * dim + head * head_dim) * RK_PANEL;
}

static const struct rk_rounded *rounded_of(const struct rk_attention_scratch *attention, uint32_t head, uint32_t panel)
{
	return &attention->rounded[(size_t)head * rk_panels_of(attention->n) + panel];
}

/* Whether one panel's keys are a layer in the model's form; else they serve as they lie. */
static bool is_rounded(const struct rk_model *model, uint32_t n_in, uint32_t n_events)
{
	return model->plan.form == RK_FORM_HALVES ||
	       (model->plan.form == RK_FORM_DIGITS && rk_digits_pay(n_in, n_events));
}

/* scratch->turned_rows [n_events][d] ← keys [n_in][RK_PANEL] */
static void turn_keys(const struct rk_model *model, struct rk_scratch *scratch, const float *keys, uint32_t n_in,
		      uint32_t n_events)
{
	for (uint32_t first = 0; first < n_in; first += RK_PANEL) {
		uint32_t n = n_in - first < RK_PANEL ? n_in - first : RK_PANEL;
		for (uint32_t k = 0; k < RK_PANEL; k++)
			scratch->block.row_pointers[k] = keys + (size_t)(first + (k < n ? k : 0)) * RK_PANEL;
		model->kernels->gather[RK_DTYPE_F32](
			&(struct rk_gather){scratch->block.row_pointers, n, n_events, scratch->turned});
		for (uint32_t event = 0; event < n_events; event++)
			memcpy(scratch->turned_rows + (size_t)event * model->config.dim + first,
			       scratch->turned + (size_t)event * RK_PANEL, n * sizeof(float));
	}
}

/* As weights of a layer keys are rows of events: panels of them are turned, and rounded. */
static void round_keys(const struct rk_model *model, struct rk_scratch *scratch,
		       const struct rk_attention_scratch *attention)
{
	uint32_t n_in = score_inputs(model, attention), n_panels = rk_panels_of(attention->n);
	for (uint32_t i = 0; i < model->config.ranker.attention_heads * n_panels; i++) {
		uint32_t head = i / n_panels, panel = i % n_panels, n_events = rk_lanes_of(attention->n, panel);
		if (!is_rounded(model, n_in, n_events))
			continue;
		turn_keys(model, scratch, keys_of(model, attention, head, panel), n_in, n_events);
		rk_layer_round(model, scratch->turned_rows, model->config.dim, n_events, n_in,
			       rounded_of(attention, head, panel));
	}
}

static void compute_values(const struct rk_model *model, struct rk_scratch *scratch,
			   const struct rk_packed_attention *packed, struct rk_attention_scratch *attention)
{
	uint32_t dim = model->config.dim, heads = model->config.ranker.attention_heads;
	uint32_t head_dim = dim / heads, head_panels = rk_panels_of(head_dim);
	if (attention->fold_values) {
		rk_layer_run(model, scratch, &packed->value, attention->states, attention->n, attention->values);
		return;
	}
	for (uint32_t panel = 0; panel * RK_PANEL < attention->n; panel++) {
		const float *states = attention->states + (size_t)panel * dim * RK_PANEL;
		uint32_t n_lanes = rk_lanes_of(attention->n, panel);
		const struct rk_product of_events = {.weights = states,
						     .step_stride = RK_PANEL,
						     .group_stride = RK_PACK,
						     .n_in = dim,
						     .n_out = n_lanes};
		for (uint32_t i = 0; i < heads * head_panels; i++)
			model->kernels->product(&of_events, packed->value_panels + (size_t)i * dim * RK_PANEL,
						rk_lanes_of(head_dim, i % head_panels),
						attention->values +
							((size_t)i * attention->n + panel * RK_PANEL) * RK_PANEL);
	}
}

void rk_target_attention_prepare(const struct rk_model *model, struct rk_scratch *scratch)
{
	const struct rk_config *config = &model->config;
	uint32_t row = model->plan.fixed_rows + config->dim + config->candidate_features.width;
	struct costs costs = {.n = USUAL_CANDIDATES, .dim = config->dim, .heads = config->ranker.attention_heads};
	for (uint32_t i = 0; i < model->packed.n_first; i++)
		costs.m += model->packed.first[i].n_out;
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++) {
		if (!rk_config_attends(config, (enum rk_polarity)polarity))
			continue;
		struct rk_attention_scratch *attention = &scratch->attention[polarity];
		const struct rk_packed_attention *packed = &model->packed.attention[polarity];
		attention->n = scratch->history.n_selected[polarity];
		costs.s = attention->n;
		attention->fold_scores = scores_fold(&costs);
		attention->fold_values = values_fold(&costs, model->plan.max_folded_rows);
		attention->first_row = row;
		attention->n_rows = attention->fold_values ? (uint32_t)(costs.s * costs.heads) : config->dim;
		row += attention->n_rows;
		if (attention->n == 0)
			continue;
		rk_panels_pick(scratch->encoded, config->dim, scratch->history.selected[polarity], attention->n,
			       attention->states);
		compute_keys(model, scratch, packed, attention);
		if (model->plan.form != RK_FORM_FLOATS)
			round_keys(model, scratch, attention);
		compute_values(model, scratch, packed, attention);
	}
}

/* ret_scores[|S|] ← the softmax of one head's scores. */
static void score_head(const struct rk_model *model, struct rk_scratch *scratch,
		       const struct rk_attention_scratch *attention, uint32_t head, float *ret_scores)
{
	uint32_t n_in = score_inputs(model, attention), n_lanes = scratch->block.n_lanes;
	const float *x = attention->fold_scores ? scratch->block.panel + (size_t)model->plan.fixed_rows * RK_PANEL
						: scratch->block.query + (size_t)head * n_in * RK_PANEL;
	for (uint32_t panel = 0; panel * RK_PANEL < attention->n; panel++) {
		const float *keys = keys_of(model, attention, head, panel);
		uint32_t n_events = rk_lanes_of(attention->n, panel);
		struct rk_product of_events = {.weights = keys,
					       .step_stride = RK_PANEL,
					       .group_stride = RK_PACK,
					       .n_in = n_in,
					       .n_out = n_events};
		if (is_rounded(model, n_in, n_events))
			of_events = rk_layer_of(rounded_of(attention, head, panel), n_events, n_in);
		of_events.bias = attention->fold_scores ? keys + (size_t)n_in * RK_PANEL : NULL;
		rk_layer_run(model, scratch, &of_events, x, n_lanes, ret_scores + (size_t)panel * RK_PANEL * RK_PANEL);
	}
	model->kernels->softmax(ret_scores, attention->n, n_lanes);
}

/* t of one head from its scores. */
static void mix_values(const struct rk_model *model, const struct rk_packed_attention *packed,
		       struct rk_scratch *scratch, const struct rk_attention_scratch *attention, uint32_t head)
{
	uint32_t head_dim = model->config.dim / model->config.ranker.attention_heads;
	uint32_t head_panels = rk_panels_of(head_dim);
	for (uint32_t panel = 0; panel < head_panels; panel++) {
		uint32_t first = head * head_dim + panel * RK_PANEL;
		const struct rk_product of_columns = {
			.weights = attention->values + ((size_t)head * head_panels + panel) * attention->n * RK_PANEL,
			.step_stride = RK_PANEL,
			.group_stride = RK_PACK,
			.bias = packed->value_bias + first,
			.n_in = attention->n,
			.n_out = rk_lanes_of(head_dim, panel),
		};
		model->kernels->product(&of_columns, scratch->block.scores, scratch->block.n_lanes,
					scratch->block.panel + (size_t)(attention->first_row + first) * RK_PANEL);
	}
}

static void run_polarity(const struct rk_model *model, struct rk_scratch *scratch,
			 const struct rk_packed_attention *packed, const struct rk_attention_scratch *attention)
{
	float *rows = scratch->block.panel + (size_t)attention->first_row * RK_PANEL;
	if (attention->n == 0) {
		memset(rows, 0, (size_t)attention->n_rows * RK_PANEL * sizeof(float));
		return;
	}
	if (!attention->fold_scores)
		rk_layer_run(model, scratch, &packed->query,
			     scratch->block.panel + (size_t)model->plan.fixed_rows * RK_PANEL, scratch->block.n_lanes,
			     scratch->block.query);
	for (uint32_t head = 0; head < model->config.ranker.attention_heads; head++) {
		if (attention->fold_values) {
			score_head(model, scratch, attention, head, rows + (size_t)head * attention->n * RK_PANEL);
		} else {
			score_head(model, scratch, attention, head, scratch->block.scores);
			mix_values(model, packed, scratch, attention, head);
		}
	}
}

void rk_target_attention_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++)
		if (rk_config_attends(&model->config, (enum rk_polarity)polarity))
			run_polarity(model, scratch, &model->packed.attention[polarity], &scratch->attention[polarity]);
}
