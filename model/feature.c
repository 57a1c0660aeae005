/* Values are looked up by binary search: the config reader has sorted them. */
#include "model/feature.h"

#include "model/base/check.h"

#include <math.h>
#include <string.h>

int32_t rk_feature_find(const struct rk_features_config *features, struct rk_bytes name)
{
	for (uint32_t k = 0; k < features->n; k++) {
		if (rk_bytes_equal(features->features[k].name, name))
			return (int32_t)k;
	}
	return -1;
}

float rk_feature_normalise(const struct rk_feature_config *feature, double x)
{
	return (float)(((feature->log1p ? log1p(x) : x) - feature->mean) / feature->std);
}

uint32_t rk_feature_row_of_integer(const struct rk_feature_config *feature, int64_t value)
{
	uint32_t low = 0, high = feature->n_integers;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (feature->integers[middle] == value)
			return feature->integer_rows[middle];
		if (feature->integers[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

uint32_t rk_feature_row_of_string(const struct rk_feature_config *feature, struct rk_bytes value)
{
	uint32_t low = 0, high = feature->n_strings;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = rk_bytes_compare(feature->strings[middle], value);
		if (order == 0)
			return feature->string_rows[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

void rk_features_expand(const struct rk_features_config *features, const float *const *tables,
			const union rk_feature_value *values, float *ret_columns)
{
	for (uint32_t k = 0; k < features->n; k++) {
		const struct rk_feature_config *feature = &features->features[k];
		if (feature->type == RK_FEATURE_NUMERIC) {
			*ret_columns++ = values[k].number;
			continue;
		}
		RK_ASSERT(values[k].row <= feature->n_values);
		memcpy(ret_columns, tables[k] + (size_t)values[k].row * feature->dim, feature->dim * sizeof(float));
		ret_columns += feature->dim;
	}
}
