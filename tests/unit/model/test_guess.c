/* What is learnt at load to guess scores with: the least squares of the sample, and nothing that scores would show. */
#include "model/guess.h"
#include "tests/unit/model/oracle_parts.h"
#include "tests/unit/model/shapes.h"
#include "tests/unit/model/toy.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct rk_model model;

/* Every item of the table, for a user without history. */
static void make_sample(struct rk_rank_input *ret_sample)
{
	static int32_t rows[TOY_ITEMS];
	toy_request_make(ret_sample, &model, 0, TOY_ITEMS, 3);
	for (int32_t row = 0; row < TOY_ITEMS; row++)
		rows[row] = row;
	ret_sample->candidate_rows = rows;
}

/* |Xᵀ (y − X g)| over |Xᵀ y| with X and y centred, for one signal. */
static double gradient_left(const struct rk_rank_result *result, const float *logits, uint32_t k)
{
	static double x[TOY_ITEMS][ORACLE_MAX_WIDTH];
	double y[TOY_ITEMS], mean = 0, fitted_mean = 0, fitted[TOY_ITEMS] = {0}, left = 0, whole = 0;
	uint32_t dim = model.config.dim, n_signals = result->n_signals;
	bool by_logit = model.config.reward.type != RK_REWARD_ADDITIVE;
	for (uint32_t i = 0; i < TOY_ITEMS; i++) {
		oracle_item(&model, (int32_t)i, x[i]);
		y[i] = (double)(by_logit ? logits : result->signals)[i * n_signals + k];
		mean += y[i] / TOY_ITEMS;
	}
	double variance = 0;
	for (uint32_t i = 0; i < TOY_ITEMS; i++) {
		y[i] -= mean;
		variance += y[i] * y[i] / TOY_ITEMS;
	}
	for (uint32_t i = 0; i < TOY_ITEMS; i++) {
		if (model.config.reward.type == RK_REWARD_RANK)
			y[i] /= sqrt(variance);
		for (uint32_t row = 0; row < dim; row++)
			fitted[i] += x[i][row] * (double)model.guess.directions[k * dim + row];
		fitted_mean += fitted[i] / TOY_ITEMS;
	}
	for (uint32_t row = 0; row < dim; row++) {
		double of_left = 0, of_y = 0;
		for (uint32_t i = 0; i < TOY_ITEMS; i++) {
			of_left += x[i][row] * (y[i] - (fitted[i] - fitted_mean));
			of_y += x[i][row] * y[i];
		}
		left += of_left * of_left;
		whole += of_y * of_y;
	}
	return sqrt(left / whole);
}

Test(guess, is_the_least_squares_of_the_sample)
{
	unsigned n_checked = 0;
	for (size_t shape = 0; shape < N_SHAPES; shape++) {
		struct rk_scratch *scratch = toy_model_make(&model, &shapes[shape], rk_cpu_detect());
		struct rk_rank_input sample;
		struct rk_rank_result result;
		make_sample(&sample);
		rk_model_learn_guess(&model, scratch, &sample);
		cr_assert_eq(model.guess.is_learnt, model.config.ranker.type != RK_RANKER_DOT);
		if (!model.guess.is_learnt || model.config.dim > 12)
			continue; /* as many steps as dimensions arrive; more dimensions than that need not */
		toy_rank(&model, scratch, &sample, &result);
		for (uint32_t k = 0; k < result.n_signals; k++) {
			double left = gradient_left(&result, scratch->logits, k);
			cr_assert_lt(left, 0.02, "shape %zu signal %u: %g", shape, k, left);
			n_checked++;
		}
	}
	cr_assert_gt(n_checked, 5);
}

Test(guess, follows_the_requests_weights)
{
	struct rk_scratch *scratch = toy_model_make(&model, &shapes[0], rk_cpu_detect());
	struct rk_rank_input sample;
	make_sample(&sample);
	const float *untaught = rk_guess_direction(&model, &sample, scratch);
	cr_assert_eq(untaught, scratch->user, "u where nothing was learnt");
	rk_model_learn_guess(&model, scratch, &sample);
	cr_assert_eq(model.config.reward.type, RK_REWARD_ADDITIVE);
	const float weights[] = {2.0F, 0.0F, -0.5F};
	const uint8_t has_weight[] = {1, 0, 1};
	cr_assert_eq(model.config.signals.n, 3);
	sample.weights = weights;
	sample.has_weight = has_weight;
	const float *direction = rk_guess_direction(&model, &sample, scratch);
	uint32_t dim = model.config.dim;
	for (uint32_t row = 0; row < dim; row++)
		cr_assert_float_eq(direction[row],
				   2.0F * model.guess.directions[row] - 0.5F * model.guess.directions[2 * dim + row],
				   1e-5F);
}

Test(guess, the_same_sample_teaches_the_same_and_scores_keep_their_bits)
{
	static float before[TOY_MAX_CANDIDATES], first[64 * 64];
	for (size_t shape = 0; shape < N_SHAPES; shape++) {
		struct rk_scratch *scratch = toy_model_make(&model, &shapes[shape], rk_cpu_detect());
		struct rk_rank_input sample, input;
		struct rk_rank_result result;
		toy_request_make(&input, &model, 20, 100, 5);
		toy_rank(&model, scratch, &input, &result);
		memcpy(before, result.scores, 100 * sizeof(float));
		make_sample(&sample);
		size_t n = (size_t)model.config.signals.n * model.config.dim;
		rk_model_learn_guess(&model, scratch, &sample);
		if (model.guess.is_learnt && n <= sizeof(first) / sizeof(first[0])) {
			memcpy(first, model.guess.directions, n * sizeof(float));
			rk_model_learn_guess(&model, scratch, &sample);
			cr_assert_arr_eq(first, model.guess.directions, n * sizeof(float));
		}
		toy_request_make(&input, &model, 20, 100, 5);
		toy_rank(&model, scratch, &input, &result);
		cr_assert_arr_eq(before, result.scores, 100 * sizeof(float));
	}
}
