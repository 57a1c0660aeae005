/*
 * The stages of a request one after the other; each may end it with a problem. The version is pinned by the decoder's
 * one call of the resolver, and released at the one exit of rk_job_run.
 */
#include "server/job.h"

#include "model/base/check.h"
#include "server/anytime.h"
#include "server/clock.h"
#include "server/reply.h"
#include "server/request_id.h"

#include <math.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	MIN_REPLY_BYTES = 16 * 1024,         /* any problem document */
	KEYS_SHARE_BYTES = 64 * 1024,        /* of the decode arena: what the reply writer needs of it */
	KEPT_ARENA_BYTES = 16 * 1024 * 1024, /* resident after a request that took more */
};

/* A job under way. */
struct run {
	struct rk_job_context *context;
	struct rk_job *job;
	struct rk_request request;
	struct rk_rank_result result;
	uint64_t start_ns, stage_start_ns, deadline_ns;
};

size_t rk_job_arena_bytes(const struct rk_request_limits *limits)
{
	return rk_request_arena_bytes(limits) + KEYS_SHARE_BYTES;
}

size_t rk_job_reply_bytes(const struct rk_request_limits *limits, const struct rk_config *config)
{
	size_t bytes = rk_reply_bytes(limits, config);
	return bytes > MIN_REPLY_BYTES ? bytes : MIN_REPLY_BYTES;
}

static bool refuse(struct rk_job *job, const struct rk_request_refusal *refusal)
{
	job->problem = refusal->problem;
	job->status = rk_problem_status(refusal->problem);
	job->reply_bytes = rk_problem_write(job->reply, job->reply_size, refusal->problem, refusal->detail,
					    job->request_id, &refusal->faults, refusal->offset);
	return false;
}

static bool refuse_plainly(struct rk_job *job, enum rk_problem problem, const char *detail)
{
	struct rk_request_refusal refusal = {.problem = problem, .detail = detail, .offset = -1};
	return refuse(job, &refusal);
}

static uint64_t now_of(const struct run *run)
{
	return rk_anytime_now_ns(&run->context->clock);
}

static void end_stage(struct run *run, enum rk_stage stage)
{
	uint64_t now_ns = now_of(run);
	run->job->stage_ns[stage] = now_ns - run->stage_start_ns;
	run->stage_start_ns = now_ns;
}

static uint64_t deadline_ns(const struct rk_job *job, double budget_ms)
{
	double budget_ns = budget_ms * (double)RK_NS_PER_MS;
	return budget_ns < (double)(INT64_MAX / 2) ? job->received_ns + (uint64_t)budget_ns : UINT64_MAX;
}

static bool check_start(const struct run *run)
{
	if (run->start_ns < run->deadline_ns)
		return true;
	return refuse_plainly(run->job, RK_PROBLEM_DEADLINE_EXCEEDED,
			      "the budget had passed before a worker took the request");
}

static bool fail_on_deadline(const struct run *run)
{
	return refuse_plainly(run->job, RK_PROBLEM_DEADLINE_EXCEEDED, "the budget passed during the work");
}

static struct rk_version *acquire(void *context, struct rk_bytes name, bool *ret_known)
{
	const struct rk_job_context *job = context;
	struct rk_version *fixed = job->fixed_version;
	if (fixed == NULL)
		return rk_registry_acquire(job->registry, name, ret_known);
	*ret_known = name.size == 0 || rk_bytes_equal(name, rk_bytes_of(fixed->name));
	return *ret_known ? fixed : NULL;
}

static void choose_request_id(struct rk_job *job, const struct rk_request *request)
{
	if (request->request_id[0] != '\0') {
		memcpy(job->request_id, request->request_id, sizeof(job->request_id));
	} else if (job->header_request_id.size > 0) {
		RK_ASSERT(job->header_request_id.size < sizeof(job->request_id));
		memcpy(job->request_id, job->header_request_id.data, job->header_request_id.size);
		job->request_id[job->header_request_id.size] = '\0';
	} else {
		rk_request_id_make(job->request_id);
	}
}

static void note_user(struct rk_job *job, const struct rk_request *request)
{
	const struct rk_item_id *id = &request->user_id;
	if (!request->has_user_id)
		return;
	if (id->is_integer) {
		(void)snprintf(job->user_id, sizeof(job->user_id), "%lld", (long long)id->integer);
		return;
	}
	RK_ASSERT(id->text.size < sizeof(job->user_id));
	memcpy(job->user_id, id->text.data, id->text.size);
	job->user_id[id->text.size] = '\0';
}

static bool decode(struct run *run)
{
	struct rk_job *job = run->job;
	struct rk_request *request = &run->request;
	struct rk_request_refusal refusal;
	struct rk_request_source source = {
		.body = job->body,
		.path_model = job->path_model,
		.limits = &run->context->limits,
		.resolver = {.acquire = acquire, .context = run->context},
	};
	bool decoded = rk_request_decode(&source, &run->context->decode_arena, request, &refusal);
	if (request->request_id[0] != '\0')
		choose_request_id(job, request);
	if (request->version != NULL) {
		memcpy(job->model, request->version->name, sizeof(job->model));
		job->model_version = request->version->number;
	}
	end_stage(run, RK_STAGE_DECODE);
	if (!decoded)
		return refuse(job, &refusal);
	note_user(job, request);
	job->n_candidates = request->input.n_candidates;
	job->n_events = request->input.n_events;
	job->n_unknown_items = request->n_unknown_candidates + request->n_unknown_events;
	uint64_t asked_ns = deadline_ns(job, request->budget_ms);
	run->deadline_ns = asked_ns < run->deadline_ns ? asked_ns : run->deadline_ns;
	return check_start(run);
}

