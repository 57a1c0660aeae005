#include "bench/model/measure.h"

#include "bench/load/bodies.h"
#include "bench/model/work.h"
#include "loader/registry_scan.h"
#include "model/base/check.h"
#include "model/kernels/kernels.h"
#include "server/clock.h"
#include "server/job.h"
#include "server/settings.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_SAMPLES = 1 << 16,   /* requests of one measurement */
	PEAK_STEPS = 100 * 1000, /* about a millisecond */
	PEAK_ROUNDS = 10,
	MIN_MEASURED = 3, /* requests, however long they take */
};

static const double warm_up_s = 0.1;

/* What is needed while measuring. */
struct session {
	struct rk_model_bench *bench;
	struct rk_job_bench job;
	struct rk_pages reply, samples;
	double *columns[RK_MODEL_BENCH_N_STAGES]; /* [MAX_SAMPLES] each, in samples */
};

/* ---- set up ---- */

static enum rk_status pin(int32_t wanted, int *ret_core, struct rk_error *reterr)
{
	cpu_set_t set;
	const int core = wanted >= 0 ? wanted : sched_getcpu();
	CPU_ZERO(&set);
	if (core >= 0)
		CPU_SET((size_t)core, &set);
	if (core < 0 || sched_setaffinity(0, sizeof(set), &set) != 0)
		return rk_error_set(reterr, RK_INVALID, "--core: %d: %s", core, strerror(errno));
	*ret_core = core;
	return RK_OK;
}

/* The server's limits, or what the sizes need. */
static struct rk_request_limits limits_of(const struct rk_model_bench_options *options)
{
	static struct rk_settings settings; /* large */
	rk_settings_default(&settings);
	struct rk_request_limits limits = {.max_candidates = settings.max_candidates,
					   .max_events = settings.max_history_events,
					   .max_body_bytes = settings.max_body_bytes};
	for (uint32_t i = 0; i < options->n_sizes; i++)
		if (options->sizes[i] > limits.max_candidates)
			limits.max_candidates = options->sizes[i];
	return limits;
}

static enum rk_status load(struct rk_model_bench *bench, const struct rk_request_limits *limits,
			   struct rk_error *reterr)
{
	const char *path = bench->options->model;
	struct rk_version_options options = {
		.limits = {.max_candidates = limits->max_candidates, .max_events = limits->max_events}};
	char name[RK_MAX_MODEL_NAME_BYTES + 1];
	uint64_t number = 0;
	enum rk_status status = rk_cpu_choose(bench->options->cpu, &options.tier, reterr);
	if (status != RK_OK)
		return rk_error_prefix(reterr, status, "--cpu");
	rk_scan_guess(path, name, &number);
	status = rk_version_open(&bench->version, path, name, number, &options, reterr);
	return status == RK_OK ? RK_OK : rk_error_prefix(reterr, status, "%s", path);
}

static enum rk_status read_bodies(struct rk_model_bench *bench, struct rk_error *reterr)
{
	static const struct rk_load_target nobody = {.host = "localhost", .path = "/rank"};
	const struct rk_model_bench_options *options = bench->options;
	char warm_up[RK_MAX_PATH_BYTES];
	const int length = snprintf(warm_up, sizeof(warm_up), "%s/warmup.jsonl", options->model);
	if (length < 0 || (size_t)length >= sizeof(warm_up))
		return rk_error_set(reterr, RK_LIMIT, "%s: the path is too long", options->model);
	const char *path = options->bodies != NULL ? options->bodies : warm_up;
	for (uint32_t i = 0; i < options->n_sizes; i++) {
		const struct rk_load_mix mix = {.kind = options->sizes[i] == 0 ? RK_LOAD_MIX_OWN : RK_LOAD_MIX_FIXED,
						.n = options->sizes[i]};
		struct rk_load_pool *pool = &bench->results[i].pool;
		enum rk_status status = rk_load_pool_open(pool, RK_MODEL_BENCH_BODIES, &nobody, 0, reterr);
		if (status == RK_OK)
			status = rk_load_bodies_read(pool, path, &mix, 1, reterr);
		if (status != RK_OK)
			return status;
	}
	return RK_OK;
}

