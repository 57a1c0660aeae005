/*
 * The guess at a score is linear in the item's embedding: for each signal the direction that fits best, by least
 * squares, how the ranker judges a sample of the items. It is solved by conjugate gradients on the normal equations,
 * which needs nothing but products with the sample; stopping after a few steps also keeps it from fitting noise.
 *
 * Targets are centred, and so is every product with the sample: residuals then add up to 0, and nothing has to be taken
 * from the embeddings themselves.
 */
#include "model/guess.h"

#include "model/base/check.h"
#include "model/kernels/kernels.h"
#include "model/ranker.h"

#include <math.h>
#include <string.h>

enum { MAX_STEPS = 16 };

void rk_guess_lay_out(struct rk_guess *ret_guess, const struct rk_config *config, struct rk_layout *layout)
{
	*ret_guess = (struct rk_guess){0};
	if (config->ranker.type == RK_RANKER_DOT)
		return;
	ret_guess->directions = rk_layout_floats(layout, config->signals.n, config->dim);
	ret_guess->search = rk_layout_floats(layout, config->signals.n, config->dim);
	ret_guess->gradient = rk_layout_floats(layout, config->signals.n, config->dim);
	ret_guess->gradient_norms = rk_layout_floats(layout, config->signals.n, 1);
}

/* The sample, and what is left of each signal's targets. */
struct fit {
	struct rk_model *model;
	const struct rk_rank_input *input;
	struct rk_scratch *scratch;
	uint32_t n, n_signals;
	float *left;    /* [n_signals][n] */
	float *product; /* [n_signals][n] */
};

/* Puts candidates from `first` on into the block's panel. Returns their rows. */
static const float *gather(const struct fit *fit, uint32_t first)
{
	struct rk_block_scratch *block = &fit->scratch->block;
	uint32_t rest = fit->n - first;
	block->n_lanes = rest < RK_PANEL ? rest : RK_PANEL;
	for (uint32_t lane = 0; lane < block->n_lanes; lane++)
		block->places[lane] = first + lane;
	rk_ranker_gather_items(fit->model, fit->input, fit->scratch);
	return block->panel + (size_t)fit->model->plan.fixed_rows * RK_PANEL;
}

/* Mean 0. Returns the sum of the squares. */
static float centre(float *values, uint32_t n)
{
	double sum = 0, squares = 0;
	for (uint32_t i = 0; i < n; i++)
		sum += (double)values[i];
	float mean = (float)(sum / n);
	for (uint32_t i = 0; i < n; i++) {
		values[i] -= mean;
		squares += (double)values[i] * (double)values[i];
	}
	return (float)squares;
}

/* What the ranking made of the sample: probabilities where they are added up, logits where they are ordered by. */
static void take_targets(const struct fit *fit)
{
	bool by_logit = fit->model->config.reward.type != RK_REWARD_ADDITIVE;
	const float *found = by_logit ? fit->scratch->logits : fit->scratch->signals;
	for (uint32_t k = 0; k < fit->n_signals; k++) {
		float *target = fit->left + (size_t)k * fit->n;
		for (uint32_t i = 0; i < fit->n; i++) {
			float value = found[(size_t)i * fit->n_signals + k];
			target[i] = fit->scratch->states[i] == RK_SCORED ? value : 0.0F;
		}
		float squares = centre(target, fit->n);
		/* ranks do not know the scale of a logit */
		float scale = fit->model->config.reward.type == RK_REWARD_RANK && squares > 0.0F
				      ? sqrtf((float)fit->n / squares)
				      : 1.0F;
		for (uint32_t i = 0; i < fit->n; i++)
			target[i] *= scale;
	}
}

/* product = X search, centred */
static void multiply(const struct fit *fit)
{
	const struct rk_model *model = fit->model;
	uint32_t dim = model->config.dim;
	struct rk_block_scratch *block = &fit->scratch->block;
	for (uint32_t first = 0; first < fit->n; first += RK_PANEL) {
		const float *rows = gather(fit, first);
		for (uint32_t k = 0; k < fit->n_signals; k++) {
			const struct rk_product along = {.weights = model->guess.search + (size_t)k * dim,
							 .step_stride = 1,
							 .group_stride = 0,
							 .n_in = dim,
							 .n_out = 1};
			model->kernels->product(&along, rows, block->n_lanes, block->logits);
			memcpy(fit->product + (size_t)k * fit->n + first, block->logits,
			       block->n_lanes * sizeof(float));
		}
	}
}

