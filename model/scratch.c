#include "model/scratch.h"

#include "model/base/arena.h"
#include "model/base/check.h"
#include "model/first_layer.h"
#include "model/model.h"
#include "model/pack.h"

#include <string.h>

/* [n panels][rows][RK_PANEL] */
static float *take_panels(struct rk_layout *layout, size_t n, size_t rows)
{
	return rk_layout_floats(layout, n, rows * RK_PANEL);
}

static void lay_out_history(struct rk_layout *layout, struct rk_history *history, const struct rk_config *config,
			    const struct rk_plan *plan)
{
	history->rows = rk_layout_take(layout, plan->max_used_events, 1, sizeof(*history->rows));
	history->actions =
		rk_layout_take(layout, plan->max_used_events, rk_action_words(config), sizeof(*history->actions));
	history->reads = rk_layout_take(layout, plan->max_read_events, 1, sizeof(*history->reads));
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++)
		history->selected[polarity] =
			rk_layout_take(layout, plan->max_selected[polarity], 1, sizeof(*history->selected[polarity]));
}

static struct rk_rounded take_rounded(struct rk_layout *layout, uint32_t n_out, uint32_t n_in, enum rk_form form)
{
	struct rk_rounded rounded = {.half_stride = rk_halves_padded(n_in)};
	if (form == RK_FORM_HALVES)
		rounded.halves =
			rk_layout_take(layout, rk_half_rows_of(n_out), rounded.half_stride, sizeof(*rounded.halves));
	else if (form == RK_FORM_DIGITS)
		rounded.digits = rk_take_digits(layout, n_out, n_in);
	return rounded;
}

/* Keys of each head and panel of events. */
static struct rk_rounded *take_keys(struct rk_layout *layout, size_t n, uint32_t dim, enum rk_form form)
{
	struct rk_rounded *keys = rk_layout_take(layout, n, 1, sizeof(*keys));
	for (size_t i = 0; i < n; i++) {
		struct rk_rounded rounded = take_rounded(layout, RK_PANEL, dim, form);
		if (keys != NULL)
			keys[i] = rounded;
	}
	return keys;
}

static void lay_out_attention(struct rk_layout *layout, struct rk_attention_scratch *attention,
			      const struct rk_config *config, uint32_t max_selected, enum rk_form form)
{
	size_t dim = config->dim, heads = config->ranker.attention_heads, n_panels = rk_panels_of(max_selected);
	size_t head_panels = rk_panels_of((uint32_t)(dim / heads));
	size_t folded = heads <= RK_MAX_FOLDED_HEADS ? heads * (dim + 1) : 0;
	size_t values = heads * head_panels * RK_PANEL; /* columns of one event in the unfolded form */
	attention->states = take_panels(layout, n_panels, dim);
	attention->keys = take_panels(layout, n_panels, folded > dim ? folded : dim);
	if (form != RK_FORM_FLOATS)
		attention->rounded = take_keys(layout, heads * n_panels, config->dim, form);
	attention->values = take_panels(layout, n_panels, values > dim ? values : dim);
}

/* Most inputs of any layer, of the encoder too. */
static uint32_t widest_input(const struct rk_config *config, const struct rk_plan *plan)
{
	uint32_t sizes[] = {config->dim, config->encoder.ffn, plan->candidate_rows, plan->layer_rows, plan->tower_rows};
	uint32_t widest = 0;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		widest = sizes[i] > widest ? sizes[i] : widest;
	return widest;
}

static void lay_out_user(struct rk_layout *layout, struct rk_scratch *scratch, const struct rk_config *config,
			 const struct rk_plan *plan)
{
	size_t dim = config->dim;
	scratch->zeros = rk_layout_floats(layout, dim, 1);
	scratch->encoded = take_panels(layout, rk_panels_of(plan->max_used_events), dim);
	scratch->user = rk_layout_floats(layout, dim + config->user_features.width + 1 + RK_N_POLARITIES, 1);
	scratch->user_spread = rk_layout_floats(layout, dim, RK_PACK);
	if (plan->form != RK_FORM_FLOATS) {
		uint32_t widest = widest_input(config, plan);
		size_t n_words = plan->form == RK_FORM_HALVES ? rk_halves_padded(widest) / 2
							      : (size_t)rk_digits_padded(widest) / 4 * RK_N_DIGITS;
		scratch->turned = take_panels(layout, 1, RK_PANEL);
		scratch->turned_rows = take_panels(layout, 1, dim);
		scratch->inputs = rk_layout_take(layout, n_words, RK_LAYER_PANELS * RK_PANEL, sizeof(*scratch->inputs));
		scratch->input_scales = take_panels(layout, RK_LAYER_PANELS, 1);
	}
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++)
		if (rk_config_attends(config, (enum rk_polarity)polarity))
			lay_out_attention(layout, &scratch->attention[polarity], config, plan->max_selected[polarity],
					  plan->form);
	for (int i = 0; i < 2; i++) {
		uint32_t n_out = (uint32_t)rk_config_first_outputs(config, i);
		scratch->first[i].weights =
			rk_layout_floats(layout, (size_t)rk_groups_of(n_out) * RK_PACK, plan->candidate_rows);
		scratch->first[i].rounded = take_rounded(layout, n_out, plan->candidate_rows, plan->form);
		scratch->first[i].bias = take_panels(layout, rk_panels_of(n_out), 1);
	}
}

