#include "model/history.h"

#include <criterion/criterion.h>
#include <math.h>

enum { CLICK, LIKE, HATE, SHORT, LONG, N_ACTIONS };
enum { MAX_EVENTS = 16 };

#define BIT(action) (UINT64_C(1) << (action))

static const uint64_t positive[] = {BIT(LIKE)}, explicit_negative[] = {BIT(HATE)}, implicit_negative[] = {BIT(SHORT)};
static const uint64_t none[2] = {0};
static struct rk_config config;
static struct rk_history history;
static int32_t rows[MAX_EVENTS];
static uint64_t actions[MAX_EVENTS];
static double watch[MAX_EVENTS], duration[MAX_EVENTS];
static struct rk_rank_input input;

static void set_up(void)
{
	static int32_t kept_rows[MAX_EVENTS];
	static uint64_t kept_actions[MAX_EVENTS];
	static uint32_t reads[MAX_EVENTS], selected[RK_N_POLARITIES][MAX_EVENTS];
	config = (struct rk_config){
		.dim = 4,
		.actions = {.n = N_ACTIONS},
		.encoder = {.max_history = MAX_EVENTS},
		.feedback = {{true, 3, positive, none}, {true, 3, explicit_negative, implicit_negative}},
		.ranker = {.type = RK_RANKER_MLP, .attention_heads = 1},
	};
	history = (struct rk_history){
		.rows = kept_rows, .actions = kept_actions, .reads = reads, .selected = {selected[0], selected[1]}};
	for (int i = 0; i < MAX_EVENTS; i++) {
		rows[i] = i;
		actions[i] = 0;
		watch[i] = duration[i] = (double)NAN;
	}
	input = (struct rk_rank_input){.n_events = 6,
				       .event_rows = rows,
				       .event_actions = actions,
				       .watch_ms = watch,
				       .duration_ms = duration};
}

TestSuite(history, .init = set_up);

static uint32_t event_of(enum rk_polarity polarity, uint32_t at)
{
	cr_assert_lt(at, history.n_selected[polarity]);
	return history.reads[history.selected[polarity][at]];
}

Test(history, drops_unknown_items_then_keeps_the_last)
{
	config.encoder.max_history = 3;
	rows[1] = rows[5] = RK_ROW_UNKNOWN;
	rk_history_select(&history, &config, &input);
	cr_assert_eq(history.n_unknown, 2);
	cr_assert_eq(history.n_used, 3);
	cr_assert_eq(history.rows[0], 2);
	cr_assert_eq(history.rows[1], 3);
	cr_assert_eq(history.rows[2], 4);
}

Test(history, unknown_items_older_than_the_kept_count_too)
{
	config.encoder.max_history = 2;
	rows[0] = RK_ROW_UNKNOWN;
	rk_history_select(&history, &config, &input);
	cr_assert_eq(history.n_unknown, 1);
	cr_assert_eq(history.n_used, 2);
	cr_assert_eq(history.rows[0], 4);
}

Test(history, empty_and_all_unknown)
{
	input.n_events = 0;
	rk_history_select(&history, &config, &input);
	cr_assert_eq(history.n_used + history.n_reads + history.n_unknown, 0);
	input.n_events = 2;
	rows[0] = rows[1] = RK_ROW_UNKNOWN;
	rk_history_select(&history, &config, &input);
	cr_assert_eq(history.n_used + history.n_reads, 0);
	cr_assert_eq(history.n_unknown, 2);
}

static bool gets(enum rk_condition condition, double threshold, double watch_ms, double duration_ms)
{
	struct rk_derived_action derived = {SHORT, condition, threshold};
	config.n_derived_actions = 1;
	config.derived_actions = &derived;
	watch[0] = watch_ms;
	duration[0] = duration_ms;
	input.n_events = 1;
	rk_history_select(&history, &config, &input);
	return history.actions[0] == BIT(SHORT);
}

