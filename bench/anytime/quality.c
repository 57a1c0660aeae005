#include "bench/anytime/quality.h"

#include <math.h>

static uint32_t places_of(uint32_t n)
{
	return n < RK_QUALITY_PLACES ? n : RK_QUALITY_PLACES;
}

/* k − q for the whole order's candidate at place q < k, else 0. */
static double gain_of(const uint32_t *whole, uint32_t n_places, uint32_t candidate)
{
	for (uint32_t place = 0; place < n_places; place++)
		if (whole[place] == candidate)
			return n_places - place;
	return 0;
}

double rk_quality_overlap(const uint32_t *whole, const uint32_t *order, uint32_t n)
{
	uint32_t n_places = places_of(n), n_kept = 0;
	for (uint32_t place = 0; place < n_places; place++)
		n_kept += gain_of(whole, n_places, order[place]) > 0;
	return (double)n_kept / n_places;
}

double rk_quality_ndcg(const uint32_t *whole, const uint32_t *order, uint32_t n)
{
	uint32_t n_places = places_of(n);
	double found = 0, best = 0;
	for (uint32_t place = 0; place < n_places; place++) {
		found += gain_of(whole, n_places, order[place]) / log2(place + 2);
		best += gain_of(whole, n_places, whole[place]) / log2(place + 2);
	}
	return found / best;
}
