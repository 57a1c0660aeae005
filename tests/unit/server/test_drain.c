#include "server/drain.h"

#include <criterion/criterion.h>

static const struct rk_drain_options options = {.delay_ns = 100, .timeout_ns = 1000, .grace_ns = 50};
static const struct rk_drain_view empty, idle = {.n_connections = 1}, busy = {.n_connections = 1, .is_at_work = true};

static struct rk_drain drain;

static void set_up(void)
{
	rk_drain_begin(&drain, &options, 10000);
}

TestSuite(drain, .init = set_up);

Test(drain, waits_for_the_delay_even_if_nothing_is_there)
{
	cr_assert_eq(rk_drain_step(&drain, 10099, &empty), RK_PHASE_LEAVING);
	cr_assert_eq(rk_drain_step(&drain, 10100, &empty), RK_PHASE_CLOSING);
	cr_assert_eq(rk_drain_step(&drain, 10101, &empty), RK_PHASE_GONE);
	cr_assert(!rk_drain_has_given_up(&drain));
}

Test(drain, waits_for_connections_lingering_sockets_and_work)
{
	static const struct rk_drain_view views[] = {{.n_connections = 1}, {.n_lingering = 1}, {.is_at_work = true}};
	cr_assert_eq(rk_drain_step(&drain, 10100, &empty), RK_PHASE_CLOSING);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(rk_drain_step(&drain, 11099, &views[i]), RK_PHASE_CLOSING);
	cr_assert_eq(rk_drain_step(&drain, 11099, &empty), RK_PHASE_GONE);
}

Test(drain, idle_connections_do_not_hold_it_up_for_longer_than_the_timeout)
{
	(void)rk_drain_step(&drain, 10100, &idle);
	cr_assert_eq(rk_drain_step(&drain, 11100, &idle), RK_PHASE_REFUSING);
	cr_assert_eq(rk_drain_step(&drain, 11101, &idle), RK_PHASE_GONE);
	cr_assert(!rk_drain_has_given_up(&drain));
}

Test(drain, gives_up_what_works_on_after_the_grace)
{
	(void)rk_drain_step(&drain, 10100, &busy);
	cr_assert_eq(rk_drain_step(&drain, 11100, &busy), RK_PHASE_REFUSING);
	cr_assert_eq(rk_drain_step(&drain, 11149, &busy), RK_PHASE_REFUSING);
	cr_assert_eq(rk_drain_step(&drain, 11150, &busy), RK_PHASE_GONE);
	cr_assert(rk_drain_has_given_up(&drain));
}

Test(drain, spans_without_end)
{
	const struct rk_drain_options endless = {.delay_ns = UINT64_MAX, .timeout_ns = UINT64_MAX};
	rk_drain_begin(&drain, &endless, 10000);
	cr_assert_eq(rk_drain_step(&drain, UINT64_MAX - 1, &empty), RK_PHASE_LEAVING);
}

Test(drain, what_a_request_meets)
{
	cr_assert_eq(rk_phase_service(RK_PHASE_STARTING, false), RK_SERVICE_NOT_YET);
	cr_assert_eq(rk_phase_service(RK_PHASE_READY, true), RK_SERVICE_OPEN);
	cr_assert_eq(rk_phase_service(RK_PHASE_LEAVING, true), RK_SERVICE_OPEN);
	cr_assert_eq(rk_phase_service(RK_PHASE_CLOSING, true), RK_SERVICE_OPEN);
	cr_assert_eq(rk_phase_service(RK_PHASE_LEAVING, false), RK_SERVICE_NOT_YET);
	cr_assert_eq(rk_phase_service(RK_PHASE_REFUSING, true), RK_SERVICE_ENDED);
	cr_assert_eq(rk_phase_service(RK_PHASE_GONE, true), RK_SERVICE_ENDED);
}
