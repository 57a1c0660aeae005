/*
 * The life of the process as one number that only grows, and the thread that moves it when signals come.
 *
 *     STARTING → READY → LEAVING → CLOSING → REFUSING → GONE
 *
 * SIGTERM or SIGINT: LEAVING at once (/readyz 503, everything else as usual) for drain_delay; then CLOSING (no new
 * connections, `Connection: close` on every answer) until nothing is in flight and no connection is left, at most
 * drain_timeout; then REFUSING (/rank 503), and GONE. A second signal ends the process with exit code 1 at once.
 * SIGHUP asks for newer versions of the models. SIGUSR2 has the slowest requests logged.
 */
#ifndef RK_SERVER_LIFECYCLE_H
#define RK_SERVER_LIFECYCLE_H

#include "model/base/status.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

enum rk_phase {
	RK_PHASE_STARTING,
	RK_PHASE_READY,
	RK_PHASE_LEAVING,
	RK_PHASE_CLOSING,
	RK_PHASE_REFUSING,
	RK_PHASE_GONE,
};

struct rk_life {
	atomic_uint phase;     /* enum rk_phase */
	atomic_bool was_ready; /* the first model has turned ready */
	pthread_t thread;
	bool has_thread;
	sigset_t signals;
};

struct rk_server;

static inline enum rk_phase rk_life_phase(const struct rk_life *life)
{
	return (enum rk_phase)atomic_load_explicit(&life->phase, memory_order_acquire);
}

static inline bool rk_life_was_ready(const struct rk_life *life)
{
	return atomic_load_explicit(&life->was_ready, memory_order_acquire);
}

/* Moves on to `phase` unless the life is there or past it already. */
void rk_life_advance(struct rk_life *life, enum rk_phase phase);

/* Marks the models ready: STARTING → READY (a life that is already leaving stays so). */
void rk_life_set_ready(struct rk_life *life);

/* Blocks the signals above in this thread and those that it will make, and ignores SIGPIPE. Call before any thread. */
void rk_life_block_signals(struct rk_life *life);

/* Starts the thread that waits for signals. It ends after the drain, with the life GONE. */
RK_NODISCARD enum rk_status rk_life_watch(struct rk_server *server, struct rk_error *reterr);

/* Waits for that thread. */
void rk_life_join(struct rk_server *server);

#endif
