#include "loader/foreign.h"

#include <criterion/criterion.h>
#include <stdint.h>

/* An encoder as the independent side: what it writes, and nothing else of the same length, is UTF-8. */
static size_t encode(uint32_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = n; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)(marks[n] | code);
	return n;
}

Test(foreign, every_character_is_utf8_and_surrogates_are_not)
{
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		char text[4];
		size_t n = encode(code, text);
		bool surrogate = code >= 0xd800 && code <= 0xdfff;
		cr_assert_eq(rk_foreign_is_utf8((struct rk_bytes){text, n}), !surrogate, "U+%04X", code);
		for (size_t cut = 1; cut < n; cut++)
			cr_assert_not(rk_foreign_is_utf8((struct rk_bytes){text, cut}), "U+%04X cut to %zu", code, cut);
	}
}

/* Of all 2^16 pairs of bytes exactly the encodings of 1 + 1 and of 2 bytes are UTF-8. */
Test(foreign, exactly_the_right_pairs)
{
	unsigned n_valid = 0;
	for (unsigned pair = 0; pair < 0x10000; pair++) {
		const char text[2] = {(char)(pair >> 8), (char)pair};
		n_valid += rk_foreign_is_utf8((struct rk_bytes){text, 2});
	}
	cr_assert_eq(n_valid, 128 * 128 + (0x800 - 0x80));
}

Test(foreign, overlong_and_too_large_forms_are_refused)
{
	static const char *const wrong[] = {"\xc0\xaf",
					    "\xe0\x80\xaf",
					    "\xf0\x80\x80\xaf",
					    "\xf4\x90\x80\x80",
					    "\xf8\x88\x80\x80\x80",
					    "\xff",
					    "\xfe",
					    "\xed\xa0\x80",
					    "a\x80"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_not(rk_foreign_is_utf8(rk_bytes_of(wrong[i])), "%zu", i);
	cr_assert(rk_foreign_is_utf8((struct rk_bytes){NULL, 0}));
}

Test(foreign, what_is_shown_is_one_line)
{
	cr_assert_str_eq(rk_foreign_show(rk_bytes_of("a\nb\tc\x7f\xff"
						     "d视"))
				 .text,
			 "a?b?c??d视");
	cr_assert_str_eq(rk_foreign_show((struct rk_bytes){"x\0y", 3}).text, "x?y");
	cr_assert_str_eq(rk_foreign_show((struct rk_bytes){NULL, 0}).text, "");
}

Test(foreign, what_is_too_long_is_cut_between_characters)
{
	char text[3 * 200 + 1] = "";
	for (int i = 0; i < 200; i++)
		memcpy(text + 3 * i, "视", 4);
	struct rk_foreign_shown shown = rk_foreign_show(rk_bytes_of(text));
	size_t size = strlen(shown.text);
	cr_assert(size > 200 && size < RK_FOREIGN_SHOWN_BYTES);
	cr_assert_eq(size % 3, 0);
	cr_assert(rk_foreign_is_utf8(rk_bytes_of(shown.text)));
}
