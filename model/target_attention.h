/*
 * Positive and negative feedback, attended by the candidate (docs/model-format.md, section 4).
 * Nothing to do for a polarity that the model lacks.
 */
#ifndef RK_MODEL_TARGET_ATTENTION_H
#define RK_MODEL_TARGET_ATTENTION_H

#include "model/model.h"
#include "model/scratch.h"

/* User side: keys and values of S⁺ and S⁻ from H. */
void rk_target_attention_prepare(const struct rk_model *model, struct rk_scratch *scratch);

/* Candidate side: fills columns t⁺ and t⁻ of the block's z from its column e; zeros for an empty S. */
void rk_target_attention_run(const struct rk_model *model, struct rk_scratch *scratch);

#endif
