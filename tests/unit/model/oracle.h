/*
 * The model contract (docs/model-format.md) once more: in double, as plainly as it is written, slowly, and sharing no
 * code with model/. What model/ computes is compared with this.
 */
#ifndef RK_TESTS_MODEL_ORACLE_H
#define RK_TESTS_MODEL_ORACLE_H

#include "model/model.h"

enum { ORACLE_MAX_CANDIDATES = 300, ORACLE_MAX_SIGNALS = 64 };

struct oracle_result {
	uint32_t n_used, n_unknown;
	bool scored[ORACLE_MAX_CANDIDATES];
	double scores[ORACLE_MAX_CANDIDATES];
	double logits[ORACLE_MAX_CANDIDATES][ORACLE_MAX_SIGNALS];
	double terms[ORACLE_MAX_CANDIDATES][ORACLE_MAX_SIGNALS]; /* 0 where the signal has no term */
};

/* Ranks one request. */
void oracle_rank(const struct rk_model *model, const struct rk_rank_input *input, struct oracle_result *ret_result);

/* The parts that the tests of kernels use too. */
double oracle_activation(enum rk_activation activation, double x);
double oracle_sigmoid(double x);
double oracle_half(uint16_t half);
double oracle_bf16(uint16_t value);

#endif
