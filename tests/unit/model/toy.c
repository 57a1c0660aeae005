#include "tests/unit/model/toy.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static _Alignas(RK_ARENA_ALIGNMENT) char memory[(size_t)96 << 20];
static struct rk_arena arena;
static uint64_t random_state = 1;

static uint32_t random_bits(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 32);
}

float toy_random(void)
{
	return (float)random_bits() / 2147483648.0F - 1.0F;
}

static void *take(size_t n, size_t size)
{
	if (arena.base == NULL)
		rk_arena_init(&arena, memory, sizeof(memory));
	void *place = rk_arena_alloc_zeroed(&arena, n, size);
	cr_assert_not_null(place, "the toys' memory is too small");
	return place;
}

static const float *floats(size_t n, float center, float spread)
{
	float *values = take(n, sizeof(float));
	for (size_t i = 0; i < n; i++)
		values[i] = center + spread * toy_random();
	return values;
}

static struct rk_linear linear(uint32_t n_in, uint32_t n_out)
{
	float spread = 1.7F / __builtin_sqrtf((float)n_in);
	return (struct rk_linear){floats((size_t)n_in * n_out, 0.0F, spread), floats(n_out, 0.0F, 0.3F)};
}

static struct rk_linear *linears(const uint32_t *sizes, uint32_t n, uint32_t n_in)
{
	struct rk_linear *layers = take(n, sizeof(*layers));
	for (uint32_t k = 0; k < n; k++) {
		layers[k] = linear(n_in, sizes[k]);
		n_in = sizes[k];
	}
	return layers;
}

static struct rk_layer_norm layer_norm(uint32_t dim)
{
	return (struct rk_layer_norm){floats(dim, 1.0F, 0.3F), floats(dim, 0.0F, 0.3F)};
}

static struct rk_attention_weights attention(uint32_t dim)
{
	return (struct rk_attention_weights){linear(dim, dim), linear(dim, dim), linear(dim, dim), linear(dim, dim)};
}

/* Items in the table's dtype; a half-precision pattern is any finite one of moderate size. */
static const void *items(size_t n, enum rk_dtype dtype)
{
	if (dtype == RK_DTYPE_F32)
		return floats(n, 0.0F, 1.0F);
	uint16_t *values = take(n, sizeof(uint16_t));
	for (size_t i = 0; i < n; i++) {
		uint32_t exponent = dtype == RK_DTYPE_F16 ? 10 + random_bits() % 6 : 122 + random_bits() % 6;
		uint32_t n_mantissa = dtype == RK_DTYPE_F16 ? 10 : 7;
		uint32_t mantissa = random_bits() % (1U << n_mantissa);
		values[i] = (uint16_t)((random_bits() & 1U) << 15 | exponent << n_mantissa | mantissa);
	}
	return values;
}

static const uint64_t *action_set(uint32_t n_actions, uint32_t first, uint32_t step)
{
	uint64_t *words = take(rk_bitset_words(n_actions), sizeof(uint64_t));
	for (uint32_t action = first; action < n_actions; action += step)
		words[action / 64] |= UINT64_C(1) << (action % 64);
	return words;
}

static struct rk_features_config features(const char *const *names)
{
	struct rk_feature_config *both = take(2, sizeof(*both));
	both[0] = (struct rk_feature_config){
		.name = rk_bytes_of(names[0]), .type = RK_FEATURE_NUMERIC, .mean = 0.5, .std = 2.0};
	both[1] = (struct rk_feature_config){
		.name = rk_bytes_of(names[1]), .type = RK_FEATURE_CATEGORICAL, .dim = 3, .n_values = 4};
	return (struct rk_features_config){.n = 2, .features = both, .width = 4};
}

