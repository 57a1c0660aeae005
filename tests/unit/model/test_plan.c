#include "model/plan.h"
#include "model/scratch.h"
#include "tests/unit/model/toy.h"

#include <criterion/criterion.h>
#include <string.h>

static struct rk_config config;
static uint32_t hidden[] = {16, 8};
static const uint64_t actions[] = {1};

static void set_up(void)
{
	config = (struct rk_config){
		.dim = 8,
		.actions = {.n = 3},
		.encoder = {.type = RK_ENCODER_SASREC, .max_history = 50, .n_layers = 2, .n_heads = 2, .ffn = 32},
		.feedback = {{true, 20, actions, NULL}, {true, 10, actions, actions}},
		.user_features = {.width = 5},
		.candidate_features = {.width = 3},
		.ranker = {.type = RK_RANKER_MLP, .attention_heads = 2, .n_hidden = 2, .hidden = hidden},
		.signals = {.n = 4},
	};
}

TestSuite(plan, .init = set_up);

static enum rk_status plan_of(struct rk_plan *plan, uint32_t max_candidates, uint32_t max_events)
{
	struct rk_error error;
	const struct rk_limits limits = {max_candidates, max_events};
	return rk_plan_init(plan, &config, &limits, RK_CPU_SCALAR, &error);
}

Test(plan, sizes_follow_the_config)
{
	struct rk_plan plan;
	cr_assert_eq(plan_of(&plan, 4096, 1024), RK_OK);
	cr_assert_eq(plan.max_used_events, 50);
	cr_assert_eq(plan.max_selected[RK_POSITIVE], 20);
	cr_assert_eq(plan.max_selected[RK_NEGATIVE], 10);
	cr_assert_eq(plan.max_read_events, 31);
	cr_assert_eq(plan.fixed_rows, 0, "only dcn_v2 reads u and c as rows");
	cr_assert_eq(plan.candidate_rows % 2, 0);
	cr_assert_geq(plan.candidate_rows, 8 + 3 + 8 + 8, "e, f and both polarities");
	cr_assert_eq(plan.layer_rows, 16);
}

Test(plan, limits_cut_the_history)
{
	struct rk_plan plan, longer;
	config.encoder.max_history = 65536;
	cr_assert_eq(plan_of(&plan, 10, 12), RK_OK);
	cr_assert_eq(plan.max_used_events, 12);
	cr_assert_eq(plan.max_selected[RK_POSITIVE], 12);
	cr_assert_eq(plan.max_selected[RK_NEGATIVE], 10);
	cr_assert_eq(plan.max_read_events, 12);
	cr_assert_eq(plan.block_rows, RK_PANEL);
	cr_assert_eq(plan_of(&longer, 10, 65536), RK_OK);
	cr_assert_lt(longer.bytes, (size_t)64 << 20, "no L × L scores");
}

Test(plan, no_attention_and_dot_take_nothing_for_it)
{
	struct rk_plan with, without, dot;
	cr_assert_eq(plan_of(&with, 100, 100), RK_OK);
	config.ranker.attention_heads = 0;
	cr_assert_eq(plan_of(&without, 100, 100), RK_OK);
	cr_assert_eq(without.max_selected[RK_POSITIVE] + without.max_selected[RK_NEGATIVE], 0);
	cr_assert_eq(without.max_read_events, 1);
	cr_assert_lt(without.bytes, with.bytes);
	config.ranker = (struct rk_ranker_config){.type = RK_RANKER_DOT, .attention_heads = 2};
	cr_assert_eq(plan_of(&dot, 100, 100), RK_OK);
	cr_assert_eq(dot.candidate_rows, 8);
	cr_assert_eq(dot.layer_rows, 0);
}

Test(plan, no_events_at_all)
{
	struct rk_plan plan;
	cr_assert_eq(plan_of(&plan, 1, 0), RK_OK);
	cr_assert_eq(plan.max_used_events + plan.max_read_events + plan.max_selected[RK_POSITIVE], 0);
}

