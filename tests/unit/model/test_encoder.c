/* Encoders on numbers that can be followed by hand; sizes and combinations are in test_ranking.c. */
#include "model/encoder.h"
#include "tests/unit/model/toy.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct rk_model model;
static struct rk_scratch *scratch;
static float item_table[TOY_ITEMS * 2];

/* A model of two dimensions whose item r is (r, 10 r). */
static void make(const struct toy_shape *shape)
{
	scratch = toy_model_make(&model, shape, RK_CPU_SCALAR);
	for (int row = 0; row < TOY_ITEMS; row++) {
		item_table[2 * row] = (float)row;
		item_table[2 * row + 1] = 10.0F * (float)row;
	}
	model.weights.item_embedding = item_table;
}

/* Encodes events of the items 1, 2, … n; event j bears action j. The weights may have been changed before. */
static void encode(uint32_t n)
{
	static int32_t rows[TOY_MAX_EVENTS];
	static uint64_t actions[TOY_MAX_EVENTS];
	static double absent[TOY_MAX_EVENTS];
	static struct rk_rank_input input;
	for (uint32_t i = 0; i < n; i++) {
		rows[i] = (int32_t)i + 1;
		actions[i] = UINT64_C(1) << i;
		absent[i] = (double)NAN;
	}
	input = (struct rk_rank_input){
		.n_events = n, .event_rows = rows, .event_actions = actions, .watch_ms = absent, .duration_ms = absent};
	struct rk_ranking ranking;
	scratch = toy_model_init(&model, RK_CPU_SCALAR);
	rk_ranking_begin(&ranking, &model, scratch, &input);
	rk_encoder_run(&model, scratch);
}

static void expect_user(double first, double second)
{
	const double expected[] = {first, second};
	for (int i = 0; i < 2; i++)
		cr_assert_float_eq((double)scratch->user[i], expected[i], 1e-6 * fmax(10.0, fabs(expected[i])),
				   "expected %.9g, found %.9g", expected[i], (double)scratch->user[i]);
}

#define TWO_DIMENSIONAL .dim = 2, .n_actions = 4, .max_history = 4, .ranker = RK_RANKER_DOT, .n_signals = 1

Test(encoder, mean_of_items)
{
	make(&(struct toy_shape){TWO_DIMENSIONAL, .encoder = RK_ENCODER_MEAN});
	encode(3);
	expect_user(2.0, 20.0);
}

Test(encoder, positions_count_from_the_start_or_the_end)
{
	static const float positions[] = {100.0F, 0.0F, 200.0F, 0.0F, 300.0F, 0.0F, 400.0F, 0.0F};
	make(&(struct toy_shape){TWO_DIMENSIONAL, .encoder = RK_ENCODER_MEAN, .position = RK_POSITION_FROM_START});
	model.weights.position = positions;
	encode(2);
	expect_user(1.5 + 150.0, 15.0);
	model.config.encoder.position = RK_POSITION_FROM_END;
	encode(2);
	expect_user(1.5 + 350.0, 15.0);
	encode(4);
	expect_user(2.5 + 250.0, 25.0);
}

Test(encoder, positions_of_a_cut_history_start_again)
{
	static const float positions[] = {100.0F, 0.0F, 200.0F, 0.0F, 300.0F, 0.0F, 400.0F, 0.0F};
	make(&(struct toy_shape){TWO_DIMENSIONAL, .encoder = RK_ENCODER_MEAN, .position = RK_POSITION_FROM_START});
	model.weights.position = positions;
	encode(6); /* items 3 … 6 remain, at the positions 0 … 3 */
	expect_user(4.5 + 250.0, 45.0);
}

Test(encoder, actions_add_and_scale_multiplies_items_only)
{
	static const float actions[] = {1000.0F, 0.0F, 0.0F, 2000.0F, 0.0F, 0.0F, 0.0F, 0.0F};
	make(&(struct toy_shape){TWO_DIMENSIONAL, .encoder = RK_ENCODER_MEAN, .use_actions = true,
				 .scale_embedding = true});
	model.weights.action = actions;
	model.config.n_derived_actions = 0;
	encode(2);
	expect_user(1.5 * sqrt(2.0) + 500.0, 15.0 * sqrt(2.0) + 1000.0);
}

Test(encoder, input_norm_comes_last)
{
	static const float gain[] = {2.0F, 3.0F}, shift[] = {0.5F, -0.5F};
	make(&(struct toy_shape){TWO_DIMENSIONAL, .encoder = RK_ENCODER_MEAN, .input_norm = true});
	model.weights.input_norm = (struct rk_layer_norm){gain, shift};
	encode(3); /* every item is (r, 10 r): normalised to (−1, 1), nearly */
	double smallest = 4.5 / sqrt(4.5 * 4.5 + 1e-5);
	cr_assert_float_eq((double)scratch->user[0], -2.0 * smallest + 0.5, 1e-5);
	cr_assert_float_eq((double)scratch->user[1], 3.0 * smallest - 0.5, 1e-5);
}

Test(encoder, cold_start_or_zeros)
{
	static const float cold[] = {3.0F, -4.0F};
	make(&(struct toy_shape){TWO_DIMENSIONAL, .encoder = RK_ENCODER_MEAN});
	encode(0);
	expect_user(0.0, 0.0);
	model.weights.cold_start = cold;
	encode(0);
	expect_user(3.0, -4.0);
	encode(1);
	expect_user(1.0, 10.0);
}

