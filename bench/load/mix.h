/* How many candidates a request carries: as its body has them, a fixed number, or drawn from a distribution. */
#ifndef RK_BENCH_LOAD_MIX_H
#define RK_BENCH_LOAD_MIX_H

#include "bench/load/random.h"
#include "model/base/status.h"

#include <stdint.h>

enum rk_load_mix_kind {
	RK_LOAD_MIX_OWN,     /* as the body has them */
	RK_LOAD_MIX_FIXED,   /* `n` */
	RK_LOAD_MIX_DLRM_V2, /* MLPerf inference, recommendation (DLRM-v2): user-item pairs a sample, 100 … 700, mean
				270 */
};

struct rk_load_mix {
	enum rk_load_mix_kind kind;
	uint32_t n;
};

/* The name of a distribution ("dlrm-v2"); RK_INVALID for another, with the known ones. */
RK_NODISCARD enum rk_status rk_load_mix_parse(const char *name, struct rk_load_mix *ret_mix, struct rk_error *reterr);

/* "own", "fixed" or the distribution's name. */
const char *rk_load_mix_name(const struct rk_load_mix *mix);

/* Candidates of the next request; 0 means the body's own. */
uint32_t rk_load_mix_draw(const struct rk_load_mix *mix, struct rk_load_random *random);

#endif
