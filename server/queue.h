/*
 * The one queue between the I/O thread and the workers: first in, first out, bounded in predicted microseconds and not
 * in requests. The lock covers the predictor too: the I/O thread asks it, the workers teach it.
 */
#ifndef RK_SERVER_QUEUE_H
#define RK_SERVER_QUEUE_H

#include "server/admission.h"
#include "server/slot.h"

struct rk_queue {
	/* private */
	pthread_mutex_t lock;
	pthread_cond_t not_empty;
	struct rk_predictor predictor;
	struct rk_load load;
	struct rk_slot **ring; /* [capacity] */
	uint32_t capacity, head;
	bool closed;
	struct rk_pages memory;
};

/* `capacity` is the number of slots: then the ring never overflows. limit_us is the work that may wait. */
RK_NODISCARD enum rk_status rk_queue_open(struct rk_queue *ret_queue, uint32_t capacity, uint32_t n_workers,
					  double limit_us, struct rk_error *reterr);

/* Must be empty, and its workers gone. */
void rk_queue_destroy(struct rk_queue *queue);

/* Takes the slot in (RECEIVING → QUEUED) if admission lets it; only RK_VERDICT_ADMIT takes it. `accept` is called
 * before a worker can see the slot, under the queue's lock: what must happen before its answer can. */
enum rk_verdict rk_queue_offer(struct rk_queue *queue, struct rk_slot *slot, uint64_t now_ns,
			       void (*accept)(struct rk_slot *slot));

/* Waits for the next slot (QUEUED → RUNNING). *ret_verdict says whether it is still worth running. NULL once the queue
 * is closed and empty. The caller counts as busy until rk_queue_done. */
struct rk_slot *rk_queue_take(struct rk_queue *queue, enum rk_verdict *ret_verdict);

/* The worker is idle again. cost_us is what the request took; below 0: nothing to learn from it. */
void rk_queue_done(struct rk_queue *queue, size_t body_bytes, double cost_us);

/* No more is taken in (RK_VERDICT_CLOSED); takers get what is left, then NULL. */
void rk_queue_close(struct rk_queue *queue);

/* Microseconds of the job's budget that are left at `now_ns`. */
double rk_queue_left_us(const struct rk_job *job, uint64_t now_ns);

#endif
