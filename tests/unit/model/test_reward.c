#include "model/reward.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

enum { N = 5, K = 3 };

static struct rk_model model;
static struct rk_scratch scratch;
static float weights[K];
static uint8_t has_weight[K];
static struct rk_rank_input input;

static void set_up(void)
{
	static float logits[N * K], signals[N * K], terms[N * K], scores[N];
	static uint8_t states[N], has_term[K];
	static uint32_t order[N];
	static uint64_t entries[N], spare[N];
	model = (struct rk_model){.config = {.signals = {.n = K}}};
	scratch = (struct rk_scratch){.logits = logits,
				      .signals = signals,
				      .terms = terms,
				      .scores = scores,
				      .states = states,
				      .has_term = has_term,
				      .order = order,
				      .entries = entries,
				      .spare = spare};
	input = (struct rk_rank_input){.n_candidates = N, .weights = weights, .has_weight = has_weight};
	for (int i = 0; i < N * K; i++) {
		logits[i] = 0.0F;
		signals[i] = 0.5F;
		terms[i] = NAN; /* of the request before */
	}
	for (int k = 0; k < K; k++) {
		weights[k] = 0.0F;
		has_weight[k] = 0;
	}
	for (int i = 0; i < N; i++)
		states[i] = RK_SCORED;
}

TestSuite(reward, .init = set_up);

static void weigh(int signal, float weight)
{
	weights[signal] = weight;
	has_weight[signal] = 1;
}

static void apply(enum rk_reward_type type)
{
	model.config.reward.type = type;
	rk_reward_apply(&model, &input, &scratch);
	rk_reward_order(&model, N, &scratch);
}

static void expect_order(const uint32_t *expected)
{
	for (int i = 0; i < N; i++)
		cr_assert_eq(scratch.order[i], expected[i], "place %d: expected %u, found %u", i, expected[i],
			     scratch.order[i]);
}

Test(reward, additive_adds_weighted_signals_in_order)
{
	weigh(0, 0.5F);
	weigh(2, -8.0F);
	scratch.signals[0] = 0.25F;
	scratch.signals[1] = 0.75F; /* no weight: no term */
	scratch.signals[2] = 0.125F;
	apply(RK_REWARD_ADDITIVE);
	cr_assert(scratch.terms[0] == 0.125F && scratch.terms[1] == 0.0F && scratch.terms[2] == -1.0F);
	cr_assert(scratch.scores[0] == -0.875F);
	cr_assert(scratch.has_term[0] == 1 && scratch.has_term[1] == 0 && scratch.has_term[2] == 1);
	expect_order((const uint32_t[]){0, 1, 2, 3, 4});
}

Test(reward, a_weight_of_zero_still_has_a_term)
{
	weigh(1, 0.0F);
	apply(RK_REWARD_ADDITIVE);
	cr_assert_eq(scratch.has_term[1], 1);
	cr_assert(scratch.terms[1] == 0.0F && scratch.scores[0] == 0.0F);
}

Test(reward, terms_add_up_to_the_float)
{
	static const float parts[] = {1e8F, 1.0F, -1e8F};
	for (int k = 0; k < K; k++) {
		weigh(k, parts[k]);
		scratch.signals[k] = 1.0F;
	}
	apply(RK_REWARD_ADDITIVE);
	float sum = 0.0F;
	for (int k = 0; k < K; k++)
		sum += scratch.terms[k];
	cr_assert(scratch.scores[0] == sum && sum == 0.0F, "the 1 is lost in the order of the signals");
}

Test(reward, order_falls_and_ties_keep_the_requests_order)
{
	static const float signals[] = {0.2F, 0.9F, 0.2F, 0.9F, 0.5F};
	weigh(0, 2.0F);
	for (int i = 0; i < N; i++)
		scratch.signals[i * K] = signals[i];
	apply(RK_REWARD_ADDITIVE);
	expect_order((const uint32_t[]){1, 3, 4, 0, 2});
}

