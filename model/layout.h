/*
 * Laying buffers out in one piece of memory. The same list of takes runs twice: without memory it counts the bytes,
 * with memory it hands out places. Every place is aligned to RK_ARENA_ALIGNMENT.
 */
#ifndef RK_MODEL_LAYOUT_H
#define RK_MODEL_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

struct rk_layout {
	char *memory; /* NULL: count only */
	size_t used;  /* bytes */
	bool overflowed;
};

/* A place for n × m elements of `size` bytes; NULL while counting. */
void *rk_layout_take(struct rk_layout *layout, size_t n, size_t m, size_t size);

static inline float *rk_layout_floats(struct rk_layout *layout, size_t n, size_t m)
{
	return rk_layout_take(layout, n, m, sizeof(float));
}

#endif
