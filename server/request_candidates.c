/* `candidates`: the id of each as it was written, its features, and when all are read their rows. */
#include "server/decoder.h"

static void decode_item(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			size_t index)
{
	(void)rk_decode_id(decoder, path, value, &decoder->candidate_ids[index]);
}

static void decode_features(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			    size_t index)
{
	const struct rk_features_config *features = &decoder->config->candidate_features;
	rk_decode_features(decoder, path, value, features, decoder->candidate_features + index * features->n);
}

static const struct rk_field fields[] = {
	{"item", decode_item, "{'$ref':'#/components/schemas/Id'}"},
	{"features", decode_features, "{'anyOf':[{'$ref':'#/components/schemas/Features'},{'type':'null'}]}"},
};

const struct rk_fields rk_candidate_fields = {"Candidate", fields, sizeof(fields) / sizeof(fields[0]), 1};

static void decode_candidate(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			     size_t index)
{
	if (value->type != RK_JSON_OBJECT) {
		bool fits = value->type == RK_JSON_STRING;
		if (rk_decode_expect(decoder, path, fits, "an id (a string or an integer) or an object", value))
			decode_item(decoder, path, value, index);
		return;
	}
	rk_decode_members(decoder, path, value, &rk_candidate_fields, index);
}

void rk_decode_candidates(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			  size_t index)
{
	(void)index;
	if (!rk_decode_expect(decoder, path, value->type == RK_JSON_ARRAY, "an array", value))
		return;
	size_t n = value->n;
	if (n == 0)
		rk_decoder_fault(decoder, path, "expected 1 to %u candidates, found none",
				 decoder->limits->max_candidates);
	const struct rk_json *candidate = value + 1;
	for (size_t i = 0; i < n && rk_decoder_goes_on(decoder); i++, candidate = rk_json_next(candidate)) {
		if (candidate->type == RK_JSON_INTEGER) { /* most are, and none of them can be a fault */
			decoder->candidate_ids[i] =
				(struct rk_item_id){.is_integer = true, .integer = candidate->integer};
			continue;
		}
		struct rk_path element = {.parent = path, .index = i};
		decode_candidate(decoder, &element, candidate, i);
	}
	if (decoder->refusal->faults.n > 0)
		return; /* some ids may be missing */
	decoder->request->n_unknown_candidates =
		rk_decode_rows(decoder, decoder->candidate_ids, (uint32_t)n, decoder->candidate_rows);
}
