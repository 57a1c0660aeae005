/* Requests rendered before the run, head and body in one piece, so that sending one is a send() and nothing else. */
#ifndef RK_BENCH_LOAD_POOL_H
#define RK_BENCH_LOAD_POOL_H

#include "bench/load/target.h"
#include "model/base/pages.h"
#include "model/base/span.h"
#include "model/base/status.h"

#include <stddef.h>
#include <stdint.h>

enum {
	RK_LOAD_MAX_POOL = 65536,                   /* requests */
	RK_LOAD_MAX_POOL_BYTES = 512 * 1024 * 1024, /* all of them together */
};

struct rk_load_request {
	const char *data;
	size_t size;
};

/* Mean, least and greatest of something over the pool. */
struct rk_load_spread {
	double sum;
	uint64_t min, max;
};

struct rk_load_pool {
	struct rk_load_request *requests; /* [n] */
	size_t n, capacity;
	size_t used_bytes;
	struct rk_load_spread body_bytes, n_candidates;
	char head[1400]; /* up to Content-Length's value */
	struct rk_pages table, text;
};

/* Room for `capacity` requests (≤ RK_LOAD_MAX_POOL) to `target`; `budget_ms` goes into X-Rank-Budget-Ms unless 0.
 * RK_NO_MEMORY. Close with rk_load_pool_close (safe on a zeroed struct). */
RK_NODISCARD enum rk_status rk_load_pool_open(struct rk_load_pool *ret_pool, size_t capacity,
					      const struct rk_load_target *target, double budget_ms,
					      struct rk_error *reterr);
void rk_load_pool_close(struct rk_load_pool *pool);

/* Copies a body in; RK_LIMIT when all together pass RK_LOAD_MAX_POOL_BYTES. */
RK_NODISCARD enum rk_status rk_load_pool_add(struct rk_load_pool *pool, struct rk_bytes body, uint64_t n_candidates,
					     struct rk_error *reterr);

#endif
