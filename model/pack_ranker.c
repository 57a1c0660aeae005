/*
 * The ranker's weights. Columns of z_i in the weights stand as docs/model-format.md orders them, [u ; e ; u⊙e ; t⁺ ; t⁻
 * ; c ; f]; the panel of a block holds [u ; c ; u⊙e ; e ; f ; t⁺ ; t⁻], the first three parts for dcn_v2 only. There
 * the cross layers' outputs follow the same order, so every matrix that meets z is permuted once, here.
 */
#include "model/pack.h"
#include "model/packed.h"

#include <string.h>

/* Columns of z_i in the weights. */
struct columns {
	uint32_t user, item, product, attended[RK_N_POLARITIES], context, features, n;
};

static struct columns columns_of(const struct rk_config *config)
{
	uint32_t dim = config->dim;
	struct columns columns = {.item = dim, .product = 2 * dim, .n = 3 * dim};
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++) {
		columns.attended[polarity] = columns.n;
		columns.n += rk_config_attends(config, (enum rk_polarity)polarity) ? dim : 0;
	}
	columns.context = columns.n;
	columns.features = columns.context + config->user_features.width;
	columns.n = columns.features + config->candidate_features.width;
	return columns;
}

static void order_part(uint32_t *order, uint32_t *n, uint32_t first, uint32_t width)
{
	for (uint32_t i = 0; i < width; i++)
		order[(*n)++] = first + i;
}

/* order[panel row] = column of z_i; NULL while counting. */
static uint32_t *pack_order(struct rk_layout *layout, const struct rk_config *config)
{
	const struct columns columns = columns_of(config);
	uint32_t *order = rk_layout_take(layout, columns.n, 1, sizeof(*order));
	if (order == NULL)
		return NULL;
	uint32_t n = 0;
	order_part(order, &n, columns.user, config->dim);
	order_part(order, &n, columns.context, config->user_features.width);
	order_part(order, &n, columns.product, config->dim);
	order_part(order, &n, columns.item, config->dim);
	order_part(order, &n, columns.features, config->candidate_features.width);
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++)
		if (rk_config_attends(config, (enum rk_polarity)polarity))
			order_part(order, &n, columns.attended[polarity], config->dim);
	return order;
}

/* A layer that reads z, of scattered rows: all experts side by side, all gates, or the rows of a cross layer in the
 * panel's order. */
struct z_layer {
	const float **rows; /* [n_out]; NULL while counting */
	float *bias;        /* [n_out] */
	uint32_t n_out;
};

static struct z_layer take_z_layer(struct rk_layout *layout, size_t n_out)
{
	return (struct z_layer){
		.rows = rk_layout_take(layout, n_out, 1, sizeof(float *)),
		.bias = rk_layout_floats(layout, n_out, 1),
		.n_out = (uint32_t)n_out,
	};
}

/* Puts output `out` of a [·, n] layer at place `place`. */
static void set_row(struct z_layer *z, uint32_t place, const struct rk_linear *linear, size_t out, uint32_t n)
{
	z->rows[place] = linear->weight + out * n;
	z->bias[place] = linear->bias[out];
}

/* `n_layers` layers of n_out outputs each, `step` bytes apart, one after the other. */
static struct z_layer gather_layers(struct rk_layout *layout, const struct rk_linear *const *layers, uint32_t n_layers,
				    uint32_t n_out, uint32_t n)
{
	struct z_layer z = take_z_layer(layout, (size_t)n_layers * n_out);
	for (uint32_t i = 0; z.rows != NULL && i < n_layers; i++)
		for (uint32_t out = 0; out < n_out; out++)
			set_row(&z, i * n_out + out, layers[i], out, n);
	return z;
}

