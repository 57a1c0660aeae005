#include "bench/anytime/quality.h"

#include <criterion/criterion.h>
#include <math.h>

static const uint32_t whole[] = {4, 2, 9, 0, 7, 1, 3, 11, 5, 6, 8, 10};
enum { N = sizeof(whole) / sizeof(whole[0]) };

Test(quality, the_same_order_keeps_all)
{
	for (uint32_t n = 1; n <= N; n++) {
		cr_assert_float_eq(rk_quality_ndcg(whole, whole, n), 1, 1e-12);
		cr_assert_float_eq(rk_quality_overlap(whole, whole, n), 1, 1e-12);
	}
}

Test(quality, only_the_first_ten_places_count)
{
	static const uint32_t order[] = {4, 2, 9, 0, 7, 1, 3, 11, 5, 8, 6, 10};
	cr_assert_float_eq(rk_quality_overlap(whole, order, N), 0.9, 1e-12);
	double lost = 1 / log2(11), best = 0;
	for (int place = 0; place < 10; place++)
		best += (10 - place) / log2(place + 2);
	cr_assert_float_eq(rk_quality_ndcg(whole, order, N), 1 - lost / best, 1e-12);
}

Test(quality, a_swap_at_the_top_costs_more_than_one_below)
{
	static const uint32_t top[] = {2, 4, 9, 0, 7, 1, 3, 11, 5, 6, 8, 10};
	static const uint32_t below[] = {4, 2, 9, 0, 7, 1, 3, 11, 6, 5, 8, 10};
	cr_assert_lt(rk_quality_ndcg(whole, top, N), rk_quality_ndcg(whole, below, N));
	cr_assert_lt(rk_quality_ndcg(whole, below, N), 1);
	cr_assert_float_eq(rk_quality_overlap(whole, top, N), 1, 1e-12);
}
