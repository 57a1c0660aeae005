#include "server/admission.h"

#include <criterion/criterion.h>

static const struct rk_load idle = {.limit_us = 1000, .n_idle = 2};
static const struct rk_load busy = {.limit_us = 1000};

Test(predictor, finds_a_line)
{
	struct rk_predictor predictor;
	rk_predictor_init(&predictor);
	for (int i = 0; i < 2000; i++) {
		size_t bytes = (size_t)(100 + 37 * i % 9000);
		rk_predictor_learn(&predictor, bytes, 130 + 0.1 * (double)bytes);
	}
	cr_assert_float_eq(predictor.base_us, 130, 1);
	cr_assert_float_eq(predictor.per_byte_us, 0.1, 0.001);
	cr_assert_float_eq(rk_predictor_cost_us(&predictor, 5000), 630, 2);
}

Test(predictor, follows_a_change)
{
	struct rk_predictor predictor;
	rk_predictor_init(&predictor);
	for (int i = 0; i < 5000; i++)
		rk_predictor_learn(&predictor, (size_t)(1000 + i % 7 * 500), 100);
	for (int i = 0; i < 2000; i++)
		rk_predictor_learn(&predictor, (size_t)(1000 + i % 7 * 500), 900);
	cr_assert_float_eq(rk_predictor_cost_us(&predictor, 2000), 900, 5);
}

Test(predictor, bodies_of_one_length_grow_with_it)
{
	struct rk_predictor predictor;
	rk_predictor_init(&predictor);
	for (int i = 0; i < 500; i++)
		rk_predictor_learn(&predictor, 1000, 500);
	cr_assert_float_eq(rk_predictor_cost_us(&predictor, 1000), 500, 1e-6);
	cr_assert_float_eq(rk_predictor_cost_us(&predictor, 2000), 1000, 1e-6);
}

Test(predictor, never_predicts_below_zero)
{
	struct rk_predictor predictor;
	rk_predictor_init(&predictor);
	for (int i = 0; i < 500; i++) { /* longer bodies cost less: noise, or another kind of request */
		rk_predictor_learn(&predictor, 100, 900);
		rk_predictor_learn(&predictor, 9000, 100);
	}
	cr_assert_geq(predictor.per_byte_us, 0);
	cr_assert_geq(predictor.base_us, 0);
	for (int i = 0; i < 500; i++) { /* steeper than through the origin */
		rk_predictor_learn(&predictor, 1000, 1);
		rk_predictor_learn(&predictor, 2000, 1000);
	}
	cr_assert_geq(predictor.base_us, -1e-9);
	cr_assert_geq(rk_predictor_cost_us(&predictor, 0), -1e-9);
}

Test(predictor, empty_bodies_do_no_harm)
{
	struct rk_predictor predictor;
	rk_predictor_init(&predictor);
	for (int i = 0; i < 10; i++)
		rk_predictor_learn(&predictor, 0, 50);
	cr_assert_float_eq(rk_predictor_cost_us(&predictor, 0), 50, 1e-9);
}

Test(admission, an_idle_worker_takes_anything_in_time)
{
	cr_assert_eq(rk_admission_enter(&idle, 1e9, 1), RK_VERDICT_ADMIT, "a wrong prediction must not lock the door");
	cr_assert_eq(rk_admission_enter(&idle, 10, 0), RK_VERDICT_EXPIRED);
	cr_assert_eq(rk_admission_enter(&idle, 10, -5), RK_VERDICT_EXPIRED);
}

Test(admission, the_queue_is_bounded_in_wait)
{
	struct rk_load load = busy;
	load.n_queued = 3;
	load.wait_us = 1000;
	cr_assert_eq(rk_admission_enter(&load, 5000, 1e6), RK_VERDICT_ADMIT, "its own work is not part of its wait");
	load.wait_us = 1001;
	cr_assert_eq(rk_admission_enter(&load, 1, 1e6), RK_VERDICT_QUEUE_FULL);
	load.n_queued = 0;
	cr_assert_eq(rk_admission_enter(&load, 1, 1e6), RK_VERDICT_ADMIT, "one may always wait, if it has the time");
	cr_assert_eq(rk_admission_enter(&load, 1, 900), RK_VERDICT_TOO_LATE);
}

