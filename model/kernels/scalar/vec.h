/*
 * Vectors of 4 floats in portable C (GCC and clang vector extensions): the baseline of any processor, SSE2 on x86-64.
 *
 * The contract of every tier's vec.h: `vec` is VEC_LANES floats; loads and stores are aligned unless they end in u;
 * vec_max(a, b) and vec_min(a, b) return b when either is NaN; vec_fma may round once or twice (here twice).
 */
#ifndef RK_KERNELS_SCALAR_VEC_H
#define RK_KERNELS_SCALAR_VEC_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define RK_TIER(name) rk_scalar_##name
enum { VEC_LANES = 4, TILE_ROWS = 4, TILE_VECS = 3 };

typedef float vec __attribute__((vector_size(16)));
typedef int32_t vec_mask __attribute__((vector_size(16)));

static inline vec vec_load(const float *p)
{
	return *(const vec *)(const void *)p;
}
static inline vec vec_loadu(const float *p)
{
	vec a;
	memcpy(&a, p, sizeof(a));
	return a;
}
static inline void vec_store(float *p, vec a)
{
	*(vec *)(void *)p = a;
}
static inline void vec_storeu(float *p, vec a)
{
	memcpy(p, &a, sizeof(a));
}
static inline vec vec_set1(float a)
{
	return (vec){a, a, a, a};
}
static inline vec vec_add(vec a, vec b)
{
	return a + b;
}
static inline vec vec_sub(vec a, vec b)
{
	return a - b;
}
static inline vec vec_mul(vec a, vec b)
{
	return a * b;
}
static inline vec vec_div(vec a, vec b)
{
	return a / b;
}
static inline vec vec_fma(vec a, vec b, vec c)
{
	return a * b + c;
}
static inline vec_mask vec_less(vec a, vec b)
{
	return a < b;
}
static inline vec vec_select(vec_mask mask, vec yes, vec no)
{
	return (vec)((mask & (vec_mask)yes) | (~mask & (vec_mask)no));
}
static inline vec vec_max(vec a, vec b)
{
	return vec_select(vec_less(b, a), a, b);
}
static inline vec vec_min(vec a, vec b)
{
	return vec_select(vec_less(a, b), a, b);
}
static inline vec vec_sqrt(vec a)
{
	return (vec){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])};
}
static inline vec vec_abs(vec a)
{
	return (vec)((vec_mask)a & 0x7fffffff);
}
static inline vec vec_copysign(vec a, vec sign)
{
	return (vec)(((vec_mask)a & 0x7fffffff) | ((vec_mask)sign & INT32_MIN));
}
/* Nearest whole number for |a| < 2²²: adding 1.5 · 2²³ leaves it in the low bits. */
static inline vec vec_round(vec a)
{
	const vec shift = vec_set1(12582912.0F);
	return (a + shift) - shift;
}
/* a · 2ⁿ for a whole n in −126 … 127, where neither a nor the result is subnormal */
static inline vec vec_scale(vec a, vec n)
{
	return (vec)((vec_mask)a + (__builtin_convertvector(n, vec_mask) << 23));
}

/* Pairs of bfloat16, the even row's in the low half: widened, and rounded to nearest even (NaN stays NaN). */
typedef uint32_t vec_pairs __attribute__((vector_size(16)));

static inline vec_pairs vec_load_pairs(const uint32_t *p)
{
	return *(const vec_pairs *)(const void *)p;
}
static inline void vec_store_pairs(uint32_t *p, vec_pairs a)
{
	*(vec_pairs *)(void *)p = a;
}
static inline vec_pairs vec_set1_pair(uint32_t a)
{
	return (vec_pairs){a, a, a, a};
}
static inline vec vec_even(vec_pairs a)
{
	return (vec)(a << 16);
}
static inline vec vec_odd(vec_pairs a)
{
	return (vec)(a & 0xffff0000U);
}
static inline vec_pairs vec_rounded(vec a)
{
	vec_pairs bits = (vec_pairs)a, rounded = bits + (bits >> 16 & 1U) + 0x7fffU, is_nan = (vec_pairs)(a != a);
	return (rounded & ~is_nan) | ((bits | 0x400000U) & is_nan);
}
static inline vec_pairs vec_pair(vec even, vec odd)
{
	return (vec_rounded(odd) & 0xffff0000U) | vec_rounded(even) >> 16;
}

#endif
