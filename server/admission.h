/*
 * Admission: what a request will cost, learnt online, and whether it may wait for it. Pure arithmetic; whoever shares
 * it locks it (the queue does).
 *
 * A cost is the worker's processor time, times the stretch. The processor time follows the request: cost = base +
 * per_byte × body bytes, the least-squares line through exponentially weighted means of (bytes, cost), since what is
 * known of a request before it is decoded is the length of its body, and that follows the number of candidates and
 * events closely. The stretch follows the machine: the ratio of the wall's time to the processor's over the last
 * requests of any kind, 1 where workers have their cores for themselves. Deadlines are instants on the wall, so a wait
 * has to be predicted in the wall's time; but a worker that was put aside for 20 ms says nothing about its request, and
 * learnt apart the two do not spoil each other.
 */
#ifndef RK_SERVER_ADMISSION_H
#define RK_SERVER_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rk_predictor {
	double base_us, per_byte_us; /* the line in force */
	/* private: weighted means */
	double mean_bytes, mean_us, mean_bytes_us, mean_bytes_squared;
	uint64_t n_samples;
};

void rk_predictor_init(struct rk_predictor *predictor);

/* Of the processor's time. */
double rk_predictor_cost_us(const struct rk_predictor *predictor, size_t body_bytes);

/* Learns from a request that ran to its end. */
void rk_predictor_learn(struct rk_predictor *predictor, size_t body_bytes, double cpu_us);

/* What a request took. */
struct rk_cost {
	double cpu_us, wall_us;
};

/* Zeroed is a good start. */
struct rk_stretch {
	/* private: weighted means */
	double mean_cpu_us, mean_wall_us;
	uint64_t n_samples;
};

/* Microseconds on the wall for one of the processor's: at least 1. */
double rk_stretch_factor(const struct rk_stretch *stretch);
void rk_stretch_learn(struct rk_stretch *stretch, const struct rk_cost *cost);

/* name, word in rankd_shed_total{reason} */
#define RK_VERDICT_TABLE(X)                                                                                            \
	X(ADMIT, "admitted")                                                                                           \
	X(QUEUE_FULL, "queue") /* the predicted wait is longer than rk_admission_longest_wait_us */                    \
	X(TOO_LATE, "budget")  /* what is left of the budget does not suffice for the wait and the work */             \
	X(EXPIRED, "deadline") /* the budget has passed: 504 */                                                        \
	X(CLOSED, "draining")  /* nobody takes work any more: 503; not counted as shed */

enum rk_verdict {
#define RK_VERDICT_ENUM(name, word) RK_VERDICT_##name,
	RK_VERDICT_TABLE(RK_VERDICT_ENUM)
#undef RK_VERDICT_ENUM
};

/* How things stand at the door. */
struct rk_load {
	double wait_us;    /* predicted, until a worker would take one more */
	double limit_us;   /* longest wait */
	uint32_t n_queued; /* requests that wait */
	uint32_t n_idle;   /* workers without work */
};

/* The longest wait behind others that is let in: the limit, and not more than a third of what is left of the budget.
 * Predictions err and neighbours take the cores; the rest is there for that, so that what is let in is in time. */
double rk_admission_longest_wait_us(double limit_us, double left_us);

/* At the door. A request that finds a worker idle is let in whatever the prediction says: nobody is served better by
 * its refusal, its deadline bounds it, and a prediction that is too high is corrected by it. */
enum rk_verdict rk_admission_enter(const struct rk_load *load, double cost_us, double left_us);

/* When a worker takes it; `n_waiting` others wait behind it. */
enum rk_verdict rk_admission_take(uint32_t n_waiting, double cost_us, double left_us);

#endif
