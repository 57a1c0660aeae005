/* What holds between keys. Runs when every key by itself is right. */
#include "loader/config_parts.h"

enum { MAX_WIDTH = 1 << 20 }; /* columns of the ranker's input; keeps every product of sizes far from overflow */

static enum rk_status check_divides(struct rk_config_reader *reader, const char *path, uint32_t heads)
{
	if (reader->config->dim % heads == 0)
		return RK_OK;
	return rk_error_set(reader->reterr, RK_INVALID, "%s: expected a divisor of dim (%u), found %u", path,
			    reader->config->dim, heads);
}

/* Keys of another type were checked by themselves; here they cease to exist. */
static void clear_unused_encoder(struct rk_encoder_config *encoder)
{
	if (encoder->type == RK_ENCODER_MEAN)
		encoder->n_layers = 0;
	if (encoder->type != RK_ENCODER_SASREC) {
		encoder->n_heads = encoder->ffn = 0;
		encoder->activation = RK_ACTIVATION_RELU;
		encoder->norm = RK_NORM_PRE;
		encoder->final_norm = false;
	}
}

static void clear_unused_ranker(struct rk_ranker_config *ranker)
{
	if (ranker->type == RK_RANKER_DOT) {
		ranker->attention_heads = ranker->n_hidden = 0;
		ranker->activation = RK_ACTIVATION_RELU;
	}
	if (ranker->type != RK_RANKER_MMOE)
		ranker->n_tower_hidden = ranker->n_experts = 0;
	if (ranker->type != RK_RANKER_DCN_V2)
		ranker->n_cross_layers = 0;
}

static enum rk_status check_ranker(struct rk_config_reader *reader)
{
	struct rk_config *config = reader->config;
	if (config->ranker.type != RK_RANKER_DOT && config->ranker.n_hidden == 0)
		return rk_error_set(reader->reterr, RK_INVALID,
				    "ranker.hidden: expected at least one size, found none");
	if (config->ranker.type == RK_RANKER_DOT && config->signals.n != 1)
		return rk_error_set(reader->reterr, RK_INVALID, "signals: expected one name for dot, found %u",
				    config->signals.n);
	uint64_t width = 5 * (uint64_t)config->dim + config->user_features.width + config->candidate_features.width;
	if (width > MAX_WIDTH)
		return rk_error_set(reader->reterr, RK_LIMIT,
				    "features: expected at most %d columns with the item vectors', found %llu",
				    MAX_WIDTH, (unsigned long long)width);
	return RK_OK;
}

/* The model reads weights of every reward, so an odds config has all-zero ones without terms. */
static enum rk_status fill_weights(struct rk_config_reader *reader)
{
	struct rk_reward_config *reward = &reader->config->reward;
	if (reward->type != RK_REWARD_ODDS)
		return RK_OK;
	uint32_t n = reader->config->signals.n;
	reward->weights = rk_arena_alloc_zeroed(reader->arena, n, sizeof(*reward->weights));
	reward->has_weight = rk_arena_alloc_zeroed(reader->arena, n, sizeof(*reward->has_weight));
	return reward->has_weight == NULL ? rk_config_no_memory(reader) : RK_OK;
}

enum rk_status rk_config_check(struct rk_config_reader *reader)
{
	struct rk_config *config = reader->config;
	enum rk_status status = RK_OK;
	if (config->encoder.type == RK_ENCODER_SASREC)
		status = check_divides(reader, "encoder.heads", config->encoder.n_heads);
	clear_unused_encoder(&config->encoder);
	if (status == RK_OK && config->ranker.attention_heads > 0)
		status = check_divides(reader, "ranker.target_attention.heads", config->ranker.attention_heads);
	clear_unused_ranker(&config->ranker);
	if (status == RK_OK)
		status = check_ranker(reader);
	if (status == RK_OK)
		status = fill_weights(reader);
	return status;
}
