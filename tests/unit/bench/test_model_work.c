/* The reference model's figures are those of docs/performance.md, and what they are made of is counted by hand. */
#include "bench/model/work.h"

#include <criterion/criterion.h>
#include <math.h>

enum { CLICK, HATE, SHORT, N_ACTIONS };

static const uint64_t click_set[] = {1U << CLICK}, hate_set[] = {1U << HATE}, short_set[] = {1U << SHORT};
static const uint32_t hidden[] = {256, 128};
static const struct rk_derived_action short_view = {
	.action = SHORT, .condition = RK_CONDITION_WATCH_MS_BELOW, .threshold = 3000};

static struct rk_config reference(void)
{
	return (struct rk_config){
		.dim = 64,
		.actions = {.n = N_ACTIONS},
		.n_derived_actions = 1,
		.derived_actions = &short_view,
		.encoder = {.type = RK_ENCODER_SASREC, .max_history = 50, .n_layers = 2, .n_heads = 2, .ffn = 256},
		.feedback = {[RK_POSITIVE] = {.present = true, .max = 50, .explicit_actions = click_set},
			     [RK_NEGATIVE] = {.present = true,
					      .max = 20,
					      .explicit_actions = hate_set,
					      .implicit_actions = short_set}},
		.ranker = {.type = RK_RANKER_MLP, .attention_heads = 1, .n_hidden = 2, .hidden = hidden},
		.signals = {.n = 6},
	};
}

static const struct rk_work_shape full = {.n_events = 50, .n_selected = {50, 20}, .n_candidates = 1};

Test(model_work, of_the_reference_model)
{
	const struct rk_config config = reference();
	/* two blocks: projections, scores and mixtures, FFN; keys and values of 70 events */
	const double block = 4 * 2 * 50 * 64 * 64 + 2 * 2 * 50 * 50 * 64 + 2 * 2 * 50 * 64 * 256;
	cr_assert_float_eq(rk_work_encode_flop(&config, &full), 2 * block + 2 * 2 * 70 * 64 * 64, 0.5);
	/* query, scores, mixture; mlp 320 → 256 → 128 → 6 */
	const double attention = 2 * 2 * 64 * 64 + 2 * 2 * 64 * 70;
	const double mlp = 2 * (320 * 256 + 256 * 128 + 128 * 6);
	cr_assert_float_eq(rk_work_score_flop(&config, &full), attention + mlp, 0.5);
	cr_assert_float_eq(rk_work_score_flop(&config, &full), 266e3, 1e3);
	cr_assert_float_eq(rk_work_folded_flop(&config, &full), 145e3, 1e3);
}

Test(model_work, grows_with_the_candidates_alone)
{
	const struct rk_config config = reference();
	struct rk_work_shape many = full;
	many.n_candidates = 500;
	cr_assert_float_eq(rk_work_score_flop(&config, &many), 500 * rk_work_score_flop(&config, &full), 0.5);
	cr_assert_float_eq(rk_work_folded_flop(&config, &many), 500 * rk_work_folded_flop(&config, &full), 0.5);
	cr_assert_float_eq(rk_work_encode_flop(&config, &many), rk_work_encode_flop(&config, &full), 0.5);
}

Test(model_work, an_empty_polarity_costs_nothing)
{
	const struct rk_config config = reference();
	struct rk_work_shape none = full;
	none.n_selected[RK_NEGATIVE] = 0;
	cr_assert_float_eq(rk_work_score_flop(&config, &full) - rk_work_score_flop(&config, &none),
			   2 * 64 * 64 + 2 * 2 * 64 * 20, 0.5);
}