static enum rk_status open_session(struct session *session, struct rk_model_bench *bench,
				   const struct rk_request_limits *limits, struct rk_error *reterr)
{
	session->bench = bench;
	enum rk_status status = rk_job_bench_open(&session->job, limits, 0, reterr); /* scratch 0 is the only one */
	session->job.job.fixed_version = bench->version;
	if (status == RK_OK)
		status = rk_pages_open(&session->reply, rk_job_reply_bytes(limits, &bench->version->model.config),
				       reterr);
	if (status == RK_OK)
		status = rk_pages_open(&session->samples, MAX_SAMPLES * RK_MODEL_BENCH_N_STAGES * sizeof(double),
				       reterr);
	for (size_t stage = 0; status == RK_OK && stage < RK_MODEL_BENCH_N_STAGES; stage++)
		session->columns[stage] = (double *)session->samples.base + stage * MAX_SAMPLES;
	return status;
}

static void close_session(struct session *session)
{
	rk_job_bench_close(&session->job);
	rk_pages_close(&session->reply);
	rk_pages_close(&session->samples);
}

/* ---- one request ---- */

static struct rk_bytes body_of(const struct rk_load_request *request)
{
	static const char end_of_head[] = "\r\n\r\n";
	const char *end = memmem(request->data, request->size, end_of_head, strlen(end_of_head));
	RK_ASSERT(end != NULL);
	const char *body = end + strlen(end_of_head);
	return (struct rk_bytes){body, request->size - (size_t)(body - request->data)};
}

static enum rk_status rank(struct session *session, struct rk_bytes body, struct rk_job *ret_job,
			   struct rk_error *reterr)
{
	struct rk_job job = {.body = body,
			     .budget_ms = (double)INFINITY,
			     .received_ns = rk_clock_ns(),
			     .reply = session->reply.base,
			     .reply_size = session->reply.size};
	rk_job_run(&session->job.job, &job);
	if (job.status != 200)
		return rk_error_set(reterr, RK_INVALID, "a body is refused with %u: %.*s", job.status,
				    (int)(job.reply_bytes < 400 ? job.reply_bytes : 400), job.reply);
	*ret_job = job;
	return RK_OK;
}

static enum rk_status write_replies(struct session *session, FILE *stream, struct rk_error *reterr)
{
	const struct rk_model_bench *bench = session->bench;
	for (uint32_t i = 0; i < bench->options->n_sizes; i++) {
		const struct rk_load_pool *pool = &bench->results[i].pool;
		for (size_t k = 0; k < pool->n; k++) {
			struct rk_job job = {.reply_bytes = 0};
			const enum rk_status status = rank(session, body_of(&pool->requests[k]), &job, reterr);
			if (status != RK_OK)
				return status;
			(void)fwrite(job.reply, 1, job.reply_bytes, stream);
			(void)fputc('\n', stream);
		}
	}
	return RK_OK;
}

static enum rk_status save_replies(struct session *session, struct rk_error *reterr)
{
	const char *path = session->bench->options->replies;
	FILE *stream = fopen(path, "we");
	if (stream == NULL)
		return rk_error_set(reterr, RK_IO, "--replies: %s: %s", path, strerror(errno));
	const enum rk_status status = write_replies(session, stream, reterr);
	const bool is_whole = ferror(stream) == 0;
	if ((fclose(stream) != 0 || !is_whole) && status == RK_OK)
		return rk_error_set(reterr, RK_IO, "--replies: %s: %s", path, strerror(errno));
	return status;
}

static struct rk_version *give_version(void *context, struct rk_bytes name, bool *ret_known)
{
	(void)name;
	*ret_known = true;
	return context;
}

