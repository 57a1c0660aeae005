/* Instants are summed in double seconds: over an hour the sum's rounding stays far below a nanosecond. */
#include "bench/load/schedule.h"

#include "bench/load/random.h"
#include "model/base/check.h"

#include <math.h>

enum rk_status rk_load_schedule_open(struct rk_load_schedule *ret_schedule, enum rk_load_process process, double rate,
				     uint64_t span_ns, uint64_t seed, struct rk_error *reterr)
{
	RK_ASSERT(rate > 0);
	const double expected = rate * (double)span_ns * 1e-9;
	/* ten standard deviations above the mean of a Poisson count: the draw below does not get there */
	const double room = ceil(expected + 10 * sqrt(expected) + 32);
	if (room > RK_LOAD_MAX_REQUESTS)
		return rk_error_set(reterr, RK_LIMIT, "rate times duration: expected at most %d requests, found %.0f",
				    RK_LOAD_MAX_REQUESTS, room);
	struct rk_pages pages;
	const size_t capacity = (size_t)room;
	const enum rk_status status = rk_pages_open(&pages, capacity * sizeof(uint64_t), reterr);
	if (status != RK_OK)
		return status;

	uint64_t *arrivals_ns = pages.base;
	struct rk_load_random random = {.state = seed};
	size_t n = 0;
	for (double at_s = 0; n < capacity; n++) {
		/* a product, not a sum: constant arrivals do not drift */
		at_s = process == RK_LOAD_POISSON ? at_s + rk_load_random_exponential(&random, 1 / rate)
						  : (double)(n + 1) / rate;
		const uint64_t at_ns = (uint64_t)(at_s * 1e9);
		if (at_ns >= span_ns)
			break;
		arrivals_ns[n] = at_ns;
	}
	*ret_schedule = (struct rk_load_schedule){.arrivals_ns = arrivals_ns, .n = n, .pages = pages};
	return RK_OK;
}

void rk_load_schedule_close(struct rk_load_schedule *schedule)
{
	rk_pages_close(&schedule->pages);
	*schedule = (struct rk_load_schedule){0};
}
