/*
 * Slots: a request's memory from the first byte of its body to the last byte of its answer. A slot is one body buffer,
 * one reply buffer and one job; their number bounds the memory that requests can take, and one request holds one.
 *
 *     FREE → RECEIVING → QUEUED → RUNNING → DONE → SENDING → FREE
 *                 └────────→ FREE (refused or aborted)  └→ FREE (the client is gone)
 *
 * One thread owns a slot at a time: the I/O thread in RECEIVING, DONE and SENDING, nobody in QUEUED (the queue holds
 * it), a worker in RUNNING. Every transition is asserted. Memory is touched only as far as bodies and replies reach;
 * of big ones it goes back to the system with the slot.
 */
#ifndef RK_SERVER_SLOT_H
#define RK_SERVER_SLOT_H

#include "model/base/pages.h"
#include "server/job.h"

#include <pthread.h>
#include <stdatomic.h>

enum rk_slot_state {
	RK_SLOT_FREE,
	RK_SLOT_RECEIVING,
	RK_SLOT_QUEUED,
	RK_SLOT_RUNNING,
	RK_SLOT_DONE,
	RK_SLOT_SENDING,
};

struct rk_slot_pool;

struct rk_slot {
	uint32_t magic; /* checked where a void pointer comes back */
	uint32_t index;
	atomic_uint state; /* enum rk_slot_state */
	struct rk_slot_pool *pool;
	char *body;    /* pool->body_size bytes */
	size_t n_body; /* received so far */
	struct rk_pages reply;
	struct rk_job job;
	char path_model[65], request_id[65]; /* what job.path_model and job.header_request_id borrow */
	uint32_t predictor;                  /* index of what predicts its cost */
	uint64_t queued_ns;                  /* CLOCK_MONOTONIC */
	double predicted_us;                 /* by the admission */
	void *connection, *mhd;              /* of the owner (server/http_rank.c); opaque here */
};

struct rk_slot_pool {
	uint32_t n_slots;
	size_t body_size;  /* bytes of one body */
	size_t reply_size; /* bytes of a reply at the start */
	/* private */
	pthread_mutex_t lock;
	struct rk_slot *slots; /* [n_slots] */
	uint32_t *free;        /* [n_free] stack of indices */
	uint32_t n_free;
	struct rk_pages memory, bodies;
};

/* How many slots the settings call for: enough for every worker's share of the queue even if requests are small,
 * never more than connections. */
uint32_t rk_slot_count(uint32_t n_workers, uint32_t max_connections);

/* Maps everything; RK_NO_MEMORY when the kernel refuses. */
RK_NODISCARD enum rk_status rk_slot_pool_open(struct rk_slot_pool *ret_pool, uint32_t n_slots, size_t body_size,
					      size_t reply_size, struct rk_error *reterr);

/* Every slot must be free. */
void rk_slot_pool_close(struct rk_slot_pool *pool);

/* A slot in RECEIVING with an empty job, or NULL when none is free. */
struct rk_slot *rk_slot_acquire(struct rk_slot_pool *pool);

/* Back to FREE from RECEIVING, DONE or SENDING. */
void rk_slot_release(struct rk_slot *slot);

/* Asserts that the slot is in `from`, and moves it on. */
void rk_slot_move(struct rk_slot *slot, enum rk_slot_state from, enum rk_slot_state to);

/* Appends to the body; false when it would grow over the pool's body_size (nothing is taken then). */
bool rk_slot_append(struct rk_slot *slot, const char *data, size_t size);

/* Makes the reply buffer at least `size` bytes (a model loaded later may need more); in RUNNING only. */
RK_NODISCARD enum rk_status rk_slot_reserve_reply(struct rk_slot *slot, size_t size, struct rk_error *reterr);

/* Asserts that the pointer is a slot, and returns it. */
struct rk_slot *rk_slot_of(void *pointer);

/* Bytes of all buffers, as they were at the start. */
size_t rk_slot_pool_bytes(const struct rk_slot_pool *pool);

/* Slots in use now. */
uint32_t rk_slot_pool_used(struct rk_slot_pool *pool);

#endif
