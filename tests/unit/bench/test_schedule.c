#include "bench/load/schedule.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const uint64_t second_ns = 1000000000;

static struct rk_load_schedule open_schedule(enum rk_load_process process, double rate, uint64_t span_ns, uint64_t seed)
{
	struct rk_load_schedule schedule;
	cr_assert_eq(rk_load_schedule_open(&schedule, process, rate, span_ns, seed, NULL), RK_OK);
	return schedule;
}

Test(load_schedule, constant_gaps_do_not_drift)
{
	struct rk_load_schedule schedule = open_schedule(RK_LOAD_CONSTANT, 3000, 100 * second_ns, 1);
	cr_assert_eq(schedule.n, 3000 * 100 - 1);
	for (size_t i = 0; i < schedule.n; i++)
		cr_assert_float_eq((double)schedule.arrivals_ns[i], (double)(i + 1) * 1e9 / 3000, 1.5);
	rk_load_schedule_close(&schedule);
}

Test(load_schedule, poisson_gaps_have_the_exponential_distribution)
{
	const double rate = 2000;
	struct rk_load_schedule schedule = open_schedule(RK_LOAD_POISSON, rate, 100 * second_ns, 42);
	const double n = (double)schedule.n;
	cr_assert_float_eq(n, 200000, 5 * sqrt(200000));
	/* the share of gaps above k means is e^-k, and of a second's counts the variance is their mean */
	size_t above[4] = {0};
	double counts[100] = {0};
	for (size_t i = 1; i < schedule.n; i++) {
		cr_assert(schedule.arrivals_ns[i] >= schedule.arrivals_ns[i - 1]);
		const double gap = (double)(schedule.arrivals_ns[i] - schedule.arrivals_ns[i - 1]) * 1e-9 * rate;
		for (size_t k = 0; k < 4; k++)
			above[k] += gap > (double)k + 0.5;
		counts[schedule.arrivals_ns[i] / second_ns]++;
	}
	for (size_t k = 0; k < 4; k++) {
		const double share = exp(-(double)k - 0.5);
		cr_assert_float_eq((double)above[k] / n, share, 5 * sqrt(share * (1 - share) / n), "gaps above %zu", k);
	}
	double variance = 0;
	for (size_t s = 0; s < 100; s++)
		variance += (counts[s] - n / 100) * (counts[s] - n / 100) / 99;
	/* the standard error of a variance from 100 counts is 14 % */
	cr_assert(variance > 0.4 * rate && variance < 1.7 * rate, "variance %f", variance);
	rk_load_schedule_close(&schedule);
}

Test(load_schedule, the_seed_determines_it)
{
	struct rk_load_schedule a = open_schedule(RK_LOAD_POISSON, 500, 10 * second_ns, 5);
	struct rk_load_schedule b = open_schedule(RK_LOAD_POISSON, 500, 10 * second_ns, 5);
	struct rk_load_schedule c = open_schedule(RK_LOAD_POISSON, 500, 10 * second_ns, 6);
	cr_assert_eq(a.n, b.n);
	cr_assert_arr_eq(a.arrivals_ns, b.arrivals_ns, a.n * sizeof(a.arrivals_ns[0]));
	cr_assert_neq(memcmp(a.arrivals_ns, c.arrivals_ns, 100 * sizeof(a.arrivals_ns[0])), 0);
	rk_load_schedule_close(&a);
	rk_load_schedule_close(&b);
	rk_load_schedule_close(&c);
}

Test(load_schedule, all_lie_in_the_span)
{
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct rk_load_schedule schedule = open_schedule(RK_LOAD_POISSON, 100, second_ns, seed);
		cr_assert_gt(schedule.n, 0);
		cr_assert_lt(schedule.arrivals_ns[schedule.n - 1], second_ns);
		rk_load_schedule_close(&schedule);
	}
}

Test(load_schedule, may_be_empty)
{
	struct rk_load_schedule schedule = open_schedule(RK_LOAD_CONSTANT, 1, second_ns / 2, 1);
	cr_assert_eq(schedule.n, 0);
	rk_load_schedule_close(&schedule);
}

Test(load_schedule, refuses_more_than_the_limit)
{
	struct rk_load_schedule schedule;
	struct rk_error error;
	cr_assert_eq(rk_load_schedule_open(&schedule, RK_LOAD_POISSON, 1e6, 10 * second_ns, 1, &error), RK_LIMIT);
	cr_assert_not_null(strstr(error.message, "8000000"));
}
