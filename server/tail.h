/*
 * The durations of the last answers, and what a reload did to their tail: the 99th percentile from the beginning of a
 * load until a while after its swap, less that of the while before. Any thread adds without a lock; one thread at a
 * time (the reloader's) measures.
 */
#ifndef RK_SERVER_TAIL_H
#define RK_SERVER_TAIL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { RK_TAIL_SAMPLES = 65536, RK_TAIL_WINDOW_S = 5, RK_TAIL_LEAST_SAMPLES = 100 };

struct rk_tail {
	/* private */
	atomic_uint_fast64_t samples[RK_TAIL_SAMPLES]; /* instant in ms << 32 | duration in µs; 0: none yet */
	atomic_uint_fast64_t n;
	atomic_int_fast64_t delta_us;
	/* the measuring thread's */
	uint64_t begin_ns, swap_ns; /* 0: no load, no swap */
	double before_us;           /* below 0: unknown */
};

/* An answer that took duration_ns. A zeroed struct is a good start. */
void rk_tail_add(struct rk_tail *tail, uint64_t now_ns, uint64_t duration_ns);

/* The 99th percentile in µs (within 2 %) of the answers given in [from_ns, to_ns), as far as they are remembered; below
 * 0 if there are fewer than RK_TAIL_LEAST_SAMPLES. */
double rk_tail_p99_us(const struct rk_tail *tail, uint64_t from_ns, uint64_t to_ns);

/* A load begins: what came before is what it is compared with. A measurement that still waits is brought to its end. */
void rk_tail_begin(struct rk_tail *tail, uint64_t now_ns);

/* The load that has begun has swapped a version in, or has ended without (then nothing is measured). */
void rk_tail_swapped(struct rk_tail *tail, uint64_t now_ns);
void rk_tail_ended(struct rk_tail *tail);

/* Instant at which rk_tail_measure has something to do; UINT64_MAX: none. */
uint64_t rk_tail_due_ns(const struct rk_tail *tail);

/* Measures if it is time to; false if not, or if too few answers were given. */
bool rk_tail_measure(struct rk_tail *tail, uint64_t now_ns);

/* The last rise that was measured; 0 before. */
double rk_tail_delta_s(const struct rk_tail *tail);

#endif