Test(history, derived_actions_at_the_threshold)
{
	double absent = (double)NAN;
	cr_assert(gets(RK_CONDITION_WATCH_MS_BELOW, 3000.0, 2999.0, absent));
	cr_assert_not(gets(RK_CONDITION_WATCH_MS_BELOW, 3000.0, 3000.0, absent));
	cr_assert(gets(RK_CONDITION_WATCH_MS_AT_LEAST, 3000.0, 3000.0, absent));
	cr_assert_not(gets(RK_CONDITION_WATCH_MS_AT_LEAST, 3000.0, 2999.0, absent));
	cr_assert(gets(RK_CONDITION_WATCH_RATIO_BELOW, 0.8, 7.9, 10.0));
	cr_assert_not(gets(RK_CONDITION_WATCH_RATIO_BELOW, 0.8, 8.0, 10.0));
	cr_assert(gets(RK_CONDITION_WATCH_RATIO_AT_LEAST, 0.8, 8.0, 10.0));
	cr_assert_not(gets(RK_CONDITION_WATCH_RATIO_AT_LEAST, 0.8, 7.9, 10.0));
}

Test(history, derived_actions_need_their_fields)
{
	double absent = (double)NAN;
	for (int condition = 0; condition < 4; condition++)
		cr_assert_not(gets((enum rk_condition)condition, 0.0, absent, 10.0), "watch_ms is missing");
	cr_assert_not(gets(RK_CONDITION_WATCH_RATIO_BELOW, 1e9, 5.0, absent));
	cr_assert_not(gets(RK_CONDITION_WATCH_RATIO_AT_LEAST, 0.0, 5.0, absent));
	cr_assert_not(gets(RK_CONDITION_WATCH_RATIO_BELOW, 1e9, 0.0, 0.0), "a duration of 0 has no ratio");
	cr_assert_not(gets(RK_CONDITION_WATCH_RATIO_AT_LEAST, 0.0, 5.0, 0.0));
	cr_assert(gets(RK_CONDITION_WATCH_MS_BELOW, 3.0, 0.0, 0.0), "a duration of 0 does not matter here");
	cr_assert(gets(RK_CONDITION_WATCH_MS_AT_LEAST, 3.0, 3.0, 0.0));
}

Test(history, derived_actions_are_added_to_the_explicit_ones)
{
	struct rk_derived_action derived[] = {{SHORT, RK_CONDITION_WATCH_MS_BELOW, 3.0},
					      {CLICK, RK_CONDITION_WATCH_MS_BELOW, 3.0}};
	config.n_derived_actions = 2;
	config.derived_actions = derived;
	actions[0] = BIT(CLICK) | BIT(LIKE);
	watch[0] = 1.0;
	rk_history_select(&history, &config, &input);
	cr_assert_eq(history.actions[0], BIT(CLICK) | BIT(LIKE) | BIT(SHORT));
	cr_assert_eq(history.actions[1], 0);
	cr_assert_eq(actions[0], BIT(CLICK) | BIT(LIKE), "the request's own are left alone");
}

Test(history, positive_takes_the_last_in_chronological_order)
{
	for (int i = 0; i < 6; i++)
		actions[i] = i == 3 ? BIT(CLICK) : BIT(LIKE);
	rk_history_select(&history, &config, &input);
	cr_assert_eq(history.n_selected[RK_POSITIVE], 3);
	cr_assert_eq(event_of(RK_POSITIVE, 0), 2);
	cr_assert_eq(event_of(RK_POSITIVE, 1), 4);
	cr_assert_eq(event_of(RK_POSITIVE, 2), 5);
	cr_assert_eq(history.n_selected[RK_NEGATIVE], 0);
}

Test(history, implicit_events_fill_what_explicit_ones_leave)
{
	actions[0] = BIT(SHORT);
	actions[1] = BIT(HATE);
	actions[2] = BIT(SHORT);
	actions[3] = BIT(HATE) | BIT(SHORT); /* explicit, however short */
	actions[4] = BIT(SHORT);
	rk_history_select(&history, &config, &input);
	cr_assert_eq(history.n_selected[RK_NEGATIVE], 3);
	cr_assert_eq(event_of(RK_NEGATIVE, 0), 1);
	cr_assert_eq(event_of(RK_NEGATIVE, 1), 3);
	cr_assert_eq(event_of(RK_NEGATIVE, 2), 4, "the latest implicit one, not the one at 2");
}

