#include "tests/unit/model/oracle_parts.h"

#include <math.h>
#include <string.h>

static uint32_t expand(const struct rk_features_config *features, const float *const *tables,
		       const union rk_feature_value *values, double *out)
{
	uint32_t n = 0;
	for (uint32_t k = 0; k < features->n; k++) {
		if (features->features[k].type == RK_FEATURE_NUMERIC)
			out[n++] = (double)values[k].number;
		for (uint32_t i = 0; i < features->features[k].dim; i++)
			out[n++] = (double)tables[k][values[k].row * features->features[k].dim + i];
	}
	return n;
}

static uint32_t target(const struct oracle_state *s, enum rk_polarity p, const double *e, double *out)
{
	static double q[ORACLE_MAX_WIDTH], k[ORACLE_MAX_EVENTS][ORACLE_MAX_WIDTH],
		v[ORACLE_MAX_EVENTS][ORACLE_MAX_WIDTH];
	const struct rk_attention_weights *w = &s->model->weights.target_attention[p];
	uint32_t d = s->model->config.dim;
	if (!s->model->config.feedback[p].present || s->model->config.ranker.attention_heads == 0)
		return 0;
	memset(out, 0, d * sizeof(double));
	oracle_linear(&w->query, d, d, e, q);
	for (uint32_t j = 0; j < s->n_selected[p]; j++) {
		oracle_linear(&w->key, d, d, s->h[s->selected[p][j]], k[j]);
		oracle_linear(&w->value, d, d, s->h[s->selected[p][j]], v[j]);
	}
	oracle_attend(d, s->model->config.ranker.attention_heads, q, k, v, s->n_selected[p], out);
	return d;
}

/* Hidden layers over x[n], in place; returns the new n. */
static uint32_t stack(const struct rk_model *model, const struct rk_linear *layers, const uint32_t *sizes, uint32_t n,
		      double *x, uint32_t n_in)
{
	static double y[ORACLE_MAX_WIDTH];
	for (uint32_t k = 0; k < n; k++) {
		oracle_linear(&layers[k], n_in, sizes[k], x, y);
		n_in = sizes[k];
		for (uint32_t i = 0; i < n_in; i++)
			x[i] = oracle_activation(model->config.ranker.activation, y[i]);
	}
	return n_in;
}

static void mmoe(const struct rk_model *model, const double *z, uint32_t n, double *logits)
{
	static double experts[16][ORACLE_MAX_WIDTH], gate[ORACLE_MAX_WIDTH], mixed[ORACLE_MAX_WIDTH];
	const struct rk_ranker_config *ranker = &model->config.ranker;
	uint32_t last = 0;
	for (uint32_t e = 0; e < ranker->n_experts; e++) {
		memcpy(experts[e], z, n * sizeof(double));
		last = stack(model, model->weights.experts[e].layers, ranker->hidden, ranker->n_hidden, experts[e], n);
	}
	for (uint32_t k = 0; k < model->config.signals.n; k++) {
		oracle_linear(&model->weights.gates[k], n, ranker->n_experts, z, gate);
		oracle_softmax(gate, ranker->n_experts);
		memset(mixed, 0, sizeof(mixed));
		for (uint32_t e = 0; e < ranker->n_experts; e++) {
			for (uint32_t i = 0; i < last; i++)
				mixed[i] += gate[e] * experts[e][i];
		}
		uint32_t top = stack(model, model->weights.towers[k].layers, ranker->tower_hidden,
				     ranker->n_tower_hidden, mixed, last);
		oracle_linear(&model->weights.towers[k].out, top, 1, mixed, &logits[k]);
	}
}

static void score(const struct oracle_state *s, uint32_t candidate, double *logits)
{
	static double e[ORACLE_MAX_WIDTH], z[ORACLE_MAX_WIDTH], x[ORACLE_MAX_WIDTH], y[ORACLE_MAX_WIDTH];
	const struct rk_config *config = &s->model->config;
	const struct rk_weights *weights = &s->model->weights;
	int32_t row = s->input->candidate_rows[candidate];
	uint32_t d = config->dim, n = 3 * d;
	for (uint32_t i = 0; i < d && row < 0; i++)
		e[i] = (double)weights->unknown_item[i];
	if (row >= 0)
		oracle_item(s->model, row, e);
	if (config->ranker.type == RK_RANKER_DOT) {
		logits[0] = row >= 0 && weights->item_bias != NULL ? (double)weights->item_bias[row] : 0.0;
		for (uint32_t i = 0; i < d; i++)
			logits[0] += s->u[i] * e[i];
		return;
	}
	for (uint32_t i = 0; i < d; i++) {
		z[i] = s->u[i];
		z[d + i] = e[i];
		z[2 * d + i] = s->u[i] * e[i];
	}
	n += target(s, RK_POSITIVE, e, z + n);
	n += target(s, RK_NEGATIVE, e, z + n);
	n += expand(&config->user_features, weights->user_tables, s->input->user_features, z + n);
	n += expand(&config->candidate_features, weights->candidate_tables,
		    s->input->candidate_features + (size_t)candidate * config->candidate_features.n, z + n);
	if (config->ranker.type == RK_RANKER_MMOE) {
		mmoe(s->model, z, n, logits);
		return;
	}
	memcpy(x, z, sizeof(x));
	for (uint32_t k = 0; k < config->ranker.n_cross_layers && config->ranker.type == RK_RANKER_DCN_V2; k++) {
		oracle_linear(&weights->cross[k], n, n, x, y);
		for (uint32_t i = 0; i < n; i++)
			x[i] += z[i] * y[i];
	}
	n = stack(s->model, weights->hidden, config->ranker.hidden, config->ranker.n_hidden, x, n);
	oracle_linear(&weights->heads, n, config->signals.n, x, logits);
}

static double term(const struct oracle_state *s, const struct oracle_result *r, uint32_t i, uint32_t k)
{
	const struct rk_reward_config *reward = &s->model->config.reward;
	double logit = r->logits[i][k];
	if (reward->type == RK_REWARD_ODDS)
		return k == reward->signal ? exp(fmin(fmax(logit, -30.0), 30.0)) : 0.0;
	if (!s->input->has_weight[k])
		return 0.0;
	double weight = (double)s->input->weights[k];
	if (reward->type == RK_REWARD_ADDITIVE)
		return weight * oracle_sigmoid(logit);
	uint32_t rank = 1;
	for (uint32_t j = 0; j < s->input->n_candidates; j++)
		rank += r->scored[j] && r->logits[j][k] > logit;
	return weight / ((double)reward->rank_offset + rank);
}

void oracle_rank(const struct rk_model *model, const struct rk_rank_input *input, struct oracle_result *ret_result)
{
	static struct oracle_state s;
	memset(&s, 0, sizeof(s));
	memset(ret_result, 0, sizeof(*ret_result));
	s.model = model;
	s.input = input;
	oracle_keep_history(&s, ret_result);
	ret_result->n_used = s.n_used;
	oracle_select_feedback(&s);
	oracle_encode(&s);
	for (uint32_t i = 0; i < input->n_candidates; i++) {
		ret_result->scored[i] = input->candidate_rows[i] >= 0 || model->weights.unknown_item != NULL;
		if (ret_result->scored[i])
			score(&s, i, ret_result->logits[i]);
	}
	for (uint32_t i = 0; i < input->n_candidates; i++) {
		for (uint32_t k = 0; k < model->config.signals.n && ret_result->scored[i]; k++) {
			ret_result->terms[i][k] = term(&s, ret_result, i, k);
			ret_result->scores[i] += ret_result->terms[i][k];
		}
	}
}
