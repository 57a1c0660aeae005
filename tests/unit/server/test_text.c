#include "server/text.h"

#include <criterion/criterion.h>
#include <math.h>

static char buffer[256];

static const char *end(struct rk_text *text)
{
	cr_assert_lt(text->used, sizeof(buffer));
	buffer[text->used] = '\0';
	return buffer;
}

static struct rk_text begin(void)
{
	struct rk_text text;
	rk_text_init(&text, buffer, sizeof(buffer) - 1);
	return text;
}

Test(text, overflow_is_sticky_and_nothing_is_written_in_part)
{
	struct rk_text text;
	rk_text_init(&text, buffer, 5);
	rk_text_put_text(&text, "abc");
	rk_text_put_text(&text, "def");
	cr_assert(text.overflowed);
	rk_text_put_char(&text, 'g');
	cr_assert_eq(text.used, 3);
	rk_text_init(&text, buffer, 5);
	rk_text_put_text(&text, "abcde");
	cr_assert_not(text.overflowed);
}

Test(text, a_piece_is_written_in_place_where_it_surely_fits)
{
	struct rk_text text;
	char spare[8];
	rk_text_init(&text, buffer, 11);
	char *start = rk_text_begin(&text, spare, sizeof(spare));
	cr_assert_eq(start, text.data);
	memcpy(start, "abcd", 4);
	rk_text_end(&text, start, start + 4);
	start = rk_text_begin(&text, spare, sizeof(spare));
	cr_assert_eq(start, spare, "7 bytes are left, 8 are asked for");
	memcpy(start, "efghijk", 7);
	rk_text_end(&text, start, start + 7);
	cr_assert_str_eq(end(&text), "abcdefghijk");
	start = rk_text_begin(&text, spare, sizeof(spare));
	rk_text_end(&text, start, start);
	cr_assert_not(text.overflowed);
	rk_text_end(&text, start, start + 1);
	cr_assert(text.overflowed);
	cr_assert_eq(rk_text_begin(&text, spare, 0), spare);
}

Test(text, json_escapes_what_json_forbids_and_no_more)
{
	struct rk_text text = begin();
	rk_text_put_json(&text, (struct rk_bytes){"a\"\\/\b\f\n\r\t\x01\x1f\0\x7f\xe8\xa7\x86\xe2\x80\xa8", 19});
	cr_assert_str_eq(end(&text), "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000\x7f\xe8\xa7\x86\xe2\x80\xa8\"");
}

Test(text, untrusted_bytes_become_valid_and_harmless)
{
	struct rk_text text = begin();
	rk_text_put_json_untrusted(&text,
				   rk_bytes_of("a\n\x7f\xff\xc3(\xe2\x80\xa8\xe2\x80\xa9\xe8\xa7\x86\xed\xa0\x80\xe8"));
	cr_assert_str_eq(end(&text),
			 "\"a\\n\\u007f\\ufffd\\ufffd(\\u2028\\u2029\xe8\xa7\x86\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

Test(text, valid_utf8_prefix)
{
	static const struct {
		const char *bytes;
		size_t valid;
	} cases[] = {{"", 0},
		     {"abc", 3},
		     {"\xc2\x80", 2},
		     {"\xdf\xbf", 2},
		     {"\xe0\xa0\x80", 3},
		     {"\xe0\x9f\xbf", 0},
		     {"\xed\x9f\xbf", 3},
		     {"\xed\xa0\x80", 0},
		     {"\xef\xbf\xbf", 3},
		     {"\xf0\x90\x80\x80", 4},
		     {"\xf0\x8f\xbf\xbf", 0},
		     {"\xf4\x8f\xbf\xbf", 4},
		     {"\xf4\x90\x80\x80", 0},
		     {"\xc1\xbf", 0},
		     {"\x80", 0},
		     {"a\xe8\xa7", 1},
		     {"a\xe8\xa7\x86\xf0\x9f", 4},
		     {"\xf5\x80\x80\x80", 0}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_eq(rk_text_valid_utf8(rk_bytes_of(cases[i].bytes)), cases[i].valid, "%zu", i);
}

Test(text, fixed)
{
	struct rk_text text = begin();
	rk_text_put_fixed(&text, 0.0214, 3);
	rk_text_put_char(&text, ' ');
	rk_text_put_fixed(&text, -1e15, 0);
	rk_text_put_char(&text, ' ');
	rk_text_put_fixed(&text, 2e15, 0);
	rk_text_put_char(&text, ' ');
	rk_text_put_fixed(&text, (double)NAN, 3);
	cr_assert_str_eq(end(&text), "0.021 -1000000000000000 null null");
}
