#include "bench/model/work.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* ---- shape ---- */

static const struct {
	bool of_ratio, at_least;
} conditions[] = {
	[RK_CONDITION_WATCH_MS_BELOW] = {false, false},
	[RK_CONDITION_WATCH_RATIO_BELOW] = {true, false},
	[RK_CONDITION_WATCH_MS_AT_LEAST] = {false, true},
	[RK_CONDITION_WATCH_RATIO_AT_LEAST] = {true, true},
};

static bool derives(const struct rk_derived_action *derived, double watch_ms, double duration_ms)
{
	const bool of_ratio = conditions[derived->condition].of_ratio;
	if (isnan(watch_ms) || (of_ratio && !(duration_ms > 0)))
		return false;
	const double value = of_ratio ? watch_ms / duration_ms : watch_ms;
	return conditions[derived->condition].at_least ? value >= derived->threshold : value < derived->threshold;
}

static bool is_in(const uint64_t *set, uint32_t action)
{
	return (set[action / 64] >> action % 64 & 1U) != 0;
}

/* Whether the event bears an action of the set, its own or a derived one; NULL is the empty set. */
static bool bears(const struct rk_config *config, const struct rk_rank_input *input, uint32_t event,
		  const uint64_t *set)
{
	const size_t n_words = rk_action_words(config);
	if (set == NULL)
		return false;
	for (size_t word = 0; word < n_words; word++)
		if ((input->event_actions[event * n_words + word] & set[word]) != 0)
			return true;
	for (uint32_t i = 0; i < config->n_derived_actions; i++) {
		const struct rk_derived_action *derived = &config->derived_actions[i];
		if (is_in(set, derived->action) && derives(derived, input->watch_ms[event], input->duration_ms[event]))
			return true;
	}
	return false;
}

void rk_work_shape_of(const struct rk_config *config, const struct rk_rank_input *input,
		      struct rk_work_shape *ret_shape)
{
	struct rk_work_shape shape = {.n_candidates = input->n_candidates};
	for (uint32_t event = input->n_events; event-- > 0 && shape.n_events < config->encoder.max_history;) {
		if (input->event_rows[event] == RK_ROW_UNKNOWN)
			continue;
		shape.n_events++;
		for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++) {
			const struct rk_polarity_config *feedback = &config->feedback[polarity];
			if (rk_config_attends(config, (enum rk_polarity)polarity) &&
			    shape.n_selected[polarity] < feedback->max &&
			    (bears(config, input, event, feedback->explicit_actions) ||
			     bears(config, input, event, feedback->implicit_actions)))
				shape.n_selected[polarity]++;
		}
	}
	*ret_shape = shape;
}

/* ---- operations ---- */

static double product(double n_rows, double n_in, double n_out)
{
	return 2 * n_rows * n_in * n_out;
}

static double layers(uint32_t n_in, const uint32_t *sizes, uint32_t n_sizes)
{
	double flop = 0;
	for (uint32_t i = 0; i < n_sizes; i++)
		flop += product(1, i == 0 ? n_in : sizes[i - 1], sizes[i]);
	return flop;
}

static double encoder_flop(const struct rk_config *config, double n_events)
{
	const struct rk_encoder_config *encoder = &config->encoder;
	const double d = config->dim;
	switch (encoder->type) {
	case RK_ENCODER_SASREC: /* projections; scores and mixtures of all pairs; FFN */
		return encoder->n_layers * (4 * product(n_events, d, d) + 2 * product(n_events, n_events, d) +
					    2 * product(n_events, d, encoder->ffn));
	case RK_ENCODER_GRU4REC: /* input and state to three gates */
		return encoder->n_layers * 2 * product(n_events, d, 3 * d);
	case RK_ENCODER_MEAN:
		break;
	}
	return 0;
}

double rk_work_encode_flop(const struct rk_config *config, const struct rk_work_shape *shape)
{
	double flop = encoder_flop(config, shape->n_events);
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++)
		flop += 2 * product(shape->n_selected[polarity], config->dim, config->dim);
	return flop;
}

static double attention_flop(const struct rk_config *config, uint32_t n_selected)
{
	if (n_selected == 0)
		return 0;
	return product(1, config->dim, config->dim) + 2 * product(1, config->dim, n_selected);
}

static double mmoe_flop(const struct rk_config *config, uint32_t width)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	const uint32_t mixed = ranker->hidden[ranker->n_hidden - 1];
	const uint32_t last = ranker->n_tower_hidden > 0 ? ranker->tower_hidden[ranker->n_tower_hidden - 1] : mixed;
	const double signal = product(1, width, ranker->n_experts) + product(1, ranker->n_experts, mixed) +
			      layers(mixed, ranker->tower_hidden, ranker->n_tower_hidden) + product(1, last, 1);
	return ranker->n_experts * layers(width, ranker->hidden, ranker->n_hidden) + config->signals.n * signal;
}

static double ranker_flop(const struct rk_config *config)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	const uint32_t width = rk_config_ranker_width(config);
	double crosses = 0;
	switch (ranker->type) {
	case RK_RANKER_DOT:
		return product(1, config->dim, 1);
	case RK_RANKER_MMOE:
		return mmoe_flop(config, width);
	case RK_RANKER_DCN_V2:
		crosses = ranker->n_cross_layers * product(1, width, width);
		break;
	case RK_RANKER_MLP:
		break;
	}
	return crosses + layers(width, ranker->hidden, ranker->n_hidden) +
	       product(1, ranker->hidden[ranker->n_hidden - 1], config->signals.n);
}

double rk_work_score_flop(const struct rk_config *config, const struct rk_work_shape *shape)
{
	double flop = ranker_flop(config);
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++)
		flop += attention_flop(config, shape->n_selected[polarity]);
	return flop * shape->n_candidates;
}

/* Layer 1 reads e, f and the attention weights of each head, whose values are folded into it. */
double rk_work_folded_flop(const struct rk_config *config, const struct rk_work_shape *shape)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	if (ranker->type != RK_RANKER_MLP)
		return 0;
	double n_attended = 0;
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++)
		n_attended += (double)shape->n_selected[polarity] * ranker->attention_heads;
	const double n_in = config->dim + config->candidate_features.width + n_attended;
	const double flop = product(1, config->dim, n_attended) + product(1, n_in, ranker->hidden[0]) +
			    layers(ranker->hidden[0], ranker->hidden + 1, ranker->n_hidden - 1) +
			    product(1, ranker->hidden[ranker->n_hidden - 1], config->signals.n);
	return flop * shape->n_candidates;
}
