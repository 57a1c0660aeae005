/*
 * How the I/O thread shares the cores with the workers.
 *
 * A thread that wakes interrupts one that computes; so under overload every request, most of which are refused in
 * microseconds, costs a worker two switches and a part of its caches. While requests are being shed, the I/O thread is
 * SCHED_BATCH: it waits until a worker's slice ends, then takes all that has come. Otherwise it is SCHED_OTHER, which
 * is quicker.
 */
#ifndef RK_SERVER_IO_POLICY_H
#define RK_SERVER_IO_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed is a good start. The I/O thread's own. */
struct rk_io_policy {
	/* private */
	uint64_t shed_ns; /* when the last was shed */
	bool is_batch;
};

/* Told of each request, by the thread itself. Where the system does not let it, nothing changes. */
void rk_io_policy_note(struct rk_io_policy *policy, bool is_shed, uint64_t now_ns);

#endif