/* The user columns as panels: u, c, the bias, and what the attention's value bias adds, Wt bv, of each polarity. */
static float *pack_user(struct rk_layout *layout, const struct rk_config *config, const struct rk_weights *weights,
			const struct z_layer *z, uint32_t n_user)
{
	const struct columns columns = columns_of(config);
	size_t n_floats = (size_t)rk_panels_of(z->n_out) * RK_PANEL * n_user;
	float *panels = rk_layout_floats(layout, n_floats, 1);
	if (panels == NULL)
		return NULL;
	memset(panels, 0, n_floats * sizeof(*panels));
	for (uint32_t out = 0; out < z->n_out; out++) {
		float *at = panels + (size_t)(out / RK_PANEL) * n_user * RK_PANEL + out % RK_PANEL;
		for (uint32_t k = 0; k < config->dim; k++, at += RK_PANEL)
			*at = z->rows[out][columns.user + k];
		for (uint32_t k = 0; k < config->user_features.width; k++, at += RK_PANEL)
			*at = z->rows[out][columns.context + k];
		*at = z->bias[out];
		for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++) {
			at += RK_PANEL;
			if (!rk_config_attends(config, (enum rk_polarity)polarity))
				continue;
			const float *value_bias = weights->target_attention[polarity].value.bias;
			double sum = 0.0;
			for (uint32_t k = 0; k < config->dim; k++)
				sum += (double)z->rows[out][columns.attended[polarity] + k] * (double)value_bias[k];
			*at = (float)sum;
		}
	}
	return panels;
}

/* A part as the request's first layer copies it. */
static float *pack_part(struct rk_layout *layout, const struct rk_matrix *part, enum rk_form form)
{
	return form == RK_FORM_FLOATS ? rk_pack_groups(layout, part) : rk_pack_rows(layout, part);
}

/* Columns of t to be multiplied with the values of each head. */
static void pack_folded(struct rk_first_layer *first, const struct rk_config *config, struct rk_matrix part,
			enum rk_polarity polarity, enum rk_form form, struct rk_layout *layout)
{
	uint32_t heads = config->ranker.attention_heads;
	struct rk_product *layers = form == RK_FORM_FLOATS ? NULL : rk_layout_take(layout, heads, 1, sizeof(*layers));
	first->folded_layers[polarity] = layers;
	part.n_in = config->dim / heads;
	for (uint32_t head = 0; head < heads; head++, part.first_in += part.n_in) {
		if (form == RK_FORM_FLOATS) {
			float *panels = rk_pack_panels(layout, &part);
			if (head == 0) /* the heads lie one after the other */
				first->folded[polarity] = panels;
			continue;
		}
		struct rk_product layer = rk_pack_weights(layout, &part, form);
		if (layers != NULL)
			layers[head] = layer;
	}
}

/* Splits a layer that reads z by the parts of z. */
static void pack_first(struct rk_packed *packed, const struct rk_config *config, const struct rk_weights *weights,
		       const struct z_layer *z, struct rk_layout *layout)
{
	const struct columns columns = columns_of(config);
	struct rk_first_layer *first = &packed->first[packed->n_first++];
	struct rk_matrix part = {.rows = z->rows, .n_out = z->n_out, .n_in = config->dim, .scale = 1.0F};
	*first = (struct rk_first_layer){.n_out = z->n_out};
	first->n_user = config->dim + config->user_features.width + 1 + RK_N_POLARITIES;
	first->user = pack_user(layout, config, weights, z, first->n_user);
	part.first_in = columns.item;
	first->item = pack_part(layout, &part, packed->form);
	part.first_in = columns.product;
	first->product = pack_part(layout, &part, packed->form);
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++) {
		if (!rk_config_attends(config, (enum rk_polarity)polarity))
			continue;
		part.first_in = columns.attended[polarity];
		first->attended[polarity] = pack_part(layout, &part, packed->form);
		pack_folded(first, config, part, (enum rk_polarity)polarity, packed->form, layout);
	}
	part.first_in = columns.features;
	part.n_in = config->candidate_features.width;
	first->features = pack_part(layout, &part, packed->form);
}

