/*
 * Numbers. Integers are exact or an error. Reals: where 53 bits of digits and a power of ten up to 10²² suffice, one
 * multiplication or division of two exact doubles rounds correctly (Clinger, "How to read floating point numbers
 * accurately", 1990); the others go through strtod.
 */
#include "server/json_lex.h"
#include "server/json_word.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_EXACT_POWER = 22, LONGEST_ON_STACK = 128, MOST_DIGITS = 19 /* that any 64 bits hold */ };

/* The parts of a number as they stand in the text. */
struct parts {
	const char *first; /* of the whole number */
	bool is_negative, is_real;
	uint64_t digits;   /* of the number without its point, as far as they fit */
	uint32_t n_digits; /* significant ones */
	int64_t exponent;  /* of ten, by which they are multiplied */
};

static bool is_digit(const struct rk_lexer *lexer)
{
	return lexer->at < lexer->end && *lexer->at >= '0' && *lexer->at <= '9';
}

/* Up to eight at a time. */
static void read_digits(struct rk_lexer *lexer, struct parts *parts, bool after_point)
{
	static const uint32_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
	unsigned n;
	do {
		uint64_t word = rk_word_load(lexer->at, lexer->end);
		n = rk_word_digits(word);
		uint32_t number = n > 0 ? rk_word_number(word, n) : 0;
		if (parts->n_digits > 0)
			parts->n_digits += n;
		else if (number > 0) /* without the zeros in front */
			parts->n_digits = n - (unsigned)__builtin_ctzll(word ^ RK_WORD_OF('0')) / 8;
		if (parts->n_digits <= MOST_DIGITS)
			parts->digits = parts->digits * tens[n] + number;
		parts->exponent -= after_point ? n : 0;
		lexer->at += n;
	} while (n == RK_WORD_BYTES);
}

static bool need_digit(struct rk_lexer *lexer)
{
	if (is_digit(lexer))
		return true;
	return rk_lexer_fail(lexer, lexer->at == lexer->end ? "the body ends too early" : "invalid syntax");
}

static bool read_exponent(struct rk_lexer *lexer, struct parts *parts)
{
	lexer->at++;
	bool is_negative = lexer->at < lexer->end && *lexer->at == '-';
	if (is_negative || (lexer->at < lexer->end && *lexer->at == '+'))
		lexer->at++;
	if (!need_digit(lexer))
		return false;
	int64_t exponent = 0;
	for (; is_digit(lexer); lexer->at++)
		if (exponent < 1000000)
			exponent = exponent * 10 + (*lexer->at - '0');
	parts->exponent += is_negative ? -exponent : exponent;
	return true;
}

static bool read_parts(struct rk_lexer *lexer, struct parts *parts)
{
	parts->is_negative = *lexer->at == '-';
	lexer->at += parts->is_negative;
	if (!need_digit(lexer))
		return false;
	if (*lexer->at == '0')
		lexer->at++; /* alone: a digit behind it is no separator, and fails there */
	else
		read_digits(lexer, parts, false);
	if (lexer->at < lexer->end && *lexer->at == '.') {
		lexer->at++;
		parts->is_real = true;
		if (!need_digit(lexer))
			return false;
		read_digits(lexer, parts, true);
	}
	if (lexer->at < lexer->end && (*lexer->at == 'e' || *lexer->at == 'E')) {
		parts->is_real = true;
		return read_exponent(lexer, parts);
	}
	return true;
}

static bool take_integer(struct rk_lexer *lexer, const struct parts *parts, struct rk_json *ret_number)
{
	uint64_t most = (uint64_t)INT64_MAX + parts->is_negative;
	if (parts->n_digits > MOST_DIGITS || parts->digits > most) {
		lexer->at = parts->first;
		return rk_lexer_fail(lexer, "a number is out of range");
	}
	ret_number->type = RK_JSON_INTEGER;
	ret_number->integer = parts->is_negative ? (int64_t)(0 - parts->digits) : (int64_t)parts->digits;
	return true;
}

/* strtod of the number's text, which it needs terminated. */
static bool convert(struct rk_lexer *lexer, const struct parts *parts, double *ret_real)
{
	char on_stack[LONGEST_ON_STACK], *text = on_stack;
	size_t size = (size_t)(lexer->at - parts->first), mark = rk_arena_mark(lexer->arena);
	if (size >= sizeof(on_stack))
		text = rk_arena_alloc(lexer->arena, size + 1);
	if (text == NULL)
		return rk_lexer_fail(lexer, NULL);
	memcpy(text, parts->first, size);
	text[size] = '\0';
	*ret_real = strtod(text, NULL);
	rk_arena_rewind(lexer->arena, mark);
	return true;
}

static bool take_real(struct rk_lexer *lexer, const struct parts *parts, struct rk_json *ret_number)
{
	static const double powers[MAX_EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
							   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
							   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	ret_number->type = RK_JSON_REAL;
	if (parts->n_digits <= MOST_DIGITS && parts->digits <= UINT64_C(1) << 53 &&
	    parts->exponent >= -MAX_EXACT_POWER && parts->exponent <= MAX_EXACT_POWER) {
		double digits = (double)parts->digits;
		double size =
			parts->exponent < 0 ? digits / powers[-parts->exponent] : digits * powers[parts->exponent];
		ret_number->real = parts->is_negative ? -size : size;
		return true;
	}
	if (!convert(lexer, parts, &ret_number->real))
		return false;
	if (isfinite(ret_number->real))
		return true;
	lexer->at = parts->first;
	return rk_lexer_fail(lexer, "a number is out of range");
}

static __attribute__((noinline)) bool read_any(struct rk_lexer *lexer, struct rk_json *ret_number)
{
	struct parts parts = {.first = lexer->at};
	if (*lexer->at != '-' && !is_digit(lexer))
		return rk_lexer_fail(lexer, "invalid syntax");
	if (!read_parts(lexer, &parts))
		return false;
	return parts.is_real ? take_real(lexer, &parts, ret_number) : take_integer(lexer, &parts, ret_number);
}

bool rk_lexer_read_number(struct rk_lexer *lexer, struct rk_json *ret_number)
{
	uint64_t word = rk_word_load(lexer->at, lexer->end);
	unsigned n_digits = rk_word_integer(word);
	if (n_digits == 0)
		return read_any(lexer, ret_number);
	ret_number->type = RK_JSON_INTEGER;
	ret_number->integer = rk_word_number(word, n_digits);
	lexer->at += n_digits;
	return true;
}