static void expect_limit(const char *what)
{
	struct rk_plan plan, before;
	struct rk_error error = {0};
	const struct rk_limits limits = {4096, 1024};
	memset(&plan, 0x5a, sizeof(plan));
	before = plan;
	cr_assert_eq(rk_plan_init(&plan, &config, &limits, RK_CPU_SCALAR, &error), RK_LIMIT, "%s", what);
	cr_assert_eq(error.status, RK_LIMIT);
	cr_assert_not_null(strstr(error.message, what), "%s: %s", what, error.message);
	cr_assert_eq(memcmp(&plan, &before, sizeof(plan)), 0, "the plan is written only on success");
}

Test(plan, absurd_sizes_are_refused)
{
	config.encoder.ffn = UINT32_MAX;
	expect_limit("encoder.ffn");
	set_up();
	config.user_features.width = UINT32_MAX;
	expect_limit("ranker input");
	set_up();
	config.candidate_features.width = UINT32_MAX;
	config.user_features.width = UINT32_MAX;
	expect_limit("ranker input");
	set_up();
	hidden[1] = UINT32_MAX;
	expect_limit("ranker.hidden");
	hidden[1] = 8;
	static const uint32_t tower[] = {UINT32_MAX};
	config.ranker = (struct rk_ranker_config){.type = RK_RANKER_MMOE,
						  .n_hidden = 2,
						  .hidden = hidden,
						  .n_tower_hidden = 1,
						  .tower_hidden = tower,
						  .n_experts = 2};
	expect_limit("ranker.tower_hidden");
	config.ranker.n_tower_hidden = 0;
	config.ranker.n_experts = UINT32_MAX;
	expect_limit("ranker.experts");
	hidden[1] = 1;
	config.ranker.n_experts = 1U << 28; /* the last layer fits, the first does not */
	expect_limit("ranker.experts");
	hidden[1] = 8;
}

Test(plan, bytes_that_no_size_holds_are_refused)
{
	struct rk_plan plan;
	/* 2³² candidates × 2³² signals × 4 bytes */
	config.signals.n = UINT32_MAX;
	cr_assert_eq(plan_of(&plan, UINT32_MAX, 1024), RK_LIMIT);
}

Test(plan, init_tells_the_limit_and_takes_nothing)
{
	static const struct rk_limits limits = {10, 10};
	struct rk_model model = {.config = config};
	struct rk_arena arena = {0};
	struct rk_error error;
	model.config.encoder.ffn = UINT32_MAX;
	cr_assert_eq(rk_model_init_bytes(&model, RK_CPU_SCALAR), 0);
	cr_assert_eq(rk_model_init(&model, &limits, RK_CPU_SCALAR, &arena, &error), RK_LIMIT);
}

struct range {
	const char *begin, *end;
};

static void push(struct range *ranges, size_t *n, const void *begin, size_t bytes)
{
	if (bytes > 0)
		ranges[(*n)++] = (struct range){begin, (const char *)begin + bytes};
}

