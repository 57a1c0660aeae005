#include "model/base/arena.h"

#include "model/base/check.h"

#include <stdint.h>
#include <string.h>

void rk_arena_init(struct rk_arena *arena, void *base, size_t size)
{
	RK_ASSERT((uintptr_t)base % RK_ARENA_ALIGNMENT == 0);
	*arena = (struct rk_arena){.base = base, .size = size};
}

void *rk_arena_alloc(struct rk_arena *arena, size_t size)
{
	size_t rounded;
	if (arena->overflowed || __builtin_add_overflow(size, (size_t)RK_ARENA_ALIGNMENT - 1, &rounded)) {
		arena->overflowed = true;
		return NULL;
	}
	rounded &= ~((size_t)RK_ARENA_ALIGNMENT - 1);
	if (rounded > arena->size - arena->used) {
		arena->overflowed = true;
		return NULL;
	}
	void *memory = arena->base + arena->used;
	arena->used += rounded;
	if (arena->used > arena->peak)
		arena->peak = arena->used;
	return memory;
}

void *rk_arena_alloc_array(struct rk_arena *arena, size_t n, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(n, size, &bytes)) {
		arena->overflowed = true;
		return NULL;
	}
	return rk_arena_alloc(arena, bytes);
}

void *rk_arena_alloc_zeroed(struct rk_arena *arena, size_t n, size_t size)
{
	void *memory = rk_arena_alloc_array(arena, n, size);
	if (memory != NULL)
		memset(memory, 0, n * size);
	return memory;
}

char *rk_arena_copy_text(struct rk_arena *arena, const char *text, size_t size)
{
	size_t with_end;
	if (__builtin_add_overflow(size, (size_t)1, &with_end)) {
		arena->overflowed = true;
		return NULL;
	}
	char *copy = rk_arena_alloc(arena, with_end);
	if (copy == NULL)
		return NULL;
	if (size > 0)
		memcpy(copy, text, size);
	copy[size] = '\0';
	return copy;
}

size_t rk_arena_mark(const struct rk_arena *arena)
{
	return arena->used;
}

void rk_arena_rewind(struct rk_arena *arena, size_t mark)
{
	RK_ASSERT(mark <= arena->used);
	arena->used = mark;
}

void rk_arena_reset(struct rk_arena *arena)
{
	arena->used = 0;
	arena->overflowed = false;
}