static void lay_out_results(struct rk_layout *layout, struct rk_scratch *scratch, const struct rk_config *config,
			    const struct rk_plan *plan)
{
	size_t n = plan->limits.max_candidates;
	size_t n_signals = config->signals.n;
	scratch->logits = rk_layout_floats(layout, n, n_signals);
	scratch->signals = rk_layout_floats(layout, n, n_signals);
	scratch->terms = rk_layout_floats(layout, n, n_signals);
	scratch->scores = rk_layout_floats(layout, n, 1);
	scratch->states = rk_layout_take(layout, n, 1, sizeof(*scratch->states));
	scratch->has_term = rk_layout_take(layout, n_signals, 1, sizeof(*scratch->has_term));
	scratch->order = rk_layout_take(layout, n, 1, sizeof(*scratch->order));
	scratch->direction = rk_layout_floats(layout, config->dim, 1);
	scratch->guessed = rk_layout_take(layout, n, 1, sizeof(*scratch->guessed));
	scratch->entries = rk_layout_take(layout, n, 1, sizeof(*scratch->entries));
	scratch->spare = rk_layout_take(layout, n, 1, sizeof(*scratch->spare));
}

static void lay_out_encoder(struct rk_layout *layout, struct rk_encoder_scratch *encoder,
			    const struct rk_config *config, const struct rk_plan *plan)
{
	uint32_t dim = config->dim, n_panels = rk_panels_of(plan->max_used_events);
	encoder->row_pointers = rk_layout_take(layout, RK_PANEL, 1, sizeof(*encoder->row_pointers));
	encoder->token_rows = rk_layout_floats(layout, RK_PANEL, dim);
	if (config->encoder.type == RK_ENCODER_SASREC) {
		uint32_t heads = config->encoder.n_heads;
		encoder->normed = take_panels(layout, n_panels, dim);
		encoder->keys = take_panels(layout, n_panels, dim);
		encoder->values =
			take_panels(layout, (size_t)heads * rk_panels_of(dim / heads), (size_t)n_panels * RK_PANEL);
		encoder->query = take_panels(layout, RK_LAYER_PANELS, dim);
		encoder->attended = take_panels(layout, RK_LAYER_PANELS, dim);
		encoder->output = take_panels(layout, RK_LAYER_PANELS, dim);
		encoder->hidden = take_panels(layout, RK_LAYER_PANELS, config->encoder.ffn);
		encoder->scores = take_panels(layout, 1, (size_t)n_panels * RK_PANEL);
		encoder->places = rk_layout_floats(layout, RK_PANEL, 1);
	} else if (config->encoder.type == RK_ENCODER_GRU4REC) {
		encoder->input_gates = take_panels(layout, 3 * (size_t)rk_panels_of(dim), RK_PANEL);
		encoder->hidden_gates = take_panels(layout, 3 * (size_t)rk_panels_of(dim), 1);
		encoder->state = take_panels(layout, rk_panels_of(dim), 1);
	}
}

static void lay_out_block(struct rk_layout *layout, struct rk_block_scratch *block, const struct rk_config *config,
			  const struct rk_plan *plan)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	const uint32_t *selected = plan->max_selected;
	block->places = rk_layout_take(layout, RK_PANEL, 1, sizeof(*block->places));
	block->row_pointers = rk_layout_take(layout, RK_PANEL, 1, sizeof(*block->row_pointers));
	block->features = rk_layout_floats(layout, config->candidate_features.width, 1);
	block->panel = take_panels(layout, 1, (size_t)plan->fixed_rows + plan->candidate_rows);
	block->query = take_panels(layout, 1, config->dim);
	block->scores = take_panels(layout, 1,
				    selected[RK_POSITIVE] > selected[RK_NEGATIVE] ? selected[RK_POSITIVE]
										  : selected[RK_NEGATIVE]);
	for (int i = 0; i < 2; i++)
		block->layer[i] = take_panels(layout, 1, plan->layer_rows);
	if (ranker->type == RK_RANKER_DCN_V2)
		block->cross = take_panels(layout, 1, rk_config_ranker_width(config));
	if (ranker->type == RK_RANKER_MMOE) {
		for (int i = 0; i < 2; i++)
			block->tower[i] = take_panels(layout, 1, plan->tower_rows);
		block->gates = take_panels(layout, config->signals.n, ranker->n_experts);
		block->mixed = take_panels(layout, 1, ranker->hidden[ranker->n_hidden - 1]);
	}
	block->logits = take_panels(layout, 1, config->signals.n);
}

size_t rk_scratch_lay_out(struct rk_scratch *ret_scratch, const struct rk_config *config, const struct rk_plan *plan,
			  char *memory)
{
	struct rk_layout layout = {.memory = memory};
	*ret_scratch = (struct rk_scratch){0};
	(void)rk_layout_take(&layout, 1, 1, sizeof(*ret_scratch));
	lay_out_history(&layout, &ret_scratch->history, config, plan);
	lay_out_user(&layout, ret_scratch, config, plan);
	lay_out_results(&layout, ret_scratch, config, plan);

	struct rk_layout same_memory = layout;
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
	memset(memory, 0, model->plan.bytes);
	size_t bytes = rk_scratch_lay_out(&scratch, &model->config, &model->plan, memory);
	RK_ASSERT(bytes == model->plan.bytes);
	rk_first_layer_init(model, &scratch);
	return memcpy(memory, &scratch, sizeof(scratch));
}
