/*
 * What a model folder's config.json says, checked and resolved: names are indices, lists are arrays.
 * Plain data: the loader's config reader fills it from JSON (loader/config_reader.h), everything it points to
 * lives in the model version's arena and is immutable afterwards.
 * Source of every key: docs/model-format.md, "config.json, key by key".
 */
#ifndef RK_MODEL_CONFIG_H
#define RK_MODEL_CONFIG_H

#include "model/base/span.h"
#include "model/kernels/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RK_MAX_SIGNALS = 64, RK_MAX_DIM = 4096, RK_MAX_HISTORY = 65536 };

/* X-macros: enumerator, the word in config.json */
#define RK_ENCODER_TABLE(X) X(SASREC, "sasrec") X(GRU4REC, "gru4rec") X(MEAN, "mean")
#define RK_NORM_TABLE(X) X(PRE, "pre") X(POST, "post") X(QUERY, "query")
#define RK_POSITION_TABLE(X) X(NONE, "none") X(FROM_START, "from_start") X(FROM_END, "from_end")
#define RK_RANKER_TABLE(X) X(MLP, "mlp") X(DCN_V2, "dcn_v2") X(MMOE, "mmoe") X(DOT, "dot")
#define RK_REWARD_TABLE(X) X(ADDITIVE, "additive") X(ODDS, "odds") X(RANK, "rank")
#define RK_CONDITION_TABLE(X)                                                                                          \
	X(WATCH_MS_BELOW, "watch_ms_below")                                                                            \
	X(WATCH_RATIO_BELOW, "watch_ratio_below")                                                                      \
	X(WATCH_MS_AT_LEAST, "watch_ms_at_least")                                                                      \
	X(WATCH_RATIO_AT_LEAST, "watch_ratio_at_least")
#define RK_FEATURE_TABLE(X) X(NUMERIC, "numeric") X(CATEGORICAL, "categorical")
#define RK_PRECISION_TABLE(X) X(F32, "f32") X(BF16, "bf16")

#define RK_ENUM_ENCODER(name, text) RK_ENCODER_##name,
#define RK_ENUM_NORM(name, text) RK_NORM_##name,
#define RK_ENUM_POSITION(name, text) RK_POSITION_##name,
#define RK_ENUM_RANKER(name, text) RK_RANKER_##name,
#define RK_ENUM_REWARD(name, text) RK_REWARD_##name,
#define RK_ENUM_CONDITION(name, text) RK_CONDITION_##name,
#define RK_ENUM_FEATURE(name, text) RK_FEATURE_##name,
#define RK_ENUM_PRECISION(name, text) RK_PRECISION_##name,
enum rk_encoder_type { RK_ENCODER_TABLE(RK_ENUM_ENCODER) };
enum rk_norm_order { RK_NORM_TABLE(RK_ENUM_NORM) };
enum rk_position { RK_POSITION_TABLE(RK_ENUM_POSITION) };
enum rk_ranker_type { RK_RANKER_TABLE(RK_ENUM_RANKER) };
enum rk_reward_type { RK_REWARD_TABLE(RK_ENUM_REWARD) };
enum rk_condition { RK_CONDITION_TABLE(RK_ENUM_CONDITION) };
enum rk_feature_type { RK_FEATURE_TABLE(RK_ENUM_FEATURE) };
enum rk_precision { RK_PRECISION_TABLE(RK_ENUM_PRECISION) };
#undef RK_ENUM_ENCODER
#undef RK_ENUM_NORM
#undef RK_ENUM_POSITION
#undef RK_ENUM_RANKER
#undef RK_ENUM_REWARD
#undef RK_ENUM_CONDITION
#undef RK_ENUM_FEATURE
#undef RK_ENUM_PRECISION

/* Names in their order in the config. */
struct rk_names {
	uint32_t n;
	const struct rk_bytes *names; /* each also NUL-terminated */
};

/* Sets of actions are bitsets of rk_action_words(config) words of 64 bits, bit a = action a. */
static inline uint32_t rk_bitset_words(uint32_t n_bits)
{
	return (n_bits + 63) / 64;
}

/* An action that the server adds to an event by itself, from how long it was watched. */
struct rk_derived_action {
	uint32_t action; /* index into actions */
	enum rk_condition condition;
	double threshold; /* ms, or watch_ms / duration_ms */
};

