#include "model/base/cpu.h"

#include <stdatomic.h>
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

/* Leaf 7: subleaf 0, edx: AMX-BF16 22, AMX-TILE 24, AMX-INT8 25; subleaf 1, eax: AVX512-BF16 5. */
static bool has_feature(unsigned subleaf, bool in_eax, unsigned bit)
{
	unsigned eax, ebx, ecx, edx;
	return __get_cpuid_count(7, subleaf, &eax, &ebx, &ecx, &edx) != 0 && ((in_eax ? eax : edx) >> bit & 1U) != 0;
}

static bool has_bf16(void)
{
	return has_feature(1, true, 5);
}

/* The tiles' state is saved by the kernel only for processes that asked (Linux 5.16, arch_prctl). */
static bool may_use_tiles(void)
{
	enum { ARCH_REQUEST_COMPONENT_PERMISSION = 0x1023, TILE_DATA = 18 };
	return syscall(SYS_arch_prctl, ARCH_REQUEST_COMPONENT_PERMISSION, TILE_DATA) == 0;
}

/* `ask`, whose answer `known` keeps: a virtual machine takes microseconds for each question. */
static bool ask_once(atomic_int *known, bool (*ask)(void))
{
	enum { UNKNOWN, NO, YES };
	if (atomic_load_explicit(known, memory_order_relaxed) == UNKNOWN)
		atomic_store_explicit(known, ask() ? YES : NO, memory_order_relaxed);
	return atomic_load_explicit(known, memory_order_relaxed) == YES;
}

static bool ask_for_amx(void)
{
	return has_bf16() && __builtin_cpu_supports("avx512vbmi") && has_feature(0, false, 22) &&
	       has_feature(0, false, 24) && has_feature(0, false, 25) && may_use_tiles();
}

/* Asked once: a sandbox may forbid it later. */
static bool has_amx(void)
{
	static atomic_int known;
	return ask_once(&known, ask_for_amx);
}

/* Leaf 7, subleaf 0, ebx: SHA 29. */
static bool ask_for_sha(void)
{
	unsigned eax, ebx, ecx, edx;
	__builtin_cpu_init();
	return __builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 &&
	       (ebx >> 29 & 1U) != 0;
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
		return has_amx() ? RK_CPU_AMX : RK_CPU_AVX512;
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
	return rk_error_set(reterr, RK_INVALID, "expected auto, scalar, avx2, avx512 or amx");
}

bool rk_cpu_has_sha(void)
{
#if defined(__x86_64__)
	static atomic_int known;
	return ask_once(&known, ask_for_sha);
#else
	return false;
#endif
}

bool rk_cpu_has_bf16(void)
{
#if defined(__x86_64__)
	return rk_cpu_detect() >= RK_CPU_AVX512 && has_bf16();
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
