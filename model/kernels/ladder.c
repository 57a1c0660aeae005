/* The ladder: each tier writes its kernels over those of the tier below, so what it lacks stays as it was. */
#include "model/kernels/kernels.h"

#include "model/kernels/scalar/scalar.h"
#if defined(RK_X86_TIERS)
#include "model/kernels/avx2/avx2.h"
#include "model/kernels/avx512/avx512.h"
#endif

void rk_kernels_init(struct rk_kernels *ret_kernels, enum rk_cpu_tier tier)
{
	rk_scalar_init(ret_kernels);
#if defined(RK_X86_TIERS)
	if (tier >= RK_CPU_AVX2)
		rk_avx2_init(ret_kernels);
	if (tier >= RK_CPU_AVX512)
		rk_avx512_init(ret_kernels);
#else
	(void)tier;
#endif
}
