/* The arrivals of an open-loop run: fixed before it begins, so that nothing the server does can change them. */
#ifndef RK_BENCH_LOAD_SCHEDULE_H
#define RK_BENCH_LOAD_SCHEDULE_H

#include "model/base/pages.h"
#include "model/base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { RK_LOAD_MAX_REQUESTS = 8 * 1000 * 1000 }; /* a run, warm-up included */

enum rk_load_process {
	RK_LOAD_POISSON,  /* exponential gaps of mean 1/rate */
	RK_LOAD_CONSTANT, /* gaps of 1/rate, the first at 1/rate */
};

struct rk_load_schedule {
	const uint64_t *arrivals_ns; /* [n], from the start of the run, ascending, all < span_ns */
	size_t n;
	struct rk_pages pages;
};

/* `rate` in requests/s, > 0; `span_ns` = warm-up and measured time together. RK_LIMIT when more than
 * RK_LOAD_MAX_REQUESTS would arrive, RK_NO_MEMORY. Close with rk_load_schedule_close. */
RK_NODISCARD enum rk_status rk_load_schedule_open(struct rk_load_schedule *ret_schedule, enum rk_load_process process,
						  double rate, uint64_t span_ns, uint64_t seed,
						  struct rk_error *reterr);

/* Safe on a zeroed struct. */
void rk_load_schedule_close(struct rk_load_schedule *schedule);

#endif
