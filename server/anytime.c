/*
 * A wrong guess costs quality, never lateness: whether all will fit decides on the order alone, and when to stop is
 * decided by the clock. A block is begun where the last one's time would still fit, or the learnt one if that is less:
 * neither a learnt figure that is far too high nor one slow block can stop the scoring by itself.
 */
#include "server/anytime.h"

#include "server/clock.h"

enum { HAND_OFF_NS = 50 * 1000 }; /* from the worker to the I/O thread, and into the socket */

uint64_t rk_anytime_now_ns(const struct rk_anytime_clock *clock)
{
	return clock->now_ns == NULL ? rk_clock_ns() : clock->now_ns(clock->context);
}

void rk_anytime_begin(struct rk_anytime *anytime, const struct rk_anytime_rest *rest)
{
	enum rk_tempo_kind write = rest->explain ? RK_TEMPO_EXPLAIN : RK_TEMPO_WRITE;
	uint64_t reserve_ns = HAND_OFF_NS + rk_tempo_foretell_ns(anytime->tempo, RK_TEMPO_FINISH, rest->n_candidates) +
			      rk_tempo_foretell_ns(anytime->tempo, write, rest->n_items);
	if (rest->deadline_ns == UINT64_MAX)
		anytime->end_ns = UINT64_MAX;
	else
		anytime->end_ns = rest->deadline_ns > reserve_ns ? rest->deadline_ns - reserve_ns : 0;
}

bool rk_anytime_has_time(const struct rk_anytime *anytime)
{
	return anytime->now_ns < anytime->end_ns;
}

/* Of a block: the less of what the last one took and of what is known of them. */
static uint64_t expect_ns(const struct rk_anytime *anytime, uint64_t last_ns, uint32_t rows)
{
	uint64_t known_ns = rk_tempo_foretell_ns(anytime->tempo, RK_TEMPO_SCORE, rows);
	return known_ns < last_ns ? known_ns : last_ns;
}

/* Scores from the front of the walk (places NULL: the request's order) until it ends or the time does. Returns how
 * many of it are done. */
static uint32_t walk(struct rk_anytime *anytime, struct rk_ranking *ranking, const struct rk_places *walk)
{
	uint32_t block = ranking->model->plan.block_rows, first = 0;
	uint64_t start_ns = anytime->now_ns, last_ns = 0;
	while (first < walk->n && anytime->now_ns + expect_ns(anytime, last_ns, block) < anytime->end_ns) {
		uint32_t rows = walk->n - first < block ? walk->n - first : block;
		if (walk->places == NULL)
			rk_ranking_score(ranking, first, rows);
		else
			rk_ranking_score_places(ranking, walk, first, rows);
		first += rows;
		uint64_t now_ns = rk_anytime_now_ns(anytime->clock);
		last_ns = now_ns - anytime->now_ns;
		anytime->now_ns = now_ns;
	}
	if (first > 0)
		rk_tempo_learn(anytime->tempo, RK_TEMPO_SCORE, anytime->now_ns - start_ns, first);
	return first;
}

bool rk_anytime_score(struct rk_anytime *anytime, struct rk_ranking *ranking)
{
	struct rk_places candidates = {.n = ranking->input->n_candidates};
	uint64_t foretold_ns = rk_tempo_foretell_ns(anytime->tempo, RK_TEMPO_SCORE, candidates.n);
	bool fits = anytime->end_ns == UINT64_MAX || anytime->now_ns + foretold_ns < anytime->end_ns;
	if (!fits && anytime->best_first) {
		candidates = rk_ranking_prescore(ranking);
		anytime->now_ns = rk_anytime_now_ns(anytime->clock);
	}
	bool is_whole = walk(anytime, ranking, &candidates) == candidates.n;
	if (!is_whole && candidates.places == NULL && anytime->best_first)
		(void)rk_ranking_prescore(ranking);
	return is_whole;
}
