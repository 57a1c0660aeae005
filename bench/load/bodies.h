/* Request bodies: from a file of /rank requests, one JSON object a line, or made of plain integer ids. */
#ifndef RK_BENCH_LOAD_BODIES_H
#define RK_BENCH_LOAD_BODIES_H

#include "bench/load/mix.h"
#include "bench/load/pool.h"

enum {
	RK_LOAD_MAX_LINES = 65536, /* of a file; empty lines are passed over */
	RK_LOAD_MAX_LINE_BYTES = 64 * 1024 * 1024,
	RK_LOAD_MAX_FILE_BYTES = 256 * 1024 * 1024,
};

/*
 * Fills the pool: its k-th request is the file's line k (modulo the lines), written again compactly with its keys in
 * their order. Where `mix` says how many candidates, that many are taken from the body's own, from a place that the
 * seed draws, and around again when it has too few; where it does not, no line stands in the pool twice. RK_NOT_FOUND,
 * RK_IO, RK_LIMIT; RK_MALFORMED and RK_INVALID name the line.
 */
RK_NODISCARD enum rk_status rk_load_bodies_read(struct rk_load_pool *pool, const char *file,
						const struct rk_load_mix *mix, uint64_t seed, struct rk_error *reterr);

struct rk_load_made {
	uint64_t id_low, id_high; /* ids are drawn from these, both included */
	uint32_t n_events;        /* of history */
	const char *actions;      /* names with commas between, taken in turn by the events; NULL: none */
};

/* Fills the pool with `{"history":[{"item":id,"action":name} …],"candidates":[id …]}`; `mix` must say how many.
 * RK_INVALID for a name of an action that JSON would have to escape. */
RK_NODISCARD enum rk_status rk_load_bodies_make(struct rk_load_pool *pool, const struct rk_load_made *made,
						const struct rk_load_mix *mix, uint64_t seed, struct rk_error *reterr);

#endif
