/*
 * How long ranking on a version has taken, learnt while it ranks (server/anytime.c) and kept with it: a version is one
 * model on one tier of kernels. Any thread reads and learns at any time; a lost update is made up for by the next.
 */
#ifndef RK_LOADER_TEMPO_H
#define RK_LOADER_TEMPO_H

#include <stdatomic.h>
#include <stdint.h>

enum rk_tempo_kind {
	RK_TEMPO_SCORE,   /* of a candidate */
	RK_TEMPO_FINISH,  /* of a candidate: reward and order */
	RK_TEMPO_WRITE,   /* of an item of the answer */
	RK_TEMPO_EXPLAIN, /* of an item of the answer with its signals and terms */
	RK_N_TEMPOS
};

struct rk_tempo {
	_Atomic(double) ns[RK_N_TEMPOS]; /* a unit; 0: nothing is known yet */
};

/* What is paid once counts as this many units more. */
enum { RK_TEMPO_FIXED_UNITS = 32 };

static inline uint64_t rk_tempo_foretell_ns(const struct rk_tempo *tempo, enum rk_tempo_kind kind, uint32_t n)
{
	return (uint64_t)(atomic_load_explicit(&tempo->ns[kind], memory_order_relaxed) * (n + RK_TEMPO_FIXED_UNITS));
}

/* Moves the mean by an eighth of the way to what n units took. A thread that lost its core in between would be believed
 * too much: nothing counts for more than four times what was known. */
static inline void rk_tempo_learn(struct rk_tempo *tempo, enum rk_tempo_kind kind, uint64_t ns, uint32_t n)
{
	double known = atomic_load_explicit(&tempo->ns[kind], memory_order_relaxed);
	double found = (double)ns / (n + RK_TEMPO_FIXED_UNITS);
	if (known > 0) {
		found = found < 4 * known ? found : 4 * known;
		found = known + (found - known) / 8;
	}
	atomic_store_explicit(&tempo->ns[kind], found, memory_order_relaxed);
}

#endif
