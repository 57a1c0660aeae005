/*
 * dcn_v2: cross layers x ← x₀ ⊙ (W x + b) + x on x₀ = z, then the mlp. The first cross layer reads z itself and so is
 * the request's folded one; the others read all of x. Rows of z stand in the panel's order (model/pack_ranker.c).
 */
#include "model/first_layer.h"
#include "model/layer.h"
#include "model/ranker.h"

#include <string.h>

void rk_dcn_v2_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	struct rk_block_scratch *block = &scratch->block;
	const struct rk_packed *packed = &model->packed;
	uint32_t n = rk_config_ranker_width(&model->config);
	float *crossed = block->layer[1];
	memcpy(block->cross, block->panel, (size_t)n * RK_PANEL * sizeof(float));
	for (uint32_t k = 0; k < model->config.ranker.n_cross_layers; k++) {
		const struct rk_product first = rk_first_layer_product(model, scratch, 0);
		const float *x = k == 0 ? block->panel + (size_t)model->plan.fixed_rows * RK_PANEL : block->cross;
		rk_layer_run(model, scratch, k == 0 ? &first : &packed->cross[k - 1], x, block->n_lanes, crossed);
		model->kernels->cross(block->panel, crossed, n, block->n_lanes, block->cross);
	}
	const float *x =
		rk_ranker_layers(model, scratch, packed->layers, packed->n_layers - 1, block->cross, block->layer);
	rk_layer_run(model, scratch, &packed->layers[packed->n_layers - 1], x, block->n_lanes, block->logits);
}
