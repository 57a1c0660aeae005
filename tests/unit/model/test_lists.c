/* What does not change a candidate's score: the list it stands in, its place there, and how the list is split. And what
 * bfloat16 may change. */
#include "tests/unit/model/shapes.h"
#include "tests/unit/model/toy.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct rk_model model;

/* Any number of lists drawn from the candidates of `whole`, each place by place. */
struct list {
	struct rk_rank_input input;
	int32_t rows[TOY_MAX_CANDIDATES];
	union rk_feature_value features[TOY_MAX_CANDIDATES * 8];
	uint32_t from[TOY_MAX_CANDIDATES]; /* places in the whole list */
};

static void draw(struct list *list, const struct rk_rank_input *whole, uint32_t n, uint32_t seed)
{
	uint32_t n_features = model.config.candidate_features.n;
	cr_assert_leq(n_features, 8);
	list->input = *whole;
	list->input.n_candidates = n;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t from = (seed = seed * 1664525U + 1013904223U) % whole->n_candidates;
		list->from[i] = from;
		list->rows[i] = whole->candidate_rows[from];
		for (uint32_t k = 0; k < n_features; k++)
			list->features[i * n_features + k] = whole->candidate_features[from * n_features + k];
	}
	list->input.candidate_rows = list->rows;
	list->input.candidate_features = list->features;
}

static void expect_same_logits(const struct list *list, const struct rk_rank_result *found, const float *signals)
{
	uint32_t n_signals = model.config.signals.n;
	for (uint32_t i = 0; i < list->input.n_candidates; i++)
		cr_assert_arr_eq(found->signals + (size_t)i * n_signals, signals + (size_t)list->from[i] * n_signals,
				 n_signals * sizeof(float), "candidate %u of the list, %u of the whole", i,
				 list->from[i]);
}

static void run_lists(size_t shape, enum rk_cpu_tier tier, enum rk_precision precision)
{
	static float signals[TOY_MAX_CANDIDATES * 64];
	static struct list list;
	toy_model_fill(&model, &shapes[shape]);
	model.config.precision = precision;
	struct rk_scratch *scratch = toy_model_init(&model, tier);
	struct rk_rank_input whole;
	struct rk_rank_result found;
	toy_request_make(&whole, &model, 60, 150, 7);
	toy_rank(&model, scratch, &whole, &found);
	memcpy(signals, found.signals, (size_t)whole.n_candidates * found.n_signals * sizeof(float));
	static const uint32_t sizes[] = {1, 2, 15, 16, 17, 47, 48, 49, 96, 131};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		draw(&list, &whole, sizes[i], (uint32_t)i);
		struct rk_ranking ranking;
		rk_ranking_begin(&ranking, &model, scratch, &list.input);
		rk_ranking_encode_user(&ranking);
		uint32_t split = sizes[i] / 3;
		rk_ranking_score(&ranking, split, sizes[i] - split);
		rk_ranking_score(&ranking, 0, split);
		rk_ranking_finish(&ranking, &found);
		expect_same_logits(&list, &found, signals);
	}
}

Test(lists, a_score_has_the_same_bits_in_any_list_and_split)
{
	for (size_t shape = 0; shape < N_SHAPES; shape++)
		for (enum rk_cpu_tier tier = RK_CPU_SCALAR; tier <= rk_cpu_detect(); tier++)
			run_lists(shape, tier, RK_PRECISION_F32);
}

Test(lists, so_it_has_in_bfloat16)
{
	for (size_t shape = 0; shape < N_SHAPES; shape++)
		for (enum rk_cpu_tier tier = RK_CPU_SCALAR; tier <= rk_cpu_detect(); tier++)
			run_lists(shape, tier, RK_PRECISION_BF16);
}

/* Signals are probabilities; a bfloat16 has 8 bits, and a few layers of them stay within a few hundredths. */
Test(lists, bfloat16_stays_near_f32)
{
	static float exact[TOY_MAX_CANDIDATES * 64];
	size_t n_different = 0;
	for (size_t shape = 0; shape < N_SHAPES; shape++)
		for (enum rk_cpu_tier tier = RK_CPU_SCALAR; tier <= rk_cpu_detect(); tier++) {
			struct rk_rank_input input;
			struct rk_rank_result found;
			struct rk_scratch *scratch = toy_model_make(&model, &shapes[shape], tier);
			toy_request_make(&input, &model, 60, 150, 11);
			toy_rank(&model, scratch, &input, &found);
			size_t n = (size_t)input.n_candidates * found.n_signals;
			memcpy(exact, found.signals, n * sizeof(float));
			model.config.precision = RK_PRECISION_BF16;
			scratch = toy_model_init(&model, tier);
			toy_rank(&model, scratch, &input, &found);
			bool differs = false;
			for (size_t i = 0; i < n; i++) {
				cr_assert_float_eq(found.signals[i], exact[i], 0.06F,
						   "shape %zu: expected %g, found %g", shape, (double)exact[i],
						   (double)found.signals[i]);
				differs = differs || found.signals[i] != exact[i];
			}
			n_different += differs;
		}
	cr_assert_gt(n_different, N_SHAPES / 2, "bfloat16 was not used: nearly all signals are the same");
}
