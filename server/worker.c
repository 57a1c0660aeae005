#include "server/worker.h"

#include "model/base/check.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/stack.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TOUCHED_STACK_BYTES = 512 * 1024, TOUCHED_ARENA_BYTES = 8 * 1024 * 1024 };

/* Faults the stack's pages in before the first request does. */
static __attribute__((noinline)) void touch_stack(void)
{
	volatile char stack[TOUCHED_STACK_BYTES];
	for (size_t at = 0; at < sizeof(stack); at += 1024)
		stack[at] = 0;
}

/* The first warm-up request of the model's folder; size 0: it has none. `buffer` is max_body_bytes. */
static struct rk_bytes read_first_line(const char *path, char *buffer, size_t size)
{
	struct rk_bytes line = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return line;
	ssize_t n = read(fd, buffer, size);
	(void)close(fd);
	const char *end = n > 0 ? memchr(buffer, '\n', (size_t)n) : NULL;
	if (end != NULL)
		line = (struct rk_bytes){buffer, (size_t)(end - buffer)};
	return line;
}

static enum rk_status warm_model(struct rk_worker *worker, const char *name, struct rk_job_bench *bench,
				 const struct rk_pages *buffer, struct rk_error *reterr)
{
	const struct rk_workers_options *options = &worker->workers->options;
	bool is_known;
	struct rk_version *version = rk_registry_acquire(options->registry, rk_bytes_of(name), &is_known);
	if (version == NULL)
		return RK_OK;
	char path[4096 + 128];
	(void)snprintf(path, sizeof(path), "%s/%s/%llu/warmup.jsonl", options->models, name,
		       (unsigned long long)version->number);
	struct rk_bytes line = read_first_line(path, buffer->base, buffer->size), reply;
	enum rk_status status = line.size == 0 ? RK_OK : rk_job_bench_rank(bench, version, line, &reply, reterr);
	rk_registry_release(options->registry, version);
	return status;
}

/* Every model has been warmed by its loader already; here it is this worker's scratch, and what libraries keep for each
 * thread, so one request suffices. */
static enum rk_status warm_models(struct rk_worker *worker, struct rk_error *reterr)
{
	const struct rk_workers_options *options = &worker->workers->options;
	struct rk_pages buffer;
	struct rk_job_bench bench;
	enum rk_status status = rk_pages_open(&buffer, options->limits.max_body_bytes, reterr);
	if (status != RK_OK)
		return status;
	status = rk_job_bench_open(&bench, &options->limits, worker->context.worker, reterr);
	if (status == RK_OK) {
		const char *name;
		for (uint32_t i = 0; (name = rk_registry_name(options->registry, i)) != NULL && status == RK_OK; i++)
			status = warm_model(worker, name, &bench, &buffer, reterr);
		rk_job_bench_close(&bench);
	}
	rk_pages_close(&buffer);
	return status;
}

static void warm(struct rk_worker *worker)
{
	struct rk_workers *workers = worker->workers;
	rk_cpu_flush_denormals();
	touch_stack();
	struct rk_error error = {0};
	enum rk_status status = warm_models(worker, &error);
	RK_ASSERT(pthread_mutex_lock(&workers->lock) == 0);
	if (status != RK_OK && workers->warm_error.status == RK_OK)
		workers->warm_error = error;
	workers->n_warmed++;
	RK_ASSERT(pthread_cond_signal(&workers->warmed) == 0);
	RK_ASSERT(pthread_mutex_unlock(&workers->lock) == 0);
}

static void refuse(struct rk_job *job, enum rk_problem problem, const char *detail)
{
	job->status = rk_problem_status(problem);
	job->problem = problem;
	const char *request_id = job->request_id[0] == '\0' ? NULL : job->request_id;
	job->reply_bytes = rk_problem_write(job->reply, job->reply_size, problem, detail, request_id, NULL, -1);
}

