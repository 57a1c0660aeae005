/*
 * The tensors of a model, bound to their places. Every pointer is to memory of the model version, aligned to 64
 * bytes, immutable; NULL where the config does not call for the tensor. Weights are F32 here whatever the file held,
 * except the item table, which keeps its dtype (rows are widened when gathered).
 * Linear weights are [n_out, n_in], y = x Wᵀ + b. Names and shapes: docs/model-format.md.
 */
#ifndef RK_MODEL_WEIGHTS_H
#define RK_MODEL_WEIGHTS_H

#include "model/config.h"

#include <stdint.h>

struct rk_linear {
	const float *weight; /* [n_out, n_in] */
	const float *bias;   /* [n_out] */
};

struct rk_layer_norm {
	const float *weight, *bias; /* [d] */
};

struct rk_attention_weights {
	struct rk_linear query, key, value; /* [d, d] */
	struct rk_linear output;            /* [d, d]; encoder only */
};

/* encoder.blocks.{i} of sasrec */
struct rk_block_weights {
	struct rk_attention_weights attention;
	struct rk_layer_norm attention_norm, ffn_norm;
	struct rk_linear up, down; /* [ffn, d], [d, ffn] */
};

/* encoder.gru.*_l{i}: gates in the order r, z, n */
struct rk_gru_weights {
	struct rk_linear input, hidden; /* [3d, d], [3d] */
};

/* One expert or one tower: its hidden layers, and for a tower its last row. */
struct rk_stack_weights {
	struct rk_linear *layers; /* [n_hidden] or [n_tower_hidden] */
	struct rk_linear out;     /* towers only: [1, last] */
};

struct rk_weights {
	/* items */
	uint32_t n_items;           /* V */
	const void *item_embedding; /* [V, d] of item_dtype */
	enum rk_dtype item_dtype;
	const float *unknown_item; /* [d] or NULL */
	const float *item_bias;    /* [V] or NULL (dot) */
	/* encoder */
	const float *position;   /* [max_history, d] or NULL */
	const float *action;     /* [n_actions, d] or NULL */
	const float *cold_start; /* [d] or NULL: zeros */
	struct rk_layer_norm input_norm, final_norm;
	struct rk_block_weights *blocks; /* [n_layers], sasrec */
	struct rk_gru_weights *gru;      /* [n_layers], gru4rec */
	/* ranker */
	struct rk_attention_weights target_attention[RK_N_POLARITIES];
	const float **user_tables;        /* [n user features]: embedding [n_values+1, dim], NULL for numeric */
	const float **candidate_tables;   /* [n candidate features] */
	struct rk_linear *cross;          /* [n_cross_layers], [n, n] (dcn_v2) */
	struct rk_linear *hidden;         /* [n_hidden] (mlp, dcn_v2) */
	struct rk_linear heads;           /* [K, last hidden] (mlp, dcn_v2) */
	struct rk_stack_weights *experts; /* [n_experts] (mmoe) */
	struct rk_linear *gates;          /* [K], [n_experts, n] (mmoe) */
	struct rk_stack_weights *towers;  /* [K] (mmoe) */
};

#endif
