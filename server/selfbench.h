/*
 * How many requests this machine can rank: a model's warm-up requests, ranked in turn by as many threads as there will
 * be workers, each with its own scratch, for a while. What HTTP costs is not in it.
 */
#ifndef RK_SERVER_SELFBENCH_H
#define RK_SERVER_SELFBENCH_H

#include "server/job.h"

struct rk_selfbench_result {
	uint32_t n_bodies;     /* different requests; 0: the folder has no warmup.jsonl, and nothing was measured */
	uint64_t n_requests;   /* ranked by all threads */
	double requests_per_s; /* all threads together */
	double mean_us;        /* of a request, on its thread */
	double mean_candidates;
};

/* `version` has a scratch for each of the n_threads, and no other user. */
RK_NODISCARD enum rk_status rk_selfbench_run(struct rk_version *version, const char *path,
					     const struct rk_request_limits *limits, uint32_t n_threads, double seconds,
					     struct rk_selfbench_result *ret_result, struct rk_error *reterr);

#endif
