/*
 * Floats as whole numbers of 24 bits times a common unit, in three signed digits to the base 256:
 * x = unit · (d₁ 256² + d₂ 256 + d₃), −128 ≤ d ≤ 127. Products of digits are whole numbers, so sums of them are exact.
 * (The idea: K. Ozaki et al., "Error-free transformations of matrix multiplication", 2012; for 8-bit units H. Ootomo
 * et al., "DGEMM on integer matrix multiplication unit", 2024.)
 */
#ifndef RK_BASE_DIGITS_H
#define RK_BASE_DIGITS_H

#include "model/base/half.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
	RK_DIGITS_LIMIT = 8355000,   /* what the largest magnitude becomes: rounding cannot carry out of d₁ */
	RK_DIGITS_OFFSET = 0x808080, /* 128 in each digit: makes them the bytes of an unsigned number */
};

#define RK_DIGITS_LEAST 0x1p-100F /* all magnitudes below count as this small */

/* 1 / unit, from the largest magnitude. */
static inline float rk_digits_factor(float largest)
{
	return (float)RK_DIGITS_LIMIT / (largest > RK_DIGITS_LEAST ? largest : RK_DIGITS_LEAST);
}

/* 256² unit: what d₁ counts. NaN if the largest magnitude is not finite. */
static inline float rk_digits_scale(float largest)
{
	if (!isfinite(largest))
		return (float)NAN;
	return (largest > RK_DIGITS_LEAST ? largest : RK_DIGITS_LEAST) * (65536.0F / (float)RK_DIGITS_LIMIT);
}

/* The digits of `value`, d₃ in the lowest byte. */
static inline uint32_t rk_digits_of_float(float value, float factor)
{
	return ((uint32_t)(int32_t)lrintf(value * factor) + RK_DIGITS_OFFSET) ^ RK_DIGITS_OFFSET;
}

/* A power of two that brings a column of weights near 1; within 2^±40. */
static inline float rk_digits_balance(float largest)
{
	enum { BIAS = 127, FAR = 40 };
	uint32_t bits, exponent;
	memcpy(&bits, &largest, sizeof(bits));
	exponent = bits >> 23;
	exponent = exponent < BIAS - FAR ? BIAS - FAR : exponent > BIAS + FAR ? BIAS + FAR : exponent;
	return rk_float_of_bits(exponent << 23);
}

#endif
