/* What is read eight bytes at a time: every length, with every byte behind it or in it, at the end of the text and
 * before it. jansson must agree on each, and the text ends at a page that cannot be read. */
#include "tests/unit/server/json_oracle.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { MOST_DIGITS = 21, N_BYTES = 256 };

/* Returns whether the text is valid JSON. */
static bool agree(const char *text, size_t size)
{
	bool is_valid;
	const char *difference = json_oracle_compare((struct rk_bytes){text, size}, &is_valid);
	cr_assert_null(difference, "%.*s: %s", (int)size, text, difference);
	return is_valid;
}

static bool agree_on(const char *before, const char *text, const char *behind)
{
	char whole[128];
	int size = snprintf(whole, sizeof(whole), "%s%s%s", before, text, behind);
	return agree(whole, (size_t)size);
}

/* An array of it alone, and between others. */
static int agree_in_arrays(const char *text)
{
	return agree_on("", text, "") + agree_on("[", text, "]") + agree_on("[1,", text, ",1]") +
	       agree_on("{\"k\":", text, "}");
}

Test(json_word, integers_of_every_length_with_every_byte_behind)
{
	static const char *const starts[] = {"0", "1", "9", "-9", "-0", "00"};
	int n_valid = 0;
	for (size_t s = 0; s < sizeof(starts) / sizeof(starts[0]); s++)
		for (int n = 0; n < MOST_DIGITS; n++)
			for (int byte = 0; byte < N_BYTES; byte++) {
				char text[64];
				int size = snprintf(text, sizeof(text), "[%s%.*s", starts[s], n,
						    "987654321012345678987654321");
				text[size] = (char)byte;
				n_valid += agree(text, (size_t)size);
				n_valid += agree(text, (size_t)size + 1);
				(void)memcpy(&text[size + 1], "5]", 2);
				n_valid += agree(text, (size_t)size + 3);
			}
	cr_assert_gt(n_valid, 500);
}

Test(json_word, integers_around_powers_of_ten_and_the_limits)
{
	static const char *const limits[] = {"9223372036854775806",  "9223372036854775807",  "9223372036854775808",
					     "-9223372036854775807", "-9223372036854775808", "-9223372036854775809",
					     "18446744073709551615", "18446744073709551616", "99999999999999999999"};
	int n_valid = 0;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		n_valid += agree_in_arrays(limits[i]);
	cr_assert_eq(n_valid, 4 * 4);
	unsigned long long power = 1;
	for (int digits = 1; digits < 19; digits++, power *= 10)
		for (int off = -1; off <= 1; off++) {
			char text[32];
			(void)snprintf(text, sizeof(text), "%lld", (long long)power + off);
			cr_assert_eq(agree_in_arrays(text), 4, "%s", text);
			(void)snprintf(text, sizeof(text), "%lld", -(long long)power - off);
			cr_assert_eq(agree_in_arrays(text), 4, "%s", text);
		}
}

Test(json_word, reals_of_every_length)
{
	static const char digits[] = "102030405060708090123456789", zeros[] = "00000000000000000000";
	for (int whole = 1; whole <= MOST_DIGITS; whole++)
		for (int n_zeros = 0; n_zeros <= 17; n_zeros++)
			for (int behind = 1; behind <= 18; behind++) {
				char text[80];
				(void)snprintf(text, sizeof(text), "%.*s.%.*s%.*s", whole, digits, n_zeros, zeros,
					       behind, digits);
				cr_assert_eq(agree_in_arrays(text), 4, "%s", text);
				text[0] = '0';
				(void)snprintf(text, sizeof(text), "0.%.*s%.*se%d", n_zeros, zeros, behind, digits,
					       whole - 10);
				cr_assert_eq(agree_in_arrays(text), 4, "%s", text);
			}
}

Test(json_word, strings_of_every_length_with_every_byte_at_every_place)
{
	enum { MOST_BYTES = 18 };
	int n_valid = 0;
	for (size_t size = 1; size <= MOST_BYTES; size++)
		for (size_t place = 0; place < size; place++)
			for (int byte = 0; byte < N_BYTES; byte++) {
				char text[MOST_BYTES + 4] = "\"abcdefghijklmnopqr";
				text[1 + place] = (char)byte;
				text[1 + size] = '"';
				n_valid += agree(text, size + 1); /* cut before the quote */
				n_valid += agree(text, size + 2);
				text[2 + size] = ' ';
				n_valid += agree(text, size + 3);
			}
	cr_assert_gt(n_valid, 10000);
}

Test(json_word, characters_of_every_size_at_every_place)
{
	static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
						 "\\n",      "\\u20ac",      "\\ud83d\\ude00"};
	for (size_t c = 0; c < sizeof(characters) / sizeof(characters[0]); c++)
		for (int before = 0; before <= 16; before++)
			for (int behind = 0; behind <= 16; behind++) {
				char text[64];
				int size = snprintf(text, sizeof(text), "\"%.*s%s%.*s\"", before, "abcdefghijklmnop",
						    characters[c], behind, "ABCDEFGHIJKLMNOP");
				cr_assert(agree(text, (size_t)size));
				for (int cut = 1; cut < size; cut++)
					cr_assert_not(agree(text, (size_t)cut));
			}
}
