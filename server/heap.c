#include "server/heap.h"

#include <stdatomic.h>

static atomic_uint_fast64_t n_allocations;

uint64_t rk_heap_allocations(void)
{
	return atomic_load_explicit(&n_allocations, memory_order_relaxed);
}

void rk_heap_count(void)
{
	atomic_fetch_add_explicit(&n_allocations, 1, memory_order_relaxed);
}
