#include "server/backlog.h"

#include "model/base/check.h"
#include "server/clock.h"

#include <math.h>
#include <string.h>

enum { UNIT = 64 }; /* bytes: the arrays' alignment */

static size_t round_up(size_t bytes)
{
	return (bytes + UNIT - 1) / UNIT * UNIT;
}

enum rk_status rk_backlog_open(struct rk_backlog *ret_backlog, const struct rk_backlog_options *options,
			       struct rk_error *reterr)
{
	RK_ASSERT(options->capacity > 0 && options->n_workers > 0 && options->n_predictors > 0);
	size_t ring_bytes = round_up(options->capacity * sizeof(struct rk_waiting));
	size_t runs_bytes = round_up(options->n_workers * sizeof(struct rk_running));
	size_t predictors_bytes = round_up(options->n_predictors * sizeof(struct rk_predictor));
	struct rk_pages memory;
	enum rk_status status = rk_pages_open(&memory, ring_bytes + runs_bytes + predictors_bytes, reterr);
	if (status != RK_OK)
		return status;
	char *base = memory.base;
	*ret_backlog = (struct rk_backlog){
		.options = *options,
		.ring = (struct rk_waiting *)(void *)base,
		.runs = (struct rk_running *)(void *)(base + ring_bytes),
		.predictors = (struct rk_predictor *)(void *)(base + ring_bytes + runs_bytes),
		.earliest_ns = UINT64_MAX,
		.memory = memory,
	};
	for (uint32_t i = 0; i < options->n_predictors; i++)
		rk_predictor_init(&ret_backlog->predictors[i]);
	return RK_OK;
}

void rk_backlog_destroy(struct rk_backlog *backlog)
{
	RK_ASSERT(backlog->n_queued == 0);
	rk_pages_close(&backlog->memory);
	backlog->ring = NULL;
}

double rk_backlog_left_us(const struct rk_job *job, uint64_t now_ns)
{
	double passed_us = (double)(now_ns - job->received_ns) / (double)RK_NS_PER_US;
	return job->budget_ms * 1000 - passed_us;
}

static uint64_t deadline_ns(const struct rk_job *job)
{
	double budget_ns = job->budget_ms * (double)RK_NS_PER_MS;
	if (!(budget_ns < (double)(INT64_MAX / 2)))
		return UINT64_MAX;
	return budget_ns > 0 ? job->received_ns + (uint64_t)budget_ns : job->received_ns;
}

static struct rk_waiting *waiting_at(const struct rk_backlog *backlog, uint32_t position)
{
	return &backlog->ring[(backlog->head + position) % backlog->options.capacity];
}

/* ---- the door ---- */

/* What is left of the work that runs, on the wall. A run that takes longer than predicted may end at any moment. */
static double rest_of_runs_us(const struct rk_backlog *backlog, double stretch, uint64_t now_ns)
{
	double rest_us = 0;
	for (uint32_t i = 0; i < backlog->options.n_workers; i++) {
		const struct rk_running *run = &backlog->runs[i];
		if (run->slot == NULL || now_ns < run->since_ns)
			continue;
		double left_us = stretch * run->cpu_us - (double)(now_ns - run->since_ns) / (double)RK_NS_PER_US;
		rest_us += left_us > 0 ? left_us : 0;
	}
	return rest_us;
}

static double cpu_us(const struct rk_backlog *backlog, uint32_t predictor, size_t n_body)
{
	RK_ASSERT(predictor < backlog->options.n_predictors);
	return rk_predictor_cost_us(&backlog->predictors[predictor], n_body);
}

static struct rk_load load_now(const struct rk_backlog *backlog, double stretch, uint64_t now_ns)
{
	double work_us = stretch * backlog->queued_us + rest_of_runs_us(backlog, stretch, now_ns);
	return (struct rk_load){.wait_us = work_us / (double)backlog->options.n_workers,
				.limit_us = backlog->options.limit_us,
				.n_queued = backlog->n_queued,
				.n_idle = backlog->n_idle};
}

bool rk_backlog_is_full(const struct rk_backlog *backlog, double left_us, uint64_t now_ns)
{
	struct rk_load load = load_now(backlog, rk_stretch_factor(&backlog->stretch), now_ns);
	return rk_admission_enter(&load, 0, left_us) == RK_VERDICT_QUEUE_FULL;
}

enum rk_verdict rk_backlog_offer(struct rk_backlog *backlog, struct rk_slot *slot, uint64_t now_ns,
				 void (*accept)(struct rk_slot *slot))
{
	if (backlog->is_closed)
		return RK_VERDICT_CLOSED;
	double stretch = rk_stretch_factor(&backlog->stretch);
	double predicted_us = cpu_us(backlog, slot->predictor, slot->n_body);
	struct rk_load load = load_now(backlog, stretch, now_ns);
	enum rk_verdict verdict =
		rk_admission_enter(&load, stretch * predicted_us, rk_backlog_left_us(&slot->job, now_ns));
	if (verdict != RK_VERDICT_ADMIT)
		return verdict;
	RK_ASSERT(backlog->n_queued < backlog->options.capacity);
	struct rk_waiting waiting = {.slot = slot, .deadline_ns = deadline_ns(&slot->job), .cpu_us = predicted_us};
	slot->queued_ns = now_ns;
	slot->predicted_us = stretch * predicted_us;
	rk_slot_move(slot, RK_SLOT_RECEIVING, RK_SLOT_QUEUED);
	accept(slot);
	*waiting_at(backlog, backlog->n_queued++) = waiting;
	backlog->queued_us += waiting.cpu_us;
	if (waiting.deadline_ns < backlog->earliest_ns)
		backlog->earliest_ns = waiting.deadline_ns;
	return verdict;
}

