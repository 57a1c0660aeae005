/* `user` and `reward`: the two small objects of a request. */
#include "server/decoder.h"
#include "server/text.h"

#include <math.h>

static void decode_user_id(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			   size_t index)
{
	(void)index;
	decoder->request->has_user_id = rk_decode_id(decoder, path, value, &decoder->request->user_id);
}

static void decode_user_features(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
				 size_t index)
{
	(void)index;
	rk_decode_features(decoder, path, value, &decoder->config->user_features, decoder->user_features);
}

static const struct rk_field user_fields[] = {
	{"id", decode_user_id, "{'anyOf':[{'$ref':'#/components/schemas/Id'},{'type':'null'}]}"},
	{"features", decode_user_features, "{'anyOf':[{'$ref':'#/components/schemas/Features'},{'type':'null'}]}"},
};

const struct rk_fields rk_user_fields = {"User", user_fields, sizeof(user_fields) / sizeof(user_fields[0]), 0};

void rk_decode_user(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value, size_t index)
{
	if (rk_decode_expect(decoder, path, value->type == RK_JSON_OBJECT, "an object", value))
		rk_decode_members(decoder, path, value, &rk_user_fields, index);
}

/* "click, like and 3 more" */
static void list_signals(const struct rk_names *signals, char *ret_text, size_t size)
{
	enum { MORE_BYTES = 16 };
	struct rk_text text;
	rk_text_init(&text, ret_text, size - 1 - MORE_BYTES);
	uint32_t k = 0;
	for (; k < signals->n; k++) {
		struct rk_text before = text;
		if (k > 0)
			rk_text_put_text(&text, ", ");
		rk_text_put(&text, signals->names[k].data, signals->names[k].size);
		if (text.overflowed) {
			text = before;
			break;
		}
	}
	text.size += MORE_BYTES;
	if (k < signals->n) {
		rk_text_put_text(&text, " and ");
		rk_text_put_unsigned(&text, signals->n - k);
		rk_text_put_text(&text, " more");
	}
	ret_text[text.used] = '\0';
}

/* A name that the model lacks is a fault even where its weight is null: it is a typing mistake. */
static void decode_weight(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value)
{
	const struct rk_names *signals = &decoder->config->signals;
	uint32_t k = 0;
	while (k < signals->n && !rk_bytes_equal(signals->names[k], path->key))
		k++;
	if (decoder->config->reward.type == RK_REWARD_ODDS) {
		rk_decoder_fault(decoder, path, "the model's reward is \"odds\", which has no weights");
		return;
	}
	if (k == signals->n) {
		char known[256];
		list_signals(signals, known, sizeof(known));
		rk_decoder_fault(decoder, path, "unknown signal; the model has %s", known);
		return;
	}
	double weight;
	if (value->type == RK_JSON_NULL || !rk_decode_number(decoder, path, value, &weight))
		return;
	if (fabs(weight) > RK_MAX_REWARD_WEIGHT) {
		rk_decoder_fault(decoder, path, "expected a weight from -%d to %d", RK_MAX_REWARD_WEIGHT,
				 RK_MAX_REWARD_WEIGHT);
		return;
	}
	decoder->weights[k] = (float)weight;
	decoder->has_weight[k] = 1;
}

static void decode_weights(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *object,
			   size_t index)
{
	(void)index;
	if (!rk_decode_expect(decoder, path, object->type == RK_JSON_OBJECT, "an object", object))
		return;
	const struct rk_json *key = object + 1;
	for (uint32_t i = 0; i < object->n && rk_decoder_goes_on(decoder); i++, key = rk_json_next(key + 1)) {
		struct rk_path member = {.parent = path, .key = rk_json_string(key)};
		decode_weight(decoder, &member, key + 1);
	}
}

static const struct rk_field reward_fields[] = {
	{"weights", decode_weights,
	 "{'type':['object','null'],'additionalProperties':{'type':['number','null'],'minimum':-@max_reward_weight@,"
	 "'maximum':@max_reward_weight@},'description':'by signal; merged over those of the model'}"},
};

const struct rk_fields rk_reward_fields = {"Reward", reward_fields, sizeof(reward_fields) / sizeof(reward_fields[0]),
					   0};

void rk_decode_reward(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value, size_t index)
{
	if (rk_decode_expect(decoder, path, value->type == RK_JSON_OBJECT, "an object", value))
		rk_decode_members(decoder, path, value, &rk_reward_fields, index);
}
