/* How an answer differs from the recorded one, in its items: order, scores, which have one. */
#ifndef RK_BENCH_REPLAY_COMPARE_H
#define RK_BENCH_REPLAY_COMPARE_H

#include "model/base/span.h"

#include <stdbool.h>
#include <stddef.h>

enum rk_replay_verdict {
	RK_REPLAY_SAME,
	RK_REPLAY_DIFFERS,
	RK_REPLAY_DEGRADED, /* one of them lacks scores for want of time: nothing can be said */
	RK_REPLAY_UNREADABLE,
};

struct rk_replay_difference {
	size_t n_items;        /* of the recorded answer */
	size_t n_moved;        /* places that hold another item than they did */
	size_t n_scores;       /* items in the same place whose score differs, or is there in one of them only */
	double largest;        /* difference of two scores */
	size_t first_place;    /* of the first difference; n_items: there is none */
	bool is_other_version; /* the model's name or version differs */
};

/* Compares two bodies of a 200. */
enum rk_replay_verdict rk_replay_compare(struct rk_bytes recorded, struct rk_bytes found,
					 struct rk_replay_difference *ret_difference);

#endif