Test(encoder, gru_by_hand)
{
	make(&(struct toy_shape){TWO_DIMENSIONAL, .encoder = RK_ENCODER_GRU4REC, .n_layers = 1});
	/* gates r, z, n of each of the two dimensions; only what is set below is not 0 */
	static float in_weight[12], in_bias[6], hidden_weight[12], hidden_bias[6];
	static struct rk_gru_weights gru;
	in_weight[4 * 2] = 0.5F;     /* n₀ ← 0.5 x₀ */
	in_bias[2] = 0.25F;          /* z₀ */
	hidden_weight[2 * 2] = 1.0F; /* z₀ ← h₀ */
	hidden_weight[4 * 2] = 2.0F; /* n₀ ← r₀ (2 h₀ + 0.5) */
	hidden_bias[4] = 0.5F;
	hidden_bias[0] = -1.0F; /* r₀ */
	hidden_bias[5] = 0.7F;  /* n₁ ← r₁ 0.7, r₁ = z₁ = ½ */
	gru = (struct rk_gru_weights){{in_weight, in_bias}, {hidden_weight, hidden_bias}};
	model.weights.gru = &gru;
	double h0 = 0.0, h1 = 0.0;
	for (int event = 1; event <= 3; event++) {
		double r = 1.0 / (1.0 + exp(1.0));
		double z = 1.0 / (1.0 + exp(-(0.25 + h0)));
		double n = tanh(0.5 * event + r * (2.0 * h0 + 0.5));
		h0 = (1.0 - z) * n + z * h0;
		h1 = 0.5 * tanh(0.35) + 0.5 * h1;
	}
	encode(3);
	expect_user(h0, h1);
	encode(3);
	expect_user(h0, h1); /* the state starts at zero again */
}

Test(encoder, sasrec_attends_to_the_past_only)
{
	make(&(struct toy_shape){TWO_DIMENSIONAL, .encoder = RK_ENCODER_SASREC, .n_layers = 1, .n_heads = 2, .ffn = 2,
				 .norm = RK_NORM_QUERY});
	/* queries and keys are 0, so a head averages the values; the value projection is the identity; the norms give
	 * their biases 7 and 1, the feed-forward layer gives nothing */
	static const float zeros[4] = {0.0F}, identity[] = {1.0F, 0.0F, 0.0F, 1.0F};
	static const float sevens[] = {7.0F, 7.0F}, ones[] = {1.0F, 1.0F};
	const struct rk_linear nothing = {zeros, zeros}, same = {identity, zeros};
	struct rk_block_weights *block = model.weights.blocks;
	block->attention = (struct rk_attention_weights){nothing, nothing, same, same};
	block->attention_norm = (struct rk_layer_norm){zeros, sevens};
	block->ffn_norm = (struct rk_layer_norm){identity, ones};
	block->up = block->down = nothing;
	encode(3);
	/* x = 7 + mean of the items = (9, 27); LN(x) = (−1, 1); y = LN(x) ⊙ (1, 0) + 1 */
	double deviation = 9.0 / sqrt(81.0 + 1e-5);
	expect_user(1.0 - deviation, 1.0);

	model.config.encoder.norm = RK_NORM_PRE;
	encode(3);
	/* values are LN₁ = 7; x = 3 + 7, 30 + 7 */
	expect_user(10.0, 37.0);

	model.config.encoder.norm = RK_NORM_POST;
	encode(3);
	/* LN₁(…) = 7 for both, then LN₂ of a constant is its bias */
	expect_user(1.0, 1.0);

	const struct rk_layer_norm final = {zeros, identity};
	model.config.encoder.final_norm = true;
	model.weights.final_norm = final;
	encode(3);
	expect_user(1.0, 0.0);
}

Test(encoder, earlier_events_do_not_see_later_ones)
{
	static const struct toy_shape shape = {.dim = 12,
					       .n_actions = 4,
					       .max_history = 100,
					       .encoder = RK_ENCODER_SASREC,
					       .n_layers = 2,
					       .n_heads = 3,
					       .ffn = 9,
					       .max_positive = 100,
					       .attention_heads = 1,
					       .ranker = RK_RANKER_MLP,
					       .n_hidden = 1,
					       .hidden = {4},
					       .n_signals = 1};
	scratch = toy_model_make(&model, &shape, RK_CPU_SCALAR);
	struct rk_rank_input input;
	struct rk_ranking ranking;
	toy_request_make(&input, &model, 90, 1, 5);
	static uint64_t all[90];
	static float states[2 * RK_PANEL * 12]; /* two panels of 12 rows */
	for (int i = 0; i < 90; i++)
		all[i] = 1U << 1; /* every event is positive, so every row of H is read */
	input.event_actions = all;
	rk_ranking_begin(&ranking, &model, scratch, &input);
	rk_encoder_run(&model, scratch);
	memcpy(states, scratch->encoded, sizeof(states));
	uint32_t n_all = scratch->history.n_reads;
	cr_assert_gt(n_all, RK_PANEL, "more than one panel");
	input.n_events = 70;
	rk_ranking_begin(&ranking, &model, scratch, &input);
	rk_encoder_run(&model, scratch);
	uint32_t n = scratch->history.n_reads;
	cr_assert_lt(n, n_all);
	for (uint32_t row = 0; row < 12; row++)
		for (uint32_t i = 0; i < n; i++)
			cr_assert_float_eq(*rk_panel_at(scratch->encoded, 12, row, i), *rk_panel_at(states, 12, row, i),
					   1e-5F);
}
