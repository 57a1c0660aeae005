/* Invariant: used <= size, and once overflowed is set, nothing changes any more. */
#include "server/text.h"

#include "server/number.h"

#include <math.h>
#include <stdio.h>

void rk_text_init(struct rk_text *text, char *data, size_t size)
{
	*text = (struct rk_text){.data = data, .size = size};
}

void rk_text_put(struct rk_text *text, const char *bytes, size_t size)
{
	if (text->overflowed || size > text->size - text->used) {
		text->overflowed = true;
		return;
	}
	if (size > 0)
		memcpy(text->data + text->used, bytes, size);
	text->used += size;
}

void rk_text_put_text(struct rk_text *text, const char *string)
{
	rk_text_put(text, string, strlen(string));
}

void rk_text_put_char(struct rk_text *text, char byte)
{
	rk_text_put(text, &byte, 1);
}

void rk_text_put_unsigned(struct rk_text *text, uint64_t number)
{
	char digits[RK_NUMBER_ROOM_BYTES];
	rk_text_put(text, digits, rk_number_write_unsigned(number, digits));
}

void rk_text_put_integer(struct rk_text *text, int64_t number)
{
	char digits[RK_NUMBER_ROOM_BYTES];
	rk_text_put(text, digits, rk_number_write_integer(number, digits));
}

void rk_text_put_float(struct rk_text *text, float number)
{
	char digits[RK_NUMBER_ROOM_BYTES];
	rk_text_put(text, digits, rk_number_write_float(number, digits));
}

void rk_text_put_fixed(struct rk_text *text, double number, unsigned decimals)
{
	if (!isfinite(number) || fabs(number) > 1e15) {
		rk_text_put_text(text, "null");
		return;
	}
	char digits[64];
	int n = snprintf(digits, sizeof(digits), "%.*f", (int)(decimals > 20 ? 20 : decimals), number);
	rk_text_put(text, digits, (size_t)n);
}

/* Length of the valid UTF-8 sequence at the start of `bytes` (size >= 1), or 0. RFC 3629, section 4. */
static size_t utf8_sequence(const unsigned char *bytes, size_t size)
{
	unsigned char first = bytes[0];
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (length > size)
		return 0;
	unsigned char lowest = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	unsigned char highest = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	if (bytes[1] < lowest || bytes[1] > highest)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (bytes[i] < 0x80 || bytes[i] > 0xbf)
			return 0;
	return length;
}

size_t rk_text_valid_utf8(struct rk_bytes bytes)
{
	size_t valid = 0;
	while (valid < bytes.size) {
		size_t n = utf8_sequence((const unsigned char *)bytes.data + valid, bytes.size - valid);
		if (n == 0)
			break;
		valid += n;
	}
	return valid;
}

/* The escape of a byte that JSON forbids in a string. */
static void put_escape(struct rk_text *text, unsigned char byte)
{
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* byte and letter, pair by pair */
	for (const char *pair = shorts; *pair != '\0'; pair += 2) {
		if ((unsigned char)pair[0] == byte) {
			rk_text_put(text, (const char[]){'\\', pair[1]}, 2);
			return;
		}
	}
	static const char hex[] = "0123456789abcdef";
	rk_text_put(text, (const char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
}

void rk_text_put_json(struct rk_text *text, struct rk_bytes bytes)
{
	rk_text_put_char(text, '"');
	size_t plain = 0; /* start of the run that needs no escape */
	for (size_t i = 0; i < bytes.size; i++) {
		unsigned char byte = (unsigned char)bytes.data[i];
		if (byte >= 0x20 && byte != '"' && byte != '\\')
			continue;
		rk_text_put(text, bytes.data + plain, i - plain);
		put_escape(text, byte);
		plain = i + 1;
	}
	rk_text_put(text, bytes.data + plain, bytes.size - plain);
	rk_text_put_char(text, '"');
}

void rk_text_put_json_untrusted(struct rk_text *text, struct rk_bytes bytes)
{
	const unsigned char *at = (const unsigned char *)bytes.data;
	size_t left = bytes.size;
	rk_text_put_char(text, '"');
	while (left > 0) {
		size_t n = utf8_sequence(at, left);
		if (n == 0)
			rk_text_put_text(text, "\\ufffd");
		else if (n == 1 && (*at < 0x20 || *at == '"' || *at == '\\' || *at == 0x7f))
			put_escape(text, *at);
		else if (n == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9))
			rk_text_put_text(text, at[2] == 0xa8 ? "\\u2028" : "\\u2029");
		else
			rk_text_put(text, (const char *)at, n);
		size_t step = n == 0 ? 1 : n;
		at += step;
		left -= step;
	}
	rk_text_put_char(text, '"');
}
