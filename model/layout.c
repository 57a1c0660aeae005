#include "model/layout.h"

#include "model/base/arena.h"

void *rk_layout_take(struct rk_layout *layout, size_t n, size_t m, size_t size)
{
	static const size_t mask = RK_ARENA_ALIGNMENT - 1;
	size_t elements, bytes, end;
	if (__builtin_mul_overflow(n, m, &elements) || __builtin_mul_overflow(elements, size, &bytes) ||
	    __builtin_add_overflow(bytes, mask, &bytes) || __builtin_add_overflow(layout->used, bytes & ~mask, &end)) {
		layout->overflowed = true;
		return NULL;
	}
	void *place = layout->memory == NULL ? NULL : layout->memory + layout->used;
	layout->used = end;
	return place;
}
