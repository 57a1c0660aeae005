/* Ranking against a deadline by a scripted clock: every reading is a millisecond after the one before. */
#include "server/clock.h"
#include "tests/unit/server/json_kept.h"
#include "tests/unit/server/support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

enum { BLOCK = 48, N_CANDIDATES = 200, N_UNKNOWN = 2 };

/* Readings of the clock before the first block: at the start, after the decoding, after the encoder. */
enum { AFTER_ENCODER_MS = 3 };

static const struct rk_request_limits limits = {.max_candidates = 256, .max_events = 1024, .max_body_bytes = 1 << 20};

static struct rk_job_bench bench;
static struct rk_version *version;
static char *reply, *body;
static size_t reply_size;
static uint64_t clock_ns;

static uint64_t read_clock(void *context)
{
	(void)context;
	return clock_ns += RK_NS_PER_MS;
}

/* Rows of the item table as candidates and history; the first two candidates are not in it. */
static json_t *make_request(void)
{
	json_t *candidates = json_array(), *history = json_array();
	cr_assert_geq(version->ids.n_items, N_CANDIDATES);
	json_array_append_new(candidates, json_string("no such item"));
	json_array_append_new(candidates, json_string("nor this"));
	for (int row = N_UNKNOWN; row < N_CANDIDATES; row++)
		json_array_append_new(candidates, json_pack("{s:I, s:{s:i}}", "item", version->ids.integers[row],
							    "features", "age_hours", row));
	for (int row = 0; row < 20; row++)
		json_array_append_new(history, json_pack("{s:I, s:s}", "item", version->ids.integers[7 * row], "action",
							 row % 3 == 0 ? "like" : "click"));
	return json_keep(json_pack("{s:s, s:b, s:o, s:o}", "request_id", "r", "explain", 1, "candidates", candidates,
				   "history", history));
}

static void set_body(json_t *request)
{
	free(body);
	body = json_dumps(request, JSON_COMPACT);
}

static void open_all(void)
{
	struct rk_error error;
	version = test_version("sasrec_mlp", &limits);
	version->model.weights.unknown_item = NULL; /* so that some can have no score */
	cr_assert_eq(rk_job_bench_open(&bench, &limits, 0, &error), RK_OK);
	bench.job.fixed_version = version;
	reply_size = rk_job_reply_bytes(&limits, &version->model.config);
	reply = malloc(reply_size);
	set_body(make_request());
}

/* Runs the body with this budget from a clock at zero; nothing is known of what rankings take but `score_ms`, the
 * milliseconds of a block. */
static struct rk_job run(double budget_ms, double score_ms)
{
	struct rk_job job = {
		.body = rk_bytes_of(body), .budget_ms = budget_ms, .reply = reply, .reply_size = reply_size};
	version->tempo = (struct rk_tempo){0};
	atomic_store(&version->tempo.ns[RK_TEMPO_SCORE], score_ms * (double)RK_NS_PER_MS / BLOCK);
	clock_ns = 0;
	bench.job.clock.now_ns = read_clock;
	rk_job_run(&bench.job, &job);
	return job;
}

static json_t *items_of(const struct rk_job *job)
{
	json_t *root = json_kept(job->reply, job->reply_bytes);
	cr_assert_eq(job->status, 200, "%.*s", (int)job->reply_bytes, job->reply);
	cr_assert_not_null(root);
	json_t *degraded = json_object_get(root, "degraded");
	cr_assert_eq(json_is_null(degraded), job->n_unreached == 0);
	if (job->n_unreached > 0) {
		cr_assert_str_eq(json_string_value(json_object_get(degraded, "reason")), "deadline");
		cr_assert_eq(json_integer_value(json_object_get(degraded, "scored")), job->n_scored);
		cr_assert_eq(json_integer_value(json_object_get(degraded, "unscored")), job->n_unreached);
	}
	return json_object_get(root, "items");
}

/* The candidates' ids in the order of the pre-score, those that can have no score behind them. */
static json_t *guessed_ids(void)
{
	struct test_decoding decoding;
	struct rk_ranking ranking;
	json_t *ids = json_keep(json_array());
	test_decode(&decoding, version, test_body(body, strlen(body)), "", &limits, rk_job_arena_bytes(&limits));
	const struct rk_rank_input *input = &decoding.request.input;
	rk_ranking_begin(&ranking, &version->model, version->scratches[0], input);
	rk_ranking_encode_user(&ranking);
	struct rk_places guess = rk_ranking_prescore(&ranking);
	cr_assert_eq(guess.n, N_CANDIDATES - N_UNKNOWN);
	for (uint32_t at = 0; at < N_CANDIDATES; at++) {
		uint32_t place = at < guess.n ? guess.places[at] : at - guess.n;
		const struct rk_item_id *id = &decoding.request.candidate_ids[place];
		json_array_append_new(ids, id->is_integer ? json_integer(id->integer)
							  : json_stringn(id->text.data, id->text.size));
	}
	return ids;
}

