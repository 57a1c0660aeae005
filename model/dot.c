/* dot: logit = u · e_i (g · e_i for a guess), and the item's bias where there is one. */
#include "model/ranker.h"

void rk_dot_run(const struct rk_model *model, const struct rk_rank_input *input, const float *direction,
		struct rk_scratch *scratch)
{
	struct rk_block_scratch *block = &scratch->block;
	const struct rk_product of_user = {
		.weights = direction, .step_stride = 1, .group_stride = 0, .n_in = model->config.dim, .n_out = 1};
	const float *items = block->panel + (size_t)model->plan.fixed_rows * RK_PANEL;
	model->kernels->product(&of_user, items, block->n_lanes, block->logits);
	for (uint32_t lane = 0; lane < block->n_lanes && model->weights.item_bias != NULL; lane++) {
		int32_t row = input->candidate_rows[block->places[lane]];
		block->logits[lane] += row == RK_ROW_UNKNOWN ? 0.0F : model->weights.item_bias[row];
	}
}
