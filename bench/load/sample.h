/* What became of one request. All samples of a run are kept; times in ns from the run's start. */
#ifndef RK_BENCH_LOAD_SAMPLE_H
#define RK_BENCH_LOAD_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rk_load_outcome {
	RK_LOAD_WAITING,   /* for a free connection */
	RK_LOAD_IN_FLIGHT, /* being sent or answered */
	RK_LOAD_ANSWERED,  /* whole; `status` says how */
	RK_LOAD_RESET,     /* the connection ended before the answer did */
	RK_LOAD_MALFORMED, /* the answer was not HTTP as the client speaks it */
	RK_LOAD_TIMEOUT,   /* no whole answer in time, also where no connection came free */
};

struct rk_load_sample {
	uint64_t intended_ns; /* when it had to go out: the latency counts from here */
	uint64_t noticed_ns;  /* when the client saw that it was due: the client's own lateness */
	uint64_t sent_ns;     /* when its first byte was handed to the kernel; 0 if never */
	uint64_t done_ns;     /* the last byte of the answer, or the failure */
	uint32_t connection;  /* while IN_FLIGHT */
	uint16_t status;
	uint8_t outcome; /* enum rk_load_outcome */
	bool is_degraded;
};

/*
 * Exact percentile by nearest rank: the least value that at least `share` (0 < share ≤ 1) of all are not above.
 * `sorted` ascending; `n_beyond` further ones count as greater than all of them. NAN where there is nothing at all,
 * INFINITY where the rank falls among those beyond.
 */
double rk_load_percentile(const uint64_t *sorted, size_t n, size_t n_beyond, double share);

#endif
