/*
 * What waits and what runs: the queue between the I/O thread and the workers without its lock and its waiting. Pure:
 * instants are given, and whoever shares it locks it. server/queue.h does so for the server, tests/sim drives the same
 * functions with a clock of its own.
 *
 * First in, first out, but for requests whose budget has passed: they are taken out first, wherever they stand, since
 * their answer costs nothing and only gets later. So an admitted request is answered, or told that it is too late, at
 * the latest when a worker comes for work after its deadline.
 *
 * The wait of one more request is at most (work that waits + what is left of the work that runs) / workers: until it
 * starts, no worker is idle.
 */
#ifndef RK_SERVER_BACKLOG_H
#define RK_SERVER_BACKLOG_H

#include "server/admission.h"
#include "server/slot.h"

struct rk_backlog_options {
	uint32_t capacity; /* requests that may wait: the number of slots, then it never overflows */
	uint32_t n_workers;
	uint32_t n_predictors; /* one for each value of slot->predictor */
	double limit_us;       /* longest predicted wait */
};

/* A request that waits. */
struct rk_waiting {
	struct rk_slot *slot;
	uint64_t deadline_ns;
	double cpu_us; /* predicted */
};

/* What a worker is at. */
struct rk_running {
	struct rk_slot *slot; /* NULL: nothing */
	uint64_t since_ns;
	double cpu_us;      /* predicted */
	uint32_t predictor; /* of the slot, which is not the worker's any more when it is done */
	size_t n_body;
};

struct rk_backlog {
	struct rk_backlog_options options;
	/* private */
	struct rk_waiting *ring; /* [capacity] */
	struct rk_running *runs; /* [n_workers] */
	struct rk_predictor *predictors;
	struct rk_stretch stretch;
	uint32_t head, n_queued, n_idle;
	double queued_us;     /* predicted processor time of all that waits */
	uint64_t earliest_ns; /* no deadline of what waits lies before */
	bool is_closed;
	struct rk_pages memory;
};

RK_NODISCARD enum rk_status rk_backlog_open(struct rk_backlog *ret_backlog, const struct rk_backlog_options *options,
					    struct rk_error *reterr);

/* Must be empty. A zeroed one is fine. */
void rk_backlog_destroy(struct rk_backlog *backlog);

/* Whether a request with so much of its budget left would be refused now with RK_VERDICT_QUEUE_FULL, whatever its
 * size. */
bool rk_backlog_is_full(const struct rk_backlog *backlog, double left_us, uint64_t now_ns);

/* Takes the slot in (RECEIVING → QUEUED) if admission lets it; only RK_VERDICT_ADMIT takes it. `accept` is called
 * before it can be taken. */
enum rk_verdict rk_backlog_offer(struct rk_backlog *backlog, struct rk_slot *slot, uint64_t now_ns,
				 void (*accept)(struct rk_slot *slot));

/* The worker comes for work: it is idle until it takes a slot, or leaves. */
void rk_backlog_come(struct rk_backlog *backlog);
void rk_backlog_leave(struct rk_backlog *backlog);

/* The next slot for an idle worker (QUEUED → RUNNING), NULL when none waits. *ret_verdict says whether it is still
 * worth running. The worker counts as busy until rk_backlog_done. */
struct rk_slot *rk_backlog_take(struct rk_backlog *backlog, uint32_t worker, uint64_t now_ns,
				enum rk_verdict *ret_verdict);

/* The worker is done with its slot. `cost` is what it took; NULL: there is nothing to learn from it. */
void rk_backlog_done(struct rk_backlog *backlog, uint32_t worker, const struct rk_cost *cost);

/* No more is taken in (offers are RK_VERDICT_CLOSED); takers get what is left. */
void rk_backlog_close(struct rk_backlog *backlog);

/* How long the oldest of those that wait has waited; 0: none waits. */
uint64_t rk_backlog_age_ns(const struct rk_backlog *backlog, uint64_t now_ns);

/* How long the longest of the runs has been going on; 0: none. */
uint64_t rk_backlog_longest_run_ns(const struct rk_backlog *backlog, uint64_t now_ns);

/* Microseconds of the job's budget that are left at `now_ns`. */
double rk_backlog_left_us(const struct rk_job *job, uint64_t now_ns);

#endif
