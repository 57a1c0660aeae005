#include "model/encoder.h"

#include "model/base/check.h"
#include "model/layer.h"

#include <math.h>
#include <string.h>

static const float *position_row(const struct rk_model *model, uint32_t n_used, uint32_t event)
{
	const struct rk_encoder_config *encoder = &model->config.encoder;
	if (encoder->position == RK_POSITION_NONE)
		return NULL;
	uint32_t position = encoder->position == RK_POSITION_FROM_END ? encoder->max_history - n_used + event : event;
	return model->weights.position + (size_t)position * model->config.dim;
}

static void add_actions(const struct rk_model *model, const uint64_t *actions, float *x)
{
	size_t dim = model->config.dim;
	uint32_t n_words = rk_action_words(&model->config);
	for (uint32_t word = 0; word < n_words; word++) {
		for (uint64_t left = actions[word]; left != 0; left &= left - 1) {
			size_t action = (size_t)word * 64 + (size_t)__builtin_ctzll(left);
			model->kernels->add(model->weights.action + action * dim, dim, x);
		}
	}
}

/* x_j = s · E[item_j] + P[pos_j] + Σ A[a], normalised where the config says so. */
static void embed_event(const struct rk_model *model, const struct rk_history *history, uint32_t event, float *x)
{
	const struct rk_encoder_config *encoder = &model->config.encoder;
	size_t dim = model->config.dim;
	rk_layer_gather_item(model, history->rows[event], x);
	if (encoder->scale_embedding)
		model->kernels->scale(sqrtf((float)dim), dim, x);
	const float *position = position_row(model, history->n_used, event);
	if (position != NULL)
		model->kernels->add(position, dim, x);
	if (encoder->use_actions)
		add_actions(model, history->actions + (size_t)event * rk_action_words(&model->config), x);
	if (encoder->input_norm)
		rk_layer_norm_rows(model, &model->weights.input_norm, x, 1, x);
}

void rk_encoder_keep_reads(const struct rk_history *history, size_t dim, float *states)
{
	/* reads ascend, so a row moves down or stays, never over one that is still to move */
	for (uint32_t i = 0; i < history->n_reads; i++) {
		if (history->reads[i] != i)
			memcpy(states + i * dim, states + history->reads[i] * dim, dim * sizeof(float));
	}
}

static void start_cold(const struct rk_model *model, float *user)
{
	size_t bytes = model->config.dim * sizeof(float);
	if (model->weights.cold_start != NULL)
		memcpy(user, model->weights.cold_start, bytes);
	else
		memset(user, 0, bytes);
}

void rk_encoder_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	const struct rk_history *history = &scratch->history;
	if (history->n_used == 0) {
		start_cold(model, scratch->user);
		return;
	}
	for (uint32_t event = 0; event < history->n_used; event++)
		embed_event(model, history, event, scratch->encoder.states + (size_t)event * model->config.dim);
	switch (model->config.encoder.type) {
	case RK_ENCODER_SASREC:
		rk_sasrec_run(model, scratch);
		break;
	case RK_ENCODER_GRU4REC:
		rk_gru4rec_run(model, scratch);
		break;
	case RK_ENCODER_MEAN:
		rk_mean_run(model, scratch);
		break;
	}
}
