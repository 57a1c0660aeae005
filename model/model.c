/* Getting a model ready: all that takes memory of the version happens here, nothing does afterwards. */
#include "model/model.h"

#include "model/guess.h"
#include "model/kernels/dense.h"
#include "model/kernels/kernels.h"

size_t rk_model_init_bytes(const struct rk_model *model, enum rk_cpu_tier tier)
{
	/* What is packed does not depend on the limits. A config that no plan fits takes nothing: init refuses it. */
	static const struct rk_limits smallest = {.max_candidates = 1, .max_events = 1};
	struct rk_plan plan;
	if (rk_plan_init(&plan, &model->config, &smallest, tier, NULL) != RK_OK)
		return 0;
	struct rk_layout layout = {0};
	struct rk_packed packed;
	rk_pack_model(&packed, &model->config, &model->weights, plan.form, &layout);
	struct rk_guess guess;
	rk_guess_lay_out(&guess, &model->config, &layout);
	return layout.overflowed ? SIZE_MAX : layout.used;
}

enum rk_status rk_model_init(struct rk_model *model, const struct rk_limits *limits, enum rk_cpu_tier tier,
			     struct rk_arena *arena, struct rk_error *reterr)
{
	enum rk_status status = rk_plan_init(&model->plan, &model->config, limits, tier, reterr);
	if (status != RK_OK)
		return status;
	rk_dense_init();
	model->kernels = rk_kernels_of(tier);
	struct rk_layout layout = {.memory = rk_arena_alloc(arena, rk_model_init_bytes(model, tier))};
	if (layout.memory == NULL)
		return rk_error_set(reterr, RK_NO_MEMORY, "the packed weights do not fit the arena");
	rk_pack_model(&model->packed, &model->config, &model->weights, model->plan.form, &layout);
	rk_guess_lay_out(&model->guess, &model->config, &layout);
	return RK_OK;
}
