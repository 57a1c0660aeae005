/* `history`: rows, explicit actions as bitsets, and how long each was watched. */
#include "server/decoder.h"

static void decode_item(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			size_t index)
{
	(void)rk_decode_id(decoder, path, value, &decoder->event_ids[index]);
}

static void decode_action_name(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			       size_t index)
{
	if (!rk_decode_expect(decoder, path, value->type == RK_JSON_STRING, "an action's name", value))
		return;
	const struct rk_names *actions = &decoder->config->actions;
	struct rk_bytes name = rk_json_string(value);
	for (uint32_t a = 0; a < actions->n; a++) {
		if (rk_bytes_equal(actions->names[a], name)) {
			size_t word = index * rk_action_words(decoder->config) + a / 64;
			decoder->event_actions[word] |= UINT64_C(1) << (a % 64);
			return;
		}
	}
	decoder->request->n_unknown_actions++;
}

static void decode_action(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			  size_t index)
{
	if (value->type == RK_JSON_STRING) {
		decode_action_name(decoder, path, value, index);
		return;
	}
	if (!rk_decode_expect(decoder, path, value->type == RK_JSON_ARRAY, "an action's name or an array of them",
			      value))
		return;
	size_t n = value->n;
	const struct rk_json *name = value + 1;
	for (size_t i = 0; i < n && rk_decoder_goes_on(decoder); i++, name = rk_json_next(name)) {
		struct rk_path element = {.parent = path, .index = i};
		decode_action_name(decoder, &element, name, index);
	}
}

static bool decode_not_negative(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
				double *ret_number)
{
	double number;
	if (!rk_decode_number(decoder, path, value, &number))
		return false;
	if (number < 0) {
		rk_decoder_fault(decoder, path, "expected a number of at least 0");
		return false;
	}
	*ret_number = number;
	return true;
}

static void decode_watch_ms(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			    size_t index)
{
	(void)decode_not_negative(decoder, path, value, &decoder->watch_ms[index]);
}

static void decode_duration_ms(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			       size_t index)
{
	(void)decode_not_negative(decoder, path, value, &decoder->duration_ms[index]);
}

/* Checked only: no model reads it. */
static void decode_timestamp(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			     size_t index)
{
	(void)index;
	double timestamp;
	(void)decode_not_negative(decoder, path, value, &timestamp);
}

#define NOT_NEGATIVE "{'type':['number','null'],'minimum':0,'maximum':1e38}"

static const struct rk_field fields[] = {
	{"item", decode_item, "{'$ref':'#/components/schemas/Id'}"},
	{"action", decode_action,
	 "{'anyOf':[{'type':['string','null']},{'type':'array','items':{'type':'string'}}],"
	 "'description':'one that the model does not know is counted and otherwise ignored'}"},
	{"watch_ms", decode_watch_ms, NOT_NEGATIVE},
	{"duration_ms", decode_duration_ms, NOT_NEGATIVE},
	{"timestamp", decode_timestamp, NOT_NEGATIVE},
};

const struct rk_fields rk_event_fields = {"Event", fields, sizeof(fields) / sizeof(fields[0]), 1};

void rk_decode_history(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
		       size_t index)
{
	(void)index;
	if (!rk_decode_expect(decoder, path, value->type == RK_JSON_ARRAY, "an array", value))
		return;
	size_t n = value->n;
	const struct rk_json *event = value + 1;
	for (size_t i = 0; i < n && rk_decoder_goes_on(decoder); i++, event = rk_json_next(event)) {
		struct rk_path element = {.parent = path, .index = i};
		if (!rk_decode_expect(decoder, &element, event->type == RK_JSON_OBJECT, "an object", event))
			continue;
		rk_decode_members(decoder, &element, event, &rk_event_fields, i);
	}
	if (decoder->refusal->faults.n > 0)
		return; /* some ids may be missing */
	decoder->request->n_unknown_events =
		rk_decode_rows(decoder, decoder->event_ids, (uint32_t)n, decoder->event_rows);
}
