#include "bench/load/mix.h"

#include <stddef.h>
#include <string.h>

/* Quantiles at .05, .10 … 1, each equally likely: MLCommons inference, recommendation/dlrm_v2/pytorch,
 * tools/dist_quantile.txt (the inverse of the cumulative distribution, drawn by the inverse transform). */
static const uint16_t dlrm_v2_quantiles[20] = {
	100, 100, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 300, 300, 400, 500, 600, 700,
};

enum rk_status rk_load_mix_parse(const char *name, struct rk_load_mix *ret_mix, struct rk_error *reterr)
{
	if (strcmp(name, "dlrm-v2") != 0)
		return rk_error_set(reterr, RK_INVALID, "--mix: expected dlrm-v2, found %s", name);
	*ret_mix = (struct rk_load_mix){.kind = RK_LOAD_MIX_DLRM_V2};
	return RK_OK;
}

const char *rk_load_mix_name(const struct rk_load_mix *mix)
{
	switch (mix->kind) {
	case RK_LOAD_MIX_FIXED:
		return "fixed";
	case RK_LOAD_MIX_DLRM_V2:
		return "dlrm-v2";
	case RK_LOAD_MIX_OWN:
	default:
		return "own";
	}
}

uint32_t rk_load_mix_draw(const struct rk_load_mix *mix, struct rk_load_random *random)
{
	const size_t n_quantiles = sizeof(dlrm_v2_quantiles) / sizeof(dlrm_v2_quantiles[0]);
	switch (mix->kind) {
	case RK_LOAD_MIX_FIXED:
		return mix->n;
	case RK_LOAD_MIX_DLRM_V2:
		return dlrm_v2_quantiles[rk_load_random_below(random, n_quantiles)];
	case RK_LOAD_MIX_OWN:
	default:
		return 0;
	}
}