/* ---- the workers' side ---- */

void rk_backlog_come(struct rk_backlog *backlog)
{
	backlog->n_idle++;
	RK_ASSERT(backlog->n_idle <= backlog->options.n_workers);
}

void rk_backlog_leave(struct rk_backlog *backlog)
{
	RK_ASSERT(backlog->n_idle > 0);
	backlog->n_idle--;
}

/* Position of the first whose deadline has passed, or 0. Looks only if there may be one. */
static uint32_t next_position(struct rk_backlog *backlog, uint64_t now_ns)
{
	if (now_ns < backlog->earliest_ns)
		return 0;
	uint64_t earliest_ns = UINT64_MAX;
	for (uint32_t i = 0; i < backlog->n_queued; i++) {
		uint64_t deadline_ns = waiting_at(backlog, i)->deadline_ns;
		if (deadline_ns <= now_ns)
			return i;
		if (deadline_ns < earliest_ns)
			earliest_ns = deadline_ns;
	}
	backlog->earliest_ns = earliest_ns;
	return 0;
}

/* Takes the one at the position out; those before it move up. */
static struct rk_waiting remove_at(struct rk_backlog *backlog, uint32_t position)
{
	struct rk_waiting taken = *waiting_at(backlog, position);
	for (uint32_t i = position; i > 0; i--)
		*waiting_at(backlog, i) = *waiting_at(backlog, i - 1);
	backlog->head = (backlog->head + 1) % backlog->options.capacity;
	backlog->n_queued--;
	/* the sum of many additions and subtractions: without this it would drift away from 0 */
	backlog->queued_us = backlog->n_queued == 0 ? 0 : fmax(backlog->queued_us - taken.cpu_us, 0);
	if (backlog->n_queued == 0)
		backlog->earliest_ns = UINT64_MAX;
	return taken;
}

struct rk_slot *rk_backlog_take(struct rk_backlog *backlog, uint32_t worker, uint64_t now_ns,
				enum rk_verdict *ret_verdict)
{
	RK_ASSERT(worker < backlog->options.n_workers && backlog->runs[worker].slot == NULL);
	if (backlog->n_queued == 0)
		return NULL;
	rk_backlog_leave(backlog);
	struct rk_waiting taken = remove_at(backlog, next_position(backlog, now_ns));
	struct rk_slot *slot = taken.slot;
	backlog->runs[worker] = (struct rk_running){.slot = slot,
						    .since_ns = now_ns,
						    .cpu_us = taken.cpu_us,
						    .predictor = slot->predictor,
						    .n_body = slot->n_body};
	rk_slot_move(slot, RK_SLOT_QUEUED, RK_SLOT_RUNNING);
	double cost_us = rk_stretch_factor(&backlog->stretch) * taken.cpu_us;
	*ret_verdict = rk_admission_take(backlog->n_queued, cost_us, rk_backlog_left_us(&slot->job, now_ns));
	return slot;
}

void rk_backlog_done(struct rk_backlog *backlog, uint32_t worker, const struct rk_cost *cost)
{
	RK_ASSERT(worker < backlog->options.n_workers && backlog->runs[worker].slot != NULL);
	const struct rk_running *run = &backlog->runs[worker];
	if (cost != NULL) {
		rk_predictor_learn(&backlog->predictors[run->predictor], run->n_body, cost->cpu_us);
		rk_stretch_learn(&backlog->stretch, cost);
	}
	backlog->runs[worker] = (struct rk_running){0};
}

void rk_backlog_close(struct rk_backlog *backlog)
{
	backlog->is_closed = true;
}

uint64_t rk_backlog_longest_run_ns(const struct rk_backlog *backlog, uint64_t now_ns)
{
	uint64_t longest_ns = 0;
	for (uint32_t i = 0; i < backlog->options.n_workers; i++) {
		const struct rk_running *run = &backlog->runs[i];
		if (run->slot != NULL && now_ns > run->since_ns && now_ns - run->since_ns > longest_ns)
			longest_ns = now_ns - run->since_ns;
	}
	return longest_ns;
}

uint64_t rk_backlog_age_ns(const struct rk_backlog *backlog, uint64_t now_ns)
{
	if (backlog->n_queued == 0)
		return 0;
	uint64_t queued_ns = waiting_at(backlog, 0)->slot->queued_ns;
	return now_ns > queued_ns ? now_ns - queued_ns : 0;
}
