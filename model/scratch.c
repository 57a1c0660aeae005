/*
 * One list of buffers serves both passes: with no memory it counts the bytes at load, with memory it hands out places.
 */
#include "model/scratch.h"

#include "model/base/arena.h"
#include "model/base/check.h"
#include "model/model.h"

#include <string.h>

struct layout {
	char *memory; /* NULL: count only */
	size_t used;
	bool overflowed;
};

/* A buffer of rows × columns elements of `size` bytes, aligned to a cache line. */
static void *take(struct layout *layout, size_t rows, size_t columns, size_t size)
{
	static const size_t mask = RK_ARENA_ALIGNMENT - 1;
	size_t elements, bytes, end;
	if (__builtin_mul_overflow(rows, columns, &elements) || __builtin_mul_overflow(elements, size, &bytes) ||
	    __builtin_add_overflow(bytes, mask, &bytes) || __builtin_add_overflow(layout->used, bytes & ~mask, &end)) {
		layout->overflowed = true;
		return NULL;
	}
	void *place = layout->memory == NULL ? NULL : layout->memory + layout->used;
	layout->used = end;
	return place;
}

static float *take_floats(struct layout *layout, size_t rows, size_t columns)
{
	return take(layout, rows, columns, sizeof(float));
}

static void lay_out_history(struct layout *layout, struct rk_history *history, const struct rk_config *config,
			    const struct rk_plan *plan)
{
	history->rows = take(layout, plan->max_used_events, 1, sizeof(*history->rows));
	history->actions = take(layout, plan->max_used_events, rk_action_words(config), sizeof(*history->actions));
	history->reads = take(layout, plan->max_read_events, 1, sizeof(*history->reads));
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++)
		history->selected[polarity] =
			take(layout, plan->max_selected[polarity], 1, sizeof(*history->selected[polarity]));
}

static void lay_out_results(struct layout *layout, struct rk_scratch *scratch, const struct rk_config *config,
			    const struct rk_plan *plan)
{
	size_t n = plan->limits.max_candidates;
	size_t n_signals = config->signals.n;
	scratch->logits = take_floats(layout, n, n_signals);
	scratch->signals = take_floats(layout, n, n_signals);
	scratch->terms = take_floats(layout, n, n_signals);
	scratch->scores = take_floats(layout, n, 1);
	scratch->states = take(layout, n, 1, sizeof(*scratch->states));
	scratch->has_term = take(layout, n_signals, 1, sizeof(*scratch->has_term));
	scratch->order = take(layout, n, 1, sizeof(*scratch->order));
	scratch->entries = take(layout, n, 1, sizeof(*scratch->entries));
	scratch->spare = take(layout, n, 1, sizeof(*scratch->spare));
}

static void lay_out_encoder(struct layout *layout, struct rk_encoder_scratch *encoder, const struct rk_config *config,
			    const struct rk_plan *plan)
{
	size_t dim = config->dim;
	size_t chunk = plan->chunk_rows;
	encoder->states = take_floats(layout, plan->max_used_events, dim);
	encoder->chunk = take_floats(layout, chunk, dim);
	if (config->encoder.type == RK_ENCODER_SASREC) {
		encoder->keys = take_floats(layout, plan->max_used_events, dim);
		encoder->values = take_floats(layout, plan->max_used_events, dim);
		encoder->normed = take_floats(layout, chunk, dim);
		encoder->query = take_floats(layout, chunk, dim);
		encoder->attended = take_floats(layout, chunk, dim);
		encoder->hidden = take_floats(layout, chunk, config->encoder.ffn);
		encoder->scores = take_floats(layout, plan->max_used_events, 1);
	} else if (config->encoder.type == RK_ENCODER_GRU4REC) {
		encoder->input_gates = take_floats(layout, chunk, 3 * dim);
		encoder->hidden_gates = take_floats(layout, 3, dim);
		encoder->state = take_floats(layout, 1, dim);
	}
}

static void lay_out_block(struct layout *layout, struct rk_block_scratch *block, const struct rk_config *config,
			  const struct rk_plan *plan)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	const uint32_t *selected = plan->max_selected;
	size_t rows = plan->block_rows;
	block->places = take(layout, rows, 1, sizeof(*block->places));
	block->z = take_floats(layout, rows, plan->candidate_columns);
	block->first = take_floats(layout, rows, plan->first_outputs);
	block->logits = take_floats(layout, rows, config->signals.n);
	if (rk_config_attends(config, RK_POSITIVE) || rk_config_attends(config, RK_NEGATIVE))
		block->query = take_floats(layout, rows, config->dim);
	block->scores = take_floats(
		layout, selected[RK_POSITIVE] > selected[RK_NEGATIVE] ? selected[RK_POSITIVE] : selected[RK_NEGATIVE],
		1);
	for (int i = 0; i < 2; i++)
		block->hidden[i] = take_floats(layout, rows, plan->widest_layer);
	if (ranker->type == RK_RANKER_DCN_V2) {
		for (int i = 0; i < 2; i++)
			block->cross[i] = take_floats(layout, rows, plan->first_outputs);
	}
	if (ranker->type == RK_RANKER_MMOE) {
		block->experts = take_floats(layout, rows, plan->expert_columns);
		block->mixed = take_floats(layout, rows, ranker->hidden[ranker->n_hidden - 1]);
	}
}

size_t rk_scratch_lay_out(struct rk_scratch *ret_scratch, const struct rk_config *config, const struct rk_plan *plan,
			  char *memory)
{
	struct layout layout = {.memory = memory};
	*ret_scratch = (struct rk_scratch){0};
	(void)take(&layout, 1, 1, sizeof(*ret_scratch));
	lay_out_history(&layout, &ret_scratch->history, config, plan);
	ret_scratch->user = take_floats(&layout, 1, plan->user_columns);
	ret_scratch->first_bias = take_floats(&layout, 1, plan->first_outputs);
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++) {
		ret_scratch->keys[polarity] = take_floats(&layout, plan->max_selected[polarity], config->dim);
		ret_scratch->values[polarity] = take_floats(&layout, plan->max_selected[polarity], config->dim);
	}
	lay_out_results(&layout, ret_scratch, config, plan);

	struct layout same_memory = layout;
	lay_out_encoder(&layout, &ret_scratch->encoder, config, plan);
	lay_out_block(&same_memory, &ret_scratch->block, config, plan);
	if (layout.overflowed || same_memory.overflowed)
		return 0;
	return layout.used > same_memory.used ? layout.used : same_memory.used;
}

struct rk_scratch *rk_scratch_init(const struct rk_model *model, void *memory)
{
	RK_ASSERT((uintptr_t)memory % RK_ARENA_ALIGNMENT == 0);
	struct rk_scratch scratch;
	size_t bytes = rk_scratch_lay_out(&scratch, &model->config, &model->plan, memory);
	RK_ASSERT(bytes == model->plan.bytes);
	return memcpy(memory, &scratch, sizeof(scratch));
}
