/*
 * Strings: most have no escape and are borrowed after one look at each byte. UTF-8 is checked as Unicode's table 3-7
 * has it: no overlong form, no surrogate, nothing above U+10FFFF.
 */
#include "server/json_lex.h"
#include "server/json_word.h"

#include <string.h>

static const char bad_string[] = "invalid syntax", bad_utf8[] = "a string is not valid UTF-8",
		  ends_early[] = "the body ends too early";

bool rk_lexer_fail(struct rk_lexer *lexer, const char *detail)
{
	if (!lexer->failed)
		lexer->detail = detail;
	lexer->failed = true;
	return false;
}

/* Bytes of the character that begins at `at`, or 0 if it is not valid. The lead byte is 0x80 or more. */
static size_t character_size(const unsigned char *at, size_t left)
{
	unsigned lead = at[0], low = 0x80, high = 0xbf;
	size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
	if (lead < 0xc2 || lead > 0xf4 || left < size)
		return 0;
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++)
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;
	return size;
}

/* Moves over the characters that are not ASCII. */
static bool skip_characters(struct rk_lexer *lexer)
{
	while (lexer->at < lexer->end && (unsigned char)*lexer->at >= 0x80) {
		size_t size = character_size((const unsigned char *)lexer->at, (size_t)(lexer->end - lexer->at));
		if (size == 0)
			return rk_lexer_fail(lexer, bad_utf8);
		lexer->at += size;
	}
	return true;
}

/* Bytes from `at` to the first that ends a run of plain ASCII characters, or to the text's end. */
static inline size_t count_plain(const char *at, const char *end)
{
	size_t size = 0;
	unsigned n;
	do
		size += n = rk_word_plain(rk_word_load(at + size, end));
	while (n == RK_WORD_BYTES);
	return size;
}

/* Moves over the characters up to a quote, a backslash or a fault. */
static bool skip_plain(struct rk_lexer *lexer)
{
	for (;;) {
		lexer->at += count_plain(lexer->at, lexer->end);
		if (lexer->at == lexer->end)
			return rk_lexer_fail(lexer, ends_early);
		unsigned char c = (unsigned char)*lexer->at;
		if (c == '"' || c == '\\')
			return true;
		if (c < 0x20)
			return rk_lexer_fail(lexer, bad_string);
		if (!skip_characters(lexer))
			return false;
	}
}

static bool read_hex(struct rk_lexer *lexer, unsigned *ret_unit)
{
	if (lexer->end - lexer->at < 4)
		return rk_lexer_fail(lexer, ends_early);
	*ret_unit = 0;
	for (int i = 0; i < 4; i++) {
		char c = lexer->at[i];
		unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
				 : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
							: 16;
		if (digit == 16)
			return rk_lexer_fail(lexer, bad_string);
		*ret_unit = *ret_unit * 16 + digit;
	}
	lexer->at += 4;
	return true;
}

/* What follows \u: one unit, or a pair of surrogates. */
static bool read_code_point(struct rk_lexer *lexer, unsigned *ret_point)
{
	unsigned high, low;
	if (!read_hex(lexer, &high))
		return false;
	*ret_point = high;
	if (high == 0)
		return rk_lexer_fail(lexer, "a string has a NUL");
	if (high < 0xd800 || high > 0xdfff)
		return true;
	if (high > 0xdbff || lexer->end - lexer->at < 2 || lexer->at[0] != '\\' || lexer->at[1] != 'u')
		return rk_lexer_fail(lexer, bad_string);
	lexer->at += 2;
	if (!read_hex(lexer, &low))
		return false;
	if (low < 0xdc00 || low > 0xdfff)
		return rk_lexer_fail(lexer, bad_string);
	*ret_point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

static char *put_utf8(char *to, unsigned point)
{
	if (point < 0x80) {
		*to++ = (char)point;
	} else if (point < 0x800) {
		*to++ = (char)(0xc0 | point >> 6);
		*to++ = (char)(0x80 | (point & 0x3f));
	} else if (point < 0x10000) {
		*to++ = (char)(0xe0 | point >> 12);
		*to++ = (char)(0x80 | (point >> 6 & 0x3f));
		*to++ = (char)(0x80 | (point & 0x3f));
	} else {
		*to++ = (char)(0xf0 | point >> 18);
		*to++ = (char)(0x80 | (point >> 12 & 0x3f));
		*to++ = (char)(0x80 | (point >> 6 & 0x3f));
		*to++ = (char)(0x80 | (point & 0x3f));
	}
	return to;
}

/* From behind a backslash; lexer->texts moves on. */
static bool read_escape(struct rk_lexer *lexer)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	if (lexer->at == lexer->end)
		return rk_lexer_fail(lexer, ends_early);
	char name = *lexer->at;
	unsigned point;
	if (name == 'u') {
		lexer->at++;
		if (!read_code_point(lexer, &point))
			return false;
	} else {
		const char *found = name == '\0' ? NULL : strchr(names, name);
		if (found == NULL)
			return rk_lexer_fail(lexer, bad_string);
		lexer->at++;
		point = (unsigned char)values[found - names];
	}
	lexer->texts = put_utf8(lexer->texts, point);
	return true;
}

/* A string with a backslash at lexer->at: it is written anew, never longer than it was. */
static bool read_escaped(struct rk_lexer *lexer, const char *first, struct rk_json *ret_string)
{
	if (lexer->texts == NULL)
		lexer->texts = rk_arena_alloc(lexer->arena, (size_t)(lexer->end - first));
	if (lexer->texts == NULL)
		return rk_lexer_fail(lexer, NULL);
	char *text = lexer->texts;
	for (;;) {
		size_t n_plain = (size_t)(lexer->at - first);
		memcpy(lexer->texts, first, n_plain);
		lexer->texts += n_plain;
		if (*lexer->at++ == '"')
			break;
		if (!read_escape(lexer))
			return false;
		first = lexer->at;
		if (!skip_plain(lexer))
			return false;
	}
	ret_string->text = text;
	ret_string->n = (uint32_t)(lexer->texts - text);
	return true;
}

/* From behind the opening quote. */
static __attribute__((noinline)) bool read_any(struct rk_lexer *lexer, struct rk_json *ret_string)
{
	const char *first = lexer->at;
	if (!skip_plain(lexer))
		return false;
	if (*lexer->at == '\\')
		return read_escaped(lexer, first, ret_string);
	ret_string->text = first;
	ret_string->n = (uint32_t)(lexer->at - first);
	lexer->at++;
	return true;
}

bool rk_lexer_read_string(struct rk_lexer *lexer, struct rk_json *ret_string)
{
	const char *first = ++lexer->at;
	size_t size = count_plain(first, lexer->end);
	if (first + size == lexer->end || first[size] != '"')
		return read_any(lexer, ret_string);
	ret_string->text = first;
	ret_string->n = (uint32_t)size;
	lexer->at += size + 1;
	return true;
}
