#include "bench/load/random.h"

#include "model/base/check.h"

#include <math.h>

uint64_t rk_load_random_next(struct rk_load_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ULL;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

double rk_load_random_unit(struct rk_load_random *random)
{
	return (double)((rk_load_random_next(random) >> 11) + 1) * 0x1p-53;
}

double rk_load_random_exponential(struct rk_load_random *random, double mean)
{
	return -log(rk_load_random_unit(random)) * mean;
}

uint64_t rk_load_random_below(struct rk_load_random *random, uint64_t n)
{
	RK_ASSERT(n > 0);
	/* what is refused would make the low remainders more frequent */
	const uint64_t refused = (0 - n) % n;
	for (;;) {
		const uint64_t draw = rk_load_random_next(random);
		if (draw >= refused)
			return draw % n;
	}
}
