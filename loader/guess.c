#include "loader/guess.h"

enum { MAX_SAMPLE = 1024 };

static uint32_t sample_size(const struct rk_model *model)
{
	uint32_t n = model->weights.n_items < MAX_SAMPLE ? model->weights.n_items : MAX_SAMPLE;
	return n < model->plan.limits.max_candidates ? n : model->plan.limits.max_candidates;
}

enum rk_status rk_guess_learn(struct rk_version *version, struct rk_error *reterr)
{
	struct rk_model *model = &version->model;
	uint32_t n = sample_size(model);
	size_t row_bytes = n * sizeof(int32_t);
	size_t n_values = (size_t)n * model->config.candidate_features.n + model->config.user_features.n;
	struct rk_pages memory;
	enum rk_status status =
		rk_pages_open(&memory, row_bytes + n_values * sizeof(union rk_feature_value) + 1, reterr);
	if (status != RK_OK)
		return status;
	int32_t *rows = memory.base;
	const union rk_feature_value *values = (const union rk_feature_value *)(rows + n); /* zeros: all missing */
	for (uint32_t i = 0; i < n; i++)
		rows[i] = (int32_t)((uint64_t)i * model->weights.n_items / n);
	struct rk_rank_input sample = {.n_candidates = n,
				       .candidate_rows = rows,
				       .candidate_features = values,
				       .user_features = values + (size_t)n * model->config.candidate_features.n};
	rk_model_learn_guess(model, version->scratches[version->n_scratches - 1], &sample);
	rk_pages_close(&memory);
	return RK_OK;
}
