/*
 * Every key of config.json, once: name, reader, for which types it is required, range, place.
 * docs/model-format.md has the same table in words.
 */
#include "loader/config_parts.h"

#include <math.h>

/* ---- words ---- */

#define WORD(name, text) text,
#define WORDS(list, table)                                                                                             \
	static const char *const list##_list[] = {table(WORD)};                                                        \
	static const struct rk_config_words list = {list##_list, sizeof(list##_list) / sizeof(list##_list[0])}
WORDS(encoder_types, RK_ENCODER_TABLE);
WORDS(activations, RK_ACTIVATION_TABLE);
WORDS(norm_orders, RK_NORM_TABLE);
WORDS(positions, RK_POSITION_TABLE);
WORDS(ranker_types, RK_RANKER_TABLE);
WORDS(reward_types, RK_REWARD_TABLE);
WORDS(feature_types, RK_FEATURE_TABLE);
WORDS(precisions, RK_PRECISION_TABLE);
#undef WORDS
#undef WORD

_Static_assert(sizeof(enum rk_encoder_type) == sizeof(unsigned), "rk_config_read_word writes an unsigned");

/* ---- shorthands ---- */

enum {
	NEVER = 0, /* not required */
	ALWAYS = -1,
	SASREC = 1 << RK_ENCODER_SASREC,
	GRU4REC = 1 << RK_ENCODER_GRU4REC,
	DCN_V2 = 1 << RK_RANKER_DCN_V2,
	MMOE = 1 << RK_RANKER_MMOE,
	DENSE = 1 << RK_RANKER_MLP | DCN_V2 | MMOE, /* rankers with hidden layers */
	WEIGHTED = 1 << RK_REWARD_ADDITIVE | 1 << RK_REWARD_RANK,
	ODDS = 1 << RK_REWARD_ODDS,
	RANK = 1 << RK_REWARD_RANK,
	NUMERIC = 1 << RK_FEATURE_NUMERIC,
	CATEGORICAL = 1 << RK_FEATURE_CATEGORICAL,
};

enum {
	MAX_ACTIONS = 4096,
	MAX_DERIVED = 4096,
	MAX_FEATURES = 4096,
	MAX_LAYERS = 1024,
	MAX_SIZES = 64,
	MAX_UNITS = 1 << 20
};

#define ANY_NUMBER (-HUGE_VAL)

/* name, reader, required for, allowed for, least, most, detail, struct, members */
#define KEY(name, reader, required, allowed, least, most, detail, type, place)                                         \
	{                                                                                                              \
		name, rk_config_read_##reader, (uint32_t)(required), (uint32_t)(allowed), least, most, detail,         \
			offsetof(struct type, place), 0                                                                \
	}
#define LIST_KEY(name, reader, required, most, detail, type, place, place_n)                                           \
	{                                                                                                              \
		name, rk_config_read_##reader, (uint32_t)(required), (uint32_t)ALWAYS, 0, most, detail,                \
			offsetof(struct type, place), offsetof(struct type, place_n)                                   \
	}
#define SCHEMA(schema, keys, has_type, bytes)                                                                          \
	static const struct rk_config_schema schema = {keys, sizeof(keys) / sizeof(keys[0]), has_type, bytes}

/* ---- objects, the inner ones first ---- */

static const enum rk_condition conditions[] = {
#define CONDITION(name, text) RK_CONDITION_##name,
	RK_CONDITION_TABLE(CONDITION)
#undef CONDITION
};

static const struct rk_config_key derived_keys[] = {
	KEY("name", action, ALWAYS, ALWAYS, 0, 0, NULL, rk_derived_action, action),
#define CONDITION(name, text)                                                                                          \
	KEY(text, condition, NEVER, ALWAYS, 0, 0, &conditions[RK_CONDITION_##name], rk_derived_action, threshold),
	RK_CONDITION_TABLE(CONDITION)
#undef CONDITION
};
SCHEMA(derived_schema, derived_keys, false, sizeof(struct rk_derived_action));

static const struct rk_config_key encoder_keys[] = {
	KEY("type", word, ALWAYS, ALWAYS, 0, 0, &encoder_types, rk_encoder_config, type),
	KEY("max_history", integer, ALWAYS, ALWAYS, 1, RK_MAX_HISTORY, NULL, rk_encoder_config, max_history),
	KEY("layers", integer, SASREC | GRU4REC, ALWAYS, 1, MAX_LAYERS, NULL, rk_encoder_config, n_layers),
	KEY("heads", integer, SASREC, ALWAYS, 1, RK_MAX_DIM, NULL, rk_encoder_config, n_heads),
	KEY("ffn", integer, SASREC, ALWAYS, 1, MAX_UNITS, NULL, rk_encoder_config, ffn),
	KEY("activation", word, SASREC, ALWAYS, 0, 0, &activations, rk_encoder_config, activation),
	KEY("norm", word, SASREC, ALWAYS, 0, 0, &norm_orders, rk_encoder_config, norm),
	KEY("position", word, NEVER, ALWAYS, 0, 0, &positions, rk_encoder_config, position),
	KEY("use_actions", boolean, NEVER, ALWAYS, 0, 0, NULL, rk_encoder_config, use_actions),
	KEY("input_norm", boolean, NEVER, ALWAYS, 0, 0, NULL, rk_encoder_config, input_norm),
	KEY("scale_embedding", boolean, NEVER, ALWAYS, 0, 0, NULL, rk_encoder_config, scale_embedding),
	KEY("final_norm", boolean, NEVER, ALWAYS, 0, 0, NULL, rk_encoder_config, final_norm),
	KEY("norm_eps", float, NEVER, ALWAYS, 0, 0, NULL, rk_encoder_config, norm_eps),
};
SCHEMA(encoder_schema, encoder_keys, true, 0);

static const struct rk_config_key positive_keys[] = {
	KEY("actions", action_set, ALWAYS, ALWAYS, 0, 0, NULL, rk_polarity_config, explicit_actions),
	KEY("max", integer, ALWAYS, ALWAYS, 1, RK_MAX_HISTORY, NULL, rk_polarity_config, max),
};
SCHEMA(positive_schema, positive_keys, false, 0);

static const struct rk_config_key negative_keys[] = {
	KEY("explicit", action_set, ALWAYS, ALWAYS, 0, 0, NULL, rk_polarity_config, explicit_actions),
	KEY("implicit", action_set, NEVER, ALWAYS, 0, 0, NULL, rk_polarity_config, implicit_actions),
	KEY("max", integer, ALWAYS, ALWAYS, 1, RK_MAX_HISTORY, NULL, rk_polarity_config, max),
};
SCHEMA(negative_schema, negative_keys, false, 0);

static const struct rk_config_key feedback_keys[] = {
	KEY("positive", polarity, NEVER, ALWAYS, 0, 0, &positive_schema, rk_config, feedback[RK_POSITIVE]),
	KEY("negative", polarity, NEVER, ALWAYS, 0, 0, &negative_schema, rk_config, feedback[RK_NEGATIVE]),
};
SCHEMA(feedback_schema, feedback_keys, false, 0);

static const struct rk_config_key feature_keys[] = {
	KEY("type", word, ALWAYS, ALWAYS, 0, 0, &feature_types, rk_feature_config, type),
	KEY("name", feature_name, ALWAYS, ALWAYS, 0, 0, NULL, rk_feature_config, name),
	KEY("mean", number, NUMERIC, NUMERIC, ANY_NUMBER, 0, NULL, rk_feature_config, mean),
	KEY("std", number, NUMERIC, NUMERIC, 0, 0, NULL, rk_feature_config, std),
	KEY("log1p", boolean, NEVER, NUMERIC, 0, 0, NULL, rk_feature_config, log1p),
	KEY("values", values, CATEGORICAL, CATEGORICAL, 0, 0, NULL, rk_feature_config, n_values),
	KEY("dim", integer, CATEGORICAL, CATEGORICAL, 1, RK_MAX_DIM, NULL, rk_feature_config, dim),
};
SCHEMA(feature_schema, feature_keys, true, sizeof(struct rk_feature_config));

static const struct rk_config_key features_keys[] = {
	KEY("user", features, NEVER, ALWAYS, 0, MAX_FEATURES, &feature_schema, rk_config, user_features),
	KEY("candidate", features, NEVER, ALWAYS, 0, MAX_FEATURES, &feature_schema, rk_config, candidate_features),
};
SCHEMA(features_schema, features_keys, false, 0);

static const struct rk_config_key attention_keys[] = {
	KEY("heads", integer, ALWAYS, ALWAYS, 1, RK_MAX_DIM, NULL, rk_ranker_config, attention_heads),
};
SCHEMA(attention_schema, attention_keys, false, 0);

static const struct rk_config_key cross_keys[] = {
	KEY("layers", integer, ALWAYS, ALWAYS, 1, MAX_LAYERS, NULL, rk_ranker_config, n_cross_layers),
};
SCHEMA(cross_schema, cross_keys, false, 0);

/* The inner objects' members stand in struct rk_ranker_config itself. */
static const struct rk_config_key ranker_keys[] = {
	KEY("type", word, ALWAYS, ALWAYS, 0, 0, &ranker_types, rk_ranker_config, type),
	{"target_attention", rk_config_read_object, NEVER, (uint32_t)ALWAYS, 0, 0, &attention_schema, 0, 0},
	LIST_KEY("hidden", sizes, DENSE, MAX_SIZES, NULL, rk_ranker_config, hidden, n_hidden),
	LIST_KEY("tower_hidden", sizes, NEVER, MAX_SIZES, NULL, rk_ranker_config, tower_hidden, n_tower_hidden),
	KEY("activation", word, DENSE, ALWAYS, 0, 0, &activations, rk_ranker_config, activation),
	{"cross", rk_config_read_object, DCN_V2, (uint32_t)ALWAYS, 0, 0, &cross_schema, 0, 0},
	KEY("experts", integer, MMOE, ALWAYS, 1, MAX_LAYERS, NULL, rk_ranker_config, n_experts),
};
SCHEMA(ranker_schema, ranker_keys, true, 0);

static const struct rk_config_key reward_keys[] = {
	KEY("type", word, ALWAYS, ALWAYS, 0, 0, &reward_types, rk_reward_config, type),
	KEY("weights", weights, WEIGHTED, ALWAYS, 0, 0, NULL, rk_reward_config, weights),
	KEY("signal", signal, ODDS, ALWAYS, 0, 0, NULL, rk_reward_config, signal),
	KEY("rank_offset", float, RANK, ALWAYS, -1, 0, NULL, rk_reward_config, rank_offset),
};
SCHEMA(reward_schema, reward_keys, true, 0);

static const struct rk_config_key top_keys[] = {
	KEY("format", format, ALWAYS, ALWAYS, 0, 0, NULL, rk_config, note),
	KEY("name", text, NEVER, ALWAYS, 0, 0, NULL, rk_config, note),
	KEY("dim", integer, ALWAYS, ALWAYS, 1, RK_MAX_DIM, NULL, rk_config, dim),
	KEY("actions", names, NEVER, ALWAYS, 0, MAX_ACTIONS, NULL, rk_config, actions),
	KEY("signals", names, ALWAYS, ALWAYS, 1, RK_MAX_SIGNALS, NULL, rk_config, signals),
	LIST_KEY("derived_actions", derived, NEVER, MAX_DERIVED, &derived_schema, rk_config, derived_actions,
		 n_derived_actions),
	KEY("encoder", object, ALWAYS, ALWAYS, 0, 0, &encoder_schema, rk_config, encoder),
	{"feedback", rk_config_read_object, NEVER, (uint32_t)ALWAYS, 0, 0, &feedback_schema, 0, 0},
	{"features", rk_config_read_object, NEVER, (uint32_t)ALWAYS, 0, 0, &features_schema, 0, 0},
	KEY("ranker", object, ALWAYS, ALWAYS, 0, 0, &ranker_schema, rk_config, ranker),
	KEY("reward", object, ALWAYS, ALWAYS, 0, 0, &reward_schema, rk_config, reward),
	KEY("golden_tolerance", number, NEVER, ALWAYS, 0, 0, NULL, rk_config, golden_tolerance),
	KEY("precision", word, NEVER, ALWAYS, 0, 0, &precisions, rk_config, precision),
};
const struct rk_config_schema rk_config_top_schema = {top_keys, sizeof(top_keys) / sizeof(top_keys[0]), false, 0};
