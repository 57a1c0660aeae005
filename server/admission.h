/*
 * Admission: what a request will cost, learnt online, and whether it may wait for it. Pure arithmetic; whoever shares
 * a predictor locks it (the queue does).
 *
 * Prediction: cost = base + per_byte × body bytes, the least-squares line through exponentially weighted means of
 * (bytes, cost): what is known of a request before it is decoded is the length of its body, and that follows the
 * number of candidates and events closely.
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
double rk_predictor_cost_us(const struct rk_predictor *predictor, size_t body_bytes);

/* Learns from a request that ran to its end. */
void rk_predictor_learn(struct rk_predictor *predictor, size_t body_bytes, double cost_us);

/* name, word in rankd_shed_total{reason} */
#define RK_VERDICT_TABLE(X)                                                                                            \
	X(ADMIT, "admitted")                                                                                           \
	X(QUEUE_FULL, "queue") /* more predicted work waits than queue_ms a worker */                                  \
	X(TOO_LATE, "budget")  /* what is left of the budget does not suffice for the wait and the work */             \
	X(EXPIRED, "deadline") /* the budget has passed: 504 */                                                        \
	X(CLOSED, "draining")  /* nobody takes work any more: 503; not counted as shed */

enum rk_verdict {
#define RK_VERDICT_ENUM(name, word) RK_VERDICT_##name,
	RK_VERDICT_TABLE(RK_VERDICT_ENUM)
#undef RK_VERDICT_ENUM
};

struct rk_load {
	double queued_us; /* predicted work of all that waits */
	double limit_us;  /* most that may wait */
	uint32_t n_queued;
	uint32_t n_workers;
	uint32_t n_idle; /* workers without work */
};

/* At the door. A request that finds a worker idle is let in whatever the prediction says: nobody is served better by
 * its refusal, its deadline bounds it, and a prediction that is too high is corrected by it. */
enum rk_verdict rk_admission_enter(const struct rk_load *load, double cost_us, double left_us);

/* When a worker takes it; `n_waiting` others wait behind it. */
enum rk_verdict rk_admission_take(uint32_t n_waiting, double cost_us, double left_us);

#endif
