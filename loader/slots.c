/*
 * Walks the table along a config: which patterns it calls for, how often each, and what {0}, {1} and the shape's
 * symbols are at each place.
 */
#include "loader/slots_table.h"

#include <stdio.h>

static bool is_called_for(const struct rk_config *config, enum rk_slot_when when)
{
	switch (when) {
	case RK_WHEN_ALWAYS:
		return true;
	case RK_WHEN_POSITION:
		return config->encoder.position != RK_POSITION_NONE;
	case RK_WHEN_ACTIONS:
		return config->encoder.use_actions;
	case RK_WHEN_INPUT_NORM:
		return config->encoder.input_norm;
	case RK_WHEN_FINAL_NORM:
		return config->encoder.final_norm;
	case RK_WHEN_ATTENDS_POSITIVE:
		return rk_config_attends(config, RK_POSITIVE);
	case RK_WHEN_ATTENDS_NEGATIVE:
		return rk_config_attends(config, RK_NEGATIVE);
	case RK_WHEN_HAS_HEADS:
		return config->ranker.type == RK_RANKER_MLP || config->ranker.type == RK_RANKER_DCN_V2;
	case RK_WHEN_DOT:
		return config->ranker.type == RK_RANKER_DOT;
	}
	return false;
}

struct rk_slot_counts rk_slot_counts_of(const struct rk_config *config, enum rk_slot_loop loop)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	uint32_t n_gated = ranker->type == RK_RANKER_MMOE ? config->signals.n : 0;
	switch (loop) {
	case RK_LOOP_ONCE:
		return (struct rk_slot_counts){1, 1};
	case RK_LOOP_BLOCKS:
		return (struct rk_slot_counts){config->encoder.type == RK_ENCODER_SASREC ? config->encoder.n_layers : 0,
					       1};
	case RK_LOOP_GRU_LAYERS:
		return (struct rk_slot_counts){
			config->encoder.type == RK_ENCODER_GRU4REC ? config->encoder.n_layers : 0, 1};
	case RK_LOOP_USER_TABLES:
		return (struct rk_slot_counts){config->user_features.n, 1};
	case RK_LOOP_CANDIDATE_TABLES:
		return (struct rk_slot_counts){config->candidate_features.n, 1};
	case RK_LOOP_CROSS_LAYERS:
		return (struct rk_slot_counts){ranker->n_cross_layers, 1};
	case RK_LOOP_HIDDEN_LAYERS:
		return (struct rk_slot_counts){ranker->n_hidden, 1};
	case RK_LOOP_EXPERT_LAYERS:
		return (struct rk_slot_counts){ranker->n_experts, ranker->n_hidden};
	case RK_LOOP_GATES:
	case RK_LOOP_TOWER_OUTS:
		return (struct rk_slot_counts){n_gated, 1};
	case RK_LOOP_TOWER_LAYERS:
		return (struct rk_slot_counts){n_gated, ranker->n_tower_hidden};
	}
	return (struct rk_slot_counts){0, 0};
}

/* The feature at the loop's place, or NULL where it has no table. */
static const struct rk_feature_config *feature_of(const struct rk_config *config, enum rk_slot_loop loop, uint32_t i)
{
	if (loop != RK_LOOP_USER_TABLES && loop != RK_LOOP_CANDIDATE_TABLES)
		return NULL;
	const struct rk_features_config *list =
		loop == RK_LOOP_USER_TABLES ? &config->user_features : &config->candidate_features;
	return list->features[i].type == RK_FEATURE_CATEGORICAL ? &list->features[i] : NULL;
}

static uint32_t last_of(const uint32_t *sizes, uint32_t n, uint32_t otherwise)
{
	return n > 0 ? sizes[n - 1] : otherwise;
}

/* ---- shapes ---- */

struct place {
	const struct rk_slot *slot;
	uint32_t i, j;
	int64_t n_items;
};

static int64_t dim_of(const struct rk_config *config, const struct place *at, enum rk_slot_dim dim)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	const struct rk_feature_config *feature = feature_of(config, at->slot->loop, at->i);
	/* the layer's number is the innermost loop */
	uint32_t layer = at->slot->loop == RK_LOOP_HIDDEN_LAYERS ? at->i : at->j;
	uint32_t last_hidden = last_of(ranker->hidden, ranker->n_hidden, 0);
	switch (dim) {
	case RK_DIM_NONE:
	case RK_DIM_N_BYTES:
		return RK_ANY_DIM;
	case RK_DIM_V:
		return at->n_items;
	case RK_DIM_V_PLUS_1:
		return at->n_items == RK_ANY_DIM ? RK_ANY_DIM : at->n_items + 1;
	case RK_DIM_D:
		return config->dim;
	case RK_DIM_D_TIMES_3:
		return 3 * (int64_t)config->dim;
	case RK_DIM_HISTORY:
		return config->encoder.max_history;
	case RK_DIM_N_ACTIONS:
		return config->actions.n;
	case RK_DIM_FFN:
		return config->encoder.ffn;
	case RK_DIM_WIDTH:
		return rk_config_ranker_width(config);
	case RK_DIM_N_SIGNALS:
		return config->signals.n;
	case RK_DIM_N_EXPERTS:
		return ranker->n_experts;
	case RK_DIM_ONE:
		return 1;
	case RK_DIM_LAST_HIDDEN:
		return last_hidden;
	case RK_DIM_LAST_TOWER:
		return last_of(ranker->tower_hidden, ranker->n_tower_hidden, last_hidden);
	case RK_DIM_HIDDEN_OUT:
		return ranker->hidden[layer];
	case RK_DIM_HIDDEN_IN:
		return layer > 0 ? ranker->hidden[layer - 1] : rk_config_ranker_width(config);
	case RK_DIM_TOWER_OUT:
		return ranker->tower_hidden[layer];
	case RK_DIM_TOWER_IN:
		return layer > 0 ? ranker->tower_hidden[layer - 1] : last_hidden;
	case RK_DIM_N_VALUES_PLUS_1:
		return feature != NULL ? (int64_t)feature->n_values + 1 : RK_ANY_DIM;
	case RK_DIM_FEATURE:
		return feature != NULL ? (int64_t)feature->dim : RK_ANY_DIM;
	}
	return RK_ANY_DIM;
}

