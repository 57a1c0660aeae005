/*
 * The useful work of a request: floating point operations of the model's matrix products as docs/model-format.md writes
 * them, two a multiply-add, nothing folded and nothing left out. What is not counted: activations, norms, softmax,
 * element-wise products, order; less than 2 % of the reference model.
 */
#ifndef RK_BENCH_MODEL_WORK_H
#define RK_BENCH_MODEL_WORK_H

#include "model/model.h"

/* What of a request decides its work. */
struct rk_work_shape {
	uint32_t n_events;                    /* L: kept */
	uint32_t n_selected[RK_N_POLARITIES]; /* |S⁺|, |S⁻|; 0 where no candidate attends to them */
	uint32_t n_candidates;
};

void rk_work_shape_of(const struct rk_config *config, const struct rk_rank_input *input,
		      struct rk_work_shape *ret_shape);

/* History to user vector, and keys and values of both polarities. */
double rk_work_encode_flop(const struct rk_config *config, const struct rk_work_shape *shape);

/* All candidates. */
double rk_work_score_flop(const struct rk_config *config, const struct rk_work_shape *shape);

/* The same with the user's side folded into the first layer of an mlp (docs/performance.md): what is left of a
 * candidate's work, the measure of the kernels themselves. The user's own part of it is not counted. 0 for other
 * rankers. */
double rk_work_folded_flop(const struct rk_config *config, const struct rk_work_shape *shape);

#endif
