/*
 * The plan: where every intermediate of a ranking lies in a worker's scratch, computed once at load from the config
 * and the limits, so that a request allocates nothing and the memory that serving takes is known before it starts.
 */
#ifndef RK_MODEL_PLAN_H
#define RK_MODEL_PLAN_H

#include "model/base/status.h"
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

	/* Sizes that follow from the config and the limits; private to model/. Each fits an int, as BLAS wants. */
	uint32_t chunk_rows;                    /* events encoded at a time */
	uint32_t max_used_events;               /* L at most */
	uint32_t max_selected[RK_N_POLARITIES]; /* events of S at most; 0 where no candidate attends to it */
	uint32_t max_read_events;               /* rows of H that anything reads, at most */
	uint32_t user_columns;                  /* of [u ; c] */
	uint32_t candidate_columns;             /* of [e ; u⊙e ; t⁺ ; t⁻ ; f]; dot: of [e] */
	uint32_t first_outputs;                 /* of all layers that read z_i; dot: 0 */
	uint32_t widest_layer;                  /* of the hidden layers, towers too; dot: 0 */
	uint32_t expert_columns;                /* mmoe: n_experts × last hidden, else 0 */
};

struct rk_scratch; /* model/scratch.h, private to model/ */

/* Computes all sizes. RK_LIMIT names the size that does not fit; *ret_plan is then as it was. */
RK_NODISCARD enum rk_status rk_plan_init(struct rk_plan *ret_plan, const struct rk_config *config,
					 const struct rk_limits *limits, struct rk_error *reterr);

#endif
