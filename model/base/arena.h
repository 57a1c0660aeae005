/*
 * Arena: a bump allocator over the caller's memory. A request's scratch ends by rewinding, never by freeing.
 * Overflow is sticky: once an allocation failed, every later one fails until reset, so that a chain of
 * allocations is checked once at its end (the idea of Varnish's workspaces).
 */
#ifndef RK_BASE_ARENA_H
#define RK_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

enum { RK_ARENA_ALIGNMENT = 64 }; /* bytes; one cache line, one AVX-512 register */

struct rk_arena {
	char *base;      /* caller's memory, aligned to RK_ARENA_ALIGNMENT */
	size_t size;     /* bytes */
	size_t used;     /* bytes */
	size_t peak;     /* highest `used` ever, for metrics */
	bool overflowed; /* sticky until rk_arena_reset */
};

/* Takes `size` bytes of the caller's memory; `base` must be aligned to RK_ARENA_ALIGNMENT. */
void rk_arena_init(struct rk_arena *arena, void *base, size_t size);

/* `size` bytes aligned to RK_ARENA_ALIGNMENT, uninitialised; NULL (and the sticky flag) when they do not fit. */
void *rk_arena_alloc(struct rk_arena *arena, size_t size);

/* n × size bytes, with the multiplication checked. */
void *rk_arena_alloc_array(struct rk_arena *arena, size_t n, size_t size);

/* The same zeroed. */
void *rk_arena_alloc_zeroed(struct rk_arena *arena, size_t n, size_t size);

/* NUL-terminated copy of `size` bytes; NULL on overflow. */
char *rk_arena_copy_text(struct rk_arena *arena, const char *text, size_t size);

/* Mark the present fill, and go back to it. */
size_t rk_arena_mark(const struct rk_arena *arena);
void rk_arena_rewind(struct rk_arena *arena, size_t mark);

/* Empties the arena and clears the sticky flag. */
void rk_arena_reset(struct rk_arena *arena);

#endif
