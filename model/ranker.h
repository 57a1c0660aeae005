/*
 * The candidate side: a block's inputs z_i, and the rankers that turn them into logits
 * (docs/model-format.md, sections 5 and 6).
 */
#ifndef RK_MODEL_RANKER_H
#define RK_MODEL_RANKER_H

#include "model/kernels/dense.h"
#include "model/model.h"
#include "model/scratch.h"

/* Once per request, when u and c stand in scratch->user. */
void rk_ranker_prepare(const struct rk_model *model, struct rk_scratch *scratch);

/* Fills the block's z for the candidates in block.places, each in the table or stood for by items.unknown. */
void rk_ranker_gather(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch);

/* block.logits from block.z. */
void rk_ranker_run(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch);

/* One each a ranker type: block.logits from block.first and block.z. */
void rk_mlp_run(const struct rk_model *model, struct rk_scratch *scratch);
void rk_dcn_v2_run(const struct rk_model *model, struct rk_scratch *scratch);
void rk_mmoe_run(const struct rk_model *model, struct rk_scratch *scratch);
void rk_dot_run(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch);

/* Hidden layers one after the other, the ranker's activation behind each. */
struct rk_hidden_layers {
	const struct rk_linear *layers; /* [n] */
	const uint32_t *sizes;          /* [n] outputs of each */
	uint32_t n;
	uint32_t n_in; /* inputs of the first */
};

/* Runs them over x, taking turns in block.hidden; returns the rows that the last one gave (x where n is 0).
 * x lies elsewhere. */
struct rk_rows rk_hidden_layers_run(const struct rk_model *model, const struct rk_hidden_layers *hidden,
				    struct rk_block_scratch *block, struct rk_rows x);

/* block.logits ← the heads of mlp and dcn_v2 on rows of n_in values. */
void rk_ranker_heads(const struct rk_model *model, struct rk_block_scratch *block, struct rk_rows x, uint32_t n_in);

#endif
