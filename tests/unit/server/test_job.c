/* A whole request without HTTP: budgets, ids, problems, and that the version is given back whatever happens. */
#include "server/clock.h"
#include "tests/unit/server/json_kept.h"
#include "tests/unit/server/support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

static const struct rk_request_limits limits = {.max_candidates = 4096, .max_events = 1024, .max_body_bytes = 1 << 20};

static struct rk_job_bench bench;
static struct rk_version *version;
static char *reply;
static size_t reply_size;

static void open_job(void)
{
	struct rk_error error;
	version = test_version("sasrec_mlp", &limits);
	cr_assert_eq(rk_job_bench_open(&bench, &limits, 0, &error), RK_OK);
	bench.job.fixed_version = version;
	reply_size = rk_job_reply_bytes(&limits, &version->model.config);
	reply = malloc(reply_size);
}

static struct rk_job new_job(const char *body)
{
	return (struct rk_job){.body = rk_bytes_of(body),
			       .budget_ms = 60000,
			       .received_ns = rk_clock_ns(),
			       .reply = reply,
			       .reply_size = reply_size};
}

static json_t *run(struct rk_job *job)
{
	rk_job_run(&bench.job, job);
	json_t *root = json_kept(job->reply, job->reply_bytes);
	cr_assert_not_null(root, "%.*s", (int)job->reply_bytes, job->reply);
	cr_assert_str_eq(json_string_value(json_object_get(root, "request_id")), job->request_id);
	return root;
}

Test(job, a_request_is_answered, .init = open_job)
{
	struct rk_job job = new_job("{\"candidates\":[648713160,1,\"74861934\"],\"user\":{\"id\":-12},"
				    "\"history\":[{\"item\":648713160},{\"item\":5,\"action\":\"x\"}]}");
	json_t *root = run(&job);
	cr_assert_eq(job.status, 200);
	cr_assert_eq(json_array_size(json_object_get(root, "items")), 3);
	cr_assert_str_eq(job.model, "sasrec_mlp");
	cr_assert_eq(job.model_version, 1);
	cr_assert_str_eq(job.user_id, "-12");
	cr_assert_eq(job.n_candidates, 3);
	cr_assert_eq(job.n_events, 2);
	cr_assert_eq(job.n_unknown_items, 2);
	cr_assert_eq(job.n_nonfinite, 0);
	for (int stage = RK_STAGE_DECODE; stage < RK_N_STAGES; stage++)
		cr_assert(job.stage_ns[stage] > 0 && job.stage_ns[stage] < RK_NS_PER_S * 5);
}

Test(job, the_bodys_id_wins_over_the_headers_over_a_made_one, .init = open_job)
{
	struct rk_job job = new_job("{\"candidates\":[1],\"request_id\":\"body\",\"user\":{\"id\":\"u\"}}");
	job.header_request_id = rk_bytes_of("header");
	(void)run(&job);
	cr_assert_str_eq(job.request_id, "body");
	cr_assert_str_eq(job.user_id, "u");
	job = new_job("{\"candidates\":[1]}");
	job.header_request_id = rk_bytes_of("header");
	(void)run(&job);
	cr_assert_str_eq(job.request_id, "header");
	job = new_job("{\"candidates\":[1]}");
	(void)run(&job);
	cr_assert(rk_request_id_fits(rk_bytes_of(job.request_id)));
	struct rk_job other = new_job("{\"candidates\":[1]}");
	(void)run(&other);
	cr_assert_str_neq(job.request_id, other.request_id);
}

/* What a job leaves is its own: nothing of the request that it was before, least of all that one's id. */
Test(job, a_job_that_runs_again_gets_an_id_of_its_own, .init = open_job)
{
	struct rk_job job = new_job("{\"candidates\":[1],\"request_id\":\"of-the-first\"}");
	(void)run(&job);
	cr_assert_str_eq(job.request_id, "of-the-first");
	job.body = rk_bytes_of("{\"candidates\":[1]}");
	(void)run(&job);
	cr_assert_str_neq(job.request_id, "of-the-first");
	char made[sizeof(job.request_id)];
	memcpy(made, job.request_id, sizeof(made));
	(void)run(&job);
	cr_assert_str_neq(job.request_id, made);
}

