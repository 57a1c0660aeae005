/* A job allocates nothing: every allocation of this process goes through the functions below while one runs. */
#include "server/clock.h"
#include "tests/unit/server/support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);

/* volatile: the compiler takes for granted that malloc touches neither */
static _Thread_local volatile bool is_counting;
static volatile unsigned n_allocations;

void *malloc(size_t size)
{
	n_allocations += is_counting;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	n_allocations += is_counting;
	return __libc_calloc(n, size);
}

void *realloc(void *block, size_t size)
{
	n_allocations += is_counting;
	return __libc_realloc(block, size);
}

static const struct rk_request_limits limits = {.max_candidates = 4096, .max_events = 1024, .max_body_bytes = 1 << 20};

/* Runs one job from an instant to its end at most `budget_ms` later. */
static unsigned run_counted_until(struct rk_job_context *context, struct rk_version *version, struct rk_bytes body,
				  double budget_ms, unsigned status)
{
	static char reply[8 << 20];
	cr_assert_leq(rk_job_reply_bytes(&limits, &version->model.config), sizeof(reply));
	struct rk_job job = {.body = body,
			     .budget_ms = budget_ms,
			     .received_ns = rk_anytime_now_ns(&context->clock),
			     .reply = reply,
			     .reply_size = sizeof(reply)};
	n_allocations = 0;
	is_counting = true;
	rk_job_run(context, &job);
	is_counting = false;
	cr_assert_eq(job.status, status, "%.*s", (int)job.reply_bytes, job.reply);
	return n_allocations;
}

static unsigned run_counted(struct rk_job_context *context, struct rk_version *version, struct rk_bytes body,
			    unsigned status)
{
	return run_counted_until(context, version, body, 60000, status);
}

/* A millisecond later at every reading. */
static uint64_t read_slow_clock(void *context)
{
	uint64_t *now_ns = context;
	return *now_ns += RK_NS_PER_MS;
}

/* The "request" of the first golden line. */
static struct rk_bytes golden_request(const char *name)
{
	static char line[1 << 20];
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/%s/1/golden.jsonl", GOLDEN_FOLDER, name);
	FILE *file = fopen(path, "r");
	cr_assert_not_null(file);
	cr_assert_not_null(fgets(line, sizeof(line), file));
	(void)fclose(file);
	static const char start[] = "{\"request\": ", end[] = ", \"expected\": ";
	cr_assert_eq(strncmp(line, start, strlen(start)), 0);
	char *last = strstr(line, end);
	cr_assert_not_null(last);
	return (struct rk_bytes){line + strlen(start), (size_t)(last - line) - strlen(start)};
}

Test(job_heap, the_counter_counts)
{
	is_counting = true;
	void *volatile block = malloc(1);
	is_counting = false;
	free(block);
	cr_assert_eq(n_allocations, 1);
}

Test(job_heap, no_request_allocates_answered_or_refused, .timeout = 60)
{
	static const char *const models[] = {"sasrec_mlp", "gru_dcn",     "mean_mmoe",   "odds_reward",
					     "odd_dims",   "rank_fusion", "sasrec_post", "sasrec_query_dot"};
	static const struct {
		const char *body;
		unsigned status;
	} refused[] = {{"{", 400}, {"{\"x\":1,\"y\":[]}", 422}, {"{\"candidates\":[1],\"model\":\"m\"}", 404}};
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		struct rk_error error;
		struct rk_job_bench bench;
		struct rk_version *version = test_version(models[i], &limits);
		struct rk_bytes body = golden_request(models[i]);
		cr_assert_eq(rk_job_bench_open(&bench, &limits, 0, &error), RK_OK);
		bench.job.fixed_version = version;
		(void)run_counted(&bench.job, version, body, 200);
		cr_assert_eq(run_counted(&bench.job, version, body, 200), 0, "%s", models[i]);
		for (size_t k = 0; k < sizeof(refused) / sizeof(refused[0]); k++)
			cr_assert_eq(run_counted(&bench.job, version, rk_bytes_of(refused[k].body), refused[k].status),
				     0);
		rk_job_bench_close(&bench);
	}
}

Test(job_heap, no_request_allocates_whose_time_runs_out)
{
	struct rk_error error;
	struct rk_job_bench bench;
	struct rk_version *version = test_version("sasrec_mlp", &limits);
	struct rk_bytes body = golden_request("sasrec_mlp");
	uint64_t now_ns = 0;
	cr_assert_eq(rk_job_bench_open(&bench, &limits, 0, &error), RK_OK);
	bench.job.fixed_version = version;
	bench.job.clock = (struct rk_anytime_clock){read_slow_clock, &now_ns};
	(void)run_counted_until(&bench.job, version, body, 100, 200);
	for (int ms = 2; ms < 8; ms++)
		cr_assert_eq(run_counted_until(&bench.job, version, body, ms, 200), 0);
	rk_job_bench_close(&bench);
}
