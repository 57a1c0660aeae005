/*
 * The plan: where every intermediate of a ranking lies in a worker's scratch, computed once at load from the config
 * and the limits, so that a request allocates nothing and the memory that serving takes is known before it starts.
 */
#ifndef RK_MODEL_PLAN_H
#define RK_MODEL_PLAN_H

#include "model/config.h"

#include <stddef.h>
#include <stdint.h>

/* The server's limits on one request. */
struct rk_limits {
	uint32_t max_candidates;
	uint32_t max_events;
};

struct rk_plan {
	struct rk_limits limits;
	uint32_t block_rows; /* candidates scored at a time */
	size_t bytes;        /* scratch of one worker */
};

struct rk_scratch; /* model/scratch.h, private to model/ */

#endif
