/* Whole rankings against the oracle, over all encoders, rankers, rewards and odd shapes. */
#include "tests/unit/model/oracle.h"
#include "tests/unit/model/shapes.h"
#include "tests/unit/model/toy.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

static struct rk_model model;
static struct oracle_result expected;

static double gap(double ours, double theirs)
{
	return fabs(ours - theirs) / fmax(1.0, fabs(theirs));
}

/* Whether some logit of the signal is so near that the float's rank may differ. */
static bool near_tie(uint32_t n, uint32_t i, uint32_t k)
{
	for (uint32_t j = 0; j < n; j++) {
		if (j != i && expected.scored[j] && fabs(expected.logits[j][k] - expected.logits[i][k]) < 1e-4)
			return true;
	}
	return false;
}

static void compare(const struct rk_rank_input *input, const struct rk_rank_result *found)
{
	bool by_rank = model.config.reward.type == RK_REWARD_RANK;
	cr_assert_eq(found->n_used_events, expected.n_used);
	cr_assert_eq(found->n_unknown_events, expected.n_unknown);
	cr_assert_eq(found->n_nonfinite, 0);
	for (uint32_t i = 0; i < input->n_candidates; i++) {
		cr_assert_eq(found->states[i], expected.scored[i] ? RK_SCORED : RK_UNSCORED, "candidate %u", i);
		bool ranks_sure = true;
		float sum = 0.0F;
		for (uint32_t k = 0; k < found->n_signals && expected.scored[i]; k++) {
			size_t at = (size_t)i * found->n_signals + k;
			double p = oracle_sigmoid(expected.logits[i][k]);
			cr_assert_lt(gap((double)found->signals[at], p), 1e-5, "candidate %u signal %u: %.9g, %.9g", i,
				     k, (double)found->signals[at], p);
			bool sure = !by_rank || !near_tie(input->n_candidates, i, k);
			ranks_sure = ranks_sure && sure;
			if (sure)
				cr_assert_lt(gap((double)found->terms[at], expected.terms[i][k]), 3e-5,
					     "candidate %u term %u: %.9g, %.9g", i, k, (double)found->terms[at],
					     expected.terms[i][k]);
			sum += found->terms[at];
		}
		if (!expected.scored[i])
			continue;
		cr_assert(sum == found->scores[i], "the terms must add up to the score exactly");
		if (ranks_sure)
			cr_assert_lt(gap((double)found->scores[i], expected.scores[i]), 3e-5,
				     "candidate %u: %.9g, %.9g", i, (double)found->scores[i], expected.scores[i]);
	}
}

/* Scored first and by falling score (equal ones by place), then the unreached by place, then the others by place. */
static void check_order(const struct rk_rank_result *found)
{
	uint8_t seen[TOY_MAX_CANDIDATES] = {0};
	for (uint32_t at = 0; at < found->n_candidates; at++) {
		uint32_t i = found->order[at];
		cr_assert_lt(i, found->n_candidates);
		cr_assert_eq(seen[i]++, 0);
		if (at == 0)
			continue;
		uint32_t before = found->order[at - 1];
		bool scored = found->states[i] == RK_SCORED, before_scored = found->states[before] == RK_SCORED;
		cr_assert(before_scored || !scored, "an item without a score must come last");
		bool unreached = found->states[i] == RK_UNREACHED,
		     before_unreached = found->states[before] == RK_UNREACHED;
		cr_assert(before_scored || before_unreached || !unreached, "what can have no score must come last");
		if (!scored && !before_scored && unreached == before_unreached)
			cr_assert_lt(before, i);
		if (scored && before_scored)
			cr_assert(found->scores[before] > found->scores[i] ||
				  (found->scores[before] == found->scores[i] &&
				   (before < i || model.config.reward.type == RK_REWARD_ODDS)));
	}
}

static void run_shape(size_t shape)
{
	static const struct {
		uint32_t n_events, n_candidates;
	} sizes[] = {{0, 5}, {1, 1}, {2, 64}, {37, 65}, {63, 3}, {64, 63}, {65, 17}, {200, 300}};
	for (enum rk_cpu_tier tier = RK_CPU_SCALAR; tier <= rk_cpu_detect(); tier++) {
		struct rk_scratch *scratch = toy_model_make(&model, &shapes[shape], tier);
		for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct rk_rank_input input;
			struct rk_rank_result found;
			toy_request_make(&input, &model, sizes[i].n_events, sizes[i].n_candidates, 100 + i);
			oracle_rank(&model, &input, &expected);
			toy_rank(&model, scratch, &input, &found);
			compare(&input, &found);
			check_order(&found);
		}
	}
}

