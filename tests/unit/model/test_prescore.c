/* The guess u · e, walks in any order, and what stands behind the scored ones when time runs out. */
#include "model/scratch.h"
#include "tests/unit/model/oracle_parts.h"
#include "tests/unit/model/shapes.h"
#include "tests/unit/model/toy.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { N_CANDIDATES = 200 };

static struct rk_model model;
static struct rk_rank_input input;
static struct rk_ranking ranking;

static void encode(struct rk_scratch *scratch)
{
	rk_ranking_begin(&ranking, &model, scratch, &input);
	rk_ranking_encode_user(&ranking);
}

static bool can_be_scored(uint32_t place)
{
	return input.candidate_rows[place] != RK_ROW_UNKNOWN || model.weights.unknown_item != NULL;
}

static double dot_with_user(const struct rk_scratch *scratch, uint32_t place)
{
	int32_t row = input.candidate_rows[place];
	double sum =
		row == RK_ROW_UNKNOWN || model.weights.item_bias == NULL ? 0 : (double)model.weights.item_bias[row];
	double item[ORACLE_MAX_WIDTH];
	for (uint32_t k = 0; k < model.config.dim && row == RK_ROW_UNKNOWN; k++)
		item[k] = (double)model.weights.unknown_item[k];
	if (row != RK_ROW_UNKNOWN)
		oracle_item(&model, row, item);
	for (uint32_t k = 0; k < model.config.dim; k++)
		sum += (double)scratch->user[k] * item[k];
	return sum;
}

Test(prescore, puts_all_that_can_be_scored_in_the_order_of_the_dot_product)
{
	for (size_t shape = 0; shape < N_SHAPES; shape++) {
		for (enum rk_cpu_tier tier = RK_CPU_SCALAR; tier <= rk_cpu_detect(); tier++) {
			struct rk_scratch *scratch = toy_model_make(&model, &shapes[shape], tier);
			toy_request_make(&input, &model, 20, N_CANDIDATES, 11);
			encode(scratch);
			struct rk_places guess = rk_ranking_prescore(&ranking);
			uint8_t seen[N_CANDIDATES] = {0};
			uint32_t n = 0;
			for (uint32_t place = 0; place < N_CANDIDATES; place++)
				n += can_be_scored(place);
			cr_assert_eq(guess.n, n);
			for (uint32_t at = 0; at < guess.n; at++) {
				cr_assert_lt(guess.places[at], N_CANDIDATES);
				cr_assert_eq(seen[guess.places[at]]++, 0);
				cr_assert(can_be_scored(guess.places[at]));
				if (at == 0)
					continue;
				double before = dot_with_user(scratch, guess.places[at - 1]);
				double here = dot_with_user(scratch, guess.places[at]);
				cr_assert_geq(before, here - 1e-4 * fmax(1, fabs(here)), "shape %zu", shape);
			}
		}
	}
}

Test(prescore, what_is_not_finite_keeps_the_requests_order)
{
	struct rk_scratch *scratch = toy_model_make(&model, &shapes[0], rk_cpu_detect());
	toy_request_make(&input, &model, 20, N_CANDIDATES, 11);
	encode(scratch);
	scratch->user[0] = NAN;
	struct rk_places guess = rk_ranking_prescore(&ranking);
	for (uint32_t at = 1; at < guess.n; at++)
		cr_assert_lt(guess.places[at - 1], guess.places[at]);
}

static struct {
	uint32_t order[N_CANDIDATES];
	uint8_t states[N_CANDIDATES];
	float scores[N_CANDIDATES], signals[N_CANDIDATES * 64], terms[N_CANDIDATES * 64];
} kept;

static void keep(const struct rk_rank_result *result)
{
	size_t n_values = (size_t)N_CANDIDATES * result->n_signals * sizeof(float);
	cr_assert_leq(n_values, sizeof(kept.signals));
	memcpy(kept.order, result->order, sizeof(kept.order));
	memcpy(kept.states, result->states, sizeof(kept.states));
	memcpy(kept.scores, result->scores, sizeof(kept.scores));
	memcpy(kept.signals, result->signals, n_values);
	memcpy(kept.terms, result->terms, n_values);
}

Test(prescore, the_walk_and_its_blocks_change_no_bit_of_the_result)
{
	static const uint32_t splits[] = {48, 7, 1, N_CANDIDATES};
	for (size_t shape = 0; shape < N_SHAPES; shape++) {
		struct rk_scratch *scratch = toy_model_make(&model, &shapes[shape], rk_cpu_detect());
		struct rk_rank_result result;
		toy_request_make(&input, &model, 50, N_CANDIDATES, 7);
		toy_rank(&model, scratch, &input, &result);
		keep(&result);
		for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
			encode(scratch);
			struct rk_places guess = rk_ranking_prescore(&ranking);
			for (uint32_t first = 0; first < guess.n; first += splits[i]) {
				uint32_t left = guess.n - first;
				rk_ranking_score_places(&ranking, &guess, first, left < splits[i] ? left : splits[i]);
			}
			rk_ranking_finish(&ranking, &result);
			size_t n_values = (size_t)N_CANDIDATES * result.n_signals * sizeof(float);
			cr_assert_eq(result.n_unreached, 0);
			cr_assert_arr_eq(result.order, kept.order, sizeof(kept.order));
			cr_assert_arr_eq(result.states, kept.states, sizeof(kept.states));
			cr_assert_arr_eq(result.scores, kept.scores, sizeof(kept.scores));
			cr_assert_arr_eq(result.signals, kept.signals, n_values);
			cr_assert_arr_eq(result.terms, kept.terms, n_values);
		}
	}
}

/* Scores the first n_scored of the guess, or nothing of it where there is none. */
static void rank_in_part(struct rk_scratch *scratch, bool with_guess, uint32_t n_scored,
			 struct rk_rank_result *ret_result, struct rk_places *ret_guess)
{
	encode(scratch);
	*ret_guess = with_guess ? rk_ranking_prescore(&ranking) : (struct rk_places){0};
	if (with_guess)
		rk_ranking_score_places(&ranking, ret_guess, 0, n_scored);
	rk_ranking_finish(&ranking, ret_result);
}

Test(prescore, behind_the_scored_stand_the_unreached_as_guessed_then_those_without_a_score)
{
	for (size_t shape = 0; shape < N_SHAPES; shape++) {
		struct rk_scratch *scratch = toy_model_make(&model, &shapes[shape], rk_cpu_detect());
		struct rk_rank_result result;
		struct rk_places guess;
		toy_request_make(&input, &model, 20, N_CANDIDATES, 5);
		rank_in_part(scratch, true, 96, &result, &guess);
		cr_assert_eq(result.n_scored, 96);
		cr_assert_eq(result.n_unreached, guess.n - 96);
		for (uint32_t at = 96; at < guess.n; at++) {
			cr_assert_eq(result.order[at], guess.places[at]);
			cr_assert_eq(result.states[result.order[at]], RK_UNREACHED);
			cr_assert(result.scores[result.order[at]] == 0.0F);
		}
		for (uint32_t at = guess.n; at < N_CANDIDATES; at++) {
			cr_assert_eq(result.states[result.order[at]], RK_UNSCORED);
			cr_assert(at == guess.n || result.order[at - 1] < result.order[at]);
		}
		rank_in_part(scratch, false, 0, &result, &guess);
		cr_assert_eq(result.n_scored, 0);
		for (uint32_t at = 1; at < N_CANDIDATES; at++)
			cr_assert(result.states[result.order[at - 1]] != result.states[result.order[at]] ||
				  result.order[at - 1] < result.order[at]);
	}
}
