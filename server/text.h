/*
 * Text into a bounded buffer. Overflow is sticky: nothing more is written after the first piece that did not fit,
 * so that a chain of writes is checked once at its end. Not NUL-terminated.
 */
#ifndef RK_SERVER_TEXT_H
#define RK_SERVER_TEXT_H

#include "model/base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct rk_text {
	char *data; /* caller's memory */
	size_t size, used;
	bool overflowed;
};

void rk_text_init(struct rk_text *text, char *data, size_t size);

void rk_text_put(struct rk_text *text, const char *bytes, size_t size);
void rk_text_put_text(struct rk_text *text, const char *string);
void rk_text_put_char(struct rk_text *text, char byte);

/* For a piece of several parts, checked once: where it may be written, up to `size` bytes, and afterwards what was
 * written there. It is the text itself if that much room is left, else `spare` [size]. */
static inline char *rk_text_begin(const struct rk_text *text, char *spare, size_t size)
{
	return text->overflowed || size > text->size - text->used ? spare : text->data + text->used;
}

static inline void rk_text_end(struct rk_text *text, const char *start, const char *end)
{
	size_t size = (size_t)(end - start);
	if (start == text->data + text->used)
		text->used += size;
	else
		rk_text_put(text, start, size);
}

void rk_text_put_unsigned(struct rk_text *text, uint64_t number);
void rk_text_put_integer(struct rk_text *text, int64_t number);

/* Shortest form that reads back to the same float (server/number.h). `number` must be finite. */
void rk_text_put_float(struct rk_text *text, float number);

/* `decimals` digits after the point, no exponent; null if not finite or larger than 1e15 in size. */
void rk_text_put_fixed(struct rk_text *text, double number, unsigned decimals);

/* A JSON string, quotes included. `bytes` must be valid UTF-8: only what JSON forbids is escaped, each in its shortest
 * form, so that the result is never longer than any JSON text of the same string. */
void rk_text_put_json(struct rk_text *text, struct rk_bytes bytes);

/* The same for bytes of any origin and for readers of any kind: invalid UTF-8 becomes U+FFFD, and 0x7f, U+2028 and
 * U+2029 are escaped too. */
void rk_text_put_json_untrusted(struct rk_text *text, struct rk_bytes bytes);

/* Bytes of the longest prefix of `bytes` that is valid UTF-8 (no overlong forms, surrogates, or above U+10FFFF). */
size_t rk_text_valid_utf8(struct rk_bytes bytes);

#endif
