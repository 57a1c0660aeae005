/*
 * One open connection and the request that it is at. Pooled: the limit on connections is the size of the pool.
 * Everything belongs to the I/O thread, but for what the reaper needs: `clock`, `timed_out` and, under `lock`,
 * the socket.
 *
 *     IDLE → ARRIVING → WORKING → SENDING → IDLE            (→ REAPED from any of them but WORKING)
 *
 * The phase and the instant that it began are one atomic word, so that exactly one of two threads wins: the I/O thread
 * that goes on with a request, or the reaper that gives it up.
 */
#ifndef RK_SERVER_CONNECTION_H
#define RK_SERVER_CONNECTION_H

#include "server/guard.h"
#include "server/request.h"

#include <pthread.h>
#include <stdatomic.h>

enum rk_connection_phase {
	RK_CONNECTION_IDLE,     /* between requests */
	RK_CONNECTION_ARRIVING, /* from the request line to the end of the body */
	RK_CONNECTION_WORKING,  /* queued or computed: bounded by its budget */
	RK_CONNECTION_SENDING,
	RK_CONNECTION_REAPED, /* the socket has been shut down */
};

enum { RK_CONNECTION_PHASE_BITS = 3, RK_CONNECTION_PHASE_MASK = (1 << RK_CONNECTION_PHASE_BITS) - 1 };

/* What the next call of the handler is about. */
enum rk_exchange_stage {
	RK_EXCHANGE_HEAD,
	RK_EXCHANGE_DISCARD,   /* the body is thrown away; then the answer */
	RK_EXCHANGE_RECEIVE,   /* the body goes into the slot */
	RK_EXCHANGE_SUSPENDED, /* a worker or the reloader has it; the next call means that it is done */
	RK_EXCHANGE_ANSWERED,
};

struct rk_slot;
struct rk_http;

/* The request that the connection is at. */
struct rk_exchange {
	enum rk_exchange_stage stage;
	struct rk_guard guard;
	bool is_refused;                          /* guard.refusal is the answer */
	char request_id[RK_REQUEST_ID_BYTES + 1]; /* given, or made because a bad one was given; "": none */
	uint64_t received_ns;                     /* CLOCK_MONOTONIC of the request line */
	uint64_t n_body;                          /* bytes seen */
	struct rk_slot *slot;                     /* while it is this exchange's to give back */
	unsigned status;                          /* of the answer; 0: none yet */
	uint64_t answered_ns;                     /* when the answer was ready to be sent */
	char user_id[RK_MAX_ID_BYTES + 1];        /* for the log, with the setting log_ids alone; "": none */
};

struct rk_connection {
	uint32_t magic;
	struct rk_http *http;
	struct rk_connection *next_free;
	struct rk_exchange exchange;
	char *small_body; /* admin: RK_SMALL_BODY_BYTES; else NULL */
	void *mhd;        /* the library's connection, while a reload is under way */

	atomic_bool timed_out;      /* set by the reaper: it has answered with 408; cleared when that is counted */
	atomic_uint_fast64_t clock; /* instant in ns << RK_CONNECTION_PHASE_BITS | phase */
	pthread_mutex_t lock;
	int socket; /* -1: not open; changes under the lock */
	/* the reaper's notes, under the lock */
	uint64_t opened_clock; /* what `clock` was at the start */
	uint64_t seen_clock, seen_bytes, grown_ns, gone_clock;
};

/* Moves from `from` to `to` at now_ns; false when the reaper was first. */
bool rk_connection_move(struct rk_connection *connection, enum rk_connection_phase from, enum rk_connection_phase to,
			uint64_t now_ns);

/* Whether a request has been arriving, or its answer been sent, for longer than `timeout_ns`; `clock` is the atomic
 * word. */
bool rk_connection_is_late(uint64_t clock, uint64_t timeout_ns, uint64_t now_ns);

/* Takes the connection from the I/O thread (→ REAPED); false: it has gone on since `clock` was read. */
bool rk_connection_reap(struct rk_connection *connection, uint64_t clock, uint64_t now_ns);

enum rk_connection_phase rk_connection_phase(const struct rk_connection *connection);

void rk_connection_open(struct rk_connection *connection, int socket, uint64_t now_ns);
void rk_connection_close(struct rk_connection *connection);

#endif