static json_t *id_at(json_t *items, size_t at)
{
	return json_object_get(json_array_get(items, at), "item");
}

static size_t find(json_t *ids, json_t *id)
{
	size_t at = 0;
	while (at < json_array_size(ids) && !json_equal(json_array_get(ids, at), id))
		at++;
	return at;
}

/* Every item with a score is to the bit what the whole ranking made of it, and they stand in the same order. */
static void check_scored(json_t *part, json_t *whole, size_t n_scored)
{
	size_t at_whole = 0;
	for (size_t at = 0; at < json_array_size(part); at++) {
		json_t *item = json_array_get(part, at);
		cr_assert_eq(json_is_real(json_object_get(item, "score")) ||
				     json_is_integer(json_object_get(item, "score")),
			     at < n_scored);
		cr_assert_eq(json_object_get(item, "signals") != NULL, at < n_scored);
		cr_assert_eq(json_object_get(item, "terms") != NULL, at < n_scored);
		if (at >= n_scored)
			continue;
		while (at_whole < json_array_size(whole) && !json_equal(item, json_array_get(whole, at_whole)))
			at_whole++;
		cr_assert_lt(at_whole, json_array_size(whole), "an item differs from the whole ranking's");
	}
}

Test(anytime, blocks_in_the_requests_order_until_the_time_is_up, .init = open_all)
{
	struct rk_job all = run((double)INFINITY, 0);
	json_t *whole = items_of(&all);
	json_t *ids = guessed_ids();
	cr_assert_eq(all.n_scored, N_CANDIDATES - N_UNKNOWN);
	for (unsigned n_blocks = 0; n_blocks <= 4; n_blocks++) {
		struct rk_job job = run(AFTER_ENCODER_MS + n_blocks, 0);
		uint32_t n_scored =
			n_blocks == 0 ? 0 : n_blocks * BLOCK - N_UNKNOWN; /* those stand in the first block */
		cr_assert_eq(job.n_scored, n_scored, "%u blocks: %u", n_blocks, job.n_scored);
		cr_assert_eq(job.n_unreached, N_CANDIDATES - N_UNKNOWN - n_scored);
		json_t *items = items_of(&job);
		check_scored(items, whole, n_scored);
		size_t before = 0;
		for (size_t at = n_scored; at < N_CANDIDATES; at++) { /* the rest: as guessed, then the unknown ones */
			size_t here = find(ids, id_at(items, at));
			cr_assert(at == n_scored || here > before);
			before = here;
		}
		cr_assert_eq(json_is_true(json_object_get(json_array_get(items, N_CANDIDATES - 1), "unknown")), 1);
	}
	struct rk_job job = run(AFTER_ENCODER_MS + 5, 0);
	cr_assert_eq(job.n_unreached, 0);
	cr_assert(json_equal(items_of(&job), whole));
}

Test(anytime, the_best_come_first_where_not_all_will_fit, .init = open_all)
{
	struct rk_job all = run((double)INFINITY, 0);
	json_t *whole = items_of(&all);
	json_t *ids = guessed_ids();
	for (unsigned n_blocks = 1; n_blocks <= 3; n_blocks++) {
		/* the clock is read once more, after the pre-score; a block is begun where another one's ms is left */
		struct rk_job job = run(AFTER_ENCODER_MS + 2 + n_blocks, 2);
		cr_assert_eq(job.n_scored, n_blocks * BLOCK);
		json_t *items = items_of(&job);
		check_scored(items, whole, job.n_scored);
		for (size_t at = 0; at < job.n_scored; at++)
			cr_assert_lt(find(ids, id_at(items, at)), job.n_scored);
		for (size_t at = job.n_scored; at < N_CANDIDATES; at++)
			cr_assert_eq(find(ids, id_at(items, at)), at);
	}
}

Test(anytime, a_guess_that_was_too_high_costs_nothing, .init = open_all)
{
	struct rk_job all = run((double)INFINITY, 0);
	json_t *whole = items_of(&all);
	struct rk_job job = run(1000, 1e6);
	cr_assert_eq(job.n_unreached, 0);
	cr_assert(json_equal(items_of(&job), whole));
}

Test(anytime, a_user_who_could_not_be_encoded_leaves_the_requests_order, .init = open_all)
{
	struct rk_job job = run(AFTER_ENCODER_MS - 1, 0);
	json_t *items = items_of(&job);
	json_t *candidates = json_object_get(json_kept(body, strlen(body)), "candidates");
	cr_assert_eq(job.n_scored, 0);
	cr_assert_eq(job.n_unreached, N_CANDIDATES - N_UNKNOWN);
	for (size_t at = 0; at < N_CANDIDATES; at++) {
		json_t *candidate = json_array_get(candidates, (at + N_UNKNOWN) % N_CANDIDATES);
		json_t *id = json_is_object(candidate) ? json_object_get(candidate, "item") : candidate;
		cr_assert(json_equal(id_at(items, at), id));
	}
	job = run(AFTER_ENCODER_MS - 2, 0);
	cr_assert_eq(job.status, 504, "it was late when a worker took it");
}

