#include "model/base/arena.h"

#include <criterion/criterion.h>
#include <stdint.h>

static _Alignas(RK_ARENA_ALIGNMENT) char memory[1024];

Test(arena, aligns_every_allocation)
{
	struct rk_arena arena;
	rk_arena_init(&arena, memory, sizeof(memory));
	for (size_t size = 0; size < 8; size++)
		cr_assert_eq((uintptr_t)rk_arena_alloc(&arena, size) % RK_ARENA_ALIGNMENT, 0);
}

Test(arena, overflow_is_sticky_until_reset)
{
	struct rk_arena arena;
	rk_arena_init(&arena, memory, sizeof(memory));
	cr_assert_null(rk_arena_alloc(&arena, sizeof(memory) + 1));
	cr_assert_null(rk_arena_alloc(&arena, 1), "an arena that overflowed must stay so");
	cr_assert(arena.overflowed);
	rk_arena_reset(&arena);
	cr_assert_not_null(rk_arena_alloc(&arena, sizeof(memory)));
}

Test(arena, refuses_sizes_that_wrap)
{
	struct rk_arena arena;
	rk_arena_init(&arena, memory, sizeof(memory));
	cr_assert_null(rk_arena_alloc(&arena, SIZE_MAX));
	rk_arena_reset(&arena);
	cr_assert_null(rk_arena_alloc_array(&arena, SIZE_MAX / 2, 4));
	cr_assert(arena.overflowed);
}

Test(arena, rewind_gives_the_same_place_again)
{
	struct rk_arena arena;
	rk_arena_init(&arena, memory, sizeof(memory));
	(void)rk_arena_alloc(&arena, 10);
	size_t mark = rk_arena_mark(&arena);
	void *first = rk_arena_alloc(&arena, 100);
	rk_arena_rewind(&arena, mark);
	cr_assert_eq(rk_arena_alloc(&arena, 100), first);
	cr_assert_geq(arena.peak, 192);
}

Test(arena, zeroed_is_zero_and_text_is_terminated)
{
	struct rk_arena arena;
	memset(memory, 0xff, sizeof(memory));
	rk_arena_init(&arena, memory, sizeof(memory));
	const char *zeroed = rk_arena_alloc_zeroed(&arena, 3, 5);
	for (int i = 0; i < 15; i++)
		cr_assert_eq(zeroed[i], 0);
	cr_assert_str_eq(rk_arena_copy_text(&arena, "hello", 4), "hell");
}