/* A [n_out, n_in] layer whose columns stand in `in_order`. */
static struct rk_product pack_ordered(struct rk_layout *layout, const struct z_layer *z, uint32_t n_in,
				      const uint32_t *in_order, enum rk_form form)
{
	const struct rk_matrix matrix = {
		.rows = z->rows, .n_out = z->n_out, .n_in = n_in, .in_order = in_order, .scale = 1.0F};
	return rk_pack_product(layout, &matrix, z->bias, form);
}

static const struct rk_linear *linear_at(const struct rk_linear *layers, uint32_t k)
{
	static const struct rk_linear none;
	return layers == NULL ? &none : &layers[k];
}

/* Hidden layers 1 …, from place 0 on. */
static void pack_rest(struct rk_layout *layout, const struct rk_config *config, const struct rk_linear *hidden,
		      enum rk_form form, struct rk_product *ret_products)
{
	const uint32_t *sizes = config->ranker.hidden;
	for (uint32_t k = 1; k < config->ranker.n_hidden; k++) {
		struct rk_product product = rk_pack_linear(layout, linear_at(hidden, k), sizes[k], sizes[k - 1], form);
		if (ret_products != NULL)
			ret_products[k - 1] = product;
	}
}

static void pack_mlp(struct rk_packed *packed, const struct rk_config *config, const struct rk_weights *weights,
		     struct rk_layout *layout)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	const struct rk_linear *first = linear_at(weights->hidden, 0);
	struct z_layer z = gather_layers(layout, &first, 1, ranker->hidden[0], columns_of(config).n);
	pack_first(packed, config, weights, &z, layout);
	packed->n_layers = ranker->n_hidden;
	packed->layers = rk_layout_take(layout, packed->n_layers, 1, sizeof(*packed->layers));
	pack_rest(layout, config, weights->hidden, packed->form, packed->layers);
	struct rk_product heads = rk_pack_linear(layout, &weights->heads, config->signals.n,
						 ranker->hidden[ranker->n_hidden - 1], packed->form);
	if (packed->layers != NULL)
		packed->layers[packed->n_layers - 1] = heads;
}

/* Rows of a cross layer in the panel's order of z. */
static struct z_layer ordered_cross(struct rk_layout *layout, const struct rk_linear *cross, const uint32_t *order,
				    uint32_t n)
{
	struct z_layer z = take_z_layer(layout, n);
	for (uint32_t place = 0; z.rows != NULL && place < n; place++)
		set_row(&z, place, cross, order[place], n);
	return z;
}

static void pack_dcn_v2(struct rk_packed *packed, const struct rk_config *config, const struct rk_weights *weights,
			struct rk_layout *layout)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	uint32_t n = columns_of(config).n, n_cross = ranker->n_cross_layers;
	const uint32_t *order = pack_order(layout, config);
	struct z_layer z = ordered_cross(layout, linear_at(weights->cross, 0), order, n);
	pack_first(packed, config, weights, &z, layout);
	packed->cross = rk_layout_take(layout, n_cross - 1, 1, sizeof(*packed->cross));
	for (uint32_t k = 1; k < n_cross; k++) {
		z = ordered_cross(layout, linear_at(weights->cross, k), order, n);
		struct rk_product product = pack_ordered(layout, &z, n, order, packed->form);
		if (packed->cross != NULL)
			packed->cross[k - 1] = product;
	}
	packed->n_layers = ranker->n_hidden + 1;
	packed->layers = rk_layout_take(layout, packed->n_layers, 1, sizeof(*packed->layers));
	const struct rk_linear *hidden = linear_at(weights->hidden, 0);
	z = gather_layers(layout, &hidden, 1, ranker->hidden[0], n);
	struct rk_product first = pack_ordered(layout, &z, n, order, packed->form);
	if (packed->layers != NULL)
		packed->layers[0] = first;
	pack_rest(layout, config, weights->hidden, packed->form, packed->layers == NULL ? NULL : packed->layers + 1);
	struct rk_product heads = rk_pack_linear(layout, &weights->heads, config->signals.n,
						 ranker->hidden[ranker->n_hidden - 1], packed->form);
	if (packed->layers != NULL)
		packed->layers[packed->n_layers - 1] = heads;
}