struct rk_encoder_config {
	enum rk_encoder_type type;
	uint32_t max_history; /* events */
	uint32_t n_layers;    /* 0 for mean */
	uint32_t n_heads;     /* sasrec only, divides dim */
	uint32_t ffn;         /* sasrec only, hidden units */
	enum rk_activation activation;
	enum rk_norm_order norm;
	enum rk_position position;
	bool use_actions, input_norm, scale_embedding, final_norm; /* final_norm is false unless sasrec */
	float norm_eps;
};

/* Which events of the history a candidate attends to. Bitsets of actions. */
struct rk_polarity_config {
	bool present;
	uint32_t max; /* events */
	const uint64_t *explicit_actions;
	const uint64_t *implicit_actions; /* empty set for the positive polarity */
};

enum rk_polarity { RK_POSITIVE, RK_NEGATIVE, RK_N_POLARITIES };

/* One context feature. A numeric one is one value; a categorical one is a row of an embedding table of
 * n_values + 1 rows, row 0 for missing or unlisted, row k + 1 for values[k]. */
struct rk_feature_config {
	struct rk_bytes name;
	enum rk_feature_type type;
	double mean, std; /* numeric */
	bool log1p;       /* numeric */
	uint32_t dim;     /* categorical; columns taken in c or f: rk_feature_width */
	uint32_t n_values;
	uint32_t n_integers, n_strings; /* n_values = n_integers + n_strings */
	const int64_t *integers;        /* sorted ascending */
	const uint32_t *integer_rows;   /* embedding row of each */
	const struct rk_bytes *strings; /* sorted by rk_bytes_compare */
	const uint32_t *string_rows;
};

struct rk_features_config {
	uint32_t n;
	const struct rk_feature_config *features;
	uint32_t width; /* columns of the concatenation: n_c or n_f */
};

struct rk_ranker_config {
	enum rk_ranker_type type;
	enum rk_activation activation;
	uint32_t attention_heads; /* 0: no target attention */
	uint32_t n_hidden;        /* mlp, dcn_v2, mmoe: ≥ 1 */
	const uint32_t *hidden;
	uint32_t n_tower_hidden; /* mmoe */
	const uint32_t *tower_hidden;
	uint32_t n_cross_layers; /* dcn_v2 */
	uint32_t n_experts;      /* mmoe */
};

struct rk_reward_config {
	enum rk_reward_type type;
	const float *weights;      /* [n signals], 0 where absent */
	const uint8_t *has_weight; /* [n signals] 1: the signal has a term */
	uint32_t signal;           /* odds: index of the signal */
	float rank_offset;         /* rank */
};

struct rk_config {
	struct rk_bytes note; /* `name`, a note only */
	uint32_t dim;         /* d */
	struct rk_names actions;
	uint32_t n_derived_actions;
	const struct rk_derived_action *derived_actions;
	struct rk_encoder_config encoder;
	struct rk_polarity_config feedback[RK_N_POLARITIES];
	struct rk_features_config user_features, candidate_features;
	struct rk_ranker_config ranker;
	struct rk_names signals;
	struct rk_reward_config reward;
	double golden_tolerance;
	enum rk_precision precision;
};

/* Words of one event's action bitset (0 when the model knows no action). */
static inline uint32_t rk_action_words(const struct rk_config *config)
{
	return rk_bitset_words(config->actions.n);
}

/* Whether the candidate attends to this polarity: it is in `feedback`, there is target attention,
 * and the ranker reads it (dot does not). */
bool rk_config_attends(const struct rk_config *config, enum rk_polarity polarity);

/* Columns of z_i = [u ; e ; u⊙e ; t⁺ ; t⁻ ; c ; f] (0 for dot). */
uint32_t rk_config_ranker_width(const struct rk_config *config);

/* Outputs of the i-th layer that reads z_i (mlp: hidden 0; dcn_v2: cross 0; mmoe: hidden 0 of all experts, all gates);
 * 0 where there is none. */
size_t rk_config_first_outputs(const struct rk_config *config, int i);

/* Columns that the feature takes: 1 if numeric, dim if categorical. */
uint32_t rk_feature_width(const struct rk_feature_config *feature);

#endif