static void fill_config(struct rk_config *config, const struct toy_shape *shape)
{
	static const char *const user_names[] = {"age", "hour"}, *const candidate_names[] = {"freshness", "channel"};
	static struct rk_derived_action derived[2];
	derived[0] = (struct rk_derived_action){0, RK_CONDITION_WATCH_MS_BELOW, 3000.0};
	derived[1] = (struct rk_derived_action){shape->n_actions - 1, RK_CONDITION_WATCH_RATIO_AT_LEAST, 0.8};
	*config = (struct rk_config){
		.dim = shape->dim,
		.actions = {.n = shape->n_actions},
		.n_derived_actions = shape->n_actions > 0 ? 2 : 0,
		.derived_actions = derived,
		.encoder = {.type = shape->encoder,
			    .max_history = shape->max_history,
			    .n_layers = shape->n_layers,
			    .n_heads = shape->n_heads,
			    .ffn = shape->ffn,
			    .activation = shape->activation,
			    .norm = shape->norm,
			    .position = shape->position,
			    .use_actions = shape->use_actions,
			    .input_norm = shape->input_norm,
			    .scale_embedding = shape->scale_embedding,
			    .final_norm = shape->final_norm,
			    .norm_eps = 1e-5F},
		.ranker = {.type = shape->ranker,
			   .activation = shape->activation,
			   .attention_heads = shape->attention_heads,
			   .n_hidden = shape->n_hidden,
			   .hidden = shape->hidden,
			   .n_tower_hidden = shape->n_tower_hidden,
			   .tower_hidden = shape->tower_hidden,
			   .n_cross_layers = shape->n_cross_layers,
			   .n_experts = shape->n_experts},
		.signals = {.n = shape->n_signals},
		.reward = {.type = shape->reward, .signal = shape->n_signals - 1, .rank_offset = 60.0F},
	};
	if (shape->max_positive > 0)
		config->feedback[RK_POSITIVE] =
			(struct rk_polarity_config){true, shape->max_positive, action_set(shape->n_actions, 1, 3),
						    action_set(shape->n_actions, UINT32_MAX, 1)};
	if (shape->max_negative > 0)
		config->feedback[RK_NEGATIVE] =
			(struct rk_polarity_config){true, shape->max_negative, action_set(shape->n_actions, 2, 5),
						    action_set(shape->n_actions, 0, 4)};
	if (shape->features) {
		config->user_features = features(user_names);
		config->candidate_features = features(candidate_names);
	}
}

static void fill_encoder(struct rk_weights *weights, const struct rk_config *config)
{
	const struct rk_encoder_config *encoder = &config->encoder;
	uint32_t dim = config->dim;
	if (encoder->position != RK_POSITION_NONE)
		weights->position = floats((size_t)encoder->max_history * dim, 0.0F, 0.5F);
	if (encoder->use_actions)
		weights->action = floats((size_t)config->actions.n * dim, 0.0F, 0.5F);
	weights->input_norm = layer_norm(dim);
	weights->final_norm = layer_norm(dim);
	weights->blocks = take(encoder->n_layers, sizeof(*weights->blocks));
	weights->gru = take(encoder->n_layers, sizeof(*weights->gru));
	for (uint32_t i = 0; i < encoder->n_layers; i++) {
		weights->blocks[i] = (struct rk_block_weights){
			.attention = attention(dim),
			.attention_norm = layer_norm(dim),
			.ffn_norm = layer_norm(dim),
			.up = linear(dim, encoder->ffn > 0 ? encoder->ffn : 1),
			.down = linear(encoder->ffn > 0 ? encoder->ffn : 1, dim),
		};
		weights->gru[i] = (struct rk_gru_weights){linear(dim, 3 * dim), linear(dim, 3 * dim)};
	}
}

static void fill_ranker(struct rk_weights *weights, const struct rk_config *config)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	uint32_t width = rk_config_ranker_width(config);
	uint32_t n_signals = config->signals.n;
	if (ranker->type == RK_RANKER_DOT)
		return;
	uint32_t last = ranker->hidden[ranker->n_hidden - 1];
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++) {
		if (rk_config_attends(config, (enum rk_polarity)polarity))
			weights->target_attention[polarity] = attention(config->dim);
	}
	weights->user_tables = take(2, sizeof(*weights->user_tables));
	weights->candidate_tables = take(2, sizeof(*weights->candidate_tables));
	weights->user_tables[1] = floats(5 * 3, 0.0F, 1.0F);
	weights->candidate_tables[1] = floats(5 * 3, 0.0F, 1.0F);
	weights->cross = take(ranker->n_cross_layers, sizeof(*weights->cross));
	for (uint32_t k = 0; k < ranker->n_cross_layers; k++)
		weights->cross[k] = linear(width, width);
	weights->hidden = linears(ranker->hidden, ranker->n_hidden, width);
	weights->heads = linear(last, n_signals);
	weights->experts = take(ranker->n_experts, sizeof(*weights->experts));
	for (uint32_t e = 0; e < ranker->n_experts; e++)
		weights->experts[e].layers = linears(ranker->hidden, ranker->n_hidden, width);
	weights->gates = take(n_signals, sizeof(*weights->gates));
	weights->towers = take(n_signals, sizeof(*weights->towers));
	uint32_t top = ranker->n_tower_hidden > 0 ? ranker->tower_hidden[ranker->n_tower_hidden - 1] : last;
	for (uint32_t k = 0; k < n_signals; k++) {
		weights->gates[k] = linear(width, ranker->n_experts > 0 ? ranker->n_experts : 1);
		weights->towers[k].layers = linears(ranker->tower_hidden, ranker->n_tower_hidden, last);
		weights->towers[k].out = linear(top, 1);
	}
}

