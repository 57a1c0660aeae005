/*
 * The ladder: which table serves a tier. Within AVX-512 there is a step that only the bfloat16 product climbs, where
 * the processor has the instructions.
 */
#include "model/kernels/kernels.h"

extern const struct rk_kernels rk_scalar_kernels;
#if defined(RK_X86_TIERS)
extern const struct rk_kernels rk_avx2_kernels, rk_avx512_kernels, rk_avx512_bf16_kernels, rk_amx_kernels;
#endif

const struct rk_kernels *rk_kernels_plain_avx512(void)
{
#if defined(RK_X86_TIERS)
	if (rk_cpu_detect() >= RK_CPU_AVX512)
		return &rk_avx512_kernels;
#endif
	return NULL;
}

const struct rk_kernels *rk_kernels_of(enum rk_cpu_tier tier)
{
#if defined(RK_X86_TIERS)
	switch (tier) {
	case RK_CPU_AMX:
		return &rk_amx_kernels;
	case RK_CPU_AVX512:
		return rk_cpu_has_bf16() ? &rk_avx512_bf16_kernels : &rk_avx512_kernels;
	case RK_CPU_AVX2:
		return &rk_avx2_kernels;
	case RK_CPU_SCALAR:
		break;
	}
#else
	(void)tier;
#endif
	return &rk_scalar_kernels;
}
