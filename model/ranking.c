/*
 * One ranking. The user side leaves u, c, keys, values and the first layer's bias in the scratch; candidates that can
 * be scored are then collected into blocks of plan.block_rows. A lane's bits do not depend on its neighbours, so
 * candidates may be walked in any order: where the time will not suffice for all, in that of the pre-score.
 */
#include "model/base/check.h"
#include "model/encoder.h"
#include "model/guess.h"
#include "model/history.h"
#include "model/kernels/kernels.h"
#include "model/model.h"
#include "model/order.h"
#include "model/ranker.h"
#include "model/reward.h"
#include "model/target_attention.h"

#include <math.h>
#include <string.h>

static bool can_be_scored(const struct rk_ranking *ranking, uint32_t place)
{
	return ranking->input->candidate_rows[place] != RK_ROW_UNKNOWN || ranking->model->weights.unknown_item != NULL;
}

void rk_ranking_begin(struct rk_ranking *ranking, const struct rk_model *model, struct rk_scratch *scratch,
		      const struct rk_rank_input *input)
{
	RK_ASSERT(input->n_events <= model->plan.limits.max_events);
	RK_ASSERT(input->n_candidates <= model->plan.limits.max_candidates);
	*ranking = (struct rk_ranking){.model = model, .input = input, .scratch = scratch};
	for (uint32_t place = 0; place < input->n_candidates; place++)
		scratch->states[place] = can_be_scored(ranking, place) ? RK_UNREACHED : RK_UNSCORED;
	scratch->n_guessed = 0;
	scratch->user_ready = false;
	rk_history_select(&scratch->history, &model->config, input);
}

void rk_ranking_encode_user(struct rk_ranking *ranking)
{
	const struct rk_model *model = ranking->model;
	struct rk_scratch *scratch = ranking->scratch;
	rk_encoder_run(model, scratch);
	if (model->config.ranker.type != RK_RANKER_DOT)
		rk_features_expand(&model->config.user_features, model->weights.user_tables,
				   ranking->input->user_features, scratch->user + model->config.dim);
	rk_target_attention_prepare(model, scratch);
	rk_ranker_prepare(model, scratch);
	scratch->user_ready = true;
}

/* Logits and signals of a block's lanes to their places in the request. */
static void scatter(const struct rk_ranking *ranking)
{
	struct rk_scratch *scratch = ranking->scratch;
	const struct rk_block_scratch *block = &scratch->block;
	size_t n_signals = ranking->model->config.signals.n;
	for (size_t k = 0; k < n_signals; k++)
		for (uint32_t lane = 0; lane < block->n_lanes; lane++)
			scratch->logits[block->places[lane] * n_signals + k] = block->logits[k * RK_PANEL + lane];
	ranking->model->kernels->sigmoid(block->logits, (uint32_t)n_signals, block->n_lanes);
	for (size_t k = 0; k < n_signals; k++)
		for (uint32_t lane = 0; lane < block->n_lanes; lane++)
			scratch->signals[block->places[lane] * n_signals + k] = block->logits[k * RK_PANEL + lane];
}

static void score_block(const struct rk_ranking *ranking)
{
	struct rk_scratch *scratch = ranking->scratch;
	struct rk_block_scratch *block = &scratch->block;
	uint32_t n_signals = ranking->model->config.signals.n;
	rk_ranker_gather(ranking->model, ranking->input, scratch);
	rk_ranker_run(ranking->model, ranking->input, scratch);
	scatter(ranking);
	for (uint32_t lane = 0; lane < block->n_lanes; lane++) {
		const float *logits = scratch->logits + (size_t)block->places[lane] * n_signals;
		bool finite = true;
		for (uint32_t k = 0; k < n_signals; k++)
			finite = finite && isfinite(logits[k]);
		scratch->states[block->places[lane]] = finite ? RK_SCORED : RK_NONFINITE;
	}
	block->n_lanes = 0;
}

