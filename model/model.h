/*
 * A model ready to rank, and one ranking with it.
 *
 *     rk_model_init(&model, ...)                 once, by the loader: plan of the scratch, packed weights
 *     rk_ranking_begin(&ranking, &model, ...)    per request, in the worker's scratch: nothing is allocated
 *     rk_ranking_encode_user(&ranking)           history → user vector, keys and values of both polarities
 *     rk_ranking_score(&ranking, first, n)       candidates in blocks, any order, any split
 *     rk_ranking_prescore(&ranking)              where not all will fit: which to score first, by a cheap guess
 *     rk_ranking_score_places(&ranking, places, first, n)
 *     rk_ranking_finish(&ranking, &result)       combined reward, order, terms
 *
 * The user side is apart from the candidate side, so that a deadline can be checked between blocks.
 * Mathematics: docs/model-format.md. Pure computation: no input or output, no locks, no allocation after init.
 */
#ifndef RK_MODEL_MODEL_H
#define RK_MODEL_MODEL_H

#include "model/base/arena.h"
#include "model/base/cpu.h"
#include "model/config.h"
#include "model/feature.h"
#include "model/packed.h"
#include "model/plan.h"
#include "model/weights.h"

enum { RK_ROW_UNKNOWN = -1 };

struct rk_kernels;

/* Private to model/: see model/guess.h. */
struct rk_guess {
	bool is_learnt;
	float *directions;        /* [n signals, d] */
	float *search, *gradient; /* [n signals, d] while learning */
	float *gradient_norms;    /* [n signals] */
};

struct rk_model {
	struct rk_config config;
	struct rk_weights weights;
	struct rk_plan plan;
	const struct rk_kernels *kernels; /* of the chosen tier; static */
	struct rk_packed packed;          /* private to model/: the weights as the kernels read them */
	struct rk_guess guess;
};

/* What one request asks, as compact arrays. All memory is the caller's and outlives the ranking. */
struct rk_rank_input {
	/* history, oldest first, as the request gave it */
	uint32_t n_events;
	const int32_t *event_rows;     /* [n_events] row of the item table, or RK_ROW_UNKNOWN */
	const uint64_t *event_actions; /* [n_events, rk_action_words] the request's; derived ones are added inside */
	const double *watch_ms;        /* [n_events] NaN = absent */
	const double *duration_ms;     /* [n_events] NaN = absent */
	/* user */
	const union rk_feature_value *user_features; /* [n user features] */
	/* candidates */
	uint32_t n_candidates;
	const int32_t *candidate_rows;                    /* [n_candidates] or RK_ROW_UNKNOWN */
	const union rk_feature_value *candidate_features; /* [n_candidates, n candidate features] */
	/* reward: the model's weights with the request's merged over them */
	const float *weights;      /* [n signals] */
	const uint8_t *has_weight; /* [n signals] */
};

enum rk_score_state {
	RK_SCORED,
	RK_UNREACHED, /* could be scored, and has not been */
	RK_UNSCORED,  /* unknown item and the model has no items.unknown */
	RK_NONFINITE, /* the arithmetic left the floats: never shown as a score */
};

/* Candidates in an order of their own, by their places in the request. */
struct rk_places {
	const uint32_t *places; /* [n] */
	uint32_t n;
};

/* Everything is indexed by the candidate's place in the request, except `order`.
 * The arrays live in the scratch and are valid until the next rk_ranking_begin on it. */
struct rk_rank_result {
	uint32_t n_candidates;
	uint32_t n_signals;
	const uint32_t *order; /* [n_candidates] request places; see rk_ranking_finish */
	const float *scores;   /* [n_candidates] finite where state is RK_SCORED */
	const uint8_t *states; /* [n_candidates] enum rk_score_state */
	const float *signals;  /* [n_candidates, n_signals] p = sigmoid(logit) */
	const float *terms; /* [n_candidates, n_signals] docs/model-format.md, section 7; summed in order: the score */
	const uint8_t *has_term; /* [n_signals] which terms are shown */
	uint32_t n_scored, n_unreached, n_nonfinite;
	uint32_t n_used_events; /* L */
	uint32_t n_unknown_events;
};

/* State of one ranking. Fields are private to model/; lives on the worker's stack, its buffers in the scratch. */
struct rk_ranking {
	const struct rk_model *model;
	const struct rk_rank_input *input;
	struct rk_scratch *scratch;
};

/* Chooses kernels for `tier`, lays the scratch out for `limits`, packs weights into `arena`
 * (the version's memory; rk_model_init_bytes tells how much). model->config and model->weights are filled before.
 * RK_NO_MEMORY when the arena is too small, RK_LIMIT when sizes overflow. */
RK_NODISCARD enum rk_status rk_model_init(struct rk_model *model, const struct rk_limits *limits, enum rk_cpu_tier tier,
					  struct rk_arena *arena, struct rk_error *reterr);

/* Bytes of arena that rk_model_init takes at most for `tier`. */
size_t rk_model_init_bytes(const struct rk_model *model, enum rk_cpu_tier tier);

/* Optional, once before anything is ranked: learns from the scores of these candidates, all of them in the table, how
 * rk_ranking_prescore can guess. Of the input the reward is not read. */
void rk_model_learn_guess(struct rk_model *model, struct rk_scratch *scratch, const struct rk_rank_input *sample);

/* Lays a worker's scratch out in `memory` (model->plan.bytes, aligned to 64) once. Returns it; never fails. */
struct rk_scratch *rk_scratch_init(const struct rk_model *model, void *memory);

/* Starts a ranking. The input's counts must lie within the plan's limits (the decoder checked them). */
void rk_ranking_begin(struct rk_ranking *ranking, const struct rk_model *model, struct rk_scratch *scratch,
		      const struct rk_rank_input *input);
void rk_ranking_encode_user(struct rk_ranking *ranking);

/* Scores candidates first … first + n − 1; walks them in blocks of model->plan.block_rows. */
void rk_ranking_score(struct rk_ranking *ranking, uint32_t first, uint32_t n);

/* A guess at the order of the candidates that can be scored, for a small part of a score's cost: g · e, where g has
 * been learnt (rk_model_learn_guess), or is u (dot: with the item's bias, so that it is the logit). Returns their
 * places, the greatest first, equal ones in the request's order; what is not finite goes last. They live in the scratch
 * until the next rk_ranking_begin. Needs the user. */
struct rk_places rk_ranking_prescore(struct rk_ranking *ranking);

/* rk_ranking_score for places[first … first + n − 1]: the same bits for the same candidate, whatever its neighbours. */
void rk_ranking_score_places(struct rk_ranking *ranking, const struct rk_places *places, uint32_t first, uint32_t n);

/* Rewards, terms and order: the scored by falling score; then those that were not reached, as rk_ranking_prescore put
 * them (without it: in the request's order); then those that can have no score, in the request's order. */
void rk_ranking_finish(struct rk_ranking *ranking, struct rk_rank_result *ret_result);

#endif
