/* A radix sort by the four bytes of the key, lowest first; each pass is stable, so the whole is. */
#include "model/order.h"

#include <stddef.h>
#include <string.h>

enum { KEY_BYTES = 4, RADIX = 256 };

uint64_t rk_order_entry(float value, uint32_t index)
{
	value += 0.0F; /* −0 becomes +0 */
	uint32_t bits;
	memcpy(&bits, &value, sizeof(bits));
	/* Ascending as unsigned: negative floats grow downwards, so all their bits are turned; positive ones get the
	 * top bit. Descending is the complement. */
	uint32_t ascending = bits & 0x80000000U ? ~bits : bits | 0x80000000U;
	return (uint64_t)~ascending << 32 | index;
}

static unsigned digit_of(uint64_t entry, unsigned pass)
{
	return (unsigned)(entry >> (32 + 8 * pass)) % RADIX;
}

void rk_order_sort(uint64_t *entries, uint64_t *spare, uint32_t n)
{
	uint32_t counts[KEY_BYTES][RADIX] = {{0}};
	for (uint32_t i = 0; i < n; i++) {
		for (unsigned pass = 0; pass < KEY_BYTES; pass++)
			counts[pass][digit_of(entries[i], pass)]++;
	}
	uint64_t *from = entries;
	uint64_t *to = spare;
	for (unsigned pass = 0; pass < KEY_BYTES && n > 0; pass++) {
		if (counts[pass][digit_of(from[0], pass)] == n)
			continue; /* one digit for all: nothing would move */
		uint32_t place = 0;
		for (unsigned digit = 0; digit < RADIX; digit++) {
			uint32_t count = counts[pass][digit];
			counts[pass][digit] = place;
			place += count;
		}
		for (uint32_t i = 0; i < n; i++)
			to[counts[pass][digit_of(from[i], pass)]++] = from[i];
		uint64_t *sorted = to;
		to = from;
		from = sorted;
	}
	if (from != entries)
		memcpy(entries, from, n * sizeof(*entries));
}