Test(reward, odds_is_the_exponential_of_the_clamped_logit)
{
	static const float logits[] = {0.0F, 31.0F, -40.0F, 29.0F, 30.0F};
	model.config.reward.signal = 1;
	weigh(0, 5.0F); /* of no meaning here */
	for (int i = 0; i < N; i++)
		scratch.logits[i * K + 1] = logits[i];
	apply(RK_REWARD_ODDS);
	cr_assert(scratch.scores[0] == 1.0F);
	cr_assert_float_eq(scratch.scores[1] / 1.0686475e13F, 1.0F, 1e-6F);
	cr_assert_float_eq(scratch.scores[2] / 9.357623e-14F, 1.0F, 1e-6F);
	cr_assert(scratch.scores[1] == scratch.terms[1 * K + 1] && scratch.terms[1 * K] == 0.0F);
	cr_assert(scratch.has_term[0] == 0 && scratch.has_term[1] == 1 && scratch.has_term[2] == 0);
	/* 31 and 30 are one at the clamp, so the request's order holds */
	expect_order((const uint32_t[]){1, 4, 3, 0, 2});
}

Test(reward, odds_orders_by_the_logit_where_the_exponential_is_one)
{
	/* neighbouring floats near 0: exp gives 1 for both */
	static const float logits[] = {1e-9F, 2e-9F, 3e-9F, -1e-9F, 0.0F};
	for (int i = 0; i < N; i++)
		scratch.logits[i * K] = logits[i];
	apply(RK_REWARD_ODDS);
	cr_assert(scratch.scores[0] == scratch.scores[2]);
	expect_order((const uint32_t[]){2, 1, 0, 4, 3});
}

Test(reward, rank_counts_greater_logits_of_scored_candidates)
{
	static const float logits[] = {3.0F, 9.0F, 3.0F, 5.0F, 1.0F};
	model.config.reward.rank_offset = 1.0F;
	weigh(0, 12.0F);
	for (int i = 0; i < N; i++)
		scratch.logits[i * K] = logits[i];
	scratch.states[3] = RK_NONFINITE;
	apply(RK_REWARD_RANK);
	/* ranks: 9 → 1; both 3 → 2; 1 → 4; candidate 3 does not count */
	cr_assert(scratch.scores[1] == 6.0F && scratch.scores[0] == 4.0F && scratch.scores[2] == 4.0F);
	cr_assert_float_eq(scratch.scores[4], 2.4F, 1e-6F);
	expect_order((const uint32_t[]){1, 0, 2, 4, 3});
	cr_assert_eq(scratch.has_term[1], 0);
}

Test(reward, rank_adds_over_signals)
{
	model.config.reward.rank_offset = 0.0F;
	weigh(0, 1.0F);
	weigh(1, -1.0F);
	for (int i = 0; i < N; i++) {
		scratch.logits[i * K] = (float)i;
		scratch.logits[i * K + 1] = (float)-i;
	}
	apply(RK_REWARD_RANK);
	cr_assert(scratch.scores[4] == 1.0F - 1.0F / 5.0F);
	cr_assert(scratch.scores[2] == 0.0F);
	expect_order((const uint32_t[]){4, 3, 2, 1, 0});
}

Test(reward, scores_out_of_the_floats_come_last_in_the_requests_order)
{
	weigh(0, FLT_MAX);
	weigh(1, FLT_MAX);
	for (int i = 0; i < N; i++)
		scratch.signals[i * K] = scratch.signals[i * K + 1] = i == 1 || i == 3 ? 0.9F : 0.1F;
	scratch.states[0] = RK_UNSCORED;
	apply(RK_REWARD_ADDITIVE);
	cr_assert_eq(scratch.states[1], RK_NONFINITE);
	cr_assert_eq(scratch.states[2], RK_SCORED);
	cr_assert(scratch.scores[1] == 0.0F && scratch.terms[1 * K] == 0.0F && scratch.signals[1 * K] == 0.0F);
	cr_assert(scratch.scores[0] == 0.0F && scratch.terms[0] == 0.0F);
	expect_order((const uint32_t[]){2, 4, 0, 1, 3});
}
