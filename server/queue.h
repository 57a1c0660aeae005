/*
 * The one queue between the I/O thread and the workers: server/backlog.h behind a lock, with waiting for work.
 * The lock covers what the predictors have learnt too: the I/O thread asks them, the workers teach them.
 */
#ifndef RK_SERVER_QUEUE_H
#define RK_SERVER_QUEUE_H

#include "server/backlog.h"

struct rk_queue {
	/* private */
	pthread_mutex_t lock;
	pthread_cond_t not_empty;
	struct rk_backlog backlog;
	bool is_open;
};

RK_NODISCARD enum rk_status rk_queue_open(struct rk_queue *ret_queue, const struct rk_backlog_options *options,
					  struct rk_error *reterr);

/* Must be empty, its workers gone, and no rk_queue_offer under way: that one wakes a worker after it has let go of the
 * lock, when the slot may be done already. A zeroed one is fine. */
void rk_queue_destroy(struct rk_queue *queue);

/* See rk_backlog_is_full. */
bool rk_queue_is_full(struct rk_queue *queue, double left_us, uint64_t now_ns);

/* Takes the slot in (RECEIVING → QUEUED) if admission lets it; only RK_VERDICT_ADMIT takes it. `accept` is called
 * before a worker can see the slot, under the queue's lock: what must happen before its answer can. */
enum rk_verdict rk_queue_offer(struct rk_queue *queue, struct rk_slot *slot, uint64_t now_ns,
			       void (*accept)(struct rk_slot *slot));

/* Waits for the next slot (QUEUED → RUNNING). *ret_verdict says whether it is still worth running. NULL once the queue
 * is closed and empty. The worker counts as busy until rk_queue_done. */
struct rk_slot *rk_queue_take(struct rk_queue *queue, uint32_t worker, enum rk_verdict *ret_verdict);

/* The worker is done with its slot. `cost` is what it took; NULL: there is nothing to learn from it. */
void rk_queue_done(struct rk_queue *queue, uint32_t worker, const struct rk_cost *cost);

/* No more is taken in (offers are RK_VERDICT_CLOSED); takers get what is left, then NULL. */
void rk_queue_close(struct rk_queue *queue);

/* How long the oldest of those that wait has waited; 0: none waits. */
uint64_t rk_queue_age_ns(struct rk_queue *queue, uint64_t now_ns);

/* How long the longest of the runs has been going on; 0: none. */
uint64_t rk_queue_longest_run_ns(struct rk_queue *queue, uint64_t now_ns);

#endif
