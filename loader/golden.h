/*
 * The self-test of a version before it serves: golden.jsonl (what the training framework computed) and warmup.jsonl.
 *
 * The request decoder and the reply writer stand above the loader, so the caller hands in the way to rank one body.
 * Expected answers are compared with the reply's JSON item by item (matched by id, not by place: near ties may swap);
 * only what `expected` lists is compared. So the golden check covers the wire both ways.
 */
#ifndef RK_LOADER_GOLDEN_H
#define RK_LOADER_GOLDEN_H

#include "loader/version.h"

/* Ranks the /rank body `request` on `version` (not pinned) and returns the reply's body, valid until the next call.
 * A body that is refused is an error whose message says why. */
typedef enum rk_status (*rk_rank_body_fn)(void *context, struct rk_version *version, struct rk_bytes request,
					  struct rk_bytes *ret_reply, struct rk_error *reterr);

/* Runs golden.jsonl of the folder `path`, if there is one: every score, signal and term in `expected` must agree
 * within the config's golden_tolerance, relative to max(1, |expected|); null must meet null or nothing. `unknown` must
 * be the same, and so must the counts of `expected.history`, if it is there. Fills report.n_golden and
 * parity_max_error. RK_MISMATCH names line, item, field, expected, found; RK_MALFORMED/RK_INVALID name the line. The
 * request's top_k is left out when it is replayed, so that near ties at the cut do not matter. */
RK_NODISCARD enum rk_status rk_golden_check(struct rk_version *version, const char *path, rk_rank_body_fn rank,
					    void *context, struct rk_error *reterr);

/* Replays warmup.jsonl of the folder `path`, if there is one. A line that is refused is an error: RK_INVALID. */
RK_NODISCARD enum rk_status rk_warmup_run(struct rk_version *version, const char *path, rk_rank_body_fn rank,
					  void *context, struct rk_error *reterr);

#endif
