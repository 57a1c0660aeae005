/* mlp: hidden layers and the heads; the first layer is the request's folded one. */
#include "model/first_layer.h"
#include "model/layer.h"
#include "model/ranker.h"

void rk_mlp_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	struct rk_block_scratch *block = &scratch->block;
	const struct rk_packed *packed = &model->packed;
	const struct rk_product first = rk_first_layer_product(model, scratch, 0);
	float *const turns[2] = {block->layer[1], block->layer[0]};
	const float *x = rk_ranker_layers(model, scratch, &first, 1, block->panel, block->layer);
	x = rk_ranker_layers(model, scratch, packed->layers, packed->n_layers - 1, x, turns);
	rk_layer_run(model, scratch, &packed->layers[packed->n_layers - 1], x, block->n_lanes, block->logits);
}