Test(history, enough_explicit_events_leave_no_place)
{
	for (int i = 0; i < 6; i++)
		actions[i] = i < 4 ? BIT(HATE) : BIT(SHORT);
	rk_history_select(&history, &config, &input);
	cr_assert_eq(history.n_selected[RK_NEGATIVE], 3);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(event_of(RK_NEGATIVE, i), i + 1);
}

Test(history, fewer_than_max_in_all)
{
	actions[2] = BIT(SHORT);
	actions[4] = BIT(HATE);
	config.feedback[RK_NEGATIVE].max = 1000;
	rk_history_select(&history, &config, &input);
	cr_assert_eq(history.n_selected[RK_NEGATIVE], 2);
	cr_assert_eq(event_of(RK_NEGATIVE, 0), 2);
	cr_assert_eq(event_of(RK_NEGATIVE, 1), 4);
}

Test(history, selection_looks_at_kept_events_only)
{
	config.encoder.max_history = 2;
	actions[0] = actions[3] = BIT(LIKE);
	rk_history_select(&history, &config, &input);
	cr_assert_eq(history.n_selected[RK_POSITIVE], 0);
	actions[4] = BIT(LIKE);
	rk_history_select(&history, &config, &input);
	cr_assert_eq(history.n_selected[RK_POSITIVE], 1);
	cr_assert_eq(event_of(RK_POSITIVE, 0), 0, "event 4 is the older of the two kept");
}

Test(history, reads_are_the_union_and_the_last)
{
	actions[1] = BIT(LIKE) | BIT(HATE);
	actions[2] = BIT(HATE);
	actions[3] = BIT(LIKE);
	rk_history_select(&history, &config, &input);
	const uint32_t expected[] = {1, 2, 3, 5};
	cr_assert_eq(history.n_reads, 4);
	cr_assert_arr_eq(history.reads, expected, sizeof(expected));
	actions[5] = BIT(LIKE);
	rk_history_select(&history, &config, &input);
	cr_assert_eq(history.n_reads, 4, "the last event is not read twice");
}

Test(history, nothing_is_selected_where_no_candidate_attends)
{
	for (int i = 0; i < 6; i++)
		actions[i] = BIT(LIKE) | BIT(HATE);
	config.ranker.type = RK_RANKER_DOT;
	rk_history_select(&history, &config, &input);
	cr_assert_eq(history.n_selected[RK_POSITIVE] + history.n_selected[RK_NEGATIVE], 0);
	cr_assert_eq(history.n_reads, 1);
	cr_assert_eq(history.reads[0], 5);
	config.ranker.type = RK_RANKER_MLP;
	config.feedback[RK_NEGATIVE].present = false;
	rk_history_select(&history, &config, &input);
	cr_assert_eq(history.n_selected[RK_POSITIVE], 3);
	cr_assert_eq(history.n_selected[RK_NEGATIVE], 0);
}

Test(history, actions_beyond_the_first_word)
{
	static uint64_t wide[2 * 3], kept[2 * 3];
	static const uint64_t in_second_word[] = {0, BIT(5)};
	struct rk_derived_action derived = {69, RK_CONDITION_WATCH_MS_BELOW, 3.0};
	config.actions.n = 70;
	config.n_derived_actions = 1;
	config.derived_actions = &derived;
	config.feedback[RK_POSITIVE].explicit_actions = in_second_word;
	config.feedback[RK_NEGATIVE].present = false;
	wide[2 * 1] = BIT(5); /* action 5, not 69 */
	wide[2 * 2 + 1] = BIT(5);
	watch[0] = 1.0;
	input.n_events = 3;
	input.event_actions = wide;
	history.actions = kept;
	rk_history_select(&history, &config, &input);
	cr_assert_eq(kept[1], BIT(5));
	cr_assert_eq(history.n_selected[RK_POSITIVE], 2);
	cr_assert_eq(event_of(RK_POSITIVE, 0), 0);
	cr_assert_eq(event_of(RK_POSITIVE, 1), 2);
}

Test(history, a_model_without_actions)
{
	config.actions.n = 0;
	input.event_actions = NULL;
	rk_history_select(&history, &config, &input);
	cr_assert_eq(history.n_used, 6);
	cr_assert_eq(history.n_selected[RK_POSITIVE] + history.n_selected[RK_NEGATIVE], 0);
}
