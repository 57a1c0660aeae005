/*
 * Small models with random weights and random requests to them, for the tests of model/.
 * One model and one request a process (Criterion runs each test in its own): the memory is static.
 */
#ifndef RK_TESTS_MODEL_TOY_H
#define RK_TESTS_MODEL_TOY_H

#include "model/model.h"

enum { TOY_MAX_LAYERS = 4, TOY_MAX_EVENTS = 200, TOY_MAX_CANDIDATES = 300 };

/* What differs between the models under test; zeros mean absent. */
struct toy_shape {
	uint32_t dim, n_actions;
	enum rk_dtype item_dtype;
	bool unknown_item, cold_start, item_bias;
	enum rk_encoder_type encoder;
	uint32_t n_layers, n_heads, ffn, max_history;
	enum rk_activation activation; /* of encoder and ranker */
	enum rk_norm_order norm;
	enum rk_position position;
	bool use_actions, input_norm, scale_embedding, final_norm;
	uint32_t max_positive, max_negative, attention_heads;
	bool features;
	enum rk_ranker_type ranker;
	uint32_t n_hidden, hidden[TOY_MAX_LAYERS];
	uint32_t n_tower_hidden, tower_hidden[TOY_MAX_LAYERS];
	uint32_t n_cross_layers, n_experts, n_signals;
	enum rk_reward_type reward;
};

enum { TOY_ITEMS = 60 };

/* Fills config and weights; not initialised (rk_model_init) yet. */
void toy_model_fill(struct rk_model *model, const struct toy_shape *shape);

/* The same, initialised for TOY_MAX_EVENTS and TOY_MAX_CANDIDATES, with a scratch full of NaN behind it. */
struct rk_scratch *toy_model_make(struct rk_model *model, const struct toy_shape *shape, enum rk_cpu_tier tier);

/* Initialises a filled model, again after its weights were changed; returns a new scratch. */
struct rk_scratch *toy_model_init(struct rk_model *model, enum rk_cpu_tier tier);

/* Another scratch of the model, all bytes `garbage` before rk_scratch_init. */
struct rk_scratch *toy_scratch_make(const struct rk_model *model, int garbage);

/* A random request; the arrays are static and writable through the pointers that the caller knows. */
void toy_request_make(struct rk_rank_input *ret_input, const struct rk_model *model, uint32_t n_events,
		      uint32_t n_candidates, uint32_t seed);

/* Begin, encode, score all in one go, finish. */
void toy_rank(const struct rk_model *model, struct rk_scratch *scratch, const struct rk_rank_input *input,
	      struct rk_rank_result *ret_result);

/* Uniform in −1 … 1. */
float toy_random(void);

#endif