ParameterizedTestParameters(ranking, agrees_with_the_contract)
{
	static size_t indices[N_SHAPES];
	for (size_t i = 0; i < N_SHAPES; i++)
		indices[i] = i;
	return cr_make_param_array(size_t, indices, N_SHAPES);
}

ParameterizedTest(size_t *shape, ranking, agrees_with_the_contract)
{
	run_shape(*shape);
}

static void same_bits(const struct rk_rank_result *a, const struct rk_rank_result *b)
{
	size_t n = a->n_candidates, n_signals = a->n_signals;
	cr_assert_arr_eq(a->order, b->order, n * sizeof(*a->order));
	cr_assert_arr_eq(a->states, b->states, n);
	cr_assert_arr_eq(a->scores, b->scores, n * sizeof(float));
	cr_assert_arr_eq(a->signals, b->signals, n * n_signals * sizeof(float));
	cr_assert_arr_eq(a->terms, b->terms, n * n_signals * sizeof(float));
}

Test(ranking, bits_do_not_depend_on_the_scratch_or_what_ran_before)
{
	for (size_t shape = 0; shape < N_SHAPES; shape++) {
		struct rk_scratch *fresh = toy_model_make(&model, &shapes[shape], rk_cpu_detect());
		struct rk_scratch *used = toy_scratch_make(&model, 0x5a);
		struct rk_rank_input input, other;
		struct rk_rank_result first, second;
		toy_request_make(&input, &model, 50, 70, 7);
		toy_request_make(&other, &model, 200, 300, 8);
		toy_rank(&model, used, &other, &second);
		toy_rank(&model, used, &input, &second);
		toy_rank(&model, fresh, &input, &first);
		same_bits(&first, &second);
	}
}

Test(ranking, any_order_and_split_of_the_candidates_scores_them_all)
{
	struct rk_scratch *scratch = toy_model_make(&model, &shapes[0], rk_cpu_detect());
	struct rk_rank_input input;
	struct rk_rank_result found;
	toy_request_make(&input, &model, 30, 200, 3);
	oracle_rank(&model, &input, &expected);
	struct rk_ranking ranking;
	rk_ranking_begin(&ranking, &model, scratch, &input);
	rk_ranking_encode_user(&ranking);
	rk_ranking_score(&ranking, 150, 50);
	rk_ranking_score(&ranking, 0, 1);
	rk_ranking_score(&ranking, 1, 0);
	rk_ranking_score(&ranking, 1, 149);
	rk_ranking_finish(&ranking, &found);
	compare(&input, &found);
	check_order(&found);
}

Test(ranking, candidates_never_reached_come_last_and_do_not_count_in_ranks)
{
	struct toy_shape shape = shapes[8]; /* rank fusion */
	struct rk_scratch *scratch = toy_model_make(&model, &shape, rk_cpu_detect());
	struct rk_rank_input input;
	struct rk_rank_result found;
	toy_request_make(&input, &model, 30, 100, 3);
	struct rk_ranking ranking;
	rk_ranking_begin(&ranking, &model, scratch, &input);
	rk_ranking_encode_user(&ranking);
	rk_ranking_score(&ranking, 64, 36);
	rk_ranking_finish(&ranking, &found);
	check_order(&found);
	float best = 0.0F;
	uint32_t n_scored = 0;
	for (uint32_t i = 0; i < 100; i++) {
		cr_assert(found.states[i] == RK_UNSCORED || (found.states[i] == RK_UNREACHED) == (i < 64));
		n_scored += found.states[i] == RK_SCORED;
		best = fmaxf(best, fabsf(found.terms[(size_t)i * found.n_signals]));
	}
	cr_assert_gt(n_scored, 20);
	cr_assert_float_eq(best, fabsf(input.weights[0]) / 61.0F, 1e-6F, "the best of the scored has rank 1");
}

Test(ranking, nothing_scored_at_all)
{
	struct rk_scratch *scratch = toy_model_make(&model, &shapes[1], rk_cpu_detect());
	struct rk_rank_input input;
	struct rk_rank_result found;
	toy_request_make(&input, &model, 10, 12, 3);
	struct rk_ranking ranking;
	rk_ranking_begin(&ranking, &model, scratch, &input);
	rk_ranking_finish(&ranking, &found);
	for (uint32_t i = 0; i < 12; i++) {
		bool is_unknown = input.candidate_rows[i] == RK_ROW_UNKNOWN && model.weights.unknown_item == NULL;
		cr_assert_eq(found.states[i], is_unknown ? RK_UNSCORED : RK_UNREACHED);
		cr_assert(found.scores[i] == 0.0F);
	}
	check_order(&found);
	cr_assert_eq(found.n_scored + found.n_nonfinite, 0);
	cr_assert_gt(found.n_used_events, 0, "the history is counted even when the user was not encoded");
}