/* Answers without decoding: all that is known of the request is what its head said. */
static void shed(struct rk_workers *workers, struct rk_slot *slot, enum rk_verdict verdict)
{
	struct rk_job *job = &slot->job;
	if (job->header_request_id.size > 0) {
		memcpy(job->request_id, job->header_request_id.data, job->header_request_id.size);
		job->request_id[job->header_request_id.size] = '\0';
	}
	bool has_expired = verdict == RK_VERDICT_EXPIRED;
	rk_metrics_count_shed(workers->options.metrics, has_expired ? RK_SHED_DEADLINE : RK_SHED_BUDGET);
	if (has_expired)
		refuse(job, RK_PROBLEM_DEADLINE_EXCEEDED, "the budget had passed before a worker took the request");
	else
		refuse(job, RK_PROBLEM_OVERLOADED, "what is left of the budget does not suffice");
}

/* A version whose replies are larger than any before may be published between the look at their size and the pin: then
 * the buffer was too small for it, and the next round has the right one. */
static void rank(struct rk_worker *worker, struct rk_slot *slot)
{
	struct rk_error error;
	const atomic_size_t *needed_bytes = worker->workers->options.reply_bytes;
	size_t reply_bytes;
	do {
		reply_bytes = atomic_load_explicit(needed_bytes, memory_order_acquire);
		if (rk_slot_reserve_reply(slot, reply_bytes, &error) != RK_OK) {
			rk_log_with(RK_LOG_ERROR, "reply_memory", error.message, rk_log_unsigned("bytes", reply_bytes));
			refuse(&slot->job, RK_PROBLEM_NOT_READY, "no memory for the answer");
			return;
		}
		rk_job_run(&worker->context, &slot->job);
	} while (slot->job.status == 500 && atomic_load_explicit(needed_bytes, memory_order_acquire) > reply_bytes);
}

static void serve(struct rk_worker *worker, struct rk_slot *slot, enum rk_verdict verdict)
{
	struct rk_workers *workers = worker->workers;
	uint64_t start_ns = rk_clock_ns();
	uint64_t start_cpu_ns = rk_clock_thread_ns();
	slot->job.body = (struct rk_bytes){slot->body, slot->n_body};
	slot->job.stage_ns[RK_STAGE_QUEUE] = start_ns - slot->queued_ns;
	if (verdict == RK_VERDICT_ADMIT)
		rank(worker, slot);
	else
		shed(workers, slot, verdict);
	uint64_t done_ns = rk_clock_ns();
	rk_metrics_count_job(workers->options.metrics, &slot->job, done_ns - slot->job.received_ns);
	rk_recorder_note(workers->options.recorder, slot, done_ns);
	struct rk_cost cost = {.cpu_us = (double)(rk_clock_thread_ns() - start_cpu_ns) / (double)RK_NS_PER_US,
			       .wall_us = (double)(done_ns - start_ns) / (double)RK_NS_PER_US};
	bool is_usual = verdict == RK_VERDICT_ADMIT && slot->job.status == 200 && slot->job.n_unreached == 0;
	if (is_usual)
		rk_metrics_count_cost(workers->options.metrics, slot->predicted_us, &cost);
	rk_queue_done(workers->options.queue, worker->context.worker, is_usual ? &cost : NULL);
	rk_slot_move(slot, RK_SLOT_RUNNING, RK_SLOT_DONE);
	workers->options.done(slot);
}

static void *run(void *context)
{
	struct rk_worker *worker = context;
	char name[24];
	(void)snprintf(name, sizeof(name), "rk-worker-%u", worker->context.worker);
	(void)pthread_setname_np(pthread_self(), name);
	warm(worker);
	enum rk_verdict verdict;
	for (;;) {
		struct rk_slot *slot = rk_queue_take(worker->workers->options.queue, worker->context.worker, &verdict);
		if (slot == NULL)
			return NULL;
		serve(worker, slot, verdict);
	}
}

/* A worker's share of the arenas: aligned, and apart from its neighbour's. */
static size_t arena_stride(const struct rk_request_limits *limits)
{
	enum { PAGE = 4096 };
	return (rk_job_arena_bytes(limits) + PAGE - 1) & ~((size_t)PAGE - 1);
}

