/*
 * Shortest decimal of a float, after Schubfach: the float's rounding interval, scaled by a power of ten so that it
 * holds between one and a few integers, is looked at in units of a quarter of its last place. If a multiple of ten of
 * the scaled unit lies inside, it is the answer (it is then the only one, and as short as can be once its zeros are
 * cut); else the integer inside that is closest to the float.
 *
 * Invariants: products are kept to 32 bits "rounded to odd" (the lowest bit is set if anything was lost), which is
 * enough for every comparison made here, since powers of ten are known to 64 bits (rounded up).
 */
#include "server/number.h"

#include "model/base/check.h"

#include <stdbool.h>
#include <string.h>

enum { LOWEST_POWER = -31, HIGHEST_POWER = 45 };

/* powers[e - LOWEST_POWER] = ceil(10^e · 2^(63 - floor(log2 10^e))). tests/exhaustive/number.c tries every float. */
static const uint64_t powers[HIGHEST_POWER - LOWEST_POWER + 1] = {
	0x81ceb32c4b43fcf5u, 0xa2425ff75e14fc32u, 0xcad2f7f5359a3b3fu, 0xfd87b5f28300ca0eu, 0x9e74d1b791e07e49u,
	0xc612062576589ddbu, 0xf79687aed3eec552u, 0x9abe14cd44753b53u, 0xc16d9a0095928a28u, 0xf1c90080baf72cb2u,
	0x971da05074da7befu, 0xbce5086492111aebu, 0xec1e4a7db69561a6u, 0x9392ee8e921d5d08u, 0xb877aa3236a4b44au,
	0xe69594bec44de15cu, 0x901d7cf73ab0acdau, 0xb424dc35095cd810u, 0xe12e13424bb40e14u, 0x8cbccc096f5088ccu,
	0xafebff0bcb24aaffu, 0xdbe6fecebdedd5bfu, 0x89705f4136b4a598u, 0xabcc77118461cefdu, 0xd6bf94d5e57a42bdu,
	0x8637bd05af6c69b6u, 0xa7c5ac471b478424u, 0xd1b71758e219652cu, 0x83126e978d4fdf3cu, 0xa3d70a3d70a3d70bu,
	0xcccccccccccccccdu, 0x8000000000000000u, 0xa000000000000000u, 0xc800000000000000u, 0xfa00000000000000u,
	0x9c40000000000000u, 0xc350000000000000u, 0xf424000000000000u, 0x9896800000000000u, 0xbebc200000000000u,
	0xee6b280000000000u, 0x9502f90000000000u, 0xba43b74000000000u, 0xe8d4a51000000000u, 0x9184e72a00000000u,
	0xb5e620f480000000u, 0xe35fa931a0000000u, 0x8e1bc9bf04000000u, 0xb1a2bc2ec5000000u, 0xde0b6b3a76400000u,
	0x8ac7230489e80000u, 0xad78ebc5ac620000u, 0xd8d726b7177a8000u, 0x878678326eac9000u, 0xa968163f0a57b400u,
	0xd3c21bcecceda100u, 0x84595161401484a0u, 0xa56fa5b99019a5c8u, 0xcecb8f27f4200f3au, 0x813f3978f8940985u,
	0xa18f07d736b90be6u, 0xc9f2c9cd04674edfu, 0xfc6f7c4045812297u, 0x9dc5ada82b70b59eu, 0xc5371912364ce306u,
	0xf684df56c3e01bc7u, 0x9a130b963a6c115du, 0xc097ce7bc90715b4u, 0xf0bdc21abb48db21u, 0x96769950b50d88f5u,
	0xbc143fa4e250eb32u, 0xeb194f8e1ae525feu, 0x92efd1b8d0cf37bfu, 0xb7abc627050305aeu, 0xe596b7b0c643c71au,
	0x8f7e32ce7bea5c70u, 0xb35dbf821ae4f38cu,
};

static const char digit_pairs[201] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
				     "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
				     "8081828384858687888990919293949596979899";

/* digits · 10^exponent */
struct decimal {
	uint32_t digits;
	int exponent;
};

/* floor(a · b / 2^64), its lowest bit set if the 32 bits below were more than the power's own error. */
static uint32_t multiply_to_odd(uint64_t power, uint32_t factor)
{
	uint64_t above = (power >> 32) * factor; /* factor < 2^31, so no sum here wraps */
	uint64_t below = (power & UINT32_MAX) * factor;
	uint64_t middle = above + (below >> 32);
	uint32_t high = (uint32_t)(middle >> 32);
	uint32_t lost = (uint32_t)middle;
	return high | (lost > 1);
}

static struct decimal shortest(uint32_t fraction, uint32_t biased_exponent)
{
	uint32_t significand = biased_exponent == 0 ? fraction : fraction | 1u << 23;
	int binary = biased_exponent == 0 ? -149 : (int)biased_exponent - 150;
	bool closed = significand % 2 == 0;                       /* ties read back to the even float */
	bool narrow_below = fraction == 0 && biased_exponent > 1; /* a power of two: half as wide below */