Test(plan, buffers_lie_apart_and_inside)
{
	static struct rk_model model;
	static const struct toy_shape shape = {.dim = 13,
					       .n_actions = 70,
					       .encoder = RK_ENCODER_SASREC,
					       .n_layers = 1,
					       .n_heads = 1,
					       .ffn = 7,
					       .max_history = 20,
					       .max_positive = 5,
					       .max_negative = 4,
					       .attention_heads = 1,
					       .ranker = RK_RANKER_MLP,
					       .n_hidden = 1,
					       .hidden = {3},
					       .n_signals = 3};
	struct rk_scratch *scratch = toy_model_make(&model, &shape, RK_CPU_SCALAR);
	const struct rk_plan *plan = &model.plan;
	const size_t d = 13, n = TOY_MAX_CANDIDATES;
	struct range ranges[32];
	size_t n_ranges = 0;
	push(ranges, &n_ranges, scratch, sizeof(*scratch));
	push(ranges, &n_ranges, scratch->history.rows, 20 * sizeof(int32_t));
	push(ranges, &n_ranges, scratch->history.actions, 20 * 2 * sizeof(uint64_t));
	push(ranges, &n_ranges, scratch->history.reads, plan->max_read_events * sizeof(uint32_t));
	const size_t panel = d * RK_PANEL * sizeof(float);
	push(ranges, &n_ranges, scratch->zeros, d * sizeof(float));
	push(ranges, &n_ranges, scratch->encoded, panel);
	push(ranges, &n_ranges, scratch->user, (d + 1 + RK_N_POLARITIES) * sizeof(float));
	push(ranges, &n_ranges, scratch->user_spread, d * RK_PACK * sizeof(float));
	push(ranges, &n_ranges, scratch->attention[RK_POSITIVE].states, panel);
	push(ranges, &n_ranges, scratch->attention[RK_POSITIVE].keys, panel);
	push(ranges, &n_ranges, scratch->attention[RK_NEGATIVE].values, panel);
	push(ranges, &n_ranges, scratch->first[0].weights, RK_PACK * plan->candidate_rows * sizeof(float));
	push(ranges, &n_ranges, scratch->first[0].bias, RK_PANEL * sizeof(float));
	push(ranges, &n_ranges, scratch->logits, n * 3 * sizeof(float));
	push(ranges, &n_ranges, scratch->terms, n * 3 * sizeof(float));
	push(ranges, &n_ranges, scratch->entries, n * sizeof(uint64_t));
	push(ranges, &n_ranges, scratch->spare, n * sizeof(uint64_t));
	push(ranges, &n_ranges, scratch->encoder.row_pointers, RK_PANEL * sizeof(void *));
	push(ranges, &n_ranges, scratch->encoder.normed, panel);
	push(ranges, &n_ranges, scratch->encoder.keys, panel);
	push(ranges, &n_ranges, scratch->encoder.hidden, (size_t)7 * RK_PANEL * sizeof(float));
	push(ranges, &n_ranges, scratch->encoder.scores, (size_t)RK_PANEL * RK_PANEL * sizeof(float));
	cr_assert_eq((void *)scratch->block.places, (void *)scratch->encoder.row_pointers,
		     "these two share their memory");
	for (size_t i = 0; i < n_ranges; i++) {
		cr_assert_eq((uintptr_t)ranges[i].begin % RK_ARENA_ALIGNMENT, 0);
		cr_assert(ranges[i].begin >= (const char *)scratch);
		cr_assert(ranges[i].end <= (const char *)scratch + plan->bytes);
		for (size_t j = 0; j < i; j++)
			cr_assert(ranges[i].end <= ranges[j].begin || ranges[j].end <= ranges[i].begin,
				  "buffers %zu and %zu overlap", i, j);
	}
}

static enum rk_form form_on(enum rk_cpu_tier tier)
{
	struct rk_plan plan;
	const struct rk_limits limits = {10, 100};
	cr_assert_eq(rk_plan_init(&plan, &config, &limits, tier, NULL), RK_OK);
	return plan.form;
}

Test(plan, the_form_follows_the_precision_the_tier_and_the_size)
{
	enum rk_form widest = rk_kernels_of(rk_cpu_detect())->product_digits != NULL ? RK_FORM_DIGITS : RK_FORM_FLOATS;
	cr_assert_eq(form_on(rk_cpu_detect()), RK_FORM_FLOATS, "digits do not pay for a small first layer");
	config.dim = 64;
	hidden[0] = 128;
	cr_assert_eq(form_on(rk_cpu_detect()), widest);
	cr_assert_eq(form_on(RK_CPU_SCALAR), RK_FORM_FLOATS);
	hidden[1] = RK_MAX_DIGIT_INPUTS + 1;
	cr_assert_eq(form_on(rk_cpu_detect()), RK_FORM_FLOATS, "sums of so many digits could overflow");
	config.precision = RK_PRECISION_BF16;
	cr_assert_eq(form_on(rk_cpu_detect()), RK_FORM_HALVES);
	cr_assert_eq(form_on(RK_CPU_SCALAR), RK_FORM_HALVES);
}
