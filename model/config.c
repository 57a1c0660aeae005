#include "model/config.h"

bool rk_config_attends(const struct rk_config *config, enum rk_polarity polarity)
{
	return config->ranker.type != RK_RANKER_DOT && config->ranker.attention_heads > 0 &&
	       config->feedback[polarity].present;
}

uint32_t rk_config_ranker_width(const struct rk_config *config)
{
	if (config->ranker.type == RK_RANKER_DOT)
		return 0;
	uint32_t parts_of_dim = 3;
	for (int polarity = 0; polarity < RK_N_POLARITIES; polarity++)
		parts_of_dim += rk_config_attends(config, (enum rk_polarity)polarity);
	return parts_of_dim * config->dim + config->user_features.width + config->candidate_features.width;
}

uint32_t rk_feature_width(const struct rk_feature_config *feature)
{
	return feature->type == RK_FEATURE_CATEGORICAL ? feature->dim : 1;
}

size_t rk_config_first_outputs(const struct rk_config *config, int i)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	switch (ranker->type) {
	case RK_RANKER_MLP:
		return i == 0 ? ranker->hidden[0] : 0;
	case RK_RANKER_DCN_V2:
		return i == 0 ? rk_config_ranker_width(config) : 0;
	case RK_RANKER_MMOE:
		return (size_t)ranker->n_experts * (i == 0 ? ranker->hidden[0] : config->signals.n);
	case RK_RANKER_DOT:
		break;
	}
	return 0;
}
