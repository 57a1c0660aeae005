/*
 * The client: one thread, one epoll loop, keep-alive connections, one request at a time on each.
 *
 * Open loop: requests go out at the schedule's instants whatever the server does. One that finds no free connection
 * waits its turn in the client, and its wait counts: latency is from the intended instant to the answer's last byte
 * ("coordinated omission" does not arise).
 * Closed loop: every connection sends its next request as soon as it has the answer, to find the capacity.
 */
#ifndef RK_BENCH_LOAD_CLIENT_H
#define RK_BENCH_LOAD_CLIENT_H

#include "bench/load/pool.h"
#include "bench/load/sample.h"
#include "bench/load/schedule.h"
#include "bench/load/summary.h"
#include "bench/load/target.h"
#include "model/base/status.h"

enum { RK_LOAD_MAX_CONNECTIONS = 4096 };

struct rk_load_plan {
	const struct rk_load_target *target;
	const struct rk_load_pool *pool;         /* request k sends the pool's k-th, around and around */
	const struct rk_load_schedule *schedule; /* NULL: closed loop */
	uint32_t n_connections;                  /* closed loop: also the requests in flight */
	uint64_t warmup_ns, duration_ns;
	uint64_t timeout_ns; /* from the intended instant; the run ends at most this long after its last request */
	uint64_t spin_ns;    /* poll without sleeping this long before an arrival; 0: sleep until it is due */
};

struct rk_load_client;

/* Opens the connections, one after the other; RK_IO when one cannot be had. Memory for every sample is taken here. */
RK_NODISCARD enum rk_status rk_load_client_open(struct rk_load_client **ret_client, const struct rk_load_plan *plan,
						struct rk_error *reterr);

/* Runs the plan, once. *ret_run is valid until the client is closed. RK_IO when epoll or the timer fail. */
RK_NODISCARD enum rk_status rk_load_client_run(struct rk_load_client *client, struct rk_load_run *ret_run,
					       struct rk_error *reterr);

/* NULL is fine. */
void rk_load_client_close(struct rk_load_client *client);

#endif
