/*
 * A worker's scratch: every intermediate of a ranking, each at a place of its own that the plan fixed at load.
 * What a request reads it has written before, so nothing of an earlier request can show.
 * Panels are [rows][RK_PANEL] (model/kernels/kernels.h); [n panels] of them stand one after the other.
 * The temporaries of the encoder and those of a block of candidates are never alive together and share their memory.
 */
#ifndef RK_MODEL_SCRATCH_H
#define RK_MODEL_SCRATCH_H

#include "model/config.h"
#include "model/packed.h"
#include "model/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kept events, and which of them something attends to. */
struct rk_history {
	uint32_t n_used;    /* L */
	uint32_t n_unknown; /* dropped, of all events of the request */
	int32_t *rows;      /* [L] of the item table */
	uint64_t *actions;  /* [L, rk_action_words], derived ones included */
	/* H is encoded only where it is read: for S⁺, S⁻ and the last event. */
	uint32_t n_reads;
	uint32_t *reads; /* [n_reads] events whose H is read, ascending; the last is L − 1 */
	uint32_t n_selected[RK_N_POLARITIES];
	uint32_t *selected[RK_N_POLARITIES]; /* [n_selected] S in chronological order, as indices into reads */
};

/* Panels that a layer takes at a time where that pays, so that its weights are read once for them. */
enum { RK_LAYER_PANELS = 2 };

struct rk_encoder_scratch {
	const void **row_pointers; /* [RK_PANEL] */
	float *token_rows;         /* [RK_PANEL][d] x of one panel of events, row by row */
	float *normed;             /* [panels of L][d] */
	float *keys;               /* [panels of L][d] */
	float *values;             /* [heads][panels of d/heads][events][RK_PANEL] */
	float *query, *attended;   /* [RK_LAYER_PANELS][d] */
	float *output;             /* [RK_LAYER_PANELS][d] */
	float *hidden;             /* [RK_LAYER_PANELS][ffn] */
	float *scores;             /* [events][RK_PANEL] of one head */
	float *places;             /* [RK_PANEL] event of each lane */
	float *input_gates;        /* gru4rec: [3 · panels of d][RK_PANEL] outputs as lanes, an event a row */
	float *hidden_gates;       /* gru4rec: [3 · panels of d][RK_PANEL] */
	float *state;              /* gru4rec: [panels of d][RK_PANEL] */
};

/* Weights that a request makes, in the form of the model: one of the two. */
struct rk_rounded {
	uint16_t *halves;
	size_t half_stride;
	struct rk_digits digits;
};

/* How the candidates of this request meet one polarity; chosen by cost. */
struct rk_attention_scratch {
	uint32_t n;                 /* |S| */
	bool fold_scores;           /* scores by one product with e, else through the query */
	bool fold_values;           /* t is never formed: the scores' panel feeds the first layer */
	uint32_t first_row;         /* where its rows begin in the block's panel */
	uint32_t n_rows;            /* |S| · T if fold_values, d otherwise, 0 if S is empty and z needs no zeros */
	float *states;              /* [panels of |S|][d] H_S */
	float *keys;                /* [panels of |S|][d], or fold_scores: [T][panels of |S|][d + 1] */
	struct rk_rounded *rounded; /* not in the form of floats: [T][panels of |S|] keys as layers over events */
	float *values;              /* fold_values: [panels of |S|][d], else [T][panels of d/T][|S|] */
};

/* A first layer's weights for this request. */
struct rk_first_scratch {
	float *weights; /* [groups][candidate_rows][RK_PACK]; not in the form of floats: rows [n_out][candidate_rows] */
	struct rk_rounded rounded; /* the rows, for candidate_rows inputs at most */
	float *bias;               /* [panels of n_out][RK_PANEL] */
};

struct rk_block_scratch {
	uint32_t n_lanes;
	uint32_t *places;          /* [RK_PANEL] candidates of the block, by their place in the request */
	const void **row_pointers; /* [RK_PANEL] */
	float *features;           /* [n_f] of one candidate */
	float *panel;              /* [fixed_rows] u, c, u⊙e; [candidate_rows] e, f, each polarity's rows */
	float *query;              /* [d] */
	float *scores;             /* [largest |S|] of one head */
	float *layer[2];           /* [layer_rows] taken in turn */
	float *cross;              /* dcn_v2: [n] x */
	float *tower[2];           /* mmoe: [widest tower layer] taken in turn */
	float *gates;              /* mmoe: [K · n_experts] */
	float *mixed;              /* mmoe: [last hidden] */
	float *logits;             /* [K] */
};

struct rk_scratch {
	struct rk_history history;
	bool user_ready; /* rk_ranking_encode_user has run */
	/* user side, read by every block */
	const float *zeros;  /* [d] */
	float *encoded;      /* [panels of L][d] x, at the end H of `reads` in the first lanes */
	float *user;         /* [d + n_c + 1 + RK_N_POLARITIES] u, c, 1, fold_values of each polarity as 0 or 1 */
	float *user_spread;  /* [d][RK_PACK] u, each value repeated */
	float *turned;       /* [RK_PANEL] a panel with rows and lanes exchanged; not in the form of floats */
	float *turned_rows;  /* [RK_PANEL][d] the same as rows */
	uint32_t *inputs;    /* [RK_LAYER_PANELS] of the widest layer, as pairs or quads */
	float *input_scales; /* [RK_LAYER_PANELS][RK_PANEL] of quads */
	struct rk_attention_scratch attention[RK_N_POLARITIES];
	struct rk_first_scratch first[2];
	/* results, by place in the request */
	float *logits, *signals, *terms; /* [n_candidates, K], room to a whole vector */
	float *scores;                   /* [n_candidates] */
	uint8_t *states;                 /* [n_candidates] enum rk_score_state */
	uint8_t *has_term;               /* [K] */
	uint32_t *order;                 /* [n_candidates] */
	float *direction;                /* [d] of the guess */
	uint32_t *guessed;               /* [n_guessed] places by falling pre-score */
	uint32_t n_guessed;              /* 0: there was no pre-score */
	uint64_t *entries, *spare;       /* [n_candidates] of a sort */
	/* temporaries */
	struct rk_encoder_scratch encoder;
	struct rk_block_scratch block;
};

/* Lays all buffers out behind `*ret_scratch`'s own place at the start of `memory` and returns the bytes that all of it
 * takes, or 0 if that is more than a size_t holds. With memory NULL it only counts: every pointer is NULL then. */
size_t rk_scratch_lay_out(struct rk_scratch *ret_scratch, const struct rk_config *config, const struct rk_plan *plan,
			  char *memory);

#endif
