/* u · e_i, and the item's bias where the model has one and the item is in its table. */
#include "model/kernels/kernels.h"
#include "model/ranker.h"

void rk_dot_run(const struct rk_model *model, const struct rk_rank_input *input, struct rk_scratch *scratch)
{
	struct rk_block_scratch *block = &scratch->block;
	size_t dim = model->config.dim;
	for (uint32_t row = 0; row < block->n_rows; row++) {
		int32_t item = input->candidate_rows[block->places[row]];
		block->logits[row] = model->kernels->dot(scratch->user, block->z + row * dim, dim);
		if (model->weights.item_bias != NULL && item != RK_ROW_UNKNOWN)
			block->logits[row] += model->weights.item_bias[item];
	}
}
