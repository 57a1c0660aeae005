/* From logits to one number a candidate, its terms, and the order (docs/model-format.md, section 7). */
#ifndef RK_MODEL_REWARD_H
#define RK_MODEL_REWARD_H

#include "model/model.h"
#include "model/scratch.h"

/* Scores and terms of the candidates in state RK_SCORED, from logits and signals. A score that is not finite turns its
 * state into RK_NONFINITE; scores, signals and terms of all others than RK_SCORED become 0. */
void rk_reward_apply(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch);

/* scratch->order: scored candidates best first (odds: by the clamped logit), equal ones in the request's order; then
 * those that were not reached, as scratch->guessed has them or in the request's order; then the others in that. */
void rk_reward_order(const struct rk_model *model, uint32_t n_candidates, struct rk_scratch *scratch);

#endif
