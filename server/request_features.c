/* `features` of the user or a candidate: each value becomes what the model reads at once. Names that the model does not
 * know are ignored; its own are checked. */
#include "server/decoder.h"

static void decode_numeric(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
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

static void decode_categorical(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			       const struct rk_feature_config *feature, union rk_feature_value *ret_value)
{
	bool is_integer = value->type == RK_JSON_INTEGER;
	if (!rk_decode_expect(decoder, path, is_integer || value->type == RK_JSON_STRING, "a string or an integer",
			      value))
		return;
	if (is_integer) {
		ret_value->row = rk_feature_row_of_integer(feature, value->integer);
		return;
	}
	struct rk_bytes text = rk_json_string(value);
	ret_value->row = rk_feature_row_of_string(feature, text);
}

void rk_decode_features(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *object,
			const struct rk_features_config *features, union rk_feature_value *values)
{
	if (!rk_decode_expect(decoder, path, object->type == RK_JSON_OBJECT, "an object", object))
		return;
	const struct rk_json *key = object + 1;
	for (uint32_t i = 0; i < object->n && rk_decoder_goes_on(decoder); i++, key = rk_json_next(key + 1)) {
		const struct rk_json *value = key + 1;
		struct rk_path member = {.parent = path, .key = rk_json_string(key)};
		int32_t k = value->type == RK_JSON_NULL ? -1 : rk_feature_find(features, member.key);
		if (k < 0)
			continue;
		const struct rk_feature_config *feature = &features->features[k];
		if (feature->type == RK_FEATURE_NUMERIC)
			decode_numeric(decoder, &member, value, feature, &values[k]);
		else
			decode_categorical(decoder, &member, value, feature, &values[k]);
	}
}
