/* The workers: threads that take slots from the queue, run their jobs and hand them back to the I/O thread. */
#ifndef RK_SERVER_WORKER_H
#define RK_SERVER_WORKER_H

#include "server/job.h"
#include "server/metrics.h"
#include "server/queue.h"
#include "server/recorder.h"

struct rk_workers;

struct rk_worker {
	struct rk_workers *workers;
	struct rk_job_context context;
	pthread_t thread;
};

struct rk_workers_options {
	uint32_t n;
	struct rk_registry *registry;
	struct rk_request_limits limits;
	const char *models; /* folder: one warm-up request of each model is run on every worker */
	struct rk_queue *queue;
	struct rk_metrics *metrics;
	struct rk_recorder *recorder;
	const atomic_size_t *reply_bytes; /* what the largest reply of any loaded version needs */
	/* The slot is DONE: its owner may answer. Called on the worker's thread. */
	void (*done)(struct rk_slot *slot);
};

struct rk_workers {
	/* private */
	struct rk_workers_options options;
	uint32_t n_started;
	struct rk_worker *workers; /* [n] */
	struct rk_pages memory, arenas;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t warmed;
	uint32_t n_warmed;
	struct rk_error warm_error; /* of the first that failed */
};

/* Starts the threads and waits until each is warm: stack and arena touched, a warm-up request of every model run on it.
 */
RK_NODISCARD enum rk_status rk_workers_start(struct rk_workers *ret_workers, const struct rk_workers_options *options,
					     struct rk_error *reterr);

/* The queue must have been closed. Waits for the threads; twice is fine. */
void rk_workers_stop(struct rk_workers *workers);

/* Frees what the threads, which must have been stopped, used. */
void rk_workers_close(struct rk_workers *workers);

/* Bytes of all decode arenas. */
size_t rk_workers_bytes(const struct rk_workers *workers);

/* Bytes of its arena that a worker touches at the start, and bytes of its stack. */
size_t rk_worker_arena_bytes(const struct rk_request_limits *limits);
size_t rk_worker_stack_bytes(void);

#endif