static void pack_towers(struct rk_packed *packed, const struct rk_config *config, const struct rk_weights *weights,
			struct rk_layout *layout)
{
	static const struct rk_stack_weights none;
	const struct rk_ranker_config *ranker = &config->ranker;
	uint32_t n_tower = ranker->n_tower_hidden, expert_out = ranker->hidden[ranker->n_hidden - 1];
	packed->towers = rk_layout_take(layout, config->signals.n, n_tower + 1, sizeof(*packed->towers));
	for (uint32_t signal = 0; signal < config->signals.n; signal++) {
		const struct rk_stack_weights *tower = weights->towers == NULL ? &none : &weights->towers[signal];
		struct rk_product *at = packed->towers == NULL ? NULL : packed->towers + (size_t)signal * (n_tower + 1);
		uint32_t n_in = expert_out;
		for (uint32_t k = 0; k <= n_tower; k++) {
			uint32_t n_out = k < n_tower ? ranker->tower_hidden[k] : 1;
			struct rk_product product =
				rk_pack_linear(layout, k < n_tower ? linear_at(tower->layers, k) : &tower->out, n_out,
					       n_in, packed->form);
			if (at != NULL)
				at[k] = product;
			n_in = n_out;
		}
	}
}

static void pack_mmoe(struct rk_packed *packed, const struct rk_config *config, const struct rk_weights *weights,
		      struct rk_layout *layout)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	uint32_t n = columns_of(config).n, n_experts = ranker->n_experts, n_rest = ranker->n_hidden - 1;
	const struct rk_linear **firsts = rk_layout_take(layout, n_experts, 1, sizeof(*firsts));
	for (uint32_t e = 0; firsts != NULL && e < n_experts; e++)
		firsts[e] = &weights->experts[e].layers[0];
	struct z_layer z = gather_layers(layout, firsts, n_experts, ranker->hidden[0], n);
	pack_first(packed, config, weights, &z, layout);
	const struct rk_linear **gates = rk_layout_take(layout, config->signals.n, 1, sizeof(*gates));
	for (uint32_t signal = 0; gates != NULL && signal < config->signals.n; signal++)
		gates[signal] = &weights->gates[signal];
	z = gather_layers(layout, gates, config->signals.n, n_experts, n);
	pack_first(packed, config, weights, &z, layout);
	packed->experts = rk_layout_take(layout, n_experts, n_rest, sizeof(*packed->experts));
	for (uint32_t e = 0; e < n_experts; e++)
		pack_rest(layout, config, weights->experts == NULL ? NULL : weights->experts[e].layers, packed->form,
			  packed->experts == NULL ? NULL : packed->experts + (size_t)e * n_rest);
	pack_towers(packed, config, weights, layout);
}

void rk_pack_ranker(struct rk_packed *packed, const struct rk_config *config, const struct rk_weights *weights,
		    struct rk_layout *layout)
{
	packed->n_first = 0;
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++)
		if (rk_config_attends(config, (enum rk_polarity)polarity))
			rk_pack_attention(&packed->attention[polarity], config, &weights->target_attention[polarity],
					  packed->form, layout);
	switch (config->ranker.type) {
	case RK_RANKER_MLP:
		pack_mlp(packed, config, weights, layout);
		break;
	case RK_RANKER_DCN_V2:
		pack_dcn_v2(packed, config, weights, layout);
		break;
	case RK_RANKER_MMOE:
		pack_mmoe(packed, config, weights, layout);
		break;
	case RK_RANKER_DOT:
		break;
	}
}

void rk_pack_model(struct rk_packed *ret_packed, const struct rk_config *config, const struct rk_weights *weights,
		   enum rk_form form, struct rk_layout *layout)
{
	*ret_packed = (struct rk_packed){.form = form};
	rk_pack_encoder(ret_packed, config, weights, layout);
	rk_pack_ranker(ret_packed, config, weights, layout);
}
