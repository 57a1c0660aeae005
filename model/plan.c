/*
 * Sizes are summed and multiplied in 64 bits with checks, and each that BLAS will see must fit its int; after that the
 * rest of model/ may compute with them freely.
 */
#include "model/plan.h"

#include "model/base/check.h"
#include "model/scratch.h"

enum { BLOCK_ROWS = 64 };

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* *ret_size = a × b + c where it fits an int. */
static enum rk_status fit(uint32_t *ret_size, const char *what, uint64_t a, uint64_t b, uint64_t c,
			  struct rk_error *reterr)
{
	uint64_t size;
	if (__builtin_mul_overflow(a, b, &size) || __builtin_add_overflow(size, c, &size) || size > INT32_MAX)
		return rk_error_set(reterr, RK_LIMIT, "%s: expected at most %d columns, found more", what, INT32_MAX);
	*ret_size = (uint32_t)size;
	return RK_OK;
}

static enum rk_status fit_encoder(struct rk_plan *plan, const struct rk_config *config, struct rk_error *reterr)
{
	uint32_t ffn = 0;
	/* the config reader has checked both */
	RK_ASSERT(config->encoder.type != RK_ENCODER_SASREC ||
		  (config->encoder.n_heads > 0 && config->dim % config->encoder.n_heads == 0));
	RK_ASSERT(config->ranker.attention_heads == 0 || config->dim % config->ranker.attention_heads == 0);
	plan->max_used_events = smaller(config->encoder.max_history, plan->limits.max_events);
	plan->chunk_rows = smaller(BLOCK_ROWS, plan->max_used_events);
	uint64_t n_reads = 1;
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++) {
		if (!rk_config_attends(config, (enum rk_polarity)polarity))
			continue;
		plan->max_selected[polarity] = smaller(config->feedback[polarity].max, plan->max_used_events);
		n_reads += plan->max_selected[polarity];
	}
	plan->max_read_events = n_reads < plan->max_used_events ? (uint32_t)n_reads : plan->max_used_events;
	return fit(&ffn, "encoder.ffn", config->encoder.ffn, 1, 0, reterr);
}

static enum rk_status fit_layers(uint32_t *widest, const char *what, const uint32_t *sizes, uint32_t n,
				 struct rk_error *reterr)
{
	for (uint32_t k = 0; k < n; k++) {
		uint32_t size = 0;
		enum rk_status status = fit(&size, what, sizes[k], 1, 0, reterr);
		if (status != RK_OK)
			return status;
		*widest = size > *widest ? size : *widest;
	}
	return RK_OK;
}

/* Outputs of all layers that read z_i, side by side. */
static enum rk_status fit_first_layer(struct rk_plan *plan, const struct rk_config *config, struct rk_error *reterr)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	uint32_t n_experts = ranker->n_experts;
	enum rk_status status = RK_OK;
	switch (ranker->type) {
	case RK_RANKER_MLP:
		plan->first_outputs = ranker->hidden[0];
		break;
	case RK_RANKER_DCN_V2:
		status = fit(&plan->first_outputs, "ranker input", plan->user_columns, 1, plan->candidate_columns,
			     reterr);
		break;
	case RK_RANKER_MMOE:
		status = fit(&plan->expert_columns, "ranker.experts", n_experts, ranker->hidden[ranker->n_hidden - 1],
			     0, reterr);
		if (status == RK_OK)
			status = fit(&plan->first_outputs, "ranker.experts", n_experts,
				     (uint64_t)ranker->hidden[0] + config->signals.n, 0, reterr);
		break;
	case RK_RANKER_DOT:
		break;
	}
	return status;
}

static enum rk_status fit_ranker(struct rk_plan *plan, const struct rk_config *config, struct rk_error *reterr)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	if (ranker->type == RK_RANKER_DOT) {
		plan->user_columns = config->dim;
		plan->candidate_columns = config->dim;
		return RK_OK;
	}
	RK_ASSERT(ranker->n_hidden > 0);
	uint32_t width = 0;
	uint64_t parts_of_dim = 2U + rk_config_attends(config, RK_POSITIVE) + rk_config_attends(config, RK_NEGATIVE);
	uint64_t n_features = (uint64_t)config->user_features.width + config->candidate_features.width;
	enum rk_status status = fit(&width, "ranker input", config->dim, parts_of_dim + 1, n_features, reterr);
	if (status == RK_OK)
		status = fit_layers(&plan->widest_layer, "ranker.hidden", ranker->hidden, ranker->n_hidden, reterr);
	if (status == RK_OK && ranker->type == RK_RANKER_MMOE)
		status = fit_layers(&plan->widest_layer, "ranker.tower_hidden", ranker->tower_hidden,
				    ranker->n_tower_hidden, reterr);
	if (status != RK_OK)
		return status;
	plan->user_columns = config->dim + config->user_features.width;
	plan->candidate_columns = width - plan->user_columns;
	return fit_first_layer(plan, config, reterr);
}

enum rk_status rk_plan_init(struct rk_plan *ret_plan, const struct rk_config *config, const struct rk_limits *limits,
			    struct rk_error *reterr)
{
	struct rk_plan plan = {.limits = *limits, .block_rows = smaller(BLOCK_ROWS, limits->max_candidates)};
	enum rk_status status = fit_encoder(&plan, config, reterr);
	if (status == RK_OK)
		status = fit_ranker(&plan, config, reterr);
	if (status != RK_OK)
		return status;
	struct rk_scratch scratch;
	plan.bytes = rk_scratch_lay_out(&scratch, config, &plan, NULL);
	if (plan.bytes == 0)
		return rk_error_set(reterr, RK_LIMIT, "scratch: expected less than %zu bytes, found more", SIZE_MAX);
	*ret_plan = plan;
	return RK_OK;
}
