/*
 * Context features: what a request's values mean to the model (docs/model-format.md, section 5).
 * The request decoder turns each value into an rk_feature_value at once; the model later lays the values out
 * as the columns of c (user) or f_i (candidate).
 */
#ifndef RK_MODEL_FEATURE_H
#define RK_MODEL_FEATURE_H

#include "model/config.h"

#include <stdint.h>

union rk_feature_value {
	float number; /* numeric: already normalised; missing = 0 */
	uint32_t row; /* categorical: row of the embedding table; missing or unlisted = 0 */
};

/* Index of the feature named `name`, or -1. */
int32_t rk_feature_find(const struct rk_features_config *features, struct rk_bytes name);

/* ((log1p ? ln(1 + x) : x) − mean) / std in double, rounded to float. x is finite, and > −1 where log1p. */
float rk_feature_normalise(const struct rk_feature_config *feature, double x);

/* Embedding row of a categorical value; 7 and "7" are two values; 0 when it is not listed. */
uint32_t rk_feature_row_of_integer(const struct rk_feature_config *feature, int64_t value);
uint32_t rk_feature_row_of_string(const struct rk_feature_config *feature, struct rk_bytes value);

/* Lays out n_features values as `width` floats at `ret_columns`: c or f_i.
 * tables[k] is feature k's embedding [n_values + 1, dim], NULL for a numeric one. */
void rk_features_expand(const struct rk_features_config *features, const float *const *tables,
			const union rk_feature_value *values, float *ret_columns);

#endif
