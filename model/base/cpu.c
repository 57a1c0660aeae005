#include "model/base/cpu.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xmmintrin.h>
#endif

static const char *const tier_names[] = {
#define RK_CPU_TIER_NAME(name, text) text,
	RK_CPU_TIER_TABLE(RK_CPU_TIER_NAME)
#undef RK_CPU_TIER_NAME
};

enum { N_TIERS = sizeof(tier_names) / sizeof(tier_names[0]) };

#if defined(__x86_64__)
/* Widening of 16-bit floats; the compilers' own check does not know it everywhere. Leaf 1, ecx, bit 29. */
static bool has_f16c(void)
{
	unsigned eax, ebx, ecx, edx;
	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx >> 29 & 1U) != 0;
}
#endif

enum rk_cpu_tier rk_cpu_detect(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !has_f16c())
		return RK_CPU_SCALAR;
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		return RK_CPU_AVX512;
	return RK_CPU_AVX2;
#else
	return RK_CPU_SCALAR;
#endif
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

#if defined(__x86_64__)
/* Leaf 7: subleaf 0, edx: AMX-BF16 22, AMX-TILE 24; subleaf 1, eax: AVX512-BF16 5. */
static bool has_feature(unsigned subleaf, bool in_eax, unsigned bit)
{
	unsigned eax, ebx, ecx, edx;
	return __get_cpuid_count(7, subleaf, &eax, &ebx, &ecx, &edx) != 0 && ((in_eax ? eax : edx) >> bit & 1U) != 0;
}

/* The tiles' state is saved by the kernel only for processes that asked (Linux 5.16, arch_prctl). */
static bool may_use_tiles(void)
{
	enum { ARCH_REQUEST_COMPONENT_PERMISSION = 0x1023, TILE_DATA = 18 };
	return syscall(SYS_arch_prctl, ARCH_REQUEST_COMPONENT_PERMISSION, TILE_DATA) == 0;
}
#endif

bool rk_cpu_has_bf16(void)
{
#if defined(__x86_64__)
	return rk_cpu_detect() == RK_CPU_AVX512 && has_feature(1, true, 5);
#else
	return false;
#endif
}

bool rk_cpu_has_amx(void)
{
#if defined(__x86_64__)
	return rk_cpu_has_bf16() && has_feature(0, false, 22) && has_feature(0, false, 24) && may_use_tiles();
#else
	return false;
#endif
}

void rk_cpu_flush_denormals(void)
{
#if defined(__x86_64__)
	enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };
	_mm_setcsr(_mm_getcsr() | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
#endif
}
