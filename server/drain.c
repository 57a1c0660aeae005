#include "server/drain.h"

static uint64_t later(uint64_t now_ns, uint64_t span_ns)
{
	return span_ns < UINT64_MAX - now_ns ? now_ns + span_ns : UINT64_MAX;
}

void rk_drain_begin(struct rk_drain *ret_drain, const struct rk_drain_options *options, uint64_t now_ns)
{
	*ret_drain = (struct rk_drain){
		.options = *options, .phase = RK_PHASE_LEAVING, .until_ns = later(now_ns, options->delay_ns)};
}

static void enter(struct rk_drain *drain, enum rk_phase phase, uint64_t until_ns)
{
	drain->phase = phase;
	drain->until_ns = until_ns;
}

enum rk_phase rk_drain_step(struct rk_drain *drain, uint64_t now_ns, const struct rk_drain_view *view)
{
	bool is_over = now_ns >= drain->until_ns;
	switch (drain->phase) {
	case RK_PHASE_LEAVING:
		if (is_over)
			enter(drain, RK_PHASE_CLOSING, later(now_ns, drain->options.timeout_ns));
		break;
	case RK_PHASE_CLOSING:
		if (view->n_connections == 0 && view->n_lingering == 0 && !view->is_at_work)
			enter(drain, RK_PHASE_GONE, 0);
		else if (is_over)
			enter(drain, RK_PHASE_REFUSING, later(now_ns, drain->options.grace_ns));
		break;
	case RK_PHASE_REFUSING:
		if (view->is_at_work && !is_over)
			break;
		drain->is_given_up = view->is_at_work;
		enter(drain, RK_PHASE_GONE, 0);
		break;
	case RK_PHASE_STARTING:
	case RK_PHASE_READY:
	case RK_PHASE_GONE:
		break;
	}
	return drain->phase;
}

bool rk_drain_has_given_up(const struct rk_drain *drain)
{
	return drain->is_given_up;
}

enum rk_service rk_phase_service(enum rk_phase phase, bool was_ready)
{
	if (phase >= RK_PHASE_REFUSING)
		return RK_SERVICE_ENDED;
	return was_ready ? RK_SERVICE_OPEN : RK_SERVICE_NOT_YET;
}
