/* 16-bit floats widened to float, exactly: IEEE binary16 and bfloat16; and a float rounded to bfloat16. */
#ifndef RK_BASE_HALF_H
#define RK_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float rk_float_of_bits(uint32_t bits)
{
	float value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline float rk_float_of_bf16(uint16_t half)
{
	return rk_float_of_bits((uint32_t)half << 16);
}

/* Rounded to nearest even; NaN stays NaN. */
static inline uint16_t rk_bf16_of_float(float value)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof(bits));
	if ((bits & 0x7fffffffU) > 0x7f800000U)
		return (uint16_t)(bits >> 16 | 0x40U);
	return (uint16_t)((bits + 0x7fffU + (bits >> 16 & 1U)) >> 16);
}

static inline float rk_float_of_f16(uint16_t half)
{
	uint32_t sign = (uint32_t)(half & 0x8000U) << 16, rest = half & 0x7fffU;
	if (rest >= 0x7c00U) /* infinity, NaN */
		return rk_float_of_bits(sign | 0x7f800000U | (rest & 0x3ffU) << 13);
	if (rest >= 0x0400U)
		return rk_float_of_bits(sign | ((rest << 13) + 0x38000000U));
	float subnormal = (float)rest * 0x1p-24F; /* exact, and independent of the flush-to-zero mode */
	return sign != 0 ? -subnormal : subnormal;
}

#endif
