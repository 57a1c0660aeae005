/*
 * jansson inside a fixed piece of memory. The allocation hook of jansson is one a process; ours looks for the arena
 * that the calling thread has begun, and falls back to malloc where there is none (config files, golden files).
 *
 * When an allocation of jansson 2.14 fails, it may go on with a wrong value (a 17-digit id lost a digit) instead of
 * failing. So out_of_memory is sticky: whoever loads checks it after each load, and throws the result away if it is
 * set.
 */
#ifndef RK_SERVER_JSON_ARENA_H
#define RK_SERVER_JSON_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Arena bytes that a JSON text may take: RK_JSON_ARENA_BASE + RK_JSON_ARENA_FACTOR × its bytes. Measured with jansson
 * 2.14 on x86-64; the worst text is an array of empty objects: "{}," is 3 bytes and takes a struct of 72, eight hash
 * buckets of 16, and up to 32 of the array's slots as it grows. tests/unit/server/test_json_arena.c measures it again.
 */
enum { RK_JSON_ARENA_FACTOR = 78, RK_JSON_ARENA_BASE = 4096 };

struct rk_json_arena {
	char *base; /* caller's memory, aligned to 8 */
	size_t size, used;
	size_t last;        /* start of the newest block: the only one that free gives back */
	bool out_of_memory; /* sticky */
};

/* Installs the hook and fixes the seed of jansson's hash tables (a random one). Once a process, before threads;
 * further calls do nothing. */
void rk_json_arena_install(void);

void rk_json_arena_init(struct rk_json_arena *arena, void *base, size_t size);

/* Between the two, whatever jansson allocates on this thread comes from `arena`. Values made so live as long as its
 * memory; they need no json_decref. Not nested. */
void rk_json_arena_begin(struct rk_json_arena *arena);
void rk_json_arena_end(void);

#endif
