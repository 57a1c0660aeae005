/*
 * Positive and negative feedback, attended by the candidate (docs/model-format.md, section 4).
 *
 * Two things can be folded into matrices of the request, each where it costs less for this many events:
 * scores = e (Wqᵀ Wk Hᵀ) without forming q, and W_t t = (W_t V) softmax(scores) without forming t.
 * Nothing to do for a polarity that the model lacks.
 */
#ifndef RK_MODEL_TARGET_ATTENTION_H
#define RK_MODEL_TARGET_ATTENTION_H

#include "model/model.h"
#include "model/scratch.h"

/* User side: chooses the forms, and computes keys and values of S⁺ and S⁻ from H. */
void rk_target_attention_prepare(const struct rk_model *model, struct rk_scratch *scratch);

/* Candidate side: fills the rows of both polarities in the block's panel from its rows of e. */
void rk_target_attention_run(const struct rk_model *model, struct rk_scratch *scratch);

#endif
