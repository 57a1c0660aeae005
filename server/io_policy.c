#include "server/io_policy.h"

#include "server/clock.h"

#include <sched.h>

enum { CALM_MS = 100 }; /* without a refusal: the overload is over */

static void set(struct rk_io_policy *policy, bool is_batch)
{
	struct sched_param none = {0};
	(void)sched_setscheduler(0, is_batch ? SCHED_BATCH : SCHED_OTHER, &none);
	policy->is_batch = is_batch;
}

void rk_io_policy_note(struct rk_io_policy *policy, bool is_shed, uint64_t now_ns)
{
	if (is_shed) {
		policy->shed_ns = now_ns;
		if (!policy->is_batch)
			set(policy, true);
	} else if (policy->is_batch && now_ns - policy->shed_ns > CALM_MS * RK_NS_PER_MS) {
		set(policy, false);
	}
}
