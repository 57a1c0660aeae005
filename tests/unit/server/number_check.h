/* What the text of a float must fulfil, checked against the C library. Used by the unit test and the exhaustive run. */
#ifndef RK_TESTS_NUMBER_CHECK_H
#define RK_TESTS_NUMBER_CHECK_H

#include "server/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline float rk_float_of_bits(uint32_t bits)
{
	float number;
	memcpy(&number, &bits, sizeof(number));
	return number;
}

static inline bool rk_reads_back(const char *text, float number)
{
	float back = strtof(text, NULL);
	return memcmp(&back, &number, sizeof(back)) == 0;
}

/* Digits of the significand: without sign, point, exponent, and zeros at either end. */
static inline size_t rk_significant_digits(const char *text, char *ret_digits)
{
	size_t n = 0;
	for (; *text != '\0' && *text != 'e'; text++)
		if (*text >= '0' && *text <= '9' && (n > 0 || *text != '0'))
			ret_digits[n++] = *text;
	while (n > 0 && ret_digits[n - 1] == '0')
		n--;
	ret_digits[n] = '\0';
	return n;
}

/* The decimal of `digits` digits that follows the one nearest to `number`, away from zero; "" if rounding took the
 * nearest one there already. */
static inline void rk_next_decimal(char *ret_text, size_t size, int digits, float number)
{
	double unit = pow(10, floor(log10(fabs((double)number))) - (digits - 1));
	(void)snprintf(ret_text, size, "%.*e", digits - 1, (double)number + copysign(unit, (double)number));
}

/* NULL if the text of `number` (finite) is right, else what is wrong. */
static inline const char *rk_check_float_text(float number)
{
	char text[RK_NUMBER_ROOM_BYTES], digits[32], other[64], other_digits[64];
	size_t size = rk_number_write_float(number, text);
	if (size > RK_FLOAT_TEXT_BYTES)
		return "longer than promised";
	text[size] = '\0';
	if (!rk_reads_back(text, number))
		return "reads back to another float";
	size_t n = rk_significant_digits(text, digits);
	if (n == 0)
		return number == 0 ? NULL : "no digits";
	if (n > 1) {
		(void)snprintf(other, sizeof(other), "%.*e", (int)n - 2, (double)number);
		if (rk_reads_back(other, number))
			return "a shorter decimal reads back too";
		if (frexpf(number, &(int){0}) == copysignf(0.5f, number)) { /* wider above than below */
			rk_next_decimal(other, sizeof(other), (int)n - 1, number);
			if (rk_reads_back(other, number))
				return "a shorter decimal further off reads back too";
		}
	}
	(void)snprintf(other, sizeof(other), "%.*e", (int)n - 1, (double)number);
	(void)rk_significant_digits(other, other_digits);
	if (rk_reads_back(other, number) && strcmp(digits, other_digits) != 0)
		return "another decimal of the same length is closer";
	return NULL;
}

#endif
