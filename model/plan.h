/*
 * The plan: where every intermediate of a ranking lies in a worker's scratch, computed once at load from the config
 * and the limits, so that a request allocates nothing and the memory that serving takes is known before it starts.
 */
#ifndef RK_MODEL_PLAN_H
#define RK_MODEL_PLAN_H

#include "model/base/cpu.h"
#include "model/base/status.h"
#include "model/config.h"

#include <stddef.h>
#include <stdint.h>

/* The server's limits on one request. */
struct rk_limits {
	uint32_t max_candidates;
	uint32_t max_events;
};

/* What products are made of (model/kernels/kernels.h): bfloat16 where the model asks for it; float weights in digits
 * where the tier has them; else floats. */
enum rk_form { RK_FORM_FLOATS, RK_FORM_HALVES, RK_FORM_DIGITS };

struct rk_plan {
	struct rk_limits limits;
	uint32_t block_rows; /* candidates scored at a time: the lanes of a panel */
	size_t bytes;        /* scratch of one worker */

	/* What follows from the config, the limits and the tier; private to model/. */
	enum rk_form form;
	uint32_t max_used_events;               /* L at most */
	uint32_t max_selected[RK_N_POLARITIES]; /* events of S at most; 0 where no candidate attends to it */
	uint32_t max_read_events;               /* events whose H is read, at most */
	uint32_t max_folded_rows; /* |S| · T up to which the attention's values may fold into the ranker */
	uint32_t fixed_rows;      /* rows of the block's panel ahead of e: dcn_v2's u, c, u⊙e */
	uint32_t candidate_rows;  /* rows from e on: e, f, both polarities at their largest; even */
	uint32_t layer_rows;      /* widest output of any layer of the ranker, mmoe: of all experts */
	uint32_t tower_rows;      /* mmoe: widest hidden layer of a tower */
};

struct rk_scratch; /* model/scratch.h, private to model/ */

/* Computes all sizes. RK_LIMIT names the size that does not fit; *ret_plan is then as it was. */
RK_NODISCARD enum rk_status rk_plan_init(struct rk_plan *ret_plan, const struct rk_config *config,
					 const struct rk_limits *limits, enum rk_cpu_tier tier,
					 struct rk_error *reterr);

#endif
