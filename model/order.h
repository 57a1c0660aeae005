/* Stable sorting of floats, best first, in linear time and in memory that the caller has. */
#ifndef RK_MODEL_ORDER_H
#define RK_MODEL_ORDER_H

#include <stdint.h>

/* An entry that sorts by `value` descending, and carries `index`. −0 and +0 are equal; value is not NaN. */
uint64_t rk_order_entry(float value, uint32_t index);

static inline uint32_t rk_order_index(uint64_t entry)
{
	return (uint32_t)entry;
}

static inline uint32_t rk_order_key(uint64_t entry)
{
	return (uint32_t)(entry >> 32);
}

/* Sorts by key ascending, that is by value descending; equal values keep their order. `spare` holds n entries too. */
void rk_order_sort(uint64_t *entries, uint64_t *spare, uint32_t n);

#endif