	/* 10^scale <= width of the interval < 10^(scale + 1) */
	int scale = (binary * 1262611 - (narrow_below ? 524031 : 0)) >> 22;
	int shift = binary + ((-scale * 1741647) >> 19) + 1;
	uint64_t power = powers[-scale - LOWEST_POWER];
	uint32_t quarters = 4 * significand;
	uint32_t value = multiply_to_odd(power, quarters << shift);
	uint32_t lower = multiply_to_odd(power, (quarters - (narrow_below ? 1 : 2)) << shift) + !closed;
	uint32_t upper = multiply_to_odd(power, (quarters + 2) << shift) - !closed;

	uint32_t down = value / 4;
	uint32_t tens = down / 10;
	bool tens_down_fits = lower <= 40 * tens;
	bool tens_up_fits = 40 * tens + 40 <= upper;
	if (tens_down_fits != tens_up_fits)
		return (struct decimal){tens + tens_up_fits, scale + 1};
	bool down_fits = lower <= 4 * down;
	bool up_fits = 4 * down + 4 <= upper;
	if (down_fits != up_fits)
		return (struct decimal){down + up_fits, scale};
	uint32_t middle = 4 * down + 2;
	bool round_up = value > middle || (value == middle && down % 2 == 1);
	return (struct decimal){down + round_up, scale};
}

/* Digits of `number` at `ret_text`, most significant first. */
static size_t write_digits(uint32_t number, char *ret_text)
{
	char reversed[10];
	size_t n = 0;
	do {
		reversed[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	for (size_t i = 0; i < n; i++)
		ret_text[i] = reversed[n - 1 - i];
	return n;
}

/* `exponent` is that of the first digit: d.ddd · 10^exponent. */
static size_t write_with_exponent(const char *digits, size_t n, int exponent, char *ret_text)
{
	size_t used = 0;
	ret_text[used++] = digits[0];
	if (n > 1) {
		ret_text[used++] = '.';
		memcpy(ret_text + used, digits + 1, n - 1);
		used += n - 1;
	}
	ret_text[used++] = 'e';
	if (exponent < 0)
		ret_text[used++] = '-';
	return used + write_digits((uint32_t)(exponent < 0 ? -exponent : exponent), ret_text + used);
}

static size_t write_plainly(const char *digits, size_t n, int exponent, char *ret_text)
{
	if (exponent < 0) {
		size_t zeros = (size_t)(-exponent - 1);
		memcpy(ret_text, "0.", 2);
		memset(ret_text + 2, '0', zeros);
		memcpy(ret_text + 2 + zeros, digits, n);
		return 2 + zeros + n;
	}
	size_t whole = (size_t)exponent + 1;
	if (n <= whole) {
		memcpy(ret_text, digits, n);
		memset(ret_text + n, '0', whole - n);
		return whole;
	}
	memcpy(ret_text, digits, whole);
	ret_text[whole] = '.';
	memcpy(ret_text + whole + 1, digits + whole, n - whole);
	return n + 1;
}

static size_t plain_size(size_t n, int exponent)
{
	if (exponent < 0)
		return n + 1 + (size_t)-exponent;
	size_t whole = (size_t)exponent + 1;
	return n <= whole ? whole : n + 1;
}

static size_t exponent_size(size_t n, int exponent)
{
	size_t magnitude = (size_t)(exponent < 0 ? -exponent : exponent);
	return n + (n > 1) + 1 + (exponent < 0) + (magnitude < 10 ? 1 : 2);
}

size_t rk_number_write_float(float number, char *ret_text)
{
	uint32_t bits;
	memcpy(&bits, &number, sizeof(bits));
	uint32_t biased_exponent = bits >> 23 & 0xff;
	uint32_t fraction = bits & 0x7fffff;
	RK_ASSERT(biased_exponent != 0xff);

	size_t sign = bits >> 31;
	if (sign == 1)
		*ret_text++ = '-';
	if (biased_exponent == 0 && fraction == 0) {
		*ret_text = '0';
		return sign + 1;
	}
	struct decimal decimal = shortest(fraction, biased_exponent);
	char digits[10];
	size_t n_all = write_digits(decimal.digits, digits);
	size_t n = n_all;
	while (digits[n - 1] == '0')
		n--;
	int exponent = decimal.exponent + (int)n_all - 1;
	if (plain_size(n, exponent) <= exponent_size(n, exponent))
		return sign + write_plainly(digits, n, exponent, ret_text);
	return sign + write_with_exponent(digits, n, exponent, ret_text);
}

size_t rk_number_write_unsigned(uint64_t number, char *ret_text)
{
	char text[RK_INTEGER_TEXT_BYTES];
	size_t at = sizeof(text);
	for (; number >= 100; number /= 100) {
		at -= 2;
		memcpy(text + at, digit_pairs + 2 * (number % 100), 2);
	}
	if (number >= 10) {
		at -= 2;
		memcpy(text + at, digit_pairs + 2 * number, 2);
	} else {
		text[--at] = (char)('0' + number);
	}
	memcpy(ret_text, text + at, sizeof(text) - at);
	return sizeof(text) - at;
}

size_t rk_number_write_integer(int64_t number, char *ret_text)
{
	if (number >= 0)
		return rk_number_write_unsigned((uint64_t)number, ret_text);
	*ret_text = '-';
	return 1 + rk_number_write_unsigned(-(uint64_t)number, ret_text + 1);
}
