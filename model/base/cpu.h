/* What this processor can do, and the kernel tier chosen for it. */
#ifndef RK_BASE_CPU_H
#define RK_BASE_CPU_H

#include "model/base/status.h"

#include <stdbool.h>

/* name as the setting `cpu` writes it */
#define RK_CPU_TIER_TABLE(X)                                                                                           \
	X(SCALAR, "scalar") /* baseline x86-64 (SSE2) or any other processor */                                        \
	X(AVX2, "avx2")     /* AVX2, FMA and F16C */                                                                   \
	X(AVX512, "avx512") /* these and AVX-512 F, BW, DQ, VL */                                                      \
	X(AMX, "amx")       /* these, AVX-512 BF16 and VBMI, and AMX-TILE, AMX-BF16, AMX-INT8 */

enum rk_cpu_tier {
#define RK_CPU_TIER_ENUM(name, text) RK_CPU_##name,
	RK_CPU_TIER_TABLE(RK_CPU_TIER_ENUM)
#undef RK_CPU_TIER_ENUM
};

/* Highest tier that the processor and the operating system support. The first call asks the system's leave for tiles.
 */
enum rk_cpu_tier rk_cpu_detect(void);

const char *rk_cpu_tier_name(enum rk_cpu_tier tier);

/* `name` is "auto" or a tier's name. RK_INVALID for another name or a tier that this processor lacks. */
RK_NODISCARD enum rk_status rk_cpu_choose(const char *name, enum rk_cpu_tier *ret_tier, struct rk_error *reterr);

/* Instructions for SHA-256, with SSE4.1. */
bool rk_cpu_has_sha(void);

/* AVX-512-BF16 beside the avx512 tier. */
bool rk_cpu_has_bf16(void);

/* Flush denormals to zero on this thread (x86: MXCSR FTZ and DAZ): each thread that computes calls it once. */
void rk_cpu_flush_denormals(void);

#endif
