/* Getting a model ready: all that takes memory of the version happens here, nothing does afterwards. */
#include "model/model.h"

#include "model/first_layer.h"
#include "model/kernels/dense.h"
#include "model/kernels/kernels.h"

#include <string.h>

static size_t rounded(size_t bytes)
{
	return (bytes + RK_ARENA_ALIGNMENT - 1) / RK_ARENA_ALIGNMENT * RK_ARENA_ALIGNMENT;
}

size_t rk_model_init_bytes(const struct rk_model *model)
{
	/* What is packed does not depend on the limits. A config that no plan fits takes nothing: init refuses it. */
	static const struct rk_limits smallest = {.max_candidates = 1, .max_events = 1};
	struct rk_plan plan;
	if (rk_plan_init(&plan, &model->config, &smallest, NULL) != RK_OK)
		return 0;
	size_t bytes = rounded(sizeof(struct rk_kernels)) + rounded(sizeof(struct rk_first_layer));
	return __builtin_add_overflow(bytes, rk_first_layer_bytes(&plan), &bytes) ? SIZE_MAX : bytes;
}

enum rk_status rk_model_init(struct rk_model *model, const struct rk_limits *limits, enum rk_cpu_tier tier,
			     struct rk_arena *arena, struct rk_error *reterr)
{
	enum rk_status status = rk_plan_init(&model->plan, &model->config, limits, reterr);
	if (status != RK_OK)
		return status;
	rk_dense_init();
	struct rk_kernels *kernels = rk_arena_alloc(arena, sizeof(*kernels));
	struct rk_first_layer *first_layer = rk_arena_alloc(arena, sizeof(*first_layer));
	if (kernels == NULL || first_layer == NULL)
		return rk_error_set(reterr, RK_NO_MEMORY, "the kernel table does not fit the arena");
	rk_kernels_init(kernels, tier);
	model->kernels = kernels;
	model->first_layer = NULL;
	if (model->config.ranker.type == RK_RANKER_DOT)
		return RK_OK;
	model->first_layer = first_layer;
	return rk_first_layer_init(first_layer, model, arena, reterr);
}
