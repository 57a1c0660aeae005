/*
 * Private to server/json*.c: eight bytes of the text at once, as one number whose lowest byte is the first of them.
 * Bytes behind the text's end count as NUL, which is no digit and which no string holds as it is: so nothing that is
 * found here lies behind the end. Each test marks a byte by its highest bit; a carry can mark wrongly only behind the
 * first byte that is rightly marked, and only that one is looked at.
 */
#ifndef RK_SERVER_JSON_WORD_H
#define RK_SERVER_JSON_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { RK_WORD_BYTES = sizeof(uint64_t) };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte of the text is the lowest of a word");

#define RK_WORD_OF(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t rk_word_load(const char *at, const char *end)
{
	uint64_t word = 0;
	size_t left = (size_t)(end - at);
	if (left >= sizeof(word))
		memcpy(&word, at, sizeof(word));
	else
		for (size_t i = 0; i < left; i++)
			word |= (uint64_t)(unsigned char)at[i] << 8 * i;
	return word;
}

static inline unsigned char rk_word_byte(uint64_t word, unsigned i)
{
	return (unsigned char)(word >> 8 * i);
}

/* Index of the first byte whose highest bit is set, or 8. */
static inline unsigned rk_word_first(uint64_t marks)
{
	marks &= RK_WORD_OF(0x80);
	return marks == 0 ? RK_WORD_BYTES : (unsigned)__builtin_ctzll(marks) / 8;
}

/* How many of the bytes, from the first on, are digits. */
static inline unsigned rk_word_digits(uint64_t word)
{
	uint64_t values = word ^ RK_WORD_OF('0');
	return rk_word_first((values + RK_WORD_OF(0x80 - 10)) | values);
}

/* The number that the first `n` bytes write, 1 to 8 digits: pairs, then fours, then all, in one multiplication each. */
static inline uint32_t rk_word_number(uint64_t word, unsigned n)
{
	uint64_t digits = (word ^ RK_WORD_OF('0')) << 8 * (RK_WORD_BYTES - n); /* zeros are put in front */
	uint64_t pairs = digits * 10 + (digits >> 8);
	uint64_t first = pairs & 0x000000ff000000ffu, second = pairs >> 16 & 0x000000ff000000ffu;
	return (uint32_t)((first * (100 + (UINT64_C(1000000) << 32)) + second * (1 + (UINT64_C(10000) << 32))) >> 32);
}

/* Digits of the integer that the word begins with, if it is one of 1 to 7 digits without a sign and ends in the word;
 * else 0. */
static inline unsigned rk_word_integer(uint64_t word)
{
	unsigned n = rk_word_digits(word);
	if (n == RK_WORD_BYTES)
		return 0;
	unsigned char next = rk_word_byte(word, n);
	bool goes_on = next == '.' || next == 'e' || next == 'E', is_padded = n > 1 && rk_word_byte(word, 0) == '0';
	return goes_on || is_padded ? 0 : n;
}

/* How many of the bytes, from the first on, a string holds as they are: no quote, backslash, control character, and
 * nothing but ASCII. */
static inline unsigned rk_word_plain(uint64_t word)
{
	uint64_t quote = word ^ RK_WORD_OF('"'), backslash = word ^ RK_WORD_OF('\\');
	return rk_word_first((quote - RK_WORD_OF(1)) | (backslash - RK_WORD_OF(1)) | (word - RK_WORD_OF(0x20)) | word);
}

#endif
