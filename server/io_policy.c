#include "server/io_policy.h"

#include "server/clock.h"

#include <sched.h>

enum { CALM_MS = 10 }; /* without a crowd: it is over, and answers are to go out at once */

static void set(struct rk_io_policy *policy, bool is_batch)
{
	struct sched_param none = {0};
	(void)sched_setscheduler(0, is_batch ? SCHED_BATCH : SCHED_OTHER, &none);
	policy->is_batch = is_batch;
}

void rk_io_policy_note(struct rk_io_policy *policy, bool is_crowded, uint64_t now_ns)
{
	if (is_crowded) {
		policy->crowded_ns = now_ns;
		if (!policy->is_batch)
			set(policy, true);
	} else if (policy->is_batch && now_ns - policy->crowded_ns > CALM_MS * RK_NS_PER_MS) {
		set(policy, false);
	}
}