/* ---- names ---- */

static struct rk_bytes first_word(const struct rk_config *config, const struct place *at, char number[16])
{
	const struct rk_feature_config *feature = feature_of(config, at->slot->loop, at->i);
	if (feature != NULL)
		return feature->name;
	if (at->slot->loop == RK_LOOP_GATES || at->slot->loop == RK_LOOP_TOWER_LAYERS ||
	    at->slot->loop == RK_LOOP_TOWER_OUTS)
		return config->signals.names[at->i];
	(void)snprintf(number, 16, "%u", at->i);
	return rk_bytes_of(number);
}

static size_t append(char name[RK_SLOT_NAME_BYTES], size_t used, struct rk_bytes text)
{
	size_t room = RK_SLOT_NAME_BYTES - 1 - used;
	size_t n = text.size < room ? text.size : room;
	memcpy(name + used, text.data, n);
	name[used + n] = '\0';
	return used + n;
}

static void format_name(const struct rk_config *config, const struct place *at, char ret_name[RK_SLOT_NAME_BYTES])
{
	char numbers[2][16];
	(void)snprintf(numbers[1], sizeof(numbers[1]), "%u", at->j);
	const struct rk_bytes words[2] = {first_word(config, at, numbers[0]), rk_bytes_of(numbers[1])};
	size_t used = 0;
	const char *rest = at->slot->pattern;
	for (const char *brace = strchr(rest, '{'); brace != NULL; brace = strchr(rest, '{')) {
		used = append(ret_name, used, (struct rk_bytes){rest, (size_t)(brace - rest)});
		used = append(ret_name, used, words[brace[1] - '0']);
		rest = brace + 3;
	}
	(void)append(ret_name, used, rk_bytes_of(rest));
}

/* ---- walk ---- */

static void resolve(const struct rk_config *config, const struct place *at, struct rk_slot_tensor *ret_tensor)
{
	const struct rk_slot *slot = at->slot;
	ret_tensor->slot = slot;
	ret_tensor->i = at->i;
	ret_tensor->j = at->j;
	ret_tensor->kind = slot->kind;
	ret_tensor->need = slot->need;
	if (slot->need == RK_SLOT_UNLESS_DOT)
		ret_tensor->need = config->ranker.type == RK_RANKER_DOT ? RK_SLOT_OPTIONAL : RK_SLOT_REQUIRED;
	ret_tensor->n_dims = slot->dims[1] == RK_DIM_NONE ? 1 : 2;
	for (int i = 0; i < 2; i++)
		ret_tensor->dims[i] = dim_of(config, at, slot->dims[i]);
	format_name(config, at, ret_tensor->name);
}

static bool is_there(const struct rk_config *config, const struct place *at)
{
	enum rk_slot_loop loop = at->slot->loop;
	bool is_table = loop == RK_LOOP_USER_TABLES || loop == RK_LOOP_CANDIDATE_TABLES;
	return !is_table || feature_of(config, loop, at->i) != NULL;
}

static enum rk_status walk_slot(const struct rk_config *config, struct place *at, rk_slot_fn visit, void *context)
{
	struct rk_slot_tensor tensor;
	struct rk_slot_counts counts = rk_slot_counts_of(config, at->slot->loop);
	for (at->i = 0; at->i < counts.n_i; at->i++) {
		for (at->j = 0; at->j < counts.n_j; at->j++) {
			if (!is_there(config, at))
				continue;
			resolve(config, at, &tensor);
			enum rk_status status = visit(context, &tensor);
			if (status != RK_OK)
				return status;
		}
	}
	return RK_OK;
}

enum rk_status rk_slots_walk(const struct rk_config *config, int64_t n_items, rk_slot_fn visit, void *context)
{
	enum rk_status status = RK_OK;
	for (size_t k = 0; status == RK_OK && k < rk_slot_table_n; k++) {
		struct place at = {.slot = &rk_slot_table[k], .n_items = n_items};
		if (is_called_for(config, at.slot->when))
			status = walk_slot(config, &at, visit, context);
	}
	return status;
}