Test(job, a_job_that_runs_again_leaves_nothing_of_the_first, .init = open_job)
{
	struct rk_job job =
		new_job("{\"candidates\":[1,648713160],\"history\":[{\"item\":1}],\"user\":{\"id\":\"u\"}}");
	(void)run(&job);
	cr_assert_eq(job.status, 200);
	cr_assert(job.n_candidates > 0 && job.n_events > 0 && job.n_unknown_items > 0 && job.n_scored > 0);
	cr_assert(job.model[0] != '\0' && job.model_version > 0 && job.user_id[0] != '\0');
	job.body = rk_bytes_of("no json");
	(void)run(&job);
	cr_assert_eq(job.status, 400);
	cr_assert(job.n_candidates == 0 && job.n_events == 0 && job.n_unknown_items == 0 && job.n_scored == 0);
	cr_assert(job.n_unreached == 0 && job.n_nonfinite == 0);
	cr_assert(job.model[0] == '\0' && job.model_version == 0 && job.user_id[0] == '\0');
	cr_assert(job.stage_ns[RK_STAGE_SCORE] == 0 && job.stage_ns[RK_STAGE_WRITE] == 0);
	job.body = rk_bytes_of("{\"candidates\":[648713160]}");
	(void)run(&job);
	cr_assert_eq(job.status, 200);
}

Test(job, the_longest_user_is_noted_whole, .init = open_job)
{
	char body[512], name[RK_MAX_ID_BYTES];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	(void)snprintf(body, sizeof(body), "{\"candidates\":[1],\"user\":{\"id\":\"%s\\u0021\"}}", name);
	struct rk_job job = new_job(body);
	memset(job.user_id, 'x', sizeof(job.user_id));
	(void)run(&job);
	cr_assert_eq(strlen(job.user_id), RK_MAX_ID_BYTES);
	cr_assert_eq(strncmp(job.user_id, name, strlen(name)), 0);
	cr_assert_eq(job.user_id[RK_MAX_ID_BYTES - 1], '!');
}