size_t rk_worker_arena_bytes(const struct rk_request_limits *limits)
{
	size_t stride = arena_stride(limits);
	return stride < TOUCHED_ARENA_BYTES ? stride : (size_t)TOUCHED_ARENA_BYTES;
}

size_t rk_worker_stack_bytes(void)
{
	return TOUCHED_STACK_BYTES;
}

static enum rk_status start_one(struct rk_workers *workers, uint32_t index, struct rk_error *reterr)
{
	struct rk_worker *worker = &workers->workers[index];
	size_t stride = arena_stride(&workers->options.limits);
	char *arena = (char *)workers->arenas.base + (size_t)index * stride;
	/* what requests of the usual sizes need; the rest is for the largest that the limits allow */
	size_t usual = rk_worker_arena_bytes(&workers->options.limits);
	rk_pages_refuse_huge(&(struct rk_pages){arena + usual, stride - usual});
	rk_pages_touch(&(struct rk_pages){arena, usual});
	worker->workers = workers;
	worker->context = (struct rk_job_context){
		.registry = workers->options.registry, .limits = workers->options.limits, .worker = index};
	rk_arena_init(&worker->context.decode_arena, arena, stride);
	pthread_attr_t attributes;
	RK_ASSERT(pthread_attr_init(&attributes) == 0);
	RK_ASSERT(pthread_attr_setstacksize(&attributes, RK_STACK_BYTES) == 0);
	int error = pthread_create(&worker->thread, &attributes, run, worker);
	(void)pthread_attr_destroy(&attributes);
	if (error != 0)
		return rk_error_set(reterr, RK_IO, "cannot start worker %u: %s", index, strerror(error));
	workers->n_started++;
	return RK_OK;
}

static enum rk_status wait_until_warm(struct rk_workers *workers, struct rk_error *reterr)
{
	RK_ASSERT(pthread_mutex_lock(&workers->lock) == 0);
	while (workers->n_warmed < workers->n_started)
		RK_ASSERT(pthread_cond_wait(&workers->warmed, &workers->lock) == 0);
	enum rk_status status = workers->warm_error.status;
	RK_ASSERT(pthread_mutex_unlock(&workers->lock) == 0);
	return status == RK_OK ? RK_OK : rk_error_set(reterr, status, "warm-up: %s", workers->warm_error.message);
}

enum rk_status rk_workers_start(struct rk_workers *ret_workers, const struct rk_workers_options *options,
				struct rk_error *reterr)
{
	struct rk_workers *workers = ret_workers;
	*workers = (struct rk_workers){.options = *options};
	RK_ASSERT(pthread_mutex_init(&workers->lock, NULL) == 0);
	RK_ASSERT(pthread_cond_init(&workers->warmed, NULL) == 0);
	enum rk_status status = rk_pages_open(&workers->memory, options->n * sizeof(struct rk_worker), reterr);
	if (status == RK_OK)
		status = rk_pages_open(&workers->arenas, options->n * arena_stride(&options->limits), reterr);
	if (status != RK_OK)
		return status;
	workers->workers = workers->memory.base;
	for (uint32_t i = 0; i < options->n && status == RK_OK; i++)
		status = start_one(workers, i, reterr);
	return status == RK_OK ? wait_until_warm(workers, reterr) : status;
}

void rk_workers_stop(struct rk_workers *workers)
{
	if (workers->workers == NULL)
		return;
	for (uint32_t i = 0; i < workers->n_started; i++)
		RK_ASSERT(pthread_join(workers->workers[i].thread, NULL) == 0);
	workers->n_started = 0;
}

void rk_workers_close(struct rk_workers *workers)
{
	if (workers->workers == NULL)
		return;
	RK_ASSERT(workers->n_started == 0);
	workers->workers = NULL;
	(void)pthread_cond_destroy(&workers->warmed);
	(void)pthread_mutex_destroy(&workers->lock);
	rk_pages_close(&workers->arenas);
	rk_pages_close(&workers->memory);
}

size_t rk_workers_bytes(const struct rk_workers *workers)
{
	return workers->arenas.size;
}
