/* A bump allocator without headers: blocks are aligned to 8, which every structure of jansson is content with. */
#include "server/json_arena.h"

#include "model/base/check.h"

#include <jansson.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

enum { BLOCK_ALIGNMENT = 8 };

static _Thread_local struct rk_json_arena *current;

static void *take(size_t size)
{
	struct rk_json_arena *arena = current;
	if (arena == NULL)
		return malloc(size);
	size_t left = arena->size - arena->used;
	if (arena->out_of_memory || size > left ||
	    ((size + BLOCK_ALIGNMENT - 1) & ~(size_t)(BLOCK_ALIGNMENT - 1)) > left) {
		arena->out_of_memory = true;
		return NULL;
	}
	arena->last = arena->used;
	arena->used += (size + BLOCK_ALIGNMENT - 1) & ~(size_t)(BLOCK_ALIGNMENT - 1);
	return arena->base + arena->last;
}

static void give(void *block)
{
	struct rk_json_arena *arena = current;
	if (arena == NULL || (char *)block < arena->base || (char *)block >= arena->base + arena->size)
		free(block);
	else if (block == arena->base + arena->last)
		arena->used = arena->last;
}

static void install(void)
{
	json_set_alloc_funcs(take, give);
	json_object_seed(0); /* 0 asks for a random one, now rather than at the first object on some thread */
}

void rk_json_arena_install(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	RK_ASSERT(pthread_once(&once, install) == 0);
}

void rk_json_arena_init(struct rk_json_arena *arena, void *base, size_t size)
{
	RK_ASSERT((uintptr_t)base % BLOCK_ALIGNMENT == 0);
	*arena = (struct rk_json_arena){.base = base, .size = size};
}

void rk_json_arena_begin(struct rk_json_arena *arena)
{
	RK_ASSERT(current == NULL);
	current = arena;
}

void rk_json_arena_end(void)
{
	RK_ASSERT(current != NULL);
	current = NULL;
}