/* Adds a request's work to the result's sums. */
static enum rk_status add_work(struct session *session, struct rk_bytes body, struct rk_model_bench_result *result,
			       struct rk_error *reterr)
{
	struct rk_version *version = session->bench->version;
	const struct rk_config *config = &version->model.config;
	const struct rk_request_source source = {.body = body,
						 .limits = &session->job.job.limits,
						 .resolver = {.acquire = give_version, .context = version}};
	struct rk_request request = {.version = NULL};
	struct rk_request_refusal refusal;
	rk_arena_reset(&session->job.job.decode_arena);
	if (!rk_request_decode(&source, &session->job.job.decode_arena, &request, &refusal))
		return rk_error_set(reterr, RK_INVALID, "a body is refused: %s", refusal.detail);
	struct rk_work_shape shape;
	rk_work_shape_of(config, &request.input, &shape);
	result->encode_flop += rk_work_encode_flop(config, &shape);
	result->score_flop += rk_work_score_flop(config, &shape);
	result->folded_flop += rk_work_folded_flop(config, &shape);
	result->mean_events += shape.n_events;
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++)
		result->mean_selected[polarity] += shape.n_selected[polarity];
	return RK_OK;
}

static enum rk_status find_work(struct session *session, struct rk_model_bench_result *result, struct rk_error *reterr)
{
	const struct rk_load_pool *pool = &result->pool;
	for (size_t i = 0; i < pool->n; i++) {
		const enum rk_status status = add_work(session, body_of(&pool->requests[i]), result, reterr);
		if (status != RK_OK)
			return status;
	}
	double *const sums[] = {&result->encode_flop,
				&result->score_flop,
				&result->folded_flop,
				&result->mean_events,
				&result->mean_selected[RK_POSITIVE],
				&result->mean_selected[RK_NEGATIVE]};
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		*sums[i] /= (double)pool->n;
	return RK_OK;
}

/* ---- measurements ---- */

static int compare(const void *left, const void *right)
{
	double a, b;
	memcpy(&a, left, sizeof(a));
	memcpy(&b, right, sizeof(b));
	return (a > b) - (a < b);
}