Test(ranking, what_leaves_the_floats_is_told_and_comes_last)
{
	struct rk_scratch *scratch = toy_model_make(&model, &shapes[0], rk_cpu_detect());
	struct rk_rank_input input;
	struct rk_rank_result found;
	toy_request_make(&input, &model, 10, 70, 3);
	union rk_feature_value *values = calloc(140, sizeof(*values));
	values[2 * 4].number = INFINITY;
	values[2 * 69].number = NAN;
	input.candidate_features = values;
	toy_rank(&model, scratch, &input, &found);
	cr_assert_eq(found.n_nonfinite, 2);
	cr_assert_eq(found.states[4], RK_NONFINITE);
	cr_assert_eq(found.states[69], RK_NONFINITE);
	cr_assert_eq(found.order[68], 4);
	cr_assert_eq(found.order[69], 69);
	cr_assert(found.scores[4] == 0.0F && found.signals[4 * 3] == 0.0F, "nothing of it is left to be shown");
	for (uint32_t i = 0; i < 70; i++)
		cr_assert(i == 4 || i == 69 || found.states[i] == RK_SCORED,
			  "the others of the block are as they were");
	free(values);
}

Test(ranking, a_signal_without_weight_must_be_finite_too)
{
	static const float biases[] = {0.0F, 0.0F, INFINITY}; /* p = 1, a fine number, but the logit is none */
	struct rk_scratch *scratch = toy_model_make(&model, &shapes[0], rk_cpu_detect());
	struct rk_rank_input input;
	struct rk_rank_result found;
	toy_request_make(&input, &model, 10, 5, 3);
	const uint8_t first_only[] = {1, 0, 0};
	input.has_weight = first_only;
	model.weights.heads.bias = biases;
	scratch = toy_model_init(&model, rk_cpu_detect());
	toy_rank(&model, scratch, &input, &found);
	cr_assert_eq(found.n_nonfinite, 5);
}

Test(ranking, an_item_that_is_not_in_the_table_has_no_bias)
{
	static const struct toy_shape shape = {.dim = 3,
					       .encoder = RK_ENCODER_MEAN,
					       .max_history = 5,
					       .ranker = RK_RANKER_DOT,
					       .n_signals = 1,
					       .reward = RK_REWARD_ODDS,
					       .unknown_item = true};
	static float biases[1 + TOY_ITEMS];
	struct rk_scratch *scratch = toy_model_make(&model, &shape, rk_cpu_detect());
	struct rk_rank_input input;
	struct rk_rank_result found;
	toy_request_make(&input, &model, 0, 2, 3);
	const int32_t rows[] = {RK_ROW_UNKNOWN, 7};
	input.candidate_rows = rows;
	for (int i = 0; i <= TOY_ITEMS; i++)
		biases[i] = 2.0F;
	model.weights.item_bias = biases + 1;
	toy_rank(&model, scratch, &input, &found); /* u is zero, so the logit is the bias */
	cr_assert(found.scores[0] == 1.0F);
	cr_assert_float_eq(found.scores[1], expf(2.0F), 1e-5F);
	cr_assert_eq(found.order[0], 1);
}

Test(ranking, init_takes_the_bytes_it_foretells_and_refuses_less)
{
	static _Alignas(RK_ARENA_ALIGNMENT) char memory[1 << 21];
	static const struct rk_limits limits = {10, 10};
	for (size_t shape = 0; shape < N_SHAPES; shape++) {
		toy_model_fill(&model, &shapes[shape]);
		size_t bytes = rk_model_init_bytes(&model, RK_CPU_SCALAR);
		cr_assert_leq(bytes, sizeof(memory));
		struct rk_arena arena;
		struct rk_error error;
		rk_arena_init(&arena, memory, bytes);
		cr_assert_eq(rk_model_init(&model, &limits, RK_CPU_SCALAR, &arena, &error), RK_OK);
		cr_assert_geq(arena.used + 4 * RK_ARENA_ALIGNMENT, bytes, "foretells far too much");
		for (size_t less = 0; less < arena.used; less += 64) {
			struct rk_arena small;
			rk_arena_init(&small, memory, less);
			cr_assert_eq(rk_model_init(&model, &limits, RK_CPU_SCALAR, &small, &error), RK_NO_MEMORY);
		}
	}
}
