/* The encoder's weights and those of target attention. The softmax's weights add up to 1, so a value's bias is added
 * once to the result instead of to every value. */
#include "model/pack.h"
#include "model/packed.h"

#include "model/kernels/dense.h"

#include <math.h>
#include <string.h>

/* Values per head, as panels: [heads][rk_panels_of(d/heads)][d][RK_PANEL]. */
static float *pack_values(struct rk_layout *layout, const struct rk_linear *value, uint32_t dim, uint32_t n_heads)
{
	uint32_t head_dim = dim / n_heads;
	float *packed = NULL;
	for (uint32_t head = 0; head < n_heads; head++) {
		const struct rk_matrix matrix = {
			.data = value->weight,
			.stride = dim,
			.first_out = head * head_dim,
			.n_out = head_dim,
			.n_in = dim,
			.scale = 1.0F,
		};
		float *of_head = rk_pack_panels(layout, &matrix);
		packed = head == 0 ? of_head : packed;
	}
	return packed;
}

/* The attention's scale goes into its queries. */
static struct rk_product pack_query(struct rk_layout *layout, const struct rk_linear *query, uint32_t dim,
				    uint32_t head_dim, enum rk_form form)
{
	const struct rk_matrix matrix = {.data = query->weight,
					 .stride = dim,
					 .n_out = dim,
					 .n_in = dim,
					 .scale = 1.0F / sqrtf((float)head_dim)};
	return rk_pack_product(layout, &matrix, query->bias, form);
}

static void pack_block(struct rk_packed_block *packed, const struct rk_config *config,
		       const struct rk_block_weights *weights, enum rk_form form, struct rk_layout *layout)
{
	uint32_t dim = config->dim, ffn = config->encoder.ffn, heads = config->encoder.n_heads;
	packed->query = pack_query(layout, &weights->attention.query, dim, dim / heads, form);
	packed->key = rk_pack_linear(layout, &weights->attention.key, dim, dim, form);
	packed->output = rk_pack_linear(layout, &weights->attention.output, dim, dim, form);
	packed->value = pack_values(layout, &weights->attention.value, dim, heads);
	packed->value_bias = weights->attention.value.bias;
	packed->up = rk_pack_linear(layout, &weights->up, ffn, dim, form);
	packed->down = rk_pack_linear(layout, &weights->down, dim, ffn, form);
	float eps = config->encoder.norm_eps;
	packed->attention_norm = (struct rk_norm){weights->attention_norm.weight, weights->attention_norm.bias, eps};
	packed->ffn_norm = (struct rk_norm){weights->ffn_norm.weight, weights->ffn_norm.bias, eps};
}

/* [3][rk_panels_of(d)] panels of a [3d, d] matrix, so that each gate begins a panel of its own. */
static float *pack_gates(struct rk_layout *layout, const float *weight, uint32_t dim)
{
	float *packed = NULL;
	for (uint32_t gate = 0; gate < 3; gate++) {
		const struct rk_matrix matrix = {
			.data = weight,
			.stride = dim,
			.first_out = gate * dim,
			.n_out = dim,
			.n_in = dim,
			.scale = 1.0F,
		};
		float *of_gate = rk_pack_panels(layout, &matrix);
		packed = gate == 0 ? of_gate : packed;
	}
	return packed;
}

static float *pack_gate_biases(struct rk_layout *layout, const float *bias, uint32_t dim)
{
	size_t padded = (size_t)rk_panels_of(dim) * RK_PANEL;
	float *packed = rk_layout_floats(layout, 3, padded);
	if (packed == NULL)
		return NULL;
	memset(packed, 0, 3 * padded * sizeof(*packed));
	for (size_t gate = 0; gate < 3; gate++)
		memcpy(packed + gate * padded, bias + gate * dim, dim * sizeof(*packed));
	return packed;
}

static void pack_gru(struct rk_packed_gru *packed, uint32_t dim, const struct rk_gru_weights *weights,
		     struct rk_layout *layout)
{
	packed->input = pack_gates(layout, weights->input.weight, dim);
	packed->hidden = pack_gates(layout, weights->hidden.weight, dim);
	packed->input_bias = pack_gate_biases(layout, weights->input.bias, dim);
	packed->hidden_bias = pack_gate_biases(layout, weights->hidden.bias, dim);
}

