/*
 * Every reward writes its terms first; the score is then their sum in the signals' order in float arithmetic, whatever
 * the reward, so that who adds the shown terms gets the shown score.
 */
#include "model/reward.h"

#include "model/order.h"

#include <math.h>
#include <string.h>

static const float odds_clamp = 30.0F;

static float clamped(float logit)
{
	return fminf(fmaxf(logit, -odds_clamp), odds_clamp);
}

static void fill_additive(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch)
{
	uint32_t n_signals = model->config.signals.n;
	for (size_t i = 0; i < input->n_candidates; i++) {
		for (uint32_t k = 0; k < n_signals && scratch->states[i] == RK_SCORED; k++) {
			if (scratch->has_term[k])
				scratch->terms[i * n_signals + k] =
					input->weights[k] * scratch->signals[i * n_signals + k];
		}
	}
}

static void fill_odds(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch)
{
	uint32_t n_signals = model->config.signals.n;
	uint32_t signal = model->config.reward.signal;
	for (size_t i = 0; i < input->n_candidates; i++) {
		if (scratch->states[i] == RK_SCORED)
			scratch->terms[i * n_signals + signal] = expf(clamped(scratch->logits[i * n_signals + signal]));
	}
}

/* Ranks of one signal by sorting: the rank is 1 + the number of entries before those with the same logit. */
static void fill_rank_of_signal(const struct rk_model *model, const struct rk_rank_input *input,
				struct rk_scratch *scratch, uint32_t signal)
{
	size_t n_signals = model->config.signals.n;
	uint32_t n = 0;
	for (uint32_t i = 0; i < input->n_candidates; i++) {
		if (scratch->states[i] == RK_SCORED)
			scratch->entries[n++] = rk_order_entry(scratch->logits[i * n_signals + signal], i);
	}
	rk_order_sort(scratch->entries, scratch->spare, n);
	uint32_t rank = 1;
	for (uint32_t at = 0; at < n; at++) {
		if (at > 0 && rk_order_key(scratch->entries[at]) != rk_order_key(scratch->entries[at - 1]))
			rank = at + 1;
		scratch->terms[rk_order_index(scratch->entries[at]) * n_signals + signal] =
			input->weights[signal] / (model->config.reward.rank_offset + (float)rank);
	}
}

static void fill_rank(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch)
{
	for (uint32_t signal = 0; signal < model->config.signals.n; signal++) {
		if (scratch->has_term[signal])
			fill_rank_of_signal(model, input, scratch, signal);
	}
}

static void choose_terms(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch)
{
	const struct rk_reward_config *reward = &model->config.reward;
	for (uint32_t k = 0; k < model->config.signals.n; k++)
		scratch->has_term[k] = reward->type == RK_REWARD_ODDS ? k == reward->signal : input->has_weight[k] != 0;
}

static void sum_terms(const struct rk_model *model, uint32_t n_candidates, struct rk_scratch *scratch)
{
	size_t n_signals = model->config.signals.n;
	for (size_t i = 0; i < n_candidates; i++) {
		const float *terms = scratch->terms + i * n_signals;
		float score = 0.0F;
		for (size_t k = 0; k < n_signals; k++)
			score += terms[k];
		scratch->scores[i] = score;
		if (scratch->states[i] == RK_SCORED && !isfinite(score))
			scratch->states[i] = RK_NONFINITE;
		if (scratch->states[i] == RK_SCORED)
			continue;
		scratch->scores[i] = 0.0F;
		memset(scratch->signals + i * n_signals, 0, n_signals * sizeof(float));
		memset(scratch->terms + i * n_signals, 0, n_signals * sizeof(float));
	}
}

void rk_reward_apply(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch)
{
	choose_terms(model, input, scratch);
	memset(scratch->terms, 0, (size_t)input->n_candidates * model->config.signals.n * sizeof(float));
	switch (model->config.reward.type) {
	case RK_REWARD_ADDITIVE:
		fill_additive(model, input, scratch);
		break;
	case RK_REWARD_ODDS:
		fill_odds(model, input, scratch);
		break;
	case RK_REWARD_RANK:
		fill_rank(model, input, scratch);
		break;
	}
	sum_terms(model, input->n_candidates, scratch);
}

/* What the candidate is ordered by; odds: the clamped logit, since neighbouring logits can have one exponential. */
static float order_value(const struct rk_model *model, const struct rk_scratch *scratch, size_t i)
{
	const struct rk_reward_config *reward = &model->config.reward;
	if (reward->type != RK_REWARD_ODDS)
		return scratch->scores[i];
	return clamped(scratch->logits[i * model->config.signals.n + reward->signal]);
}

/* Behind the scored ones. */
static void order_rest(uint32_t n_candidates, uint32_t n_scored, struct rk_scratch *scratch)
{
	uint32_t at = n_scored;
	bool has_guess = scratch->n_guessed > 0;
	uint32_t n = has_guess ? scratch->n_guessed : n_candidates;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t place = has_guess ? scratch->guessed[i] : i;
		if (scratch->states[place] == RK_UNREACHED)
			scratch->order[at++] = place;
	}
	for (uint32_t i = 0; i < n_candidates; i++) {
		if (scratch->states[i] == RK_UNSCORED || scratch->states[i] == RK_NONFINITE)
			scratch->order[at++] = i;
	}
}

void rk_reward_order(const struct rk_model *model, uint32_t n_candidates, struct rk_scratch *scratch)
{
	uint32_t n_scored = 0;
	for (uint32_t i = 0; i < n_candidates; i++) {
		if (scratch->states[i] == RK_SCORED)
			scratch->entries[n_scored++] = rk_order_entry(order_value(model, scratch, i), i);
	}
	rk_order_sort(scratch->entries, scratch->spare, n_scored);
	for (uint32_t at = 0; at < n_scored; at++)
		scratch->order[at] = rk_order_index(scratch->entries[at]);
	order_rest(n_candidates, n_scored, scratch);
}