Test(admission, the_wait_counts_against_the_budget)
{
	struct rk_load load = busy;
	load.wait_us = 400;
	cr_assert_eq(rk_admission_enter(&load, 100, 501), RK_VERDICT_ADMIT);
	cr_assert_eq(rk_admission_enter(&load, 100, 499), RK_VERDICT_TOO_LATE);
}

Test(admission, others_take_a_third_of_the_budget_at_most)
{
	struct rk_load load = busy;
	load.n_queued = 2;
	load.wait_us = 400;
	cr_assert_eq(rk_admission_enter(&load, 100, 1201), RK_VERDICT_ADMIT);
	cr_assert_eq(rk_admission_enter(&load, 100, 1199), RK_VERDICT_QUEUE_FULL);
	load.n_queued = 0;
	cr_assert_eq(rk_admission_enter(&load, 100, 1199), RK_VERDICT_ADMIT, "only one's rest is in its way");
}

Test(admission, queued_requests_take_the_idle_workers_first)
{
	struct rk_load load = idle;
	load.n_queued = 2; /* the workers have been woken, but have not come yet */
	load.wait_us = 1001;
	cr_assert_eq(rk_admission_enter(&load, 100, 1e6), RK_VERDICT_QUEUE_FULL);
	load.n_queued = 1;
	cr_assert_eq(rk_admission_enter(&load, 100, 1e6), RK_VERDICT_ADMIT);
}

Test(stretch, is_one_where_nothing_is_known_and_never_less)
{
	struct rk_stretch stretch = {0};
	cr_assert_float_eq(rk_stretch_factor(&stretch), 1, 0);
	for (int i = 0; i < 10; i++)
		rk_stretch_learn(&stretch, &(struct rk_cost){.cpu_us = 100, .wall_us = 99});
	cr_assert_float_eq(rk_stretch_factor(&stretch), 1, 0, "the clocks' grains differ");
}

Test(stretch, weighs_requests_by_their_cost)
{
	struct rk_stretch stretch = {0};
	for (int i = 0; i < 500;
	     i++) { /* a short one that was put aside, many times over, and a long one that was not */
		rk_stretch_learn(&stretch, &(struct rk_cost){.cpu_us = 10, .wall_us = 110});
		rk_stretch_learn(&stretch, &(struct rk_cost){.cpu_us = 990, .wall_us = 990});
	}
	cr_assert_float_eq(rk_stretch_factor(&stretch), 1.1, 0.01);
}

Test(stretch, follows_the_machine_both_ways)
{
	struct rk_stretch stretch = {0};
	for (int i = 0; i < 100; i++)
		rk_stretch_learn(&stretch, &(struct rk_cost){.cpu_us = 500, .wall_us = 1500});
	cr_assert_float_eq(rk_stretch_factor(&stretch), 3, 1e-6);
	for (int i = 0; i < 200; i++)
		rk_stretch_learn(&stretch, &(struct rk_cost){.cpu_us = 500, .wall_us = 500});
	cr_assert_float_eq(rk_stretch_factor(&stretch), 1, 0.01);
}

Test(admission, at_the_worker)
{
	cr_assert_eq(rk_admission_take(1, 100, 0), RK_VERDICT_EXPIRED);
	cr_assert_eq(rk_admission_take(1, 100, 99), RK_VERDICT_TOO_LATE);
	cr_assert_eq(rk_admission_take(1, 100, 101), RK_VERDICT_ADMIT);
	cr_assert_eq(rk_admission_take(0, 100, 99), RK_VERDICT_ADMIT, "nobody else would be served by refusing it");
}