void rk_pack_encoder(struct rk_packed *packed, const struct rk_config *config, const struct rk_weights *weights,
		     struct rk_layout *layout)
{
	const struct rk_encoder_config *encoder = &config->encoder;
	packed->input_norm = (struct rk_norm){weights->input_norm.weight, weights->input_norm.bias, encoder->norm_eps};
	packed->final_norm = (struct rk_norm){weights->final_norm.weight, weights->final_norm.bias, encoder->norm_eps};
	if (encoder->type == RK_ENCODER_SASREC) {
		packed->blocks = rk_layout_take(layout, encoder->n_layers, 1, sizeof(*packed->blocks));
		for (uint32_t i = 0; i < encoder->n_layers; i++) {
			static const struct rk_block_weights none;
			struct rk_packed_block counted;
			pack_block(packed->blocks == NULL ? &counted : &packed->blocks[i], config,
				   weights->blocks == NULL ? &none : &weights->blocks[i], packed->form, layout);
		}
	} else if (encoder->type == RK_ENCODER_GRU4REC) {
		packed->gru = rk_layout_take(layout, encoder->n_layers, 1, sizeof(*packed->gru));
		for (uint32_t i = 0; i < encoder->n_layers; i++) {
			static const struct rk_gru_weights none;
			struct rk_packed_gru counted;
			pack_gru(packed->gru == NULL ? &counted : &packed->gru[i], config->dim,
				 weights->gru == NULL ? &none : &weights->gru[i], layout);
		}
	}
}

/* [d + 1, d] of one head: row k is Σ_c Wq[c][k] Wk[c] and its bias Σ_c Wq[c][k] bk[c], c over the head's outputs, all
 * scaled; the last row has bq in the place of Wq's column. Then (row k) · h = Σ_c Wq[c][k] (Wk h + bk)[c]. */
static struct rk_product fold_head(struct rk_layout *layout, const struct rk_config *config,
				   const struct rk_attention_weights *weights, uint32_t head, enum rk_form form)
{
	uint32_t dim = config->dim, head_dim = dim / config->ranker.attention_heads;
	float *folded = rk_layout_floats(layout, dim + 1, dim);
	float *bias = rk_layout_floats(layout, dim + 1, 1);
	const struct rk_linear linear = {folded, bias};
	if (folded != NULL) {
		float scale = 1.0F / sqrtf((float)head_dim);
		size_t first = (size_t)head * head_dim;
		const float *query = weights->query.weight + first * dim, *key = weights->key.weight + first * dim;
		const float *query_bias = weights->query.bias + first, *key_bias = weights->key.bias + first;
		rk_dense_fold(query, key, (struct rk_fold){head_dim, dim, dim, scale}, folded);
		rk_dense_fold(query, key_bias, (struct rk_fold){head_dim, dim, 1, scale}, bias);
		rk_dense_fold(query_bias, key, (struct rk_fold){head_dim, 1, dim, scale}, folded + (size_t)dim * dim);
		rk_dense_fold(query_bias, key_bias, (struct rk_fold){head_dim, 1, 1, scale}, bias + dim);
	}
	return rk_pack_linear(layout, &linear, dim + 1, dim, form);
}

void rk_pack_attention(struct rk_packed_attention *packed, const struct rk_config *config,
		       const struct rk_attention_weights *weights, enum rk_form form, struct rk_layout *layout)
{
	uint32_t dim = config->dim, heads = config->ranker.attention_heads, head_dim = dim / heads;
	packed->query = pack_query(layout, &weights->query, dim, head_dim, form);
	packed->key = rk_pack_linear(layout, &weights->key, dim, dim, form);
	packed->value = rk_pack_linear(layout, &weights->value, dim, dim, form);
	packed->value.bias = NULL;
	packed->value_panels = pack_values(layout, &weights->value, dim, heads);
	packed->value_bias = weights->value.bias;
	packed->folded = NULL;
	if (heads > RK_MAX_FOLDED_HEADS)
		return;
	packed->folded = rk_layout_take(layout, heads, 1, sizeof(*packed->folded));
	for (uint32_t head = 0; head < heads; head++) {
		struct rk_product folded = fold_head(layout, config, weights, head, form);
		if (packed->folded != NULL)
			packed->folded[head] = folded;
	}
}