Test(job, problems_name_the_request, .init = open_job)
{
	static const struct {
		const char *body;
		unsigned status;
		const char *request_id;
	} cases[] = {
		{"{\"candidates\":[1],\"request_id\":\"b\",\"x\":1}", 422, "b"},
		{"{\"x\":1,\"candidates\":[1],\"request_id\":\"b\",\"model\":\"other\"}", 404, "b"},
		{"{\"candidates\":[1],\"request_id\":\"b\"", 400, "h"},
		{"{\"candidates\":[1],\"request_id\":\"b b\"}", 422, "h"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rk_job job = new_job(cases[i].body);
		job.header_request_id = rk_bytes_of("h");
		json_t *root = run(&job);
		cr_assert_eq(job.status, cases[i].status);
		cr_assert_eq(json_integer_value(json_object_get(root, "status")), cases[i].status);
		cr_assert_str_eq(job.request_id, cases[i].request_id);
		cr_assert_eq(json_object_get(root, "offset") != NULL, cases[i].status == 400);
		cr_assert_eq(json_object_get(root, "errors") != NULL, cases[i].status == 422);
	}
}

Test(job, a_budget_that_has_passed_is_504_whatever_the_body, .init = open_job)
{
	struct rk_job job = new_job("no JSON");
	job.budget_ms = 5;
	job.received_ns -= 6 * RK_NS_PER_MS;
	(void)run(&job);
	cr_assert_eq(job.status, 504);
	cr_assert_eq(job.problem, RK_PROBLEM_DEADLINE_EXCEEDED);
	job = new_job("{\"candidates\":[1],\"budget_ms\":5,\"request_id\":\"r\"}");
	job.received_ns -= 6 * RK_NS_PER_MS;
	(void)run(&job);
	cr_assert_eq(job.status, 504, "the body's budget counts from the request line too");
	cr_assert_str_eq(job.request_id, "r");
	job = new_job("{\"candidates\":[1],\"budget_ms\":60000}");
	job.budget_ms = 5;
	job.received_ns -= 6 * RK_NS_PER_MS;
	(void)run(&job);
	cr_assert_eq(job.status, 504, "the body cannot raise the budget");
	job = new_job("{\"candidates\":[1],\"budget_ms\":1e30}");
	job.budget_ms = (double)INFINITY;
	(void)run(&job);
	cr_assert_eq(job.status, 200);
}

/* A body whose decoding alone outlasts `budget_ms`. */
static const char *long_body(const char *on_deadline, const char *budget_ms)
{
	static char body[1 << 20];
	size_t n = (size_t)snprintf(body, sizeof(body), "{\"on_deadline\":\"%s\",\"budget_ms\":%s,\"candidates\":[1",
				    on_deadline, budget_ms);
	for (int i = 0; i < 4095; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, ",{\"item\":%d,\"features\":{\"age_hours\":%d}}", i,
				      i);
	(void)snprintf(body + n, sizeof(body) - n, "]}");
	return body;
}

Test(job, a_budget_that_passes_during_the_work_fails_those_who_ask_for_it, .init = open_job)
{
	struct rk_job job = new_job(long_body("fail", "0.1"));
	(void)run(&job);
	cr_assert_eq(job.status, 504);
	job = new_job(long_body("fail", "30000"));
	(void)run(&job);
	cr_assert_eq(job.status, 200);
	job = new_job(long_body("fail", "30000"));
	job.budget_ms = 0.1;
	(void)run(&job);
	cr_assert_eq(job.status, 504, "the body cannot raise the budget");
	for (int tries = 0; tries < 100; tries++) { /* it must have been begun within its budget */
		job = new_job(long_body("degrade", "0.1"));
		(void)run(&job);
		if (job.status == 200)
			return;
	}
	cr_assert_fail("never answered");
}

Test(job, a_named_model_other_than_the_fixed_one_is_unknown, .init = open_job)
{
	struct rk_job job = new_job("{\"candidates\":[1],\"model\":\"sasrec_mlp\"}");
	(void)run(&job);
	cr_assert_eq(job.status, 200);
	job = new_job("{\"candidates\":[1]}");
	job.path_model = rk_bytes_of("other");
	(void)run(&job);
	cr_assert_eq(job.status, 404);
	cr_assert_str_eq(job.model, "");
}

Test(job, the_same_request_gets_the_same_bytes, .init = open_job)
{
	static char first[1 << 16];
	struct rk_job job =
		new_job("{\"request_id\":\"r\",\"candidates\":[648713160,74861934,723390289,5],\"explain\":true,"
			"\"history\":[{\"item\":157170437,\"action\":\"like\",\"watch_ms\":100}]}");
	(void)run(&job);
	size_t size = job.reply_bytes;
	memcpy(first, job.reply, size);
	struct rk_job between = new_job(long_body("degrade", "30000"));
	(void)run(&between);
	job.received_ns = rk_clock_ns();
	(void)run(&job);
	cr_assert_eq(job.reply_bytes, size);
	cr_assert_eq(memcmp(job.reply, first, size), 0);
}

Test(job, whatever_happens_the_version_is_released, .timeout = 60)
{
	static const char *const bodies[] = {
		"{\"candidates\":[1]}",
		"{\"candidates\":[1],\"x\":1}",
		"{\"candidates\":[1],\"budget_ms\":1e-6}",
		"{",
		"{\"candidates\":[]}",
		"{\"candidates\":[1],\"model\":\"nope\"}",
	};
	struct rk_registry *registry = NULL;
	struct rk_error error = {0};
	struct rk_registry_options options = {.models = GOLDEN_FOLDER,
					      .default_model = "sasrec_mlp",
					      .version = {.limits = {limits.max_candidates, limits.max_events},
							  .tier = rk_cpu_detect(),
							  .n_workers = 1},
					      .rank = rk_job_bench_rank,
					      .rank_context = &bench};
	cr_assert_eq(rk_job_bench_open(&bench, &limits, 1, &error), RK_OK);
	cr_assert_eq(rk_registry_open(&registry, &options, &error), RK_OK, "%s", error.message);
	cr_assert_eq(rk_registry_load(registry, &error), RK_OK, "%s", error.message);
	bool is_known;
	version = rk_registry_acquire(registry, rk_bytes_of(""), &is_known);
	unsigned pins = atomic_load(&version->pins);
	reply_size = rk_job_reply_bytes(&limits, &version->model.config);
	reply = malloc(reply_size);
	bench.job.registry = registry;
	bench.job.worker = 0;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct rk_job job = new_job(bodies[i]);
		(void)run(&job);
		cr_assert_eq(job.status == 200, i == 0);
		cr_assert_eq(atomic_load(&version->pins), pins, "%s", bodies[i]);
	}
	struct rk_job job = new_job("{\"candidates\":[1],\"model\":\"mean_mmoe\"}");
	(void)run(&job);
	cr_assert_str_eq(job.model, "mean_mmoe");
	rk_registry_release(registry, version);
	rk_registry_close(registry);
}

Test(job, a_refused_golden_request_is_an_error_that_says_why, .init = open_job)
{
	struct rk_bytes answer;
	struct rk_error error = {0};
	cr_assert_eq(rk_job_bench_rank(&bench, version, rk_bytes_of("{\"candidates\":[1]}"), &answer, &error), RK_OK);
	cr_assert_gt(answer.size, 0);
	cr_assert_eq(rk_job_bench_rank(&bench, version, rk_bytes_of("{\"candidates\":[1.5]}"), &answer, &error),
		     RK_INVALID);
	cr_assert_not_null(strstr(error.message, "/candidates/0"), "%s", error.message);
	rk_job_bench_close(&bench);
}
