/* Ranking without a server around it: the loader's golden check and warm-up, `rankd validate`, tests. */
#include "server/clock.h"
#include "server/job.h"

#include <math.h>

enum rk_status rk_job_bench_open(struct rk_job_bench *ret_bench, const struct rk_request_limits *limits,
				 uint32_t worker, struct rk_error *reterr)
{
	struct rk_job_bench bench = {.job = {.limits = *limits, .worker = worker}};
	size_t arena_bytes = rk_job_arena_bytes(limits);
	enum rk_status status = rk_pages_open(&bench.memory, arena_bytes, reterr);
	if (status != RK_OK)
		return status;
	rk_arena_init(&bench.job.decode_arena, bench.memory.base, arena_bytes);
	*ret_bench = bench;
	return RK_OK;
}

void rk_job_bench_close(struct rk_job_bench *bench)
{
	rk_pages_close(&bench->memory);
	rk_pages_close(&bench->reply_memory);
	bench->reply = NULL;
	bench->reply_size = 0;
}

static enum rk_status fit_reply(struct rk_job_bench *bench, const struct rk_config *config, struct rk_error *reterr)
{
	size_t bytes = rk_job_reply_bytes(&bench->job.limits, config);
	if (bytes <= bench->reply_size)
		return RK_OK;
	struct rk_pages memory;
	enum rk_status status = rk_pages_open(&memory, bytes, reterr);
	if (status != RK_OK)
		return status;
	rk_pages_refuse_huge(&memory);
	rk_pages_close(&bench->reply_memory);
	bench->reply_memory = memory;
	bench->reply = memory.base;
	bench->reply_size = bytes;
	return RK_OK;
}

enum rk_status rk_job_bench_rank(void *context, struct rk_version *version, struct rk_bytes request,
				 struct rk_bytes *ret_reply, struct rk_error *reterr)
{
	struct rk_job_bench *bench = context;
	enum rk_status status = fit_reply(bench, &version->model.config, reterr);
	if (status != RK_OK)
		return status;
	struct rk_job job = {.body = request,
			     .budget_ms = (double)INFINITY,
			     .received_ns = rk_clock_ns(),
			     .reply = bench->reply,
			     .reply_size = bench->reply_size};
	bench->job.fixed_version = version;
	rk_job_run(&bench->job, &job);
	bench->job.fixed_version = NULL;
	if (job.status != 200)
		return rk_error_set(reterr, RK_INVALID, "refused with %u: %.*s", job.status,
				    (int)(job.reply_bytes < 400 ? job.reply_bytes : 400), job.reply);
	*ret_reply = (struct rk_bytes){job.reply, job.reply_bytes};
	return RK_OK;
}
