#include "server/clock.h"
#include "server/io_policy.h"

#include <criterion/criterion.h>
#include <sched.h>

Test(io_policy, yields_while_requests_are_shed_and_for_a_moment_after)
{
	struct rk_io_policy policy = {0};
	const uint64_t start_ns = 1000 * RK_NS_PER_S;
	rk_io_policy_note(&policy, false, start_ns);
	cr_assert_eq(sched_getscheduler(0), SCHED_OTHER);
	rk_io_policy_note(&policy, true, start_ns);
	cr_assert_eq(sched_getscheduler(0), SCHED_BATCH);
	rk_io_policy_note(&policy, false, start_ns + 100 * RK_NS_PER_MS);
	cr_assert_eq(sched_getscheduler(0), SCHED_BATCH);
	rk_io_policy_note(&policy, false, start_ns + 101 * RK_NS_PER_MS);
	cr_assert_eq(sched_getscheduler(0), SCHED_OTHER);
}
