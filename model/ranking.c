/*
 * One ranking. The user side leaves u, c, keys, values and the first layer's bias in the scratch; candidates that can
 * be scored are then collected into blocks of plan.block_rows.
 */
#include "model/base/check.h"
#include "model/encoder.h"
#include "model/history.h"
#include "model/kernels/kernels.h"
#include "model/model.h"
#include "model/ranker.h"
#include "model/reward.h"
#include "model/target_attention.h"

#include <math.h>
#include <string.h>

void rk_ranking_begin(struct rk_ranking *ranking, const struct rk_model *model, struct rk_scratch *scratch,
		      const struct rk_rank_input *input)
{
	RK_ASSERT(input->n_events <= model->plan.limits.max_events);
	RK_ASSERT(input->n_candidates <= model->plan.limits.max_candidates);
	*ranking = (struct rk_ranking){.model = model, .input = input, .scratch = scratch};
	memset(scratch->states, RK_UNSCORED, input->n_candidates);
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

void rk_ranking_score(struct rk_ranking *ranking, uint32_t first, uint32_t n)
{
	const struct rk_model *model = ranking->model;
	const struct rk_rank_input *input = ranking->input;
	struct rk_block_scratch *block = &ranking->scratch->block;
	RK_ASSERT(ranking->scratch->user_ready);
	RK_ASSERT(first <= input->n_candidates && n <= input->n_candidates - first);
	block->n_lanes = 0;
	for (uint32_t place = first; place < first + n; place++) {
		if (input->candidate_rows[place] == RK_ROW_UNKNOWN && model->weights.unknown_item == NULL)
			continue;
		block->places[block->n_lanes++] = place;
		if (place + model->plan.block_rows < first + n)
			rk_ranker_prefetch(model, input->candidate_rows[place + model->plan.block_rows]);
		if (block->n_lanes == model->plan.block_rows)
			score_block(ranking);
	}
	if (block->n_lanes > 0)
		score_block(ranking);
}

void rk_ranking_finish(struct rk_ranking *ranking, struct rk_rank_result *ret_result)
{
	const struct rk_model *model = ranking->model;
	struct rk_scratch *scratch = ranking->scratch;
	uint32_t n_candidates = ranking->input->n_candidates;
	rk_reward_apply(model, ranking->input, scratch);
	rk_reward_order(model, n_candidates, scratch);
	uint32_t n_nonfinite = 0;
	for (uint32_t i = 0; i < n_candidates; i++)
		n_nonfinite += scratch->states[i] == RK_NONFINITE;
	*ret_result = (struct rk_rank_result){
		.n_candidates = n_candidates,
		.n_signals = model->config.signals.n,
		.order = scratch->order,
		.scores = scratch->scores,
		.states = scratch->states,
		.signals = scratch->signals,
		.terms = scratch->terms,
		.has_term = scratch->has_term,
		.n_nonfinite = n_nonfinite,
		.n_used_events = scratch->history.n_used,
		.n_unknown_events = scratch->history.n_unknown,
	};
}
