/* From the request's events to the kept ones, and to those that candidates attend to
 * (docs/model-format.md, sections 2 and 4). */
#ifndef RK_MODEL_HISTORY_H
#define RK_MODEL_HISTORY_H

#include "model/config.h"
#include "model/model.h"
#include "model/scratch.h"

/* Drops unknown items, keeps the last max_history events, adds derived actions, selects S⁺ and S⁻.
 * The buffers of *history hold what rk_plan_init foresees. */
void rk_history_select(struct rk_history *history, const struct rk_config *config, const struct rk_rank_input *input);

#endif