/* Scores walk[first … first + n − 1] of n_walk; `walk` NULL stands for the request's order. */
static void score(struct rk_ranking *ranking, const uint32_t *walk, uint32_t n_walk, uint32_t first, uint32_t n)
{
	const struct rk_model *model = ranking->model;
	const struct rk_rank_input *input = ranking->input;
	struct rk_block_scratch *block = &ranking->scratch->block;
	uint32_t block_rows = model->plan.block_rows;
	RK_ASSERT(ranking->scratch->user_ready);
	RK_ASSERT(first <= n_walk && n <= n_walk - first);
	block->n_lanes = 0;
	for (uint32_t at = first; at < first + n; at++) {
		uint32_t place = walk == NULL ? at : walk[at];
		RK_ASSERT(place < input->n_candidates);
		if (!can_be_scored(ranking, place))
			continue;
		block->places[block->n_lanes++] = place;
		if (at + block_rows < n_walk) { /* also when the next call comes for it */
			uint32_t next = walk == NULL ? at + block_rows : walk[at + block_rows];
			rk_ranker_prefetch(model, input->candidate_rows[next]);
		}
		if (block->n_lanes == block_rows)
			score_block(ranking);
	}
	if (block->n_lanes > 0)
		score_block(ranking);
}

void rk_ranking_score(struct rk_ranking *ranking, uint32_t first, uint32_t n)
{
	score(ranking, NULL, ranking->input->n_candidates, first, n);
}

void rk_ranking_score_places(struct rk_ranking *ranking, const struct rk_places *places, uint32_t first, uint32_t n)
{
	score(ranking, places->places, places->n, first, n);
}

/* direction · e of the block's candidates, as entries of a sort. */
static void guess_block(const struct rk_ranking *ranking, const float *direction, uint64_t *ret_entries)
{
	struct rk_scratch *scratch = ranking->scratch;
	struct rk_block_scratch *block = &scratch->block;
	rk_ranker_gather_items(ranking->model, ranking->input, scratch);
	rk_dot_run(ranking->model, ranking->input, direction, scratch);
	for (uint32_t lane = 0; lane < block->n_lanes; lane++) {
		float guess = isfinite(block->logits[lane]) ? block->logits[lane] : -INFINITY;
		ret_entries[lane] = rk_order_entry(guess, block->places[lane]);
	}
	block->n_lanes = 0;
}

struct rk_places rk_ranking_prescore(struct rk_ranking *ranking)
{
	const struct rk_model *model = ranking->model;
	struct rk_scratch *scratch = ranking->scratch;
	struct rk_block_scratch *block = &scratch->block;
	uint32_t n_candidates = ranking->input->n_candidates, n_guessed = 0;
	RK_ASSERT(scratch->user_ready);
	const float *direction = rk_guess_direction(model, ranking->input, scratch);
	block->n_lanes = 0;
	for (uint32_t place = 0; place < n_candidates; place++) {
		if (place + model->plan.block_rows < n_candidates)
			rk_ranker_prefetch(model, ranking->input->candidate_rows[place + model->plan.block_rows]);
		if (can_be_scored(ranking, place))
			block->places[block->n_lanes++] = place;
		bool is_last = place + 1 == n_candidates;
		if (block->n_lanes == 0 || (block->n_lanes < model->plan.block_rows && !is_last))
			continue;
		uint32_t n_lanes = block->n_lanes;
		guess_block(ranking, direction, scratch->entries + n_guessed);
		n_guessed += n_lanes;
	}
	rk_order_sort(scratch->entries, scratch->spare, n_guessed);
	for (uint32_t at = 0; at < n_guessed; at++)
		scratch->guessed[at] = rk_order_index(scratch->entries[at]);
	scratch->n_guessed = n_guessed;
	return (struct rk_places){scratch->guessed, n_guessed};
}

void rk_ranking_finish(struct rk_ranking *ranking, struct rk_rank_result *ret_result)
{
	const struct rk_model *model = ranking->model;
	struct rk_scratch *scratch = ranking->scratch;
	uint32_t n_candidates = ranking->input->n_candidates;
	rk_reward_apply(model, ranking->input, scratch);
	rk_reward_order(model, n_candidates, scratch);
	uint32_t n_of[RK_NONFINITE + 1] = {0};
	for (uint32_t i = 0; i < n_candidates; i++)
		n_of[scratch->states[i]]++;
	*ret_result = (struct rk_rank_result){
		.n_candidates = n_candidates,
		.n_signals = model->config.signals.n,
		.order = scratch->order,
		.scores = scratch->scores,
		.states = scratch->states,
		.signals = scratch->signals,
		.terms = scratch->terms,
		.has_term = scratch->has_term,
		.n_scored = n_of[RK_SCORED],
		.n_unreached = n_of[RK_UNREACHED],
		.n_nonfinite = n_of[RK_NONFINITE],
		.n_used_events = scratch->history.n_used,
		.n_unknown_events = scratch->history.n_unknown,
	};
}
