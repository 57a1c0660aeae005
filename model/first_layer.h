/*
 * The layers that read z_i, packed as one. z_i is [u ; e ; u⊙e ; t⁺ ; t⁻ ; c ; f], and u and c are the same for all
 * candidates of a request: their columns are multiplied once per request and become the bias of the rest.
 * The layers stand side by side: mlp: hidden 0; dcn_v2: cross 0; mmoe: hidden 0 of each expert, then the gates.
 */
#ifndef RK_MODEL_FIRST_LAYER_H
#define RK_MODEL_FIRST_LAYER_H

#include "model/base/arena.h"
#include "model/kernels/dense.h"
#include "model/model.h"
#include "model/scratch.h"

struct rk_first_layer {
	struct rk_dense user;      /* columns u and c: [first_outputs, user_columns], with the biases */
	struct rk_dense candidate; /* the others: [first_outputs, candidate_columns]; its bias is the request's */
};

/* Packs the columns into `arena`. model->plan is set; the ranker is not dot. RK_NO_MEMORY when they do not fit. */
RK_NODISCARD enum rk_status rk_first_layer_init(struct rk_first_layer *ret_first, const struct rk_model *model,
						struct rk_arena *arena, struct rk_error *reterr);

/* Bytes that rk_first_layer_init takes of the arena; SIZE_MAX when a size_t cannot hold them. */
size_t rk_first_layer_bytes(const struct rk_plan *plan);

/* Once per request: scratch->first_bias from scratch->user. */
void rk_first_layer_fold(const struct rk_model *model, struct rk_scratch *scratch);

/* Per block: block.first from block.z. */
void rk_first_layer_run(const struct rk_model *model, struct rk_scratch *scratch);

#endif
