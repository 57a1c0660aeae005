/*
 * External item ids → rows of the item table. Immutable after init, lock-free to read.
 * A table holds 64-bit integers or UTF-8 strings; either is looked up by a JSON integer or a JSON string, since
 * 12 and "12" name the same item ("012", "+12" and "-0" are other strings).
 */
#ifndef RK_LOADER_IDS_H
#define RK_LOADER_IDS_H

#include "model/base/arena.h"
#include "model/base/span.h"
#include "model/base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { RK_MAX_ID_BYTES = 255 };

enum { RK_BUCKET_IDS = 5 }; /* as many as a cache line holds */

struct rk_id_bucket {
	uint64_t hashes[RK_BUCKET_IDS];
	int32_t rows[RK_BUCKET_IDS]; /* -1: this place and all behind it are free */
	int32_t padding;
};

struct rk_ids {
	uint32_t n_items;
	uint32_t n_buckets;                 /* power of two; 0: empty table */
	const struct rk_id_bucket *buckets; /* [n_buckets] */
	const int64_t *integers;            /* [n_items], or NULL: a table of strings */
	const char *bytes;                  /* string ids one after the other, or NULL */
	const int64_t *offsets;             /* [n_items + 1] */
};

/* Bytes of arena that either init takes at most. */
size_t rk_ids_bytes(uint32_t n_items);

/* Builds the index. `integers`, `bytes` and `offsets` stay where they are and are borrowed.
 * RK_INVALID names the first offending row: a repeated id, offsets that fall or do not end at n_bytes,
 * a string that is empty, longer than RK_MAX_ID_BYTES, not UTF-8 or has a NUL. */
RK_NODISCARD enum rk_status rk_ids_init_integers(struct rk_ids *ret_ids, const int64_t *integers, uint32_t n_items,
						 struct rk_arena *arena, struct rk_error *reterr);
RK_NODISCARD enum rk_status rk_ids_init_strings(struct rk_ids *ret_ids, const char *bytes, size_t n_bytes,
						const int64_t *offsets, uint32_t n_items, struct rk_arena *arena,
						struct rk_error *reterr);

/* An id as a request wrote it. */
struct rk_item_id {
	bool is_integer;
	int64_t integer;
	struct rk_bytes text; /* valid UTF-8, unescaped */
};

/* Rows of n ids, -1 (RK_ROW_UNKNOWN) for those that the table lacks. The memory that the ids need is asked for in
 * advance, so that many look-ups in a large table wait together and not one after the other. */
void rk_ids_find_all(const struct rk_ids *ids, const struct rk_item_id *wanted, uint32_t n, int32_t *ret_rows);

/* Row of the id, or -1. */
int32_t rk_ids_find_integer(const struct rk_ids *ids, int64_t id);
int32_t rk_ids_find_string(const struct rk_ids *ids, struct rk_bytes id);

#endif
