/*
 * Scoring against a deadline (docs/reliability.md, "Anytime ranking"). Time is looked at between blocks of candidates.
 * Where all of them are foretold to fit they are taken in the request's order; else in that of the pre-score, so that
 * the best come first. It stops early enough for the order and the answer to be in time too; how long these and a
 * candidate take is learnt with every request (loader/tempo.h).
 */
#ifndef RK_SERVER_ANYTIME_H
#define RK_SERVER_ANYTIME_H

#include "loader/tempo.h"
#include "model/model.h"

/* A clock that may stand in for CLOCK_MONOTONIC; now_ns NULL: that itself. */
struct rk_anytime_clock {
	uint64_t (*now_ns)(void *context);
	void *context;
};

uint64_t rk_anytime_now_ns(const struct rk_anytime_clock *clock);

struct rk_anytime {
	const struct rk_anytime_clock *clock;
	struct rk_tempo *tempo;
	uint64_t end_ns; /* the last instant to begin a block at */
	uint64_t now_ns; /* the last that the clock was seen at */
	bool best_first; /* whether a part of the candidates is of any use */
};

/* What follows the scores, for rk_anytime_begin. */
struct rk_anytime_rest {
	uint64_t deadline_ns;  /* UINT64_MAX: none */
	uint32_t n_candidates; /* to order */
	uint32_t n_items;      /* to write */
	bool explain;
};

/* Sets `end_ns` so that the rest is done by the deadline. The other fields are the caller's. */
void rk_anytime_begin(struct rk_anytime *anytime, const struct rk_anytime_rest *rest);

/* Whether it is not too late to begin anything, as of now_ns. */
bool rk_anytime_has_time(const struct rk_anytime *anytime);

/* Scores blocks while there is time; the user must have been encoded by now_ns. False: some could have been scored and
 * were not; where a part is of use, the pre-score has put those in order. */
bool rk_anytime_score(struct rk_anytime *anytime, struct rk_ranking *ranking);

#endif