void toy_model_fill(struct rk_model *model, const struct toy_shape *shape)
{
	*model = (struct rk_model){0};
	fill_config(&model->config, shape);
	struct rk_weights *weights = &model->weights;
	weights->n_items = TOY_ITEMS;
	weights->item_dtype = shape->item_dtype;
	weights->item_embedding = items((size_t)TOY_ITEMS * shape->dim, shape->item_dtype);
	weights->unknown_item = shape->unknown_item ? floats(shape->dim, 0.0F, 1.0F) : NULL;
	weights->cold_start = shape->cold_start ? floats(shape->dim, 0.0F, 1.0F) : NULL;
	weights->item_bias = shape->item_bias ? floats(TOY_ITEMS, 0.0F, 1.0F) : NULL;
	fill_encoder(weights, &model->config);
	fill_ranker(weights, &model->config);
}

struct rk_scratch *toy_scratch_make(const struct rk_model *model, int garbage)
{
	void *place = take(model->plan.bytes, 1);
	memset(place, garbage, model->plan.bytes);
	return rk_scratch_init(model, place);
}

struct rk_scratch *toy_model_make(struct rk_model *model, const struct toy_shape *shape, enum rk_cpu_tier tier)
{
	toy_model_fill(model, shape);
	return toy_model_init(model, tier);
}

struct rk_scratch *toy_model_init(struct rk_model *model, enum rk_cpu_tier tier)
{
	static const struct rk_limits limits = {TOY_MAX_CANDIDATES, TOY_MAX_EVENTS};
	size_t bytes = rk_model_init_bytes(model, tier);
	struct rk_arena version;
	rk_arena_init(&version, take(bytes, 1), bytes);
	struct rk_error error = {0};
	cr_assert_eq(rk_model_init(model, &limits, tier, &version, &error), RK_OK, "%s", error.message);
	return toy_scratch_make(model, 0xff);
}

void toy_request_make(struct rk_rank_input *ret_input, const struct rk_model *model, uint32_t n_events,
		      uint32_t n_candidates, uint32_t seed)
{
	const struct rk_config *config = &model->config;
	uint32_t n_words = rk_action_words(config);
	random_state = seed;
	int32_t *event_rows = take(n_events, sizeof(*event_rows));
	uint64_t *actions = take((size_t)n_events * n_words, sizeof(*actions));
	double *watch = take(n_events, sizeof(*watch));
	double *duration = take(n_events, sizeof(*duration));
	for (uint32_t i = 0; i < n_events; i++) {
		event_rows[i] = random_bits() % 8 == 0 ? RK_ROW_UNKNOWN : (int32_t)(random_bits() % TOY_ITEMS);
		watch[i] = random_bits() % 4 == 0 ? (double)NAN : (double)(random_bits() % 20000);
		duration[i] = random_bits() % 4 == 0 ? (double)NAN : (double)(random_bits() % 3 * 10000);
		for (uint32_t action = 0; action < config->actions.n; action++) {
			if (random_bits() % 6 == 0)
				actions[i * n_words + action / 64] |= UINT64_C(1) << (action % 64);
		}
	}
	int32_t *candidate_rows = take(n_candidates, sizeof(*candidate_rows));
	union rk_feature_value *values = take(2 * ((size_t)n_candidates + 1), sizeof(*values));
	for (uint32_t i = 0; i < n_candidates; i++)
		candidate_rows[i] = random_bits() % 8 == 0 ? RK_ROW_UNKNOWN : (int32_t)(random_bits() % TOY_ITEMS);
	for (uint32_t i = 0; i <= n_candidates; i++) {
		values[2 * i].number = toy_random();
		values[2 * i + 1].row = random_bits() % 5;
	}
	float *weights = take(config->signals.n, sizeof(*weights));
	uint8_t *has_weight = take(config->signals.n, 1);
	for (uint32_t k = 0; k < config->signals.n; k++) {
		has_weight[k] = k == 0 || random_bits() % 4 != 0;
		weights[k] = has_weight[k] ? 3.0F * toy_random() : 0.0F;
	}
	*ret_input = (struct rk_rank_input){
		.n_events = n_events,
		.event_rows = event_rows,
		.event_actions = actions,
		.watch_ms = watch,
		.duration_ms = duration,
		.user_features = values + (size_t)2 * n_candidates,
		.n_candidates = n_candidates,
		.candidate_rows = candidate_rows,
		.candidate_features = values,
		.weights = weights,
		.has_weight = has_weight,
	};
}

void toy_rank(const struct rk_model *model, struct rk_scratch *scratch, const struct rk_rank_input *input,
	      struct rk_rank_result *ret_result)
{
	struct rk_ranking ranking;
	rk_ranking_begin(&ranking, model, scratch, input);
	rk_ranking_encode_user(&ranking);
	rk_ranking_score(&ranking, 0, input->n_candidates);
	rk_ranking_finish(&ranking, ret_result);
}