Test(anytime, whoever_rather_fails_gets_504_unless_all_was_scored, .init = open_all)
{
	json_t *request = make_request();
	json_object_set_new(request, "on_deadline", json_string("fail"));
	set_body(request);
	for (unsigned ms = AFTER_ENCODER_MS - 2; ms <= AFTER_ENCODER_MS + 5; ms++) {
		struct rk_job job = run(ms, ms % 2);
		cr_assert_eq(job.status, 504);
		cr_assert_eq(job.problem, RK_PROBLEM_DEADLINE_EXCEEDED);
	}
	/* five blocks and the reading behind the order */
	struct rk_job job = run(AFTER_ENCODER_MS + 7, 1);
	cr_assert_eq(job.status, 200);
	cr_assert_eq(job.n_unreached, 0);
}

Test(anytime, top_k_cuts_after_the_order, .init = open_all)
{
	json_t *request = make_request();
	struct rk_job job = run(AFTER_ENCODER_MS + 2, 1);
	json_t *all = items_of(&job);
	json_object_set_new(request, "top_k", json_integer(60));
	set_body(request);
	job = run(AFTER_ENCODER_MS + 2, 1);
	json_t *items = items_of(&job);
	cr_assert_eq(job.n_scored, BLOCK);
	cr_assert_eq(json_array_size(items), 60);
	for (size_t at = 0; at < 60; at++)
		cr_assert(json_equal(json_array_get(items, at), json_array_get(all, at)));
}

Test(anytime, what_follows_the_scores_is_kept_time_for, .init = open_all)
{
	struct rk_anytime_clock clock = {0};
	struct rk_tempo tempo = {0};
	struct rk_anytime anytime = {.clock = &clock, .tempo = &tempo};
	struct rk_anytime_rest rest = {.deadline_ns = 100 * RK_NS_PER_MS, .n_candidates = 68, .n_items = 68};
	rk_anytime_begin(&anytime, &rest);
	uint64_t unknown_ns = anytime.end_ns;
	cr_assert(unknown_ns < rest.deadline_ns && unknown_ns > 99 * RK_NS_PER_MS);
	rk_tempo_learn(&tempo, RK_TEMPO_FINISH, 10 * RK_NS_PER_MS, 68);
	rk_tempo_learn(&tempo, RK_TEMPO_WRITE, 20 * RK_NS_PER_MS, 68);
	rk_tempo_learn(&tempo, RK_TEMPO_EXPLAIN, 40 * RK_NS_PER_MS, 68);
	rk_anytime_begin(&anytime, &rest);
	cr_assert_eq(unknown_ns - anytime.end_ns, 30 * RK_NS_PER_MS);
	rest.explain = true;
	rk_anytime_begin(&anytime, &rest);
	cr_assert_eq(unknown_ns - anytime.end_ns, 50 * RK_NS_PER_MS);
	rest.n_candidates = rest.n_items = 100000;
	rk_anytime_begin(&anytime, &rest);
	cr_assert_eq(anytime.end_ns, 0, "no time for anything");
	anytime.now_ns = 0;
	cr_assert_not(rk_anytime_has_time(&anytime));
	rest.deadline_ns = UINT64_MAX;
	rk_anytime_begin(&anytime, &rest);
	cr_assert_eq(anytime.end_ns, UINT64_MAX);
}

Test(anytime, the_mean_follows_but_one_slow_sample_moves_it_little)
{
	struct rk_tempo tempo = {0};
	rk_tempo_learn(&tempo, RK_TEMPO_SCORE, 100000, 100 - RK_TEMPO_FIXED_UNITS);
	cr_assert_eq(rk_tempo_foretell_ns(&tempo, RK_TEMPO_SCORE, 100 - RK_TEMPO_FIXED_UNITS), 100000);
	rk_tempo_learn(&tempo, RK_TEMPO_SCORE, 1000 * 100000, 100 - RK_TEMPO_FIXED_UNITS);
	cr_assert_eq(rk_tempo_foretell_ns(&tempo, RK_TEMPO_SCORE, 100 - RK_TEMPO_FIXED_UNITS), 137500);
	for (int i = 0; i < 100; i++)
		rk_tempo_learn(&tempo, RK_TEMPO_SCORE, 1000 * 100000, 100 - RK_TEMPO_FIXED_UNITS);
	cr_assert_gt(rk_tempo_foretell_ns(&tempo, RK_TEMPO_SCORE, 100 - RK_TEMPO_FIXED_UNITS), 990 * 100000ULL);
}
