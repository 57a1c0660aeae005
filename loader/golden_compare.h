/* One expected answer against one reply. Private to the golden check. */
#ifndef RK_LOADER_GOLDEN_COMPARE_H
#define RK_LOADER_GOLDEN_COMPARE_H

#include "loader/json_read.h"

struct rk_golden_tally {
	double tolerance; /* relative to max(1, |expected|) */
	double max_error; /* of all numbers compared so far */
};

/* Compares what `expected` ({"items": [...], "history": {...}}, the latter optional) lists with the reply. Items are
 * matched by their id as it is written: the k-th of an id with the k-th of the same id in the reply.
 * RK_MISMATCH names item, field, expected and found; RK_INVALID: `expected` or the reply has another form. */
RK_NODISCARD enum rk_status rk_golden_compare(const json_t *expected, const json_t *reply,
					      struct rk_golden_tally *tally, struct rk_error *reterr);

#endif
