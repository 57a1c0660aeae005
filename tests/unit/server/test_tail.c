#include "server/clock.h"
#include "server/tail.h"

#include <criterion/criterion.h>

static struct rk_tail tail; /* zero; a test is a process */
static const uint64_t start_ns = 1000 * RK_NS_PER_S;

/* n answers over a second from `from_s` on; one in `one_in` of them is slow. */
static void answer(double from_s, int n, int one_in, uint64_t slow_us)
{
	for (int i = 0; i < n; i++) {
		uint64_t at_ns = start_ns + (uint64_t)((from_s + (double)i / n) * (double)RK_NS_PER_S);
		rk_tail_add(&tail, at_ns, (i % one_in == 0 ? slow_us : 1000) * RK_NS_PER_US);
	}
}

static uint64_t after(double seconds)
{
	return start_ns + (uint64_t)(seconds * (double)RK_NS_PER_S);
}

Test(tail, finds_the_percentile_of_a_span)
{
	cr_assert_lt(rk_tail_p99_us(&tail, after(0), after(1)), 0, "nothing is known");
	answer(0, 1000, 50, 20000);
	answer(1, 1000, 200, 20000);
	cr_assert_float_eq(rk_tail_p99_us(&tail, after(0), after(1)), 20000, 400);
	cr_assert_float_eq(rk_tail_p99_us(&tail, after(1), after(2)), 1000, 20, "half a percent is slow");
	cr_assert_lt(rk_tail_p99_us(&tail, after(3), after(9)), 0);
}

Test(tail, durations_of_every_size)
{
	for (uint64_t us = 1; us < 1000000000; us = us * 3 / 2 + 1) {
		static struct rk_tail one;
		one = (struct rk_tail){0};
		for (int i = 0; i < RK_TAIL_LEAST_SAMPLES; i++)
			rk_tail_add(&one, start_ns, us * RK_NS_PER_US);
		double found_us = rk_tail_p99_us(&one, start_ns, start_ns + RK_NS_PER_S);
		cr_assert_float_eq(found_us, (double)us, 0.01 * (double)us + 0.01, "%f for %llu", found_us,
				   (unsigned long long)us);
	}
}

Test(tail, instants_wrap_around)
{
	uint64_t wrap_ns = (UINT64_C(1) << 32) * RK_NS_PER_MS;
	for (int i = 0; i < 200; i++)
		rk_tail_add(&tail, wrap_ns - RK_NS_PER_S + (uint64_t)i * 10 * RK_NS_PER_MS, 5 * RK_NS_PER_MS);
	cr_assert_float_eq(rk_tail_p99_us(&tail, wrap_ns - RK_NS_PER_S, wrap_ns + RK_NS_PER_S), 5000, 100);
}

Test(tail, measures_what_a_reload_did)
{
	answer(0, 1000, 50, 4000);
	rk_tail_begin(&tail, after(1));
	cr_assert_eq(rk_tail_due_ns(&tail), UINT64_MAX, "nothing is swapped yet");
	answer(1, 1000, 50, 9000);
	rk_tail_swapped(&tail, after(1.5));
	rk_tail_ended(&tail);
	cr_assert_eq(rk_tail_due_ns(&tail), after(1.5 + RK_TAIL_WINDOW_S));
	cr_assert(!rk_tail_measure(&tail, after(2)));
	cr_assert(rk_tail_measure(&tail, after(7)));
	cr_assert_float_eq(rk_tail_delta_s(&tail), 0.005, 0.0002);
	cr_assert_eq(rk_tail_due_ns(&tail), UINT64_MAX);
}

Test(tail, a_load_that_failed_is_not_measured)
{
	answer(0, 1000, 50, 4000);
	rk_tail_begin(&tail, after(1));
	rk_tail_ended(&tail);
	answer(1, 1000, 50, 9000);
	cr_assert_eq(rk_tail_due_ns(&tail), UINT64_MAX);
	rk_tail_swapped(&tail, after(2)); /* the first load at the start is not one that replaces */
	cr_assert_eq(rk_tail_due_ns(&tail), UINT64_MAX);
	cr_assert_float_eq(rk_tail_delta_s(&tail), 0, 0);
}

Test(tail, the_next_load_brings_a_measurement_to_its_end)
{
	answer(0, 1000, 50, 9000);
	rk_tail_begin(&tail, after(1));
	rk_tail_swapped(&tail, after(1));
	answer(1, 1000, 50, 4000);
	rk_tail_begin(&tail, after(2));
	cr_assert_float_eq(rk_tail_delta_s(&tail), -0.005, 0.0002);
}
