#include "server/selfbench.h"

#include "loader/golden.h"
#include "server/clock.h"
#include "server/stack.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BODIES = 64, MAX_BYTES = 8 << 20 };

/* The requests, copied out of the folder's file. */
struct bodies {
	struct rk_job_bench *bench;
	struct rk_pages memory;
	size_t used;
	struct rk_bytes texts[MAX_BODIES];
	uint32_t n;
};

struct runner {
	pthread_t thread;
	const struct bodies *bodies;
	struct rk_version *version;
	struct rk_job_bench bench;
	struct rk_pages reply;
	uint64_t end_ns, n_requests, busy_ns, n_candidates;
	uint32_t first; /* body; threads begin at different ones */
};

/* ---- requests ---- */

static enum rk_status keep_body(void *context, struct rk_version *version, struct rk_bytes request,
				struct rk_bytes *ret_reply, struct rk_error *reterr)
{
	struct bodies *bodies = context;
	if (bodies->n < MAX_BODIES && request.size <= bodies->memory.size - bodies->used) {
		char *place = (char *)bodies->memory.base + bodies->used;
		memcpy(place, request.data, request.size);
		bodies->texts[bodies->n++] = (struct rk_bytes){place, request.size};
		bodies->used += request.size;
	}
	return rk_job_bench_rank(bodies->bench, version, request, ret_reply, reterr);
}

static enum rk_status read_bodies(struct bodies *bodies, struct rk_version *version, const char *path,
				  const struct rk_request_limits *limits, struct rk_error *reterr)
{
	struct rk_job_bench bench;
	enum rk_status status = rk_pages_open(&bodies->memory, MAX_BYTES, reterr);
	if (status == RK_OK)
		status = rk_job_bench_open(&bench, limits, 0, reterr);
	if (status != RK_OK)
		return status;
	bodies->bench = &bench;
	status = rk_warmup_run(version, path, keep_body, bodies, reterr);
	rk_job_bench_close(&bench);
	return status;
}

/* ---- threads ---- */

static void rank_next(struct runner *runner)
{
	const struct bodies *bodies = runner->bodies;
	uint64_t start_ns = rk_clock_ns();
	struct rk_job job = {.body = bodies->texts[(runner->first + runner->n_requests) % bodies->n],
			     .budget_ms = (double)INFINITY,
			     .received_ns = start_ns,
			     .reply = runner->reply.base,
			     .reply_size = runner->reply.size};
	rk_job_run(&runner->bench.job, &job);
	runner->busy_ns += rk_clock_ns() - start_ns;
	runner->n_candidates += job.n_candidates;
	runner->n_requests++;
}

static void *run(void *context)
{
	struct runner *runner = context;
	rk_cpu_flush_denormals();
	do
		rank_next(runner);
	while (rk_clock_ns() < runner->end_ns);
	return NULL;
}

static enum rk_status start(struct runner *runner, const struct rk_request_limits *limits, uint32_t worker,
			    struct rk_error *reterr)
{
	pthread_attr_t attributes;
	enum rk_status status = rk_job_bench_open(&runner->bench, limits, worker, reterr);
	if (status == RK_OK)
		status = rk_pages_open(&runner->reply, rk_job_reply_bytes(limits, &runner->version->model.config),
				       reterr);
	if (status != RK_OK)
		return status;
	runner->bench.job.fixed_version = runner->version;
	int error = pthread_attr_init(&attributes);
	if (error == 0)
		error = pthread_attr_setstacksize(&attributes, RK_STACK_BYTES);
	if (error == 0)
		error = pthread_create(&runner->thread, &attributes, run, runner);
	(void)pthread_attr_destroy(&attributes);
	return error == 0 ? RK_OK : rk_error_set(reterr, RK_IO, "cannot start a thread: %s", strerror(error));
}

static enum rk_status run_all(struct runner *runners, const struct runner *model, uint32_t n,
			      const struct rk_request_limits *limits, struct rk_error *reterr)
{
	enum rk_status status = RK_OK;
	uint32_t n_started = 0;
	for (uint32_t i = 0; i < n && status == RK_OK; i++) {
		runners[i] = *model;
		runners[i].first = i * model->bodies->n / n;
		status = start(&runners[i], limits, i, reterr);
		n_started += status == RK_OK;
	}
	for (uint32_t i = 0; i < n_started; i++)
		(void)pthread_join(runners[i].thread, NULL);
	for (uint32_t i = 0; i < n; i++) {
		rk_job_bench_close(&runners[i].bench);
		rk_pages_close(&runners[i].reply);
	}
	return status;
}

static void sum_up(const struct runner *runners, uint32_t n, double seconds, struct rk_selfbench_result *result)
{
	double busy_ns = 0, n_candidates = 0;
	for (uint32_t i = 0; i < n; i++) {
		result->n_requests += runners[i].n_requests;
		busy_ns += (double)runners[i].busy_ns;
		n_candidates += (double)runners[i].n_candidates;
	}
	result->requests_per_s = (double)result->n_requests / seconds;
	result->mean_us = busy_ns / (double)result->n_requests / (double)RK_NS_PER_US;
	result->mean_candidates = n_candidates / (double)result->n_requests;
}

enum rk_status rk_selfbench_run(struct rk_version *version, const char *path, const struct rk_request_limits *limits,
				uint32_t n_threads, double seconds, struct rk_selfbench_result *ret_result,
				struct rk_error *reterr)
{
	struct bodies bodies = {.n = 0};
	struct rk_selfbench_result result = {.n_bodies = 0};
	struct runner *runners = calloc(n_threads, sizeof(*runners));
	if (runners == NULL)
		return rk_error_set(reterr, RK_NO_MEMORY, "no memory for %u threads", n_threads);
	enum rk_status status = read_bodies(&bodies, version, path, limits, reterr);
	result.n_bodies = bodies.n;
	if (status == RK_OK && bodies.n > 0) {
		uint64_t start_ns = rk_clock_ns();
		const struct runner model = {.bodies = &bodies,
					     .version = version,
					     .end_ns = start_ns + (uint64_t)(seconds * (double)RK_NS_PER_S)};
		status = run_all(runners, &model, n_threads, limits, reterr);
		if (status == RK_OK)
			sum_up(runners, n_threads, (double)(rk_clock_ns() - start_ns) / (double)RK_NS_PER_S, &result);
	}
	free(runners);
	rk_pages_close(&bodies.memory);
	if (status == RK_OK)
		*ret_result = result;
	return status;
}
