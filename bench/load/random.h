/* The client's random numbers: one 64-bit state, the same sequence for the same seed on every machine. Not for secrets.
 * Generator: SplitMix64, G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators" (2014). */
#ifndef RK_BENCH_LOAD_RANDOM_H
#define RK_BENCH_LOAD_RANDOM_H

#include <stdint.h>

struct rk_load_random {
	uint64_t state; /* the seed to begin with; any value is fine */
};

uint64_t rk_load_random_next(struct rk_load_random *random);

/* Uniform in 0 < x ≤ 1, steps of 2^-53. */
double rk_load_random_unit(struct rk_load_random *random);

/* Exponential with the given mean, ≥ 0. */
double rk_load_random_exponential(struct rk_load_random *random, double mean);

/* Uniform in 0 … n − 1; n must not be 0. */
uint64_t rk_load_random_below(struct rk_load_random *random, uint64_t n);

#endif
