/*
 * Row counts are summed in 64 bits and must fit 31 bits, so that the rest of model/ may add and multiply them in
 * size_t without checks; the buffers themselves are multiplied with checks by the layout.
 */
#include "model/plan.h"

#include "model/kernels/kernels.h"
#include "model/scratch.h"

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static enum rk_status fit(uint32_t *ret_rows, const char *what, uint64_t rows, struct rk_error *reterr)
{
	if (rows > INT32_MAX)
		return rk_error_set(reterr, RK_LIMIT, "%s: expected at most %d columns, found more", what, INT32_MAX);
	*ret_rows = (uint32_t)rows;
	return RK_OK;
}

static enum rk_status fit_encoder(struct rk_plan *plan, const struct rk_config *config, struct rk_error *reterr)
{
	uint32_t ffn;
	plan->max_used_events = smaller(config->encoder.max_history, plan->limits.max_events);
	uint64_t n_reads = 1;
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++) {
		if (!rk_config_attends(config, (enum rk_polarity)polarity))
			continue;
		plan->max_selected[polarity] = smaller(config->feedback[polarity].max, plan->max_used_events);
		n_reads += plan->max_selected[polarity];
	}
	plan->max_read_events = n_reads < plan->max_used_events ? (uint32_t)n_reads : plan->max_used_events;
	return fit(&ffn, "encoder.ffn", config->encoder.ffn, reterr);
}

static uint64_t largest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The widest output of any layer; of mmoe those of all experts, and all gates, side by side. */
static enum rk_status fit_layers(struct rk_plan *plan, const struct rk_config *config, struct rk_error *reterr)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	uint64_t widest = config->signals.n;
	for (uint32_t k = 0; k < ranker->n_hidden; k++)
		widest = largest(widest, ranker->hidden[k]);
	if (ranker->type != RK_RANKER_MMOE) {
		uint64_t crossed = ranker->type == RK_RANKER_DCN_V2 ? rk_config_ranker_width(config) : 0;
		return fit(&plan->layer_rows, "ranker.hidden", largest(widest, crossed), reterr);
	}
	uint64_t widest_tower = 0;
	for (uint32_t k = 0; k < ranker->n_tower_hidden; k++)
		widest_tower = largest(widest_tower, ranker->tower_hidden[k]);
	enum rk_status status = fit(&plan->tower_rows, "ranker.tower_hidden", widest_tower, reterr);
	if (status != RK_OK)
		return status;
	return fit(&plan->layer_rows, "ranker.experts", widest * ranker->n_experts, reterr);
}

static enum rk_status fit_ranker(struct rk_plan *plan, const struct rk_config *config, struct rk_error *reterr)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	if (ranker->type == RK_RANKER_DOT) {
		plan->candidate_rows = config->dim;
		return RK_OK;
	}
	uint64_t dim = config->dim, n_context = config->user_features.width;
	uint64_t rows = dim + config->candidate_features.width;
	/* Values fold where |S| T < d + |S| d / n_out at best; a little beyond is as far as the buffers need to go. */
	plan->max_folded_rows = ranker->type == RK_RANKER_DCN_V2 ? 0 : 4 * config->dim;
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++) {
		uint64_t folded = (uint64_t)plan->max_selected[polarity] * ranker->attention_heads;
		if (rk_config_attends(config, (enum rk_polarity)polarity))
			rows += largest(dim, folded <= plan->max_folded_rows ? folded : plan->max_folded_rows);
	}
	uint32_t largest_input;
	enum rk_status status = fit(&largest_input, "ranker input", rows + 1 + 2 * dim + n_context, reterr);
	if (status != RK_OK)
		return status;
	plan->candidate_rows = (uint32_t)(rows + rows % 2);
	if (ranker->type == RK_RANKER_DCN_V2)
		plan->fixed_rows = 2 * config->dim + config->user_features.width;
	return fit_layers(plan, config, reterr);
}

/* Digits where they pay for the layer that every candidate goes through first; dot has none, and there each layer of
 * the encoder decides for itself. */
static bool digits_pay(const struct rk_plan *plan, const struct rk_config *config)
{
	uint64_t widest = largest(largest(plan->candidate_rows, plan->layer_rows), plan->tower_rows);
	if (config->ranker.type == RK_RANKER_DOT)
		return true;
	size_t n_out = rk_config_first_outputs(config, 0);
	return widest <= RK_MAX_DIGIT_INPUTS &&
	       rk_digits_pay(plan->candidate_rows, n_out < UINT32_MAX ? (uint32_t)n_out : UINT32_MAX);
}

static enum rk_form form_of(const struct rk_plan *plan, const struct rk_config *config, enum rk_cpu_tier tier)
{
	if (config->precision == RK_PRECISION_BF16)
		return RK_FORM_HALVES;
	return rk_kernels_of(tier)->product_digits != NULL && digits_pay(plan, config) ? RK_FORM_DIGITS
										       : RK_FORM_FLOATS;
}

enum rk_status rk_plan_init(struct rk_plan *ret_plan, const struct rk_config *config, const struct rk_limits *limits,
			    enum rk_cpu_tier tier, struct rk_error *reterr)
{
	struct rk_plan plan = {.limits = *limits, .block_rows = RK_PANEL};
	enum rk_status status = fit_encoder(&plan, config, reterr);
	if (status == RK_OK)
		status = fit_ranker(&plan, config, reterr);
	if (status != RK_OK)
		return status;
	plan.form = form_of(&plan, config, tier);
	struct rk_scratch scratch;
	plan.bytes = rk_scratch_lay_out(&scratch, config, &plan, NULL);
	if (plan.bytes == 0)
		return rk_error_set(reterr, RK_LIMIT, "scratch: expected less than %zu bytes, found more", SIZE_MAX);
	*ret_plan = plan;
	return RK_OK;
}
