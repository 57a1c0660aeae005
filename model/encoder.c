#include "model/encoder.h"

#include "model/base/half.h"

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

static void add_row(const float *row, uint32_t dim, float *x)
{
	for (uint32_t k = 0; k < dim; k++)
		x[k] += row[k];
}

static void add_actions(const struct rk_model *model, const uint64_t *actions, float *x)
{
	uint32_t n_words = rk_action_words(&model->config);
	for (uint32_t word = 0; word < n_words; word++) {
		for (uint64_t left = actions[word]; left != 0; left &= left - 1) {
			size_t action = (size_t)word * 64 + (size_t)__builtin_ctzll(left);
			add_row(model->weights.action + action * model->config.dim, model->config.dim, x);
		}
	}
}

static void widen_item(const struct rk_model *model, int32_t row, float *x)
{
	const struct rk_weights *weights = &model->weights;
	uint32_t dim = model->config.dim;
	size_t first = (size_t)row * dim;
	switch (weights->item_dtype) {
	case RK_DTYPE_F32:
		memcpy(x, (const float *)weights->item_embedding + first, dim * sizeof(float));
		break;
	case RK_DTYPE_F16:
		for (uint32_t k = 0; k < dim; k++)
			x[k] = rk_float_of_f16(((const uint16_t *)weights->item_embedding)[first + k]);
		break;
	case RK_DTYPE_BF16:
		for (uint32_t k = 0; k < dim; k++)
			x[k] = rk_float_of_bf16(((const uint16_t *)weights->item_embedding)[first + k]);
		break;
	}
}

/* x_j = s · E[item_j] + P[pos_j] + Σ A[a] */
static void embed_event(const struct rk_model *model, const struct rk_history *history, uint32_t event, float *x)
{
	const struct rk_encoder_config *encoder = &model->config.encoder;
	uint32_t dim = model->config.dim;
	widen_item(model, history->rows[event], x);
	float scale = encoder->scale_embedding ? sqrtf((float)dim) : 1.0F;
	for (uint32_t k = 0; k < dim; k++)
		x[k] *= scale;
	const float *position = position_row(model, history->n_used, event);
	if (position != NULL)
		add_row(position, dim, x);
	if (encoder->use_actions)
		add_actions(model, history->actions + (size_t)event * rk_action_words(&model->config), x);
}

/* One panel of events, assembled row by row and then turned. */
static void embed_panel(const struct rk_model *model, struct rk_scratch *scratch, uint32_t panel)
{
	struct rk_encoder_scratch *encoder = &scratch->encoder;
	uint32_t dim = model->config.dim, n_lanes = rk_lanes_of(scratch->history.n_used, panel);
	for (uint32_t lane = 0; lane < RK_PANEL; lane++) {
		float *x = encoder->token_rows + (size_t)lane * dim;
		if (lane < n_lanes)
			embed_event(model, &scratch->history, panel * RK_PANEL + lane, x);
		encoder->row_pointers[lane] = lane < n_lanes ? x : scratch->zeros;
	}
	float *states = scratch->encoded + (size_t)panel * dim * RK_PANEL;
	model->kernels->gather[RK_DTYPE_F32](&(struct rk_gather){encoder->row_pointers, n_lanes, dim, states});
	if (model->config.encoder.input_norm)
		model->kernels->layer_norm(states, &model->packed.input_norm, dim, n_lanes, states);
}

void rk_panels_pick(const float *panels, uint32_t n_rows, const uint32_t *lanes, uint32_t n, float *ret_panels)
{
	size_t panel_floats = (size_t)n_rows * RK_PANEL;
	for (uint32_t i = 0; i < n; i++) {
		const float *from = panels + lanes[i] / RK_PANEL * panel_floats + lanes[i] % RK_PANEL;
		float *to = ret_panels + i / RK_PANEL * panel_floats + i % RK_PANEL;
		for (size_t at = 0; at < panel_floats && from != to; at += RK_PANEL)
			to[at] = from[at];
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
	for (uint32_t panel = 0; panel * RK_PANEL < history->n_used; panel++)
		embed_panel(model, scratch, panel);
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
	if (model->config.encoder.type == RK_ENCODER_MEAN)
		return;
	for (uint32_t k = 0; k < model->config.dim; k++)
		scratch->user[k] = *rk_panel_at(scratch->encoded, model->config.dim, k, history->n_reads - 1);
}
