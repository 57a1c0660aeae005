/*
 * sasrec: causal transformer blocks over the events, events as lanes (docs/model-format.md, section 3).
 *
 * Keys and values of all events come first, then a few panels of queries at a time go through the rest of the block.
 * In the last block only the events that are read ask: their lanes are picked together, and everything behind the keys
 * and values is computed for them alone.
 * Scores have keys as rows and queries as lanes, so the softmax runs down the rows. A panel of keys serves as the
 * weights of the scores' product as it lies, and so do the values, computed with their outputs as lanes.
 */
#include "model/encoder.h"
#include "model/layer.h"
#include "model/pack.h"

struct block_run {
	const struct rk_model *model;
	const struct rk_packed_block *block;
	struct rk_scratch *scratch;
	uint32_t n_events;       /* L: keys and values */
	uint32_t n_queries;      /* all events, or those that are read */
	const uint32_t *queries; /* [n_queries] their events, or NULL: all */
};

static size_t panel_floats(const struct block_run *run)
{
	return (size_t)run->model->config.dim * RK_PANEL;
}

static uint32_t head_dim(const struct block_run *run)
{
	return run->model->config.dim / run->model->config.encoder.n_heads;
}

/* What the keys and values are made of, for a panel of x: LN₁(x) for pre, else x. */
static const float *key_input(const struct block_run *run, uint32_t panel)
{
	const float *x = run->scratch->encoded + panel * panel_floats(run);
	if (run->model->config.encoder.norm != RK_NORM_PRE)
		return x;
	return run->scratch->encoder.normed + panel * panel_floats(run);
}

static void compute_keys_and_values(const struct block_run *run)
{
	const struct rk_kernels *kernels = run->model->kernels;
	struct rk_encoder_scratch *encoder = &run->scratch->encoder;
	uint32_t dim = run->model->config.dim, n_columns = head_dim(run), head_panels = rk_panels_of(n_columns);
	size_t events = (size_t)rk_panels_of(run->n_events) * RK_PANEL;
	for (uint32_t panel = 0; panel * RK_PANEL < run->n_events; panel++) {
		uint32_t n_lanes = rk_lanes_of(run->n_events, panel);
		size_t at = panel * panel_floats(run);
		if (run->model->config.encoder.norm != RK_NORM_POST)
			kernels->layer_norm(run->scratch->encoded + at, &run->block->attention_norm, dim, n_lanes,
					    encoder->normed + at);
		const struct rk_product of_events = {.weights = key_input(run, panel),
						     .step_stride = RK_PANEL,
						     .group_stride = RK_PACK,
						     .n_in = dim,
						     .n_out = n_lanes};
		for (uint32_t i = 0; i < run->model->config.encoder.n_heads * head_panels; i++)
			kernels->product(&of_events, run->block->value + (size_t)i * dim * RK_PANEL,
					 rk_lanes_of(n_columns, i % head_panels),
					 encoder->values + (i * events + (size_t)panel * RK_PANEL) * RK_PANEL);
	}
	rk_layer_run(run->model, run->scratch, &run->block->key, key_input(run, 0), run->n_events, encoder->keys);
}

/* Scores of one head's queries against every event up to the latest of them, then their softmax. */
static uint32_t score_head(const struct block_run *run, const float *query, uint32_t head, uint32_t n_lanes)
{
	const struct rk_kernels *kernels = run->model->kernels;
	struct rk_encoder_scratch *encoder = &run->scratch->encoder;
	size_t first_row = (size_t)head * head_dim(run) * RK_PANEL;
	uint32_t n_keys = (uint32_t)encoder->places[n_lanes - 1] + 1;
	for (uint32_t panel = 0; panel * RK_PANEL < n_keys; panel++) {
		const struct rk_product of_keys = {
			.weights = encoder->keys + panel * panel_floats(run) + first_row,
			.step_stride = RK_PANEL,
			.group_stride = RK_PACK,
			.n_in = head_dim(run),
			.n_out = rk_lanes_of(n_keys, panel),
		};
		kernels->product(&of_keys, query + first_row, n_lanes,
				 encoder->scores + (size_t)panel * RK_PANEL * RK_PANEL);
	}
	kernels->softmax_causal(encoder->scores, n_keys, encoder->places, n_lanes);
	return n_keys;
}

/* One panel of queries: ret_attended [d] ← the heads' outputs, concatenated. */
static void attend(const struct block_run *run, const float *query, uint32_t n_lanes, float *ret_attended)
{
	struct rk_encoder_scratch *encoder = &run->scratch->encoder;
	uint32_t n_columns = head_dim(run), head_panels = rk_panels_of(n_columns);
	size_t events = (size_t)rk_panels_of(run->n_events) * RK_PANEL;
	for (uint32_t head = 0; head < run->model->config.encoder.n_heads; head++) {
		uint32_t n_keys = score_head(run, query, head, n_lanes);
		for (uint32_t panel = 0; panel < head_panels; panel++) {
			uint32_t first = head * n_columns + panel * RK_PANEL;
			const struct rk_product of_values = {
				.weights = encoder->values + ((size_t)head * head_panels + panel) * events * RK_PANEL,
				.step_stride = RK_PANEL,
				.group_stride = RK_PACK,
				.bias = run->block->value_bias + first,
				.n_in = n_keys,
				.n_out = rk_lanes_of(n_columns, panel),
			};
			run->model->kernels->product(&of_values, encoder->scores, n_lanes,
						     ret_attended + (size_t)first * RK_PANEL);
		}
	}
}

