/*
 * The end of the server's life as steps in time: pure, given the instant and what is still there. server/lifecycle.c
 * drives it by the clock, tests/sim by a clock of its own.
 *
 *     LEAVING --delay--> CLOSING --nothing left--> GONE
 *                           └----timeout----> REFUSING --no work left--> GONE
 *                                                └------grace------> given up
 */
#ifndef RK_SERVER_DRAIN_H
#define RK_SERVER_DRAIN_H

#include "server/lifecycle.h"

#include <stdint.h>

struct rk_drain_options {
	uint64_t delay_ns;   /* serves on as if nothing had happened: new connections still come */
	uint64_t timeout_ns; /* then waits for what is there, at most so long */
	uint64_t grace_ns;   /* then for what is being computed */
};

/* What is still there. */
struct rk_drain_view {
	uint32_t n_connections, n_lingering;
	bool is_at_work; /* a request is queued or computed, or a model is being loaded */
};

struct rk_drain {
	/* private */
	struct rk_drain_options options;
	enum rk_phase phase;
	uint64_t until_ns;
	bool is_given_up;
};

void rk_drain_begin(struct rk_drain *ret_drain, const struct rk_drain_options *options, uint64_t now_ns);

/* One look; returns the phase from now on. From RK_PHASE_CLOSING on no connection may be accepted, from
 * RK_PHASE_REFUSING on no request be taken. RK_PHASE_GONE: the end, in order unless rk_drain_has_given_up. */
enum rk_phase rk_drain_step(struct rk_drain *drain, uint64_t now_ns, const struct rk_drain_view *view);

/* Work was left when the time was up: the process cannot be taken down in order. */
bool rk_drain_has_given_up(const struct rk_drain *drain);

/* What a request for ranking meets. */
enum rk_service { RK_SERVICE_OPEN, RK_SERVICE_NOT_YET, RK_SERVICE_ENDED };
enum rk_service rk_phase_service(enum rk_phase phase, bool was_ready);

#endif
