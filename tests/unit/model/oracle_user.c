#include "tests/unit/model/oracle_parts.h"

#include <math.h>
#include <string.h>

static bool in_set(const uint64_t *set, uint32_t action)
{
	return set[action / 64] >> (action % 64) & 1;
}

static bool derived(const struct rk_derived_action *rule, double watch, double duration)
{
	bool of_ratio = rule->condition == RK_CONDITION_WATCH_RATIO_BELOW ||
			rule->condition == RK_CONDITION_WATCH_RATIO_AT_LEAST;
	bool below =
		rule->condition == RK_CONDITION_WATCH_MS_BELOW || rule->condition == RK_CONDITION_WATCH_RATIO_BELOW;
	if (isnan(watch) || (of_ratio && (isnan(duration) || duration <= 0.0)))
		return false;
	double value = of_ratio ? watch / duration : watch;
	return below ? value < rule->threshold : value >= rule->threshold;
}

void oracle_keep_history(struct oracle_state *s, struct oracle_result *result)
{
	const struct rk_config *config = &s->model->config;
	for (uint32_t i = s->input->n_events; i-- > 0;) {
		if (s->input->event_rows[i] < 0)
			result->n_unknown++;
	}
	uint32_t kept[ORACLE_MAX_EVENTS], n = 0;
	for (uint32_t i = s->input->n_events; i-- > 0 && n < config->encoder.max_history;) {
		if (s->input->event_rows[i] >= 0)
			kept[n++] = i;
	}
	s->n_used = n;
	for (uint32_t j = 0; j < n; j++) {
		uint32_t i = kept[n - 1 - j];
		s->rows[j] = s->input->event_rows[i];
		for (uint32_t a = 0; a < config->actions.n; a++)
			s->actions[j][a] = in_set(s->input->event_actions + i * rk_action_words(config), a);
		for (uint32_t r = 0; r < config->n_derived_actions; r++)
			s->actions[j][config->derived_actions[r].action] |=
				derived(&config->derived_actions[r], s->input->watch_ms[i], s->input->duration_ms[i]);
	}
}

static bool bears(const struct oracle_state *s, uint32_t event, const uint64_t *set)
{
	for (uint32_t a = 0; a < s->model->config.actions.n; a++) {
		if (s->actions[event][a] && in_set(set, a))
			return true;
	}
	return false;
}

void oracle_select_feedback(struct oracle_state *s)
{
	for (int p = 0; p < RK_N_POLARITIES; p++) {
		const struct rk_polarity_config *polarity = &s->model->config.feedback[p];
		bool taken[ORACLE_MAX_EVENTS] = {false};
		uint32_t n = 0;
		for (uint32_t j = s->n_used; polarity->present && j-- > 0 && n < polarity->max;) {
			taken[j] = bears(s, j, polarity->explicit_actions);
			n += taken[j];
		}
		for (uint32_t j = s->n_used; polarity->present && j-- > 0 && n < polarity->max;) {
			bool fills = !taken[j] && bears(s, j, polarity->implicit_actions);
			taken[j] |= fills;
			n += fills;
		}
		for (uint32_t j = 0; j < s->n_used; j++) {
			if (taken[j])
				s->selected[p][s->n_selected[p]++] = j;
		}
	}
}

static void embed(struct oracle_state *s)
{
	const struct rk_config *config = &s->model->config;
	const struct rk_weights *weights = &s->model->weights;
	uint32_t d = config->dim;
	for (uint32_t j = 0; j < s->n_used; j++) {
		double *x = s->h[j];
		oracle_item(s->model, s->rows[j], x);
		uint32_t position = j;
		if (config->encoder.position == RK_POSITION_FROM_END)
			position = config->encoder.max_history - s->n_used + j;
		for (uint32_t i = 0; i < d; i++) {
			x[i] *= config->encoder.scale_embedding ? sqrt((double)d) : 1.0;
			if (config->encoder.position != RK_POSITION_NONE)
				x[i] += (double)weights->position[(size_t)position * d + i];
			for (uint32_t a = 0; config->encoder.use_actions && a < config->actions.n; a++)
				x[i] += s->actions[j][a] ? (double)weights->action[(size_t)a * d + i] : 0.0;
		}
		if (config->encoder.input_norm)
			oracle_layer_norm(s, &weights->input_norm, x);
	}
}

