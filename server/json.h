/*
 * JSON as RFC 8259 has it, strictly and in one pass: a body becomes a row of values in the caller's arena, in their
 * order in the text, without a tree of allocations. The verdict is that of jansson 2.14 with JSON_REJECT_DUPLICATES
 * (tests/fuzz/fuzz_json.c compares both on verdict and values), with nesting bounded by RK_JSON_MAX_NESTING.
 *
 * Strings without escapes are borrowed from the body, others lie unescaped in the arena; none is NUL-terminated, and
 * none contains a NUL. Integers that 64 bits cannot hold and reals that a double cannot are errors.
 */
#ifndef RK_SERVER_JSON_H
#define RK_SERVER_JSON_H

#include "model/base/arena.h"
#include "model/base/span.h"

#include <stdint.h>

enum { RK_JSON_MAX_NESTING = 16 }; /* the top array or object is 1 */

enum rk_json_type {
	RK_JSON_NULL,
	RK_JSON_FALSE,
	RK_JSON_TRUE,
	RK_JSON_INTEGER,
	RK_JSON_REAL,
	RK_JSON_STRING,
	RK_JSON_ARRAY,  /* its elements follow */
	RK_JSON_OBJECT, /* its members follow, each a string and a value */
};

struct rk_json {
	enum rk_json_type type;
	uint32_t n;    /* string: bytes; array: elements; object: members */
	uint32_t span; /* values up to the next one beside it: 1 and all that it contains */
	union {
		int64_t integer;
		double real;
		const char *text;
	};
};

struct rk_json_error {
	size_t offset;      /* byte of the text */
	const char *detail; /* constant text; NULL: the arena does not suffice */
};

/* Bytes of arena that any text of `size` bytes needs at most. */
size_t rk_json_bytes(size_t size);

/* The value that `text` is, or NULL with *ret_error. */
const struct rk_json *rk_json_parse(struct rk_bytes text, struct rk_arena *arena, struct rk_json_error *ret_error);

/* The value of the member `key`, or NULL; also when `value` is NULL or no object. */
const struct rk_json *rk_json_get(const struct rk_json *value, const char *key);

/* The next value beside it: element to element, key to value to key. */
static inline const struct rk_json *rk_json_next(const struct rk_json *value)
{
	return value + value->span;
}

static inline bool rk_json_is_number(const struct rk_json *value)
{
	return value->type == RK_JSON_INTEGER || value->type == RK_JSON_REAL;
}

static inline bool rk_json_is_boolean(const struct rk_json *value)
{
	return value->type == RK_JSON_TRUE || value->type == RK_JSON_FALSE;
}

/* Of a number. */
static inline double rk_json_number(const struct rk_json *value)
{
	return value->type == RK_JSON_INTEGER ? (double)value->integer : value->real;
}

static inline struct rk_bytes rk_json_string(const struct rk_json *value)
{
	return (struct rk_bytes){value->text, value->n};
}

#endif
