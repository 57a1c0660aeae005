/*
 * Multi-gate mixture of experts. block.first holds, row by row, layer 0 of all experts and then the gates' logits;
 * the experts' last layers stand side by side in one row as well, so that mixing reads along a row.
 */
#include "model/layer.h"
#include "model/ranker.h"

#include <string.h>

/* Rows of all experts' outputs: expert e at columns e · last hidden. */
static struct rk_rows run_experts(const struct rk_model *model, struct rk_block_scratch *block, struct rk_rows first)
{
	const struct rk_ranker_config *ranker = &model->config.ranker;
	uint32_t last = ranker->hidden[ranker->n_hidden - 1];
	rk_activate_fn activate = rk_layer_activation(model->kernels, ranker->activation);
	for (size_t row = 0; row < first.n_rows; row++)
		activate(first.data + row * first.stride, (size_t)ranker->n_experts * ranker->hidden[0]);
	if (ranker->n_hidden == 1)
		return first;
	struct rk_rows experts = {.data = block->experts, .n_rows = first.n_rows, .stride = model->plan.expert_columns};
	for (uint32_t expert = 0; expert < ranker->n_experts; expert++) {
		struct rk_hidden_layers rest = {
			.layers = model->weights.experts[expert].layers + 1,
			.sizes = ranker->hidden + 1,
			.n = ranker->n_hidden - 1,
			.n_in = ranker->hidden[0],
		};
		struct rk_rows inputs = first;
		inputs.data += (size_t)expert * ranker->hidden[0];
		struct rk_rows outputs = rk_hidden_layers_run(model, &rest, block, inputs);
		for (size_t row = 0; row < outputs.n_rows; row++)
			memcpy(experts.data + row * experts.stride + (size_t)expert * last,
			       outputs.data + row * outputs.stride, last * sizeof(float));
	}
	return experts;
}

/* block.mixed ← Σ_e gate_e · expert_e with the gate of `signal`; its softmax is taken in place. */
static void mix(const struct rk_model *model, struct rk_block_scratch *block, struct rk_rows experts, uint32_t signal)
{
	const struct rk_ranker_config *ranker = &model->config.ranker;
	size_t last = ranker->hidden[ranker->n_hidden - 1];
	size_t gate_column = (size_t)ranker->n_experts * ((size_t)ranker->hidden[0] + signal);
	for (size_t row = 0; row < experts.n_rows; row++) {
		float *gate = block->first + row * model->plan.first_outputs + gate_column;
		float *mixed = block->mixed + row * last;
		model->kernels->softmax(gate, ranker->n_experts);
		memset(mixed, 0, last * sizeof(float));
		for (size_t expert = 0; expert < ranker->n_experts; expert++)
			model->kernels->axpy(gate[expert], experts.data + row * experts.stride + expert * last, last,
					     mixed);
	}
}

void rk_mmoe_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	const struct rk_ranker_config *ranker = &model->config.ranker;
	struct rk_block_scratch *block = &scratch->block;
	uint32_t n_signals = model->config.signals.n;
	uint32_t last = ranker->hidden[ranker->n_hidden - 1];
	uint32_t n_tower = ranker->n_tower_hidden;
	struct rk_rows first = {.data = block->first, .n_rows = block->n_rows, .stride = model->plan.first_outputs};
	struct rk_rows experts = run_experts(model, block, first);
	for (uint32_t signal = 0; signal < n_signals; signal++) {
		const struct rk_stack_weights *tower = &model->weights.towers[signal];
		struct rk_hidden_layers hidden = {
			.layers = tower->layers, .sizes = ranker->tower_hidden, .n = n_tower, .n_in = last};
		struct rk_rows mixed = {.data = block->mixed, .n_rows = block->n_rows, .stride = last};
		mix(model, block, experts, signal);
		struct rk_rows top = rk_hidden_layers_run(model, &hidden, block, mixed);
		struct rk_dense out =
			rk_layer_dense(&tower->out, n_tower > 0 ? ranker->tower_hidden[n_tower - 1] : last, 1);
		struct rk_rows logit = {.data = block->logits + signal, .n_rows = block->n_rows, .stride = n_signals};
		rk_dense_apply(&out, top, NULL, logit);
	}
}
