#include "model/layer.h"
#include "model/ranker.h"

void rk_mlp_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	const struct rk_ranker_config *ranker = &model->config.ranker;
	struct rk_block_scratch *block = &scratch->block;
	struct rk_rows first = {.data = block->first, .n_rows = block->n_rows, .stride = ranker->hidden[0]};
	rk_layer_activation(model->kernels, ranker->activation)(first.data, first.n_rows * first.stride);
	struct rk_hidden_layers rest = {
		.layers = model->weights.hidden + 1,
		.sizes = ranker->hidden + 1,
		.n = ranker->n_hidden - 1,
		.n_in = ranker->hidden[0],
	};
	struct rk_rows last = rk_hidden_layers_run(model, &rest, block, first);
	rk_ranker_heads(model, block, last, ranker->hidden[ranker->n_hidden - 1]);
}
