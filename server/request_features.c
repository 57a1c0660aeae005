/* `features` of the user or a candidate: each value becomes what the model reads at once. Names that the model does not
 * know are ignored; its own are checked. */
#include "server/decoder.h"

static void decode_numeric(struct rk_decoder *decoder, const struct rk_path *path, const json_t *value,
			   const struct rk_feature_config *feature, union rk_feature_value *ret_value)
{
	double number;
	if (!rk_decode_number(decoder, path, value, &number))
		return;
	if (feature->log1p && !(number > -1)) {
		rk_decoder_fault(decoder, path, "expected a number greater than -1");
		return;
	}
	ret_value->number = rk_feature_normalise(feature, number);
}

static void decode_categorical(struct rk_decoder *decoder, const struct rk_path *path, const json_t *value,
			       const struct rk_feature_config *feature, union rk_feature_value *ret_value)
{
	bool is_integer = json_is_integer(value);
	if (!rk_decode_expect(decoder, path, is_integer || json_is_string(value), "a string or an integer", value))
		return;
	if (is_integer) {
		ret_value->row = rk_feature_row_of_integer(feature, json_integer_value(value));
		return;
	}
	struct rk_bytes text = {json_string_value(value), json_string_length(value)};
	ret_value->row = rk_feature_row_of_string(feature, text);
}

void rk_decode_features(struct rk_decoder *decoder, const struct rk_path *path, json_t *object,
			const struct rk_features_config *features, union rk_feature_value *values)
{
	if (!rk_decode_expect(decoder, path, json_is_object(object), "an object", object))
		return;
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value)
	{
		struct rk_path member = {.parent = path, .key = key};
		int32_t k = json_is_null(value) ? -1 : rk_feature_find(features, rk_bytes_of(key));
		if (k < 0)
			continue;
		const struct rk_feature_config *feature = &features->features[k];
		if (feature->type == RK_FEATURE_NUMERIC)
			decode_numeric(decoder, &member, value, feature, &values[k]);
		else
			decode_categorical(decoder, &member, value, feature, &values[k]);
		if (!rk_decoder_goes_on(decoder))
			return;
	}
}
