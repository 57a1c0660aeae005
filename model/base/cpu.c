#include "model/base/cpu.h"

#include <string.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

static const char *const tier_names[] = {
#define RK_CPU_TIER_NAME(name, text) text,
	RK_CPU_TIER_TABLE(RK_CPU_TIER_NAME)
#undef RK_CPU_TIER_NAME
};

enum { N_TIERS = sizeof(tier_names) / sizeof(tier_names[0]) };

enum rk_cpu_tier rk_cpu_detect(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
		return RK_CPU_AVX512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return RK_CPU_AVX2;
#endif
	return RK_CPU_SCALAR;
}

const char *rk_cpu_tier_name(enum rk_cpu_tier tier)
{
	size_t index = (size_t)tier;
	return index < N_TIERS ? tier_names[index] : "unknown";
}

enum rk_status rk_cpu_choose(const char *name, enum rk_cpu_tier *ret_tier, struct rk_error *reterr)
{
	enum rk_cpu_tier best = rk_cpu_detect();
	if (strcmp(name, "auto") == 0) {
		*ret_tier = best;
		return RK_OK;
	}
	for (size_t i = 0; i < N_TIERS; i++) {
		if (strcmp(name, tier_names[i]) != 0)
			continue;
		if (i > (size_t)best)
			return rk_error_set(reterr, RK_INVALID, "this processor has no %s; its best tier is %s", name,
					    tier_names[best]);
		*ret_tier = (enum rk_cpu_tier)i;
		return RK_OK;
	}
	return rk_error_set(reterr, RK_INVALID, "expected auto, scalar, avx2 or avx512");
}

void rk_cpu_flush_denormals(void)
{
#if defined(__x86_64__)
	enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };
	_mm_setcsr(_mm_getcsr() | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
#endif
}