/* gradient = Xᵀ left */
static void multiply_back(const struct fit *fit)
{
	uint32_t dim = fit->model->config.dim;
	float *gradient = fit->model->guess.gradient;
	memset(gradient, 0, (size_t)fit->n_signals * dim * sizeof(float));
	for (uint32_t first = 0; first < fit->n; first += RK_PANEL) {
		const float *rows = gather(fit, first);
		uint32_t n_lanes = fit->scratch->block.n_lanes;
		for (uint32_t k = 0; k < fit->n_signals; k++) {
			const float *left = fit->left + (size_t)k * fit->n + first;
			for (uint32_t row = 0; row < dim; row++) {
				float sum = 0.0F;
				for (uint32_t lane = 0; lane < n_lanes; lane++)
					sum += rows[(size_t)row * RK_PANEL + lane] * left[lane];
				gradient[(size_t)k * dim + row] += sum;
			}
		}
	}
}

static float norm_of(const float *values, uint32_t n)
{
	double squares = 0;
	for (uint32_t i = 0; i < n; i++)
		squares += (double)values[i] * (double)values[i];
	return (float)squares;
}

/* One step of one signal, before the new gradient. A signal that has arrived stands still: its search is zero. */
static void move(const struct fit *fit, uint32_t k)
{
	struct rk_guess *guess = &fit->model->guess;
	uint32_t dim = fit->model->config.dim;
	float *product = fit->product + (size_t)k * fit->n, *left = fit->left + (size_t)k * fit->n;
	float squares = centre(product, fit->n);
	float length = squares > 0.0F ? guess->gradient_norms[k] / squares : 0.0F;
	if (!isfinite(length))
		length = 0.0F;
	for (uint32_t i = 0; i < fit->n; i++)
		left[i] -= length * product[i];
	for (uint32_t row = 0; row < dim; row++)
		guess->directions[(size_t)k * dim + row] += length * guess->search[(size_t)k * dim + row];
}

/* The next direction of the search, conjugate to those before. */
static void turn(const struct fit *fit, uint32_t k, bool is_first)
{
	struct rk_guess *guess = &fit->model->guess;
	uint32_t dim = fit->model->config.dim;
	float *search = guess->search + (size_t)k * dim, *gradient = guess->gradient + (size_t)k * dim;
	float norm = norm_of(gradient, dim), before = guess->gradient_norms[k];
	float kept = is_first || !(before > 0.0F) ? 0.0F : norm / before;
	for (uint32_t row = 0; row < dim; row++)
		search[row] = gradient[row] + kept * search[row];
	guess->gradient_norms[k] = norm;
}

void rk_model_learn_guess(struct rk_model *model, struct rk_scratch *scratch, const struct rk_rank_input *sample)
{
	uint32_t n_signals = model->config.signals.n, dim = model->config.dim;
	struct fit fit = {.model = model,
			  .input = sample,
			  .scratch = scratch,
			  .n = sample->n_candidates,
			  .n_signals = n_signals,
			  .left = scratch->terms,
			  .product = scratch->signals};
	struct rk_ranking ranking;
	if (model->guess.directions == NULL || sample->n_candidates == 0)
		return;
	rk_ranking_begin(&ranking, model, scratch, sample);
	rk_ranking_encode_user(&ranking);
	rk_ranking_score(&ranking, 0, sample->n_candidates);
	take_targets(&fit);
	memset(model->guess.directions, 0, (size_t)n_signals * dim * sizeof(float));
	memset(model->guess.search, 0, (size_t)n_signals * dim * sizeof(float));
	for (uint32_t step = 0; step < MAX_STEPS && step < dim; step++) {
		multiply_back(&fit);
		for (uint32_t k = 0; k < n_signals; k++)
			turn(&fit, k, step == 0);
		multiply(&fit);
		for (uint32_t k = 0; k < n_signals; k++)
			move(&fit, k);
	}
	model->guess.is_learnt = true;
	for (size_t i = 0; i < (size_t)n_signals * dim; i++)
		model->guess.is_learnt = model->guess.is_learnt && isfinite(model->guess.directions[i]);
}

const float *rk_guess_direction(const struct rk_model *model, const struct rk_rank_input *input,
				struct rk_scratch *scratch)
{
	const struct rk_guess *guess = &model->guess;
	const struct rk_reward_config *reward = &model->config.reward;
	uint32_t dim = model->config.dim;
	if (!guess->is_learnt)
		return scratch->user;
	if (reward->type == RK_REWARD_ODDS)
		return guess->directions + (size_t)reward->signal * dim;
	memset(scratch->direction, 0, dim * sizeof(float));
	for (uint32_t k = 0; k < model->config.signals.n; k++)
		for (uint32_t row = 0; row < dim && input->has_weight[k]; row++)
			scratch->direction[row] += input->weights[k] * guess->directions[(size_t)k * dim + row];
	return scratch->direction;
}