Test(model_work, of_the_other_parts)
{
	struct rk_config config = reference();
	config.encoder = (struct rk_encoder_config){.type = RK_ENCODER_MEAN, .max_history = 50};
	const struct rk_work_shape bare = {.n_events = 10, .n_candidates = 1};
	cr_assert_eq(rk_work_encode_flop(&config, &bare), 0);
	config.encoder = (struct rk_encoder_config){.type = RK_ENCODER_GRU4REC, .max_history = 50, .n_layers = 3};
	cr_assert_float_eq(rk_work_encode_flop(&config, &bare), 3 * 2 * 2.0 * 10 * 64 * 192, 0.5);

	config.ranker.type = RK_RANKER_DCN_V2;
	config.ranker.n_cross_layers = 2;
	const double mlp = 2 * (320 * 256 + 256 * 128 + 128 * 6);
	cr_assert_float_eq(rk_work_score_flop(&config, &bare), mlp + 2 * 2 * 320 * 320, 0.5);
	cr_assert_eq(rk_work_folded_flop(&config, &bare), 0);

	static const uint32_t tower[] = {32};
	config.ranker.type = RK_RANKER_MMOE;
	config.ranker.n_experts = 4;
	const double experts = 4 * 2 * (320 * 256 + 256 * 128);
	const double gate = 2 * 320 * 4 + 2 * 4 * 128;
	cr_assert_float_eq(rk_work_score_flop(&config, &bare), experts + 6 * (gate + 2 * 128), 0.5);
	config.ranker.n_tower_hidden = 1;
	config.ranker.tower_hidden = tower;
	cr_assert_float_eq(rk_work_score_flop(&config, &bare), experts + 6 * (gate + 2 * 128 * 32 + 2 * 32), 0.5);

	config.ranker.type = RK_RANKER_DOT;
	cr_assert_float_eq(rk_work_score_flop(&config, &bare), 128, 0);
}

enum { N_EVENTS = 7 };

/* rows; own actions; watched ms: known events bear click, hate + click, nothing (short), click (short), nothing */
static const int32_t rows[N_EVENTS] = {3, RK_ROW_UNKNOWN, 4, 5, 6, RK_ROW_UNKNOWN, 7};
static const uint64_t actions[N_EVENTS] = {
	1U << CLICK, 1U << CLICK, 1U << HATE | 1U << CLICK, 0, 1U << CLICK, 1U << HATE, 0};
static const double watch_ms[N_EVENTS] = {5000, 1, 3000, 2999, 0, 1, (double)NAN};
static const double duration_ms[N_EVENTS] = {(double)NAN, (double)NAN, (double)NAN, (double)NAN,
					     (double)NAN, (double)NAN, (double)NAN};
static const int32_t candidate_rows[] = {1, 2, RK_ROW_UNKNOWN};

static const struct rk_rank_input input = {.n_events = N_EVENTS,
					   .event_rows = rows,
					   .event_actions = actions,
					   .watch_ms = watch_ms,
					   .duration_ms = duration_ms,
					   .n_candidates = 3,
					   .candidate_rows = candidate_rows};

Test(model_work, shape_counts_known_events_and_their_actions)
{
	const struct rk_config config = reference();
	struct rk_work_shape shape;
	rk_work_shape_of(&config, &input, &shape);
	cr_assert_eq(shape.n_candidates, 3);
	cr_assert_eq(shape.n_events, 5);
	cr_assert_eq(shape.n_selected[RK_POSITIVE], 3);
	cr_assert_eq(shape.n_selected[RK_NEGATIVE], 3);
}

Test(model_work, shape_keeps_the_last_events_and_the_largest_sets)
{
	struct rk_config config = reference();
	struct rk_work_shape shape;
	config.encoder.max_history = 3; /* short, short and clicked, nothing */
	rk_work_shape_of(&config, &input, &shape);
	cr_assert_eq(shape.n_events, 3);
	cr_assert_eq(shape.n_selected[RK_POSITIVE], 1);
	cr_assert_eq(shape.n_selected[RK_NEGATIVE], 2);
	config.feedback[RK_NEGATIVE].max = 1;
	rk_work_shape_of(&config, &input, &shape);
	cr_assert_eq(shape.n_selected[RK_NEGATIVE], 1);
	config.ranker.attention_heads = 0; /* nobody attends */
	rk_work_shape_of(&config, &input, &shape);
	cr_assert_eq(shape.n_selected[RK_POSITIVE], 0);
}

Test(model_work, ratios_need_a_duration)
{
	static const struct rk_derived_action by_ratio = {
		.action = SHORT, .condition = RK_CONDITION_WATCH_RATIO_AT_LEAST, .threshold = 0.5};
	static const double durations[N_EVENTS] = {10000, 1, 3000, 0, (double)NAN, 1, 100};
	struct rk_config config = reference();
	struct rk_rank_input with_durations = input;
	struct rk_work_shape shape;
	config.derived_actions = &by_ratio;
	with_durations.duration_ms = durations;
	rk_work_shape_of(&config, &with_durations, &shape);
	cr_assert_eq(shape.n_selected[RK_NEGATIVE], 2); /* half of the first, all of the second, which has hate too */
}
