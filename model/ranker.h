/*
 * The candidate side: a block's inputs z_i, and the rankers that turn them into logits
 * (docs/model-format.md, sections 5 and 6). Candidates are the lanes of the block's panels.
 */
#ifndef RK_MODEL_RANKER_H
#define RK_MODEL_RANKER_H

#include "model/model.h"
#include "model/scratch.h"

/* Once per request, when u and c stand in scratch->user and target attention is prepared. */
void rk_ranker_prepare(const struct rk_model *model, struct rk_scratch *scratch);

/* Rows of the item table for the candidates in block.places, into their place in the block's panel. */
void rk_ranker_gather_items(const struct rk_model *model, const struct rk_rank_input *input,
			    struct rk_scratch *scratch);

/* Fills the block's panel for the candidates in block.places, each in the table or stood for by items.unknown. */
void rk_ranker_gather(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch);

/* Asks for the memory of a row of the item table, which a later block will gather. */
void rk_ranker_prefetch(const struct rk_model *model, int32_t row);

/* block.logits from the block's panel. */
void rk_ranker_run(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch);

/* One each a ranker type. */
void rk_mlp_run(const struct rk_model *model, struct rk_scratch *scratch);
void rk_dcn_v2_run(const struct rk_model *model, struct rk_scratch *scratch);
void rk_mmoe_run(const struct rk_model *model, struct rk_scratch *scratch);
/* direction · e, u for the ranker; reads nothing of the panel but the items' rows, so that it guesses for any ranker */
void rk_dot_run(const struct rk_model *model, const struct rk_rank_input *input, const float *direction,
		struct rk_scratch *scratch);

/* n layers one after the other over x, the ranker's activation behind each, into turns[0] and turns[1] in turn.
 * Returns the panel that the last one gave (x where n is 0). x may be turns[1]. */
const float *rk_ranker_layers(const struct rk_model *model, struct rk_scratch *scratch, const struct rk_product *layers,
			      uint32_t n, const float *x, float *const turns[2]);

#endif