/* As many scores as the time allows; false: not all. */
static bool score(struct run *run, struct rk_ranking *ranking, struct rk_anytime *anytime)
{
	const struct rk_request *request = &run->request;
	struct rk_anytime_rest rest = {.deadline_ns = run->deadline_ns,
				       .n_candidates = request->input.n_candidates,
				       .n_items = request->top_k,
				       .explain = request->explain};
	rk_anytime_begin(anytime, &rest);
	if (!rk_anytime_has_time(anytime))
		return false;
	rk_ranking_encode_user(ranking);
	end_stage(run, RK_STAGE_ENCODE_USER);
	anytime->now_ns = run->stage_start_ns;
	return rk_anytime_score(anytime, ranking);
}

static bool rank(struct run *run)
{
	struct rk_version *version = run->request.version;
	const struct rk_rank_input *input = &run->request.input;
	bool must_be_whole = run->request.fail_on_deadline;
	RK_ASSERT(run->context->worker < version->n_scratches);
	struct rk_ranking ranking;
	struct rk_anytime anytime = {.clock = &run->context->clock,
				     .tempo = &version->tempo,
				     .now_ns = run->stage_start_ns,
				     .best_first = !must_be_whole};
	rk_ranking_begin(&ranking, &version->model, version->scratches[run->context->worker], input);
	if (!score(run, &ranking, &anytime) && must_be_whole)
		return fail_on_deadline(run);
	rk_ranking_finish(&ranking, &run->result);
	run->job->n_scored = run->result.n_scored;
	run->job->n_unreached = run->result.n_unreached;
	run->job->n_nonfinite = run->result.n_nonfinite;
	end_stage(run, RK_STAGE_SCORE);
	rk_tempo_learn(&version->tempo, RK_TEMPO_FINISH, run->stage_start_ns - anytime.now_ns, input->n_candidates);
	return must_be_whole && run->stage_start_ns >= run->deadline_ns ? fail_on_deadline(run) : true;
}

static bool reply(struct run *run)
{
	struct rk_job *job = run->job;
	struct rk_reply_source source = {
		.request = &run->request, .result = &run->result, .request_id = job->request_id};
	enum rk_status status =
		rk_reply_write(&source, &run->context->decode_arena, job->reply, job->reply_size, &job->reply_bytes);
	end_stage(run, RK_STAGE_WRITE);
	if (status == RK_NO_MEMORY)
		return refuse_plainly(job, RK_PROBLEM_TOO_LARGE, "the request leaves no memory for its answer");
	if (status != RK_OK)
		return refuse_plainly(job, RK_PROBLEM_INTERNAL, "the answer is larger than its buffer");
	rk_tempo_learn(&run->request.version->tempo, run->request.explain ? RK_TEMPO_EXPLAIN : RK_TEMPO_WRITE,
		       job->stage_ns[RK_STAGE_WRITE], run->request.top_k);
	job->status = 200;
	return true;
}

/* Gives back to the system what an unusually large request has touched of the arena, and empties it. */
static void clear_arena(struct rk_arena *arena)
{
	if (arena->used > KEPT_ARENA_BYTES) {
		size_t page = (size_t)sysconf(_SC_PAGESIZE);
		size_t start = (KEPT_ARENA_BYTES + page - 1) / page * page;
		size_t end = arena->used / page * page;
		size_t skew = (size_t)((uintptr_t)arena->base % page);
		if (skew == 0 && end > start)
			(void)madvise(arena->base + start, end - start, MADV_DONTNEED);
	}
	rk_arena_reset(arena);
}

/* A job may be one that has run before: nothing of that request is to be left in what this one gives out. */
static void forget(struct rk_job *job)
{
	job->status = 0;
	job->problem = (enum rk_problem)0;
	job->reply_bytes = 0;
	job->request_id[0] = job->model[0] = job->user_id[0] = '\0';
	job->model_version = 0;
	job->n_candidates = job->n_events = job->n_unknown_items = 0;
	job->n_nonfinite = job->n_scored = job->n_unreached = 0;
	for (int stage = 0; stage < RK_N_STAGES; stage++)
		if (stage != RK_STAGE_QUEUE)
			job->stage_ns[stage] = 0;
}

void rk_job_run(struct rk_job_context *context, struct rk_job *job)
{
	RK_ASSERT(job->reply_size >= MIN_REPLY_BYTES);
	forget(job);
	struct run run = {.context = context, .job = job};
	run.start_ns = run.stage_start_ns = now_of(&run);
	run.deadline_ns = deadline_ns(job, job->budget_ms);
	rk_arena_reset(&context->decode_arena);
	choose_request_id(job, &run.request);
	if (check_start(&run) && decode(&run) && rank(&run))
		(void)reply(&run);
	RK_ASSERT(job->status != 0);
	if (run.request.version != NULL && context->fixed_version == NULL)
		rk_registry_release(context->registry, run.request.version);
	clear_arena(&context->decode_arena);
}
