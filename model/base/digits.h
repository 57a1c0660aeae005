/*
 * Floats as whole numbers of 24 bits over a common power of two, in three signed digits to the base 256:
 * x = unit · (d₁ 256² + d₂ 256 + d₃), −128 ≤ d ≤ 127. Products of digits are whole numbers, so sums of them are exact.
 * The unit is a power of two, so that numbers of few bits stay what they are, and equal sums of them stay equal.
 * (The idea: K. Ozaki et al., "Error-free transformations of matrix multiplication", 2012; for 8-bit units H. Ootomo
 * et al., "DGEMM on integer matrix multiplication unit", 2024.)
 */
#ifndef RK_BASE_DIGITS_H
#define RK_BASE_DIGITS_H

#include "model/base/half.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Numbers of the common scale, from the bits of the largest magnitude: 2^e > |x|, with room so that rounding cannot
 * carry out of d₁; its biased exponent, at least RK_DIGITS_LEAST. */
enum {
	RK_DIGITS_ROOM = 0x10625,    /* magnitudes above 1.992 · 2^(e−1) take the next e */
	RK_DIGITS_LEAST = 23,        /* below 2^−104 all count as this small */
	RK_DIGITS_FACTOR = 276,      /* minus the biased exponent: that of 1 / unit */
	RK_DIGITS_TOP = 6,           /* the biased exponent minus this: that of 256² unit */
	RK_DIGITS_OFFSET = 0x808080, /* 128 in each digit: makes them the bytes of an unsigned number */
};

static inline uint32_t rk_digits_exponent(uint32_t largest_bits)
{
	uint32_t exponent = (largest_bits + RK_DIGITS_ROOM) >> 23;
	return exponent < RK_DIGITS_LEAST ? RK_DIGITS_LEAST : exponent;
}

/* The digits of `value`, d₃ in the lowest byte. */
static inline uint32_t rk_digits_of_float(float value, uint32_t exponent)
{
	float factor = rk_float_of_bits((RK_DIGITS_FACTOR - exponent) << 23);
	int32_t whole = (int32_t)lrintf(value * factor);
	return ((uint32_t)whole + RK_DIGITS_OFFSET) ^ RK_DIGITS_OFFSET;
}

/* 256² unit: what d₁ counts. NaN if the largest magnitude is not finite. */
static inline float rk_digits_scale(uint32_t largest_bits)
{
	if (largest_bits >= 0x7f800000U)
		return (float)NAN;
	return rk_float_of_bits((rk_digits_exponent(largest_bits) - RK_DIGITS_TOP) << 23);
}

/* A power of two that brings a column of weights, the largest of which has these bits, near 1; within 2^±40. */
static inline float rk_digits_balance(uint32_t largest_bits)
{
	enum { BIAS = 127, FAR = 40 };
	uint32_t exponent = largest_bits >> 23;
	exponent = exponent < BIAS - FAR ? BIAS - FAR : exponent > BIAS + FAR ? BIAS + FAR : exponent;
	return rk_float_of_bits(exponent << 23);
}

#endif
