/*
 * How the I/O thread shares the cores with the workers.
 *
 * A thread that wakes interrupts one that computes: each request and each answer costs a worker two switches and a part
 * of its caches, and the I/O thread a wake-up of its own. While the queue is crowded or requests are being shed, the
 * I/O thread is SCHED_BATCH: it waits until a worker's slice ends or the queue is empty, then takes all that has come
 * and sends all that is done. What comes would have waited for longer anyway. Otherwise it is SCHED_OTHER, which is
 * quicker.
 */
#ifndef RK_SERVER_IO_POLICY_H
#define RK_SERVER_IO_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed is a good start. The I/O thread's own. */
struct rk_io_policy {
	/* private */
	uint64_t crowded_ns; /* when it last was crowded */
	bool is_batch;
};

/* Told at each request how it found the queue, by the thread itself. Where the system does not let it, nothing changes.
 */
void rk_io_policy_note(struct rk_io_policy *policy, bool is_crowded, uint64_t now_ns);

#endif