static void sasrec_block(struct oracle_state *s, const struct rk_block_weights *w)
{
	static double q_in[ORACLE_MAX_EVENTS][ORACLE_MAX_WIDTH], k[ORACLE_MAX_EVENTS][ORACLE_MAX_WIDTH],
		v[ORACLE_MAX_EVENTS][ORACLE_MAX_WIDTH];
	static double q[ORACLE_MAX_WIDTH], mixed[ORACLE_MAX_WIDTH], y[ORACLE_MAX_WIDTH], z[ORACLE_MAX_WIDTH],
		hidden[ORACLE_MAX_WIDTH];
	const struct rk_encoder_config *config = &s->model->config.encoder;
	uint32_t d = s->model->config.dim;
	for (uint32_t j = 0; j < s->n_used; j++) {
		memcpy(q_in[j], s->h[j], sizeof(q_in[j]));
		if (config->norm != RK_NORM_POST)
			oracle_layer_norm(s, &w->attention_norm, q_in[j]);
		const double *kv_in = config->norm == RK_NORM_PRE ? q_in[j] : s->h[j];
		oracle_linear(&w->attention.key, d, d, kv_in, k[j]);
		oracle_linear(&w->attention.value, d, d, kv_in, v[j]);
	}
	for (uint32_t j = 0; j < s->n_used; j++) {
		double *x = s->h[j];
		oracle_linear(&w->attention.query, d, d, q_in[j], q);
		oracle_attend(d, config->n_heads, q, k, v, j + 1, mixed);
		oracle_linear(&w->attention.output, d, d, mixed, y);
		for (uint32_t i = 0; i < d; i++)
			x[i] = (config->norm == RK_NORM_QUERY ? q_in[j][i] : x[i]) + y[i];
		if (config->norm == RK_NORM_POST)
			oracle_layer_norm(s, &w->attention_norm, x);
		memcpy(z, x, sizeof(z));
		if (config->norm != RK_NORM_POST)
			oracle_layer_norm(s, &w->ffn_norm, z);
		oracle_linear(&w->up, d, config->ffn, z, hidden);
		for (uint32_t i = 0; i < config->ffn; i++)
			hidden[i] = oracle_activation(config->activation, hidden[i]);
		oracle_linear(&w->down, config->ffn, d, hidden, y);
		for (uint32_t i = 0; i < d; i++)
			x[i] = (config->norm == RK_NORM_QUERY ? z[i] : x[i]) + y[i];
		if (config->norm == RK_NORM_POST)
			oracle_layer_norm(s, &w->ffn_norm, x);
	}
}

static void gru_layer(struct oracle_state *s, const struct rk_gru_weights *w)
{
	static double state[ORACLE_MAX_WIDTH], in[3 * ORACLE_MAX_WIDTH], hid[3 * ORACLE_MAX_WIDTH];
	uint32_t d = s->model->config.dim;
	memset(state, 0, sizeof(state));
	for (uint32_t j = 0; j < s->n_used; j++) {
		oracle_linear(&w->input, d, 3 * d, s->h[j], in);
		oracle_linear(&w->hidden, d, 3 * d, state, hid);
		for (uint32_t i = 0; i < d; i++) {
			double r = oracle_sigmoid(in[i] + hid[i]);
			double z = oracle_sigmoid(in[d + i] + hid[d + i]);
			double n = tanh(in[2 * d + i] + r * hid[2 * d + i]);
			state[i] = (1.0 - z) * n + z * state[i];
		}
		memcpy(s->h[j], state, sizeof(state));
	}
}

void oracle_encode(struct oracle_state *s)
{
	const struct rk_encoder_config *config = &s->model->config.encoder;
	uint32_t d = s->model->config.dim;
	if (s->n_used == 0) {
		for (uint32_t i = 0; i < d; i++)
			s->u[i] = s->model->weights.cold_start == NULL ? 0.0 : (double)s->model->weights.cold_start[i];
		return;
	}
	embed(s);
	for (uint32_t i = 0; i < config->n_layers && config->type == RK_ENCODER_SASREC; i++)
		sasrec_block(s, &s->model->weights.blocks[i]);
	for (uint32_t i = 0; i < config->n_layers && config->type == RK_ENCODER_GRU4REC; i++)
		gru_layer(s, &s->model->weights.gru[i]);
	for (uint32_t j = 0; j < s->n_used && config->final_norm; j++)
		oracle_layer_norm(s, &s->model->weights.final_norm, s->h[j]);
	memcpy(s->u, s->h[s->n_used - 1], sizeof(s->u));
	for (uint32_t i = 0; i < d && config->type == RK_ENCODER_MEAN; i++) {
		s->u[i] = 0.0;
		for (uint32_t j = 0; j < s->n_used; j++)
			s->u[i] += s->h[j][i] / s->n_used;
	}
}
