/*
 * The ladder: which table serves a tier. Above AVX-512 stand two steps that only the bfloat16 product climbs, where the
 * processor has the instructions (and, for AMX, the system lets the process use the tiles).
 */
#include "model/kernels/kernels.h"

extern const struct rk_kernels rk_scalar_kernels;
#if defined(RK_X86_TIERS)
extern const struct rk_kernels rk_avx2_kernels, rk_avx512_kernels, rk_avx512_bf16_kernels, rk_avx512_amx_kernels;
#endif

const struct rk_kernels *const *rk_kernels_steps(void)
{
	static const struct rk_kernels *steps[RK_N_STEPS];
#if defined(RK_X86_TIERS)
	if (steps[0] == NULL && rk_cpu_detect() == RK_CPU_AVX512) {
		steps[2] = rk_cpu_has_amx() ? &rk_avx512_amx_kernels : NULL;
		steps[1] = rk_cpu_has_bf16() ? &rk_avx512_bf16_kernels : NULL;
		steps[0] = &rk_avx512_kernels;
	}
#endif
	return steps;
}

const struct rk_kernels *rk_kernels_of(enum rk_cpu_tier tier)
{
#if defined(RK_X86_TIERS)
	if (tier == RK_CPU_AVX512) {
		const struct rk_kernels *const *steps = rk_kernels_steps();
		return steps[2] != NULL ? steps[2] : steps[1] != NULL ? steps[1] : steps[0];
	}
	if (tier == RK_CPU_AVX2)
		return &rk_avx2_kernels;
#else
	(void)tier;
#endif
	return &rk_scalar_kernels;
}
