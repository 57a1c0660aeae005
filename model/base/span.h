/* Borrowed ranges of bytes: a pointer and a length, no ownership, not NUL-terminated. */
#ifndef RK_BASE_SPAN_H
#define RK_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct rk_bytes {
	const char *data;
	size_t size;
};

static inline struct rk_bytes rk_bytes_of(const char *text)
{
	return (struct rk_bytes){text, strlen(text)};
}

static inline bool rk_bytes_equal(struct rk_bytes a, struct rk_bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* memcmp order, a prefix before the longer. */
static inline int rk_bytes_compare(struct rk_bytes a, struct rk_bytes b)
{
	size_t n = a.size < b.size ? a.size : b.size;
	int order = n == 0 ? 0 : memcmp(a.data, b.data, n);
	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

#endif
