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
