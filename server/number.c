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

#define ALL_ZEROS UINT64_C(0x3030303030303030) /* "00000000" */

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

/* digits · 10^exponent */
struct decimal {
	uint32_t digits;
	int exponent;
};

/* floor(power · factor / 2^64), its lowest bit set if the 32 bits below were more than the power's own error. */
static uint32_t multiply_to_odd(uint64_t power, uint32_t factor)
{
	__extension__ typedef unsigned __int128 product_type;
	product_type product = (product_type)power * factor;
	uint32_t high = (uint32_t)(product >> 64);
	uint32_t lost = (uint32_t)(product >> 32);
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
	uint32_t quarter = 1u << shift;
	uint32_t scaled = 4 * significand * quarter;
	uint32_t value = multiply_to_odd(power, scaled);
	uint32_t lower = multiply_to_odd(power, scaled - (narrow_below ? quarter : 2 * quarter)) + !closed;
	uint32_t upper = multiply_to_odd(power, scaled + 2 * quarter) - !closed;

	uint32_t down = value / 4;
	uint32_t tens = upper / 40; /* the only multiple of ten that can lie inside */
	bool tens_fit = lower <= 40 * tens;
	bool up_is_closer = (value & 3) + (down & 1) > 2; /* in the middle the even one is taken */
	bool down_fits = lower <= 4 * down;               /* what is closer always fits above, and mostly below */
	uint32_t nearest = down + (up_is_closer | !down_fits);
	/* a choice without a jump: one would often be mispredicted, for it differs from float to float */
	uint32_t digits = nearest ^ ((nearest ^ 10 * tens) & (0 - (uint32_t)tens_fit));
	return (struct decimal){digits, scale};
}

/* The eight digits of a number below 10^8, a byte each, the first in the lowest: halves, then quarters, then each in a
 * lane of its own, with multiplications and shifts for divisions by 100 and 10. */
static uint64_t eight_digits(uint32_t number)
{
	uint64_t lanes = number / 10000 | (uint64_t)(number % 10000) << 32;
	uint64_t hundreds = (lanes * 10486 >> 20) & 0x0000007f0000007fu;
	lanes = hundreds | (lanes - 100 * hundreds) << 16;
	uint64_t tens = (lanes * 103 >> 10) & 0x000f000f000f000fu;
	return tens | (lanes - 10 * tens) << 8;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the lowest byte is written first");

static void put_eight(uint64_t digits, char *ret_text)
{
	digits |= ALL_ZEROS;
	memcpy(ret_text, &digits, sizeof(digits));
}

/* A decimal as nine digits, the first of them not zero. */
struct figures {
	char first;
	uint64_t others; /* as eight_digits gives them */
	size_t n;        /* of the nine, without the zeros at the end */
	int exponent;    /* of the first: d.ddd · 10^exponent */
};

static struct figures figures_of(struct decimal decimal)
{
	static const uint32_t tens[] = {1, 10, 100};
	unsigned n_missing = decimal.digits < 10000000 ? 2 : decimal.digits < 100000000;
	uint32_t nine = decimal.digits * tens[n_missing];
	for (; nine < 100000000; n_missing++) /* subnormal floats only: others have seven digits or more */
		nine *= 10;
	uint64_t others = eight_digits(nine % 100000000);
	return (struct figures){
		.first = (char)('0' + nine / 100000000),
		.others = others,
		.n = others == 0 ? 1 : 9 - (size_t)__builtin_clzll(others) / 8,
		.exponent = decimal.exponent + 8 - (int)n_missing,
	};
}

static size_t write_with_exponent(const struct figures *figures, char *ret_text)
{
	bool is_negative = figures->exponent < 0;
	unsigned size = (unsigned)(is_negative ? -figures->exponent : figures->exponent);
	size_t used = figures->n + (figures->n > 1);
	ret_text[0] = figures->first;
	ret_text[1] = '.';
	put_eight(figures->others, ret_text + 2);
	ret_text[used++] = 'e';
	if (is_negative)
		ret_text[used++] = '-';
	if (size >= 10)
		ret_text[used++] = (char)('0' + size / 10);
	ret_text[used++] = (char)('0' + size % 10);
	return used;
}

static size_t write_plainly(const struct figures *figures, char *ret_text)
{
	if (figures->exponent < 0) {
		size_t places = (size_t)(-figures->exponent); /* 3 at most: with more an exponent is shorter */
		memcpy(ret_text, "0.00", 4);
		ret_text[1 + places] = figures->first;
		put_eight(figures->others, ret_text + 2 + places);
		return 1 + places + figures->n;
	}
	size_t whole = (size_t)figures->exponent + 1; /* 13 at most, for the same reason */
	ret_text[0] = figures->first;
	put_eight(figures->others, ret_text + 1);
	if (figures->n <= whole) {
		put_eight(0, ret_text + 9);
		return whole;
	}
	ret_text[whole] = '.';
	put_eight(figures->others >> 8 * (whole - 1), ret_text + whole + 1);
	return figures->n + 1;
}

/* Whether it is no longer so than with an exponent. */
static bool is_plain(const struct figures *figures)
{
	int n = (int)figures->n, point = n > 1, exponent = figures->exponent;
	if (exponent < 0) /* 1 - exponent + n against n + point + 3 */
		return exponent >= -2 - point;
	/* with n > exponent + 1: n + 1 against n + point + 2; else: exponent + 1 against n + point + 2 or 3 */
	return exponent <= n + point + 1 + (exponent >= 10);
}

size_t rk_number_write_float(float number, char *ret_text)
{
	uint32_t bits;
	memcpy(&bits, &number, sizeof(bits));
	uint32_t biased_exponent = bits >> 23 & 0xff;
	uint32_t fraction = bits & 0x7fffff;
	RK_ASSERT(biased_exponent != 0xff);

	size_t sign = bits >> 31;
	*ret_text = '-';
	ret_text += sign;
	if (biased_exponent == 0 && fraction == 0) {
		*ret_text = '0';
		return sign + 1;
	}
	struct figures figures = figures_of(shortest(fraction, biased_exponent));
	if (is_plain(&figures))
		return sign + write_plainly(&figures, ret_text);
	return sign + write_with_exponent(&figures, ret_text);
}

size_t rk_number_write_unsigned(uint64_t number, char *ret_text)
{
	if (number >= 100000000) {
		size_t before = rk_number_write_unsigned(number / 100000000, ret_text);
		put_eight(eight_digits((uint32_t)(number % 100000000)), ret_text + before);
		return before + 8;
	}
	uint64_t digits = eight_digits((uint32_t)number);
	unsigned zeros = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) / 8; /* in front; 0 itself is a digit */
	put_eight(digits >> 8 * zeros, ret_text);
	return 8 - zeros;
}

size_t rk_number_write_integer(int64_t number, char *ret_text)
{
	bool is_negative = number < 0;
	*ret_text = '-';
	return is_negative +
	       rk_number_write_unsigned(is_negative ? -(uint64_t)number : (uint64_t)number, ret_text + is_negative);
}
