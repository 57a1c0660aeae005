#include "tests/unit/server/number_check.h"

#include <criterion/criterion.h>
#include <float.h>
#include <inttypes.h>
#include <time.h>

static void assert_text(float number, const char *expected)
{
	char text[RK_NUMBER_ROOM_BYTES];
	text[rk_number_write_float(number, text)] = '\0';
	cr_assert_str_eq(text, expected);
}

Test(number, plain_or_with_exponent_whichever_is_shorter)
{
	assert_text(0.0f, "0");
	assert_text(-0.0f, "-0");
	assert_text(1.0f, "1");
	assert_text(-3.0f, "-3");
	assert_text(0.1f, "0.1");
	assert_text(0.72f, "0.72");
	assert_text(0.05f, "0.05");
	assert_text(0.001f, "1e-3");
	assert_text(0.0125f, "0.0125");
	assert_text(0.00125f, "0.00125"); /* as long as 1.25e-3 */
	assert_text(0.000125f, "1.25e-4");
	assert_text(1e-7f, "1e-7");
	assert_text(10.0f, "10");
	assert_text(100.0f, "100");
	assert_text(1000.0f, "1e3");
	assert_text(1500.0f, "1500");
	assert_text(123456.0f, "123456");
	assert_text(1234567.8f, "1234567.8");
	assert_text(16777216.0f, "16777216");
	assert_text(3e10f, "3e10");
	assert_text(0.3333333333f, "0.33333334");
	assert_text(FLT_MAX, "3.4028235e38");
	assert_text(-FLT_MAX, "-3.4028235e38");
	assert_text(FLT_MIN, "1.1754944e-38");
	assert_text(FLT_TRUE_MIN, "1e-45");
}

static void assert_right(uint32_t bits)
{
	float number = rk_float_of_bits(bits);
	if (!isfinite(number))
		return;
	const char *wrong = rk_check_float_text(number);
	cr_assert_null(wrong, "bits 0x%08x: %s", bits, wrong);
}

Test(number, hard_floats_read_back_and_are_shortest)
{
	for (uint32_t exponent = 0; exponent < 255; exponent++) {
		static const uint32_t fractions[] = {0,        1,        2,        3,        0x3fffff, 0x400000,
						     0x400001, 0x555555, 0x7ffffd, 0x7ffffe, 0x7fffff};
		for (size_t i = 0; i < sizeof(fractions) / sizeof(fractions[0]); i++) {
			assert_right(exponent << 23 | fractions[i]);
			assert_right(1u << 31 | exponent << 23 | fractions[i]);
		}
	}
	for (uint32_t bits = 0; bits < 4096; bits++) /* the smallest subnormals */
		assert_right(bits);
	for (int exponent = -45; exponent <= 38;
	     exponent++) { /* around powers of ten, where digits change their number */
		char text[16];
		(void)snprintf(text, sizeof(text), "1e%d", exponent);
		uint32_t bits;
		float number = strtof(text, NULL);
		memcpy(&bits, &number, sizeof(bits));
		for (uint32_t i = bits > 8 ? bits - 8 : 0; i < bits + 8; i++)
			assert_right(i);
	}
}

/* tests/exhaustive/number.c does all of them; these few also run under valgrind in time */
Test(number, random_floats_read_back_and_are_shortest)
{
	uint64_t state = 88172645463325252u;
	for (int i = 0; i < 300000; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		assert_right((uint32_t)(state >> 16));
	}
}

static void assert_integer(uint64_t number)
{
	char text[RK_NUMBER_ROOM_BYTES], expected[32];
	text[rk_number_write_unsigned(number, text)] = '\0';
	(void)snprintf(expected, sizeof(expected), "%" PRIu64, number);
	cr_assert_str_eq(text, expected);
	text[rk_number_write_integer((int64_t)number, text)] = '\0';
	(void)snprintf(expected, sizeof(expected), "%" PRId64, (int64_t)number);
	cr_assert_str_eq(text, expected);
	text[rk_number_write_integer((int64_t)-number, text)] = '\0';
	(void)snprintf(expected, sizeof(expected), "%" PRId64, (int64_t)-number);
	cr_assert_str_eq(text, expected);
}

Test(number, integers)
{
	static const uint64_t edges[] = {0,          9,
					 10,         99,
					 100,        101,
					 999,        1000,
					 9999,       10000,
					 99999,      100000,
					 1650812741, 9007199254740993u,
					 INT64_MAX,  (uint64_t)INT64_MAX + 1,
					 UINT64_MAX};
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		assert_integer(edges[i]);
	for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10)
		for (uint64_t digit = 1; digit < 10; digit++) {
			assert_integer(digit * power - 1);
			assert_integer(digit * power);
			assert_integer(digit * power + 1);
			assert_integer(digit * power + 5 * (power / 10));
		}
}

Test(number, no_byte_behind_the_room_is_written)
{
	static const float floats[] = {-1.1754944e-38f, -1.2345679e10f, -0.0012345679f,
				       -1234567.8f,     -16777216.0f,   -1e-45f};
	char text[RK_NUMBER_ROOM_BYTES + 1];
	text[RK_NUMBER_ROOM_BYTES] = '#';
	for (size_t i = 0; i < sizeof(floats) / sizeof(floats[0]); i++)
		cr_assert_leq(rk_number_write_float(floats[i], text), RK_FLOAT_TEXT_BYTES);
	cr_assert_eq(rk_number_write_unsigned(UINT64_MAX, text), RK_INTEGER_TEXT_BYTES);
	cr_assert_eq(rk_number_write_integer(INT64_MIN, text), RK_INTEGER_TEXT_BYTES);
	cr_assert_eq(text[RK_NUMBER_ROOM_BYTES], '#');
}
