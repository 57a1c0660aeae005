/*
 * Kept events are copied into compact arrays; S⁺ and S⁻ are found by walking back from the latest of them.
 * Both are written as events first and turned into indices of `reads`, the rows of H that will exist, at the end.
 */
#include "model/history.h"

#include "model/base/check.h"

#include <math.h>
#include <string.h>

static const struct {
	bool of_ratio, at_least;
} conditions[] = {
	[RK_CONDITION_WATCH_MS_BELOW] = {false, false},
	[RK_CONDITION_WATCH_RATIO_BELOW] = {true, false},
	[RK_CONDITION_WATCH_MS_AT_LEAST] = {false, true},
	[RK_CONDITION_WATCH_RATIO_AT_LEAST] = {true, true},
};

static bool derived_holds(const struct rk_derived_action *derived, double watch_ms, double duration_ms)
{
	double value = watch_ms;
	if (conditions[derived->condition].of_ratio) {
		if (isnan(duration_ms) || duration_ms == 0.0)
			return false;
		value = watch_ms / duration_ms;
	}
	if (isnan(value))
		return false;
	return conditions[derived->condition].at_least ? value >= derived->threshold : value < derived->threshold;
}

static void keep_event(struct rk_history *history, const struct rk_config *config, const struct rk_rank_input *input,
		       uint32_t event)
{
	size_t n_words = rk_action_words(config);
	uint64_t *actions = history->actions + history->n_used * n_words;
	history->rows[history->n_used++] = input->event_rows[event];
	if (n_words > 0)
		memcpy(actions, input->event_actions + event * n_words, n_words * sizeof(*actions));
	for (uint32_t i = 0; i < config->n_derived_actions; i++) {
		const struct rk_derived_action *derived = &config->derived_actions[i];
		if (derived_holds(derived, input->watch_ms[event], input->duration_ms[event]))
			actions[derived->action / 64] |= UINT64_C(1) << (derived->action % 64);
	}
}

/* Whether the event bears one of the actions; NULL is the empty set. */
static bool bears(const struct rk_history *history, uint32_t event, const uint64_t *actions, size_t n_words)
{
	uint64_t common = 0;
	for (size_t word = 0; actions != NULL && word < n_words; word++)
		common |= history->actions[event * n_words + word] & actions[word];
	return common != 0;
}

static void select_polarity(struct rk_history *history, const struct rk_polarity_config *polarity, size_t n_words,
			    uint32_t *selected, uint32_t *ret_n)
{
	uint32_t n_explicit = 0;
	for (uint32_t event = 0; event < history->n_used && n_explicit < polarity->max; event++)
		n_explicit += bears(history, event, polarity->explicit_actions, n_words);
	uint32_t n_implicit = polarity->max - n_explicit; /* places left to fill */
	uint32_t n = 0;
	for (uint32_t event = history->n_used; event-- > 0 && n_explicit + n_implicit > 0;) {
		uint32_t *places = NULL;
		if (bears(history, event, polarity->explicit_actions, n_words))
			places = &n_explicit;
		else if (bears(history, event, polarity->implicit_actions, n_words))
			places = &n_implicit;
		if (places == NULL || *places == 0)
			continue;
		(*places)--;
		selected[n++] = event;
	}
	for (uint32_t i = 0; i < n / 2; i++) {
		uint32_t later = selected[i];
		selected[i] = selected[n - 1 - i];
		selected[n - 1 - i] = later;
	}
	*ret_n = n;
}

/* reads = S⁺ ∪ S⁻ ∪ {last}, ascending; the selections become indices into it. */
static void merge_reads(struct rk_history *history)
{
	uint32_t at[RK_N_POLARITIES] = {0};
	uint32_t n = 0;
	for (;;) {
		uint32_t next = UINT32_MAX;
		for (int p = 0; p < RK_N_POLARITIES; p++) {
			if (at[p] < history->n_selected[p] && history->selected[p][at[p]] < next)
				next = history->selected[p][at[p]];
		}
		if (next == UINT32_MAX)
			break;
		for (int p = 0; p < RK_N_POLARITIES; p++) {
			if (at[p] < history->n_selected[p] && history->selected[p][at[p]] == next)
				history->selected[p][at[p]++] = n;
		}
		history->reads[n++] = next;
	}
	if (history->n_used > 0 && (n == 0 || history->reads[n - 1] != history->n_used - 1))
		history->reads[n++] = history->n_used - 1;
	history->n_reads = n;
}

void rk_history_select(struct rk_history *history, const struct rk_config *config, const struct rk_rank_input *input)
{
	uint32_t n_known = 0;
	for (uint32_t event = 0; event < input->n_events; event++)
		n_known += input->event_rows[event] != RK_ROW_UNKNOWN;
	history->n_unknown = input->n_events - n_known;
	history->n_used = 0;
	uint32_t max_history = config->encoder.max_history;
	uint32_t n_older = n_known > max_history ? n_known - max_history : 0;
	for (uint32_t event = 0; event < input->n_events; event++) {
		if (input->event_rows[event] == RK_ROW_UNKNOWN)
			continue;
		if (n_older > 0)
			n_older--;
		else
			keep_event(history, config, input, event);
	}
	for (int p = 0; p < RK_N_POLARITIES; p++) {
		history->n_selected[p] = 0;
		if (rk_config_attends(config, (enum rk_polarity)p))
			select_polarity(history, &config->feedback[p], rk_action_words(config), history->selected[p],
					&history->n_selected[p]);
	}
	merge_reads(history);
}
