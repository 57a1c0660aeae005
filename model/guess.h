/*
 * What candidates are guessed with before they are scored: the direction g of g · e, the greater the better. For `dot`
 * it is u, and the guess is the logit itself. For the other rankers u says nothing about the score: what is learnt once
 * at load is, per signal, the direction in which the ranker's judgement grows over the items.
 */
#ifndef RK_MODEL_GUESS_H
#define RK_MODEL_GUESS_H

#include "model/model.h"
#include "model/scratch.h"

/* Places for what is learnt; nothing for `dot`. */
void rk_guess_lay_out(struct rk_guess *ret_guess, const struct rk_config *config, struct rk_layout *layout);

/* [d] the direction under the request's weights: u where nothing has been learnt. May lie in the scratch. */
const float *rk_guess_direction(const struct rk_model *model, const struct rk_rank_input *input,
				struct rk_scratch *scratch);

#endif