double rk_model_bench_median(double *values, size_t n)
{
	RK_ASSERT(n > 0);
	qsort(values, n, sizeof(values[0]), compare);
	return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void take_sample(struct session *session, const struct rk_job *job, uint64_t total_ns, size_t n)
{
	static const enum rk_stage stages[] = {RK_STAGE_DECODE, RK_STAGE_ENCODE_USER, RK_STAGE_SCORE, RK_STAGE_WRITE};
	_Static_assert(sizeof(stages) / sizeof(stages[0]) == RK_MODEL_BENCH_TOTAL, "a stage of the job each");
	for (size_t stage = 0; stage < RK_MODEL_BENCH_TOTAL; stage++)
		session->columns[stage][n] = (double)job->stage_ns[stages[stage]] / RK_NS_PER_US;
	session->columns[RK_MODEL_BENCH_TOTAL][n] = (double)total_ns / RK_NS_PER_US;
}

/* Ranks the pool's requests in turn for a while; *ret_n samples lie in the columns. */
static enum rk_status rank_for(struct session *session, const struct rk_load_pool *pool, double seconds, size_t *ret_n,
			       struct rk_error *reterr)
{
	const uint64_t end_ns = rk_clock_ns() + (uint64_t)(seconds * (double)RK_NS_PER_S);
	size_t n = 0;
	while (n < MAX_SAMPLES && (n < MIN_MEASURED || rk_clock_ns() < end_ns)) {
		struct rk_job job = {.status = 0};
		const struct rk_bytes body = body_of(&pool->requests[n % pool->n]);
		const uint64_t start_ns = rk_clock_ns();
		const enum rk_status status = rank(session, body, &job, reterr);
		if (status != RK_OK)
			return status;
		take_sample(session, &job, rk_clock_ns() - start_ns, n++);
	}
	*ret_n = n;
	return RK_OK;
}

static double measure_peak(const struct rk_model *model)
{
	double gflops[PEAK_ROUNDS];
	volatile float kept;
	for (size_t i = 0; i < PEAK_ROUNDS; i++) {
		float sum = 0;
		const uint64_t start_ns = rk_clock_ns();
		const double flop = model->kernels->peak(PEAK_STEPS, &sum);
		gflops[i] = flop / (double)(rk_clock_ns() - start_ns);
		kept = sum;
	}
	(void)kept;
	return rk_model_bench_median(gflops, PEAK_ROUNDS);
}

static enum rk_status repeat(struct session *session, uint32_t round, struct rk_error *reterr)
{
	struct rk_model_bench *bench = session->bench;
	for (uint32_t i = 0; i < bench->options->n_sizes; i++) {
		struct rk_model_bench_result *result = &bench->results[i];
		size_t n = 0;
		enum rk_status status = rank_for(session, &result->pool, warm_up_s, &n, reterr);
		if (status == RK_OK)
			status = rank_for(session, &result->pool, bench->options->seconds, &n, reterr);
		if (status != RK_OK)
			return status;
		result->n_requests += n;
		for (size_t stage = 0; stage < RK_MODEL_BENCH_N_STAGES; stage++)
			result->runs_us[round][stage] = rk_model_bench_median(session->columns[stage], n);
	}
	return RK_OK;
}

static void take_medians(struct rk_model_bench *bench)
{
	const uint32_t n = bench->options->repeat;
	double values[RK_MODEL_BENCH_MAX_REPEAT];
	for (uint32_t i = 0; i < bench->options->n_sizes; i++) {
		struct rk_model_bench_result *result = &bench->results[i];
		for (size_t stage = 0; stage < RK_MODEL_BENCH_N_STAGES; stage++) {
			for (uint32_t round = 0; round < n; round++)
				values[round] = result->runs_us[round][stage];
			result->median_us[stage] = rk_model_bench_median(values, n);
		}
	}
}

static enum rk_status measure(struct session *session, struct rk_error *reterr)
{
	struct rk_model_bench *bench = session->bench;
	double peaks[RK_MODEL_BENCH_MAX_REPEAT];
	for (uint32_t i = 0; i < bench->options->n_sizes; i++) {
		const enum rk_status status = find_work(session, &bench->results[i], reterr);
		if (status != RK_OK)
			return status;
	}
	if (bench->options->replies != NULL) {
		const enum rk_status status = save_replies(session, reterr);
		if (status != RK_OK)
			return status;
	}
	for (uint32_t round = 0; round < bench->options->repeat; round++) {
		peaks[round] = measure_peak(&bench->version->model);
		const enum rk_status status = repeat(session, round, reterr);
		if (status != RK_OK)
			return status;
	}
	bench->peak_gflops = rk_model_bench_median(peaks, bench->options->repeat);
	take_medians(bench);
	return RK_OK;
}

enum rk_status rk_model_bench_run(struct rk_model_bench *bench, const struct rk_model_bench_options *options,
				  struct rk_error *reterr)
{
	const struct rk_request_limits limits = limits_of(options);
	struct session session = {.bench = NULL};
	*bench = (struct rk_model_bench){.options = options};
	rk_cpu_flush_denormals();
	enum rk_status status = pin(options->core, &bench->core, reterr);
	if (status == RK_OK)
		status = load(bench, &limits, reterr);
	if (status == RK_OK)
		status = read_bodies(bench, reterr);
	if (status == RK_OK)
		status = open_session(&session, bench, &limits, reterr);
	if (status == RK_OK)
		status = measure(&session, reterr);
	close_session(&session);
	return status;
}

void rk_model_bench_close(struct rk_model_bench *bench)
{
	for (size_t i = 0; i < RK_MODEL_BENCH_MAX_SIZES; i++)
		rk_load_pool_close(&bench->results[i].pool);
	rk_version_close(bench->version);
	bench->version = NULL;
}
