/*
 * mmoe: the first layers of all experts are one product, and so are all gates. Each signal mixes the experts' outputs
 * by the softmax of its gate, and a tower makes the logit.
 */
#include "model/first_layer.h"
#include "model/layer.h"
#include "model/ranker.h"

#include <string.h>

/* The experts' last outputs, one below the other, from those of their first layers. */
static const float *run_experts(const struct rk_model *model, struct rk_scratch *scratch, const float *first)
{
	struct rk_block_scratch *block = &scratch->block;
	const struct rk_ranker_config *ranker = &model->config.ranker;
	uint32_t n_rest = ranker->n_hidden - 1;
	if (n_rest == 0)
		return first;
	for (uint32_t k = 0; k < n_rest; k++) {
		float *outputs = block->layer[(k + 1) % 2];
		for (uint32_t e = 0; e < ranker->n_experts; e++)
			rk_layer_run_activated(model, scratch, &model->packed.experts[(size_t)e * n_rest + k],
					       ranker->activation, first + (size_t)e * ranker->hidden[k] * RK_PANEL,
					       block->n_lanes, outputs + (size_t)e * ranker->hidden[k + 1] * RK_PANEL);
		first = outputs;
	}
	return first;
}

static void run_tower(const struct rk_model *model, struct rk_scratch *scratch, const float *experts, uint32_t signal)
{
	struct rk_block_scratch *block = &scratch->block;
	const struct rk_ranker_config *ranker = &model->config.ranker;
	uint32_t n_out = ranker->hidden[ranker->n_hidden - 1], n_tower = ranker->n_tower_hidden;
	float *gate = block->gates + (size_t)signal * ranker->n_experts * RK_PANEL;
	model->kernels->softmax(gate, ranker->n_experts, block->n_lanes);
	memset(block->mixed, 0, (size_t)n_out * RK_PANEL * sizeof(float));
	for (uint32_t e = 0; e < ranker->n_experts; e++)
		model->kernels->mix(experts + (size_t)e * n_out * RK_PANEL, gate + (size_t)e * RK_PANEL, n_out,
				    block->n_lanes, block->mixed);
	const struct rk_product *tower = model->packed.towers + (size_t)signal * (n_tower + 1);
	const float *x = rk_ranker_layers(model, scratch, tower, n_tower, block->mixed, block->tower);
	rk_layer_run(model, scratch, &tower[n_tower], x, block->n_lanes, block->logits + (size_t)signal * RK_PANEL);
}

void rk_mmoe_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	struct rk_block_scratch *block = &scratch->block;
	const struct rk_product experts = rk_first_layer_product(model, scratch, 0);
	const struct rk_product gates = rk_first_layer_product(model, scratch, 1);
	rk_layer_run(model, scratch, &gates, block->panel, block->n_lanes, block->gates);
	const float *first = rk_ranker_layers(model, scratch, &experts, 1, block->panel, block->layer);
	const float *outputs = run_experts(model, scratch, first);
	for (uint32_t signal = 0; signal < model->config.signals.n; signal++)
		run_tower(model, scratch, outputs, signal);
}
