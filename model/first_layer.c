#include "model/first_layer.h"

#include "model/layer.h"

#include <string.h>

/* The index-th of the layers that read z_i; false behind the last. */
static bool layer_at(const struct rk_model *model, uint32_t index, struct rk_dense *ret_layer)
{
	const struct rk_ranker_config *ranker = &model->config.ranker;
	const struct rk_weights *weights = &model->weights;
	uint32_t width = model->plan.user_columns + model->plan.candidate_columns;
	if (ranker->type == RK_RANKER_MMOE) {
		if (index >= ranker->n_experts + model->config.signals.n)
			return false;
		*ret_layer =
			index < ranker->n_experts
				? rk_layer_dense(&weights->experts[index].layers[0], width, ranker->hidden[0])
				: rk_layer_dense(&weights->gates[index - ranker->n_experts], width, ranker->n_experts);
		return true;
	}
	if (index > 0)
		return false;
	*ret_layer = ranker->type == RK_RANKER_DCN_V2 ? rk_layer_dense(&weights->cross[0], width, width)
						      : rk_layer_dense(&weights->hidden[0], width, ranker->hidden[0]);
	return true;
}

struct packing {
	float *user, *candidate, *bias; /* where the next row goes */
};

static float *copy_floats(float *to, const float *from, size_t n)
{
	memcpy(to, from, n * sizeof(float));
	return to + n;
}

static void pack_layer(struct packing *packing, const struct rk_model *model, const struct rk_dense *layer)
{
	size_t dim = model->config.dim;
	size_t n_c = model->config.user_features.width;
	size_t n_f = model->config.candidate_features.width;
	size_t n_middle = layer->n_in - dim - n_c - n_f; /* e ; u⊙e ; t⁺ ; t⁻ */
	packing->bias = copy_floats(packing->bias, layer->bias, layer->n_out);
	for (size_t row = 0; row < layer->n_out; row++) {
		const float *weight = layer->weight + row * layer->n_in;
		packing->user = copy_floats(packing->user, weight, dim);
		packing->user = copy_floats(packing->user, weight + dim + n_middle, n_c);
		packing->candidate = copy_floats(packing->candidate, weight + dim, n_middle);
		packing->candidate = copy_floats(packing->candidate, weight + dim + n_middle + n_c, n_f);
	}
}

enum rk_status rk_first_layer_init(struct rk_first_layer *ret_first, const struct rk_model *model,
				   struct rk_arena *arena, struct rk_error *reterr)
{
	const struct rk_plan *plan = &model->plan;
	size_t n_out = plan->first_outputs;
	float *user = rk_arena_alloc_array(arena, n_out * plan->user_columns, sizeof(float));
	float *candidate = rk_arena_alloc_array(arena, n_out * plan->candidate_columns, sizeof(float));
	float *bias = rk_arena_alloc_array(arena, n_out, sizeof(float));
	if (arena->overflowed)
		return rk_error_set(reterr, RK_NO_MEMORY, "the packed weights do not fit the arena");
	struct packing packing = {.user = user, .candidate = candidate, .bias = bias};
	struct rk_dense layer;
	for (uint32_t index = 0; layer_at(model, index, &layer); index++)
		pack_layer(&packing, model, &layer);
	*ret_first = (struct rk_first_layer){
		.user = {.weight = user, .bias = bias, .n_in = plan->user_columns, .n_out = plan->first_outputs},
		.candidate = {.weight = candidate, .n_in = plan->candidate_columns, .n_out = plan->first_outputs},
	};
	return RK_OK;
}

size_t rk_first_layer_bytes(const struct rk_plan *plan)
{
	/* weights and bias, and what aligning three allocations takes */
	size_t bytes;
	size_t columns = (size_t)plan->user_columns + plan->candidate_columns + 1;
	if (__builtin_mul_overflow(columns, plan->first_outputs, &bytes) ||
	    __builtin_mul_overflow(bytes, sizeof(float), &bytes) ||
	    __builtin_add_overflow(bytes, (size_t)3 * RK_ARENA_ALIGNMENT, &bytes))
		return SIZE_MAX;
	return bytes;
}

void rk_first_layer_fold(const struct rk_model *model, struct rk_scratch *scratch)
{
	rk_layer_apply(&model->first_layer->user, scratch->user, 1, NULL, scratch->first_bias);
}

void rk_first_layer_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	struct rk_dense candidate = model->first_layer->candidate;
	candidate.bias = scratch->first_bias;
	rk_layer_apply(&candidate, scratch->block.z, scratch->block.n_rows, NULL, scratch->block.first);
}
