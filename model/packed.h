/*
 * A model's weights as the fast path reads them, made once at load by rk_pack_model (see model/pack.h for the orders).
 *
 * Everything that depends on the weights alone is multiplied here: the attention's scale into its queries, and Wqᵀ Wk
 * of each head of target attention into one matrix (docs/design.md, "Folding").
 */
#ifndef RK_MODEL_PACKED_H
#define RK_MODEL_PACKED_H

#include "model/config.h"
#include "model/kernels/kernels.h"
#include "model/layout.h"
#include "model/plan.h"
#include "model/weights.h"

/* Heads above which scores are never folded: the folded form could not pay and its buffers would grow with T · d. */
enum { RK_MAX_FOLDED_HEADS = 8 };

/* One block of the sasrec encoder. */
struct rk_packed_block {
	struct rk_product query, key, output; /* query scaled by 1/√(d/heads) */
	const float *value;                   /* [heads][rk_panels_of(d/heads)][d][RK_PANEL] */
	const float *value_bias;              /* [d] added after the softmax: its weights add up to 1 */
	struct rk_product up, down;
	struct rk_norm attention_norm, ffn_norm;
};

/* One layer of the gru4rec encoder; gates r, z, n one after the other, each padded to whole panels. */
struct rk_packed_gru {
	const float *input, *hidden;           /* [3][rk_panels_of(d)][d][RK_PANEL] */
	const float *input_bias, *hidden_bias; /* [3][rk_panels_of(d)][RK_PANEL] */
};

/* Target attention of one polarity. */
struct rk_packed_attention {
	struct rk_product query;      /* [d, d] scaled by 1/√(d/T) */
	struct rk_product key, value; /* [d, d] value without bias */
	struct rk_product *folded; /* [T] of [d + 1, d]: Wq_tᵀ Wk_t scaled, then the row of bq; NULL above the limit */
	const float *value_panels; /* [T][rk_panels_of(d/T)][d][RK_PANEL] */
	const float *value_bias;   /* [d] */
};

/* A layer that reads z_i, split by the parts of z (docs/model-format.md, section 6). Per request its user columns fold
 * into the bias, [e ; u⊙e] into one matrix, and where it pays the attention's values into the columns of t. In the form
 * of floats the parts are packed groups; in the others they are rows of floats, and the whole is rounded at the end. */
struct rk_first_layer {
	uint32_t n_out;
	uint32_t n_user;   /* d + n_c + 1 + RK_N_POLARITIES: of the user vector (u, c, 1, folded⁺, folded⁻) */
	const float *user; /* [rk_panels_of(n_out)][n_user][RK_PANEL] */
	/* [groups][n][RK_PACK], or rows [n_out][n] */
	const float *item, *product;            /* of e and u⊙e: n = d */
	const float *features;                  /* of f: n = n_f */
	const float *attended[RK_N_POLARITIES]; /* of t: n = d */
	/* of t, to be multiplied with the values of each head: [T][rk_panels_of(n_out)][d/T][RK_PANEL], or [T] layers
	 * of [n_out, d/T] */
	const float *folded[RK_N_POLARITIES];
	struct rk_product *folded_layers[RK_N_POLARITIES];
};

struct rk_packed {
	enum rk_form form;
	struct rk_norm input_norm, final_norm;
	struct rk_packed_block *blocks;
	struct rk_packed_gru *gru;
	struct rk_packed_attention attention[RK_N_POLARITIES];
	/* ranker */
	uint32_t n_first;               /* 0 dot, 2 mmoe (experts, gates), else 1 */
	struct rk_first_layer first[2]; /* mlp: hidden.0; dcn_v2: cross.0; mmoe: hidden.0 of all experts, all gates */
	struct rk_product *cross;       /* dcn_v2: cross layers 1 …, in the panel's order of z */
	struct rk_product *layers;      /* mlp: hidden 1 … and the heads; dcn_v2: hidden 0 … and the heads */
	uint32_t n_layers;
	struct rk_product *experts; /* mmoe: [n_experts][n_hidden − 1] */
	struct rk_product *towers;  /* mmoe: [K][n_tower_hidden + 1] */
};

/* Packs everything into `layout`; only counts while layout->memory is NULL. */
void rk_pack_model(struct rk_packed *ret_packed, const struct rk_config *config, const struct rk_weights *weights,
		   enum rk_form form, struct rk_layout *layout);

/* Private to packing: model/pack_encoder.c and model/pack_ranker.c */
void rk_pack_encoder(struct rk_packed *packed, const struct rk_config *config, const struct rk_weights *weights,
		     struct rk_layout *layout);
void rk_pack_attention(struct rk_packed_attention *packed, const struct rk_config *config,
		       const struct rk_attention_weights *weights, enum rk_form form, struct rk_layout *layout);
void rk_pack_ranker(struct rk_packed *packed, const struct rk_config *config, const struct rk_weights *weights,
		    struct rk_layout *layout);

#endif