/* Queries of the `panel`-th panel, as events. */
static void set_places(const struct block_run *run, uint32_t panel)
{
	for (uint32_t lane = 0; lane < RK_PANEL; lane++) {
		uint32_t query = panel * RK_PANEL + lane;
		query = query < run->n_queries ? query : run->n_queries - 1;
		run->scratch->encoder.places[lane] = (float)(run->queries == NULL ? query : run->queries[query]);
	}
}

/* Attention of the panels from `first` on, n_lanes queries in all: output ← x after it. `normed` is LN₁(x) (pre,
 * query). */
static void run_attention(const struct block_run *run, uint32_t first, uint32_t n_lanes, const float *x,
			  const float *normed)
{
	const struct rk_model *model = run->model;
	struct rk_encoder_scratch *encoder = &run->scratch->encoder;
	uint32_t dim = model->config.dim;
	enum rk_norm_order norm = model->config.encoder.norm;
	rk_layer_run(model, run->scratch, &run->block->query, norm == RK_NORM_POST ? x : normed, n_lanes,
		     encoder->query);
	for (uint32_t panel = 0; panel * RK_PANEL < n_lanes; panel++) {
		size_t at = panel * panel_floats(run);
		set_places(run, first + panel);
		attend(run, encoder->query + at, rk_lanes_of(n_lanes, panel), encoder->attended + at);
	}
	rk_layer_run(model, run->scratch, &run->block->output, encoder->attended, n_lanes, encoder->output);
	for (uint32_t panel = 0; panel * RK_PANEL < n_lanes; panel++) {
		size_t at = panel * panel_floats(run);
		uint32_t n_here = rk_lanes_of(n_lanes, panel);
		float *output = encoder->output + at;
		model->kernels->add((norm == RK_NORM_QUERY ? normed : x) + at, dim, n_here, output);
		if (norm == RK_NORM_POST)
			model->kernels->layer_norm(output, &run->block->attention_norm, dim, n_here, output);
	}
}

/* The FFN of those panels: x ← z + FFN(z) with z = output (post), LN₂(output) (query); output + FFN(LN₂(output)) (pre).
 */
static void run_ffn(const struct block_run *run, uint32_t n_lanes, float *x, float *normed)
{
	const struct rk_model *model = run->model;
	const struct rk_packed_block *block = run->block;
	struct rk_encoder_scratch *encoder = &run->scratch->encoder;
	uint32_t dim = model->config.dim;
	enum rk_norm_order norm = model->config.encoder.norm;
	for (uint32_t panel = 0; panel * RK_PANEL < n_lanes && norm != RK_NORM_POST; panel++)
		model->kernels->layer_norm(encoder->output + panel * panel_floats(run), &block->ffn_norm, dim,
					   rk_lanes_of(n_lanes, panel), normed + panel * panel_floats(run));
	const float *z = norm == RK_NORM_POST ? encoder->output : normed;
	const float *base = norm == RK_NORM_QUERY ? normed : encoder->output;
	rk_layer_run_activated(model, run->scratch, &block->up, model->config.encoder.activation, z, n_lanes,
			       encoder->hidden);
	rk_layer_run(model, run->scratch, &block->down, encoder->hidden, n_lanes, x);
	for (uint32_t panel = 0; panel * RK_PANEL < n_lanes; panel++) {
		size_t at = panel * panel_floats(run);
		uint32_t n_here = rk_lanes_of(n_lanes, panel);
		model->kernels->add(base + at, dim, n_here, x + at);
		if (norm == RK_NORM_POST)
			model->kernels->layer_norm(x + at, &block->ffn_norm, dim, n_here, x + at);
	}
}

static void run_block(struct block_run *run, bool is_last)
{
	struct rk_scratch *scratch = run->scratch;
	const struct rk_history *history = &scratch->history;
	uint32_t dim = run->model->config.dim;
	compute_keys_and_values(run);
	if (is_last) {
		run->queries = history->reads;
		run->n_queries = history->n_reads;
		rk_panels_pick(scratch->encoded, dim, history->reads, history->n_reads, scratch->encoded);
		if (run->model->config.encoder.norm != RK_NORM_POST)
			rk_panels_pick(scratch->encoder.normed, dim, history->reads, history->n_reads,
				       scratch->encoder.normed);
	}
	enum { AT_ONCE = RK_LAYER_PANELS * RK_PANEL };
	for (uint32_t first = 0; first < run->n_queries; first += AT_ONCE) {
		uint32_t n_lanes = run->n_queries - first < AT_ONCE ? run->n_queries - first : AT_ONCE;
		float *x = scratch->encoded + (size_t)first * dim;
		float *normed = scratch->encoder.normed + (size_t)first * dim;
		run_attention(run, first / RK_PANEL, n_lanes, x, normed);
		run_ffn(run, n_lanes, x, normed);
	}
}

void rk_sasrec_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	uint32_t n_layers = model->config.encoder.n_layers, n_used = scratch->history.n_used;
	for (uint32_t i = 0; i < n_layers; i++) {
		struct block_run run = {
			.model = model,
			.block = &model->packed.blocks[i],
			.scratch = scratch,
			.n_events = n_used,
			.n_queries = n_used,
		};
		run_block(&run, i + 1 == n_layers);
	}
	if (!model->config.encoder.final_norm)
		return;
	for (uint32_t panel = 0; panel * RK_PANEL < scratch->history.n_reads; panel++) {
		float *states = scratch->encoded + (size_t)panel * model->config.dim * RK_PANEL;
		model->kernels->layer_norm(states, &model->packed.final_norm, model->config.dim,
					   rk_lanes_of(scratch->history.n_reads, panel), states);
	}
}
