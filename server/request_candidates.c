/* `candidates`: the id of each as it was written, its row, and its features. */
#include "server/decoder.h"

static void decode_item(struct rk_decoder *decoder, const struct rk_path *path, json_t *value, size_t index)
{
	struct rk_item_id *id = &decoder->candidate_ids[index];
	if (!rk_decode_id(decoder, path, value, id))
		return;
	decoder->candidate_rows[index] = rk_decoder_find(decoder, id);
	decoder->request->n_unknown_candidates += decoder->candidate_rows[index] == RK_ROW_UNKNOWN;
}

static void decode_features(struct rk_decoder *decoder, const struct rk_path *path, json_t *value, size_t index)
{
	const struct rk_features_config *features = &decoder->config->candidate_features;
	rk_decode_features(decoder, path, value, features, decoder->candidate_features + index * features->n);
}

static const struct rk_field candidate_fields[] = {
	{"item", decode_item},
	{"features", decode_features},
};

static void decode_candidate(struct rk_decoder *decoder, const struct rk_path *path, json_t *value, size_t index)
{
	if (!json_is_object(value)) {
		bool fits = json_is_string(value) || json_is_integer(value);
		if (rk_decode_expect(decoder, path, fits, "an id (a string or an integer) or an object", value))
			decode_item(decoder, path, value, index);
		return;
	}
	rk_decode_members(decoder, path, value, candidate_fields,
			  sizeof(candidate_fields) / sizeof(candidate_fields[0]), index);
	const json_t *item = json_object_get(value, "item");
	if (item == NULL || json_is_null(item))
		rk_decoder_fault(decoder, &(struct rk_path){.parent = path, .key = "item"},
				 "a required field is missing");
}

void rk_decode_candidates(struct rk_decoder *decoder, const struct rk_path *path, json_t *value, size_t index)
{
	(void)index;
	if (!rk_decode_expect(decoder, path, json_is_array(value), "an array", value))
		return;
	size_t n = json_array_size(value);
	if (n == 0)
		rk_decoder_fault(decoder, path, "expected 1 to %u candidates, found none",
				 decoder->limits->max_candidates);
	for (size_t i = 0; i < n && rk_decoder_goes_on(decoder); i++) {
		struct rk_path element = {.parent = path, .index = i};
		decode_candidate(decoder, &element, json_array_get(value, i), i);
	}
}
