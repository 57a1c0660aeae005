/* dot: logit = u · e_i, and the item's bias where there is one. */
#include "model/ranker.h"

void rk_dot_run(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch)
{
	struct rk_block_scratch *block = &scratch->block;
	const struct rk_product of_user = {
		.weights = scratch->user, .step_stride = 1, .group_stride = 0, .n_in = model->config.dim, .n_out = 1};
	model->kernels->product(&of_user, block->panel, block->n_lanes, block->logits);
	for (uint32_t lane = 0; lane < block->n_lanes && model->weights.item_bias != NULL; lane++) {
		int32_t row = input->candidate_rows[block->places[lane]];
		block->logits[lane] += row == RK_ROW_UNKNOWN ? 0.0F : model->weights.item_bias[row];
	}
}
