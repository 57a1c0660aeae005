/*
 * A worker's scratch: every intermediate of a ranking, each at a place of its own that the plan fixed at load.
 * What a request reads it has written before, so nothing of an earlier request can show.
 * The temporaries of the encoder and those of a block of candidates are never alive together and share their memory.
 */
#ifndef RK_MODEL_SCRATCH_H
#define RK_MODEL_SCRATCH_H

#include "model/config.h"
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

struct rk_encoder_scratch {
	float *states; /* [L, d] x, at the end the first n_reads rows are H of `reads` */
	float *chunk;  /* [chunk_rows, d] rows of H picked for S; mean: one row, a partial sum */
	/* sasrec */
	float *keys, *values;             /* [L, d] */
	float *normed, *query, *attended; /* [chunk_rows, d] */
	float *hidden;                    /* [chunk_rows, ffn] */
	float *scores;                    /* [L] one row of attention */
	/* gru4rec */
	float *input_gates;  /* [chunk_rows, 3d] */
	float *hidden_gates; /* [3d] */
	float *state;        /* [d] */
};

struct rk_block_scratch {
	uint32_t n_rows;
	uint32_t *places; /* [n_rows] candidates of the block, by their place in the request */
	float *z;         /* [n_rows, candidate_columns] */
	float *first;     /* [n_rows, first_outputs] what the layers that read z_i gave */
	float *logits;    /* [n_rows, K] */
	float *query;     /* [n_rows, d] target attention */
	float *scores;    /* [largest max_selected] one row of it */
	float *hidden[2]; /* [n_rows, widest_layer] taken in turn */
	float *cross[2];  /* dcn_v2: [n_rows, n] x₀ and x */
	float *experts;   /* mmoe: [n_rows, expert_columns] */
	float *mixed;     /* mmoe: [n_rows, last hidden] */
};

struct rk_scratch {
	struct rk_history history;
	bool user_ready; /* rk_ranking_encode_user has run */
	/* user side, read by every block */
	float *user;                    /* [user_columns] u, then c */
	float *keys[RK_N_POLARITIES];   /* [n_selected, d] */
	float *values[RK_N_POLARITIES]; /* [n_selected, d] */
	float *first_bias;              /* [first_outputs] bias and user part of the layers that read z_i */
	/* results, by place in the request */
	float *logits, *signals, *terms; /* [n_candidates, K] */
	float *scores;                   /* [n_candidates] */
	uint8_t *states;                 /* [n_candidates] enum rk_score_state */
	uint8_t *has_term;               /* [K] */
	uint32_t *order;                 /* [n_candidates] */
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
