/*
 * From body to arrays: the body becomes a row of values in the arena, the model is resolved, then the members are
 * decoded in their order in the body. Arrays follow the values in the same arena; strings are borrowed from the body.
 * A refusal that is not about faults (too large, no such model) wins over faults and ends the decoding.
 */
#include "server/request.h"

#include "model/base/check.h"
#include "server/decoder.h"

#include <math.h>
#include <stdio.h>

enum {
	FEATURES_SHARE = 64, /* features of either kind, and words of 64 actions, that the arena's size allows for */
	ACTION_WORDS_SHARE = 8,
	N_ARRAYS = 16, /* at least as many as alloc_arrays makes: each may lose up to one alignment */
};

static const char not_enough_memory[] = "the request has more values than its size limit allows for";

size_t rk_request_arena_bytes(const struct rk_request_limits *limits)
{
	size_t candidate =
		sizeof(int32_t) + sizeof(struct rk_item_id) + FEATURES_SHARE * sizeof(union rk_feature_value);
	size_t event = sizeof(struct rk_item_id) + sizeof(int32_t) + 2 * sizeof(double) +
		       ACTION_WORDS_SHARE * sizeof(uint64_t);
	size_t once = FEATURES_SHARE * sizeof(union rk_feature_value) + RK_MAX_SIGNALS * (sizeof(float) + 1);
	return rk_json_bytes(limits->max_body_bytes) + limits->max_candidates * candidate + limits->max_events * event +
	       once + N_ARRAYS * RK_ARENA_ALIGNMENT;
}

bool rk_request_id_fits(struct rk_bytes id)
{
	if (id.size == 0 || id.size > RK_MAX_REQUEST_ID_BYTES)
		return false;
	for (size_t i = 0; i < id.size; i++) {
		char c = id.data[i];
		bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
			    c == '_' || c == '-';
		if (!fits)
			return false;
	}
	return true;
}

static void stop_malformed(struct rk_decoder *decoder, const char *detail, int64_t offset)
{
	decoder->refusal->offset = offset;
	rk_decoder_stop(decoder, RK_PROBLEM_MALFORMED_JSON, detail);
}

static void stop_too_large(struct rk_decoder *decoder, const char *limit, size_t expected, size_t found)
{
	struct rk_request_refusal *refusal = decoder->refusal;
	(void)snprintf(refusal->text, sizeof(refusal->text), "%s: expected at most %zu, found %zu", limit, expected,
		       found);
	rk_decoder_stop(decoder, RK_PROBLEM_TOO_LARGE, refusal->text);
}

/* The body's values in the arena, or NULL after a refusal. */
static const struct rk_json *load(struct rk_decoder *decoder, struct rk_bytes body)
{
	if (body.size > decoder->limits->max_body_bytes) {
		stop_too_large(decoder, "bytes of body (max_body_bytes)", decoder->limits->max_body_bytes, body.size);
		return NULL;
	}
	struct rk_json_error error;
	const struct rk_json *root = rk_json_parse(body, decoder->arena, &error);
	if (root == NULL && error.detail == NULL)
		rk_decoder_stop(decoder, RK_PROBLEM_TOO_LARGE, not_enough_memory);
	else if (root == NULL)
		stop_malformed(decoder, body.size == 0 ? "the body is empty" : error.detail, (int64_t)error.offset);
	return root;
}

/* The fields that are needed before the others: who asks, and which model's names hold. */

static void decode_request_id(struct rk_decoder *decoder, const struct rk_json *value)
{
	struct rk_path path = {.key = rk_bytes_of("request_id")};
	if (value == NULL || value->type == RK_JSON_NULL ||
	    !rk_decode_expect(decoder, &path, value->type == RK_JSON_STRING, "a string", value))
		return;
	struct rk_bytes id = rk_json_string(value);
	if (rk_request_id_fits(id))
		memcpy(decoder->request->request_id, id.data, id.size); /* it is zeroed behind */
	else
		rk_decoder_fault(decoder, &path, "expected 1 to %d of A-Z a-z 0-9 . _ -", RK_MAX_REQUEST_ID_BYTES);
}

/* The name to resolve: the path's, the body's, or none. False after a fault. */
static bool decode_model(struct rk_decoder *decoder, const struct rk_json *value, struct rk_bytes path_model,
			 struct rk_bytes *ret_name)
{
	struct rk_path path = {.key = rk_bytes_of("model")};
	*ret_name = path_model;
	if (value == NULL || value->type == RK_JSON_NULL)
		return true;
	if (!rk_decode_expect(decoder, &path, value->type == RK_JSON_STRING, "a string", value))
		return false;
	struct rk_bytes name = rk_json_string(value);
	if (name.size == 0) {
		rk_decoder_fault(decoder, &path, "expected a model's name, found an empty string");
		return false;
	}
	if (path_model.size > 0 && !rk_bytes_equal(name, path_model)) {
		rk_decoder_fault(decoder, &path, "expected the model that the path names");
		return false;
	}
	*ret_name = name;
	return true;
}

static void resolve(struct rk_decoder *decoder, const struct rk_resolver *resolver, struct rk_bytes name)
{
	bool is_known = false;
	struct rk_version *version = resolver->acquire(resolver->context, name, &is_known);
	decoder->request->version = version;
	if (version != NULL) {
		decoder->config = &version->model.config;
		decoder->ids = &version->ids;
	} else if (is_known) {
		rk_decoder_stop(decoder, RK_PROBLEM_NOT_READY, "no version of the model is ready");
	} else {
		rk_decoder_stop(decoder, RK_PROBLEM_UNKNOWN_MODEL,
				name.size > 0 ? "no model has this name"
					      : "the request names no model, and none is the default");
	}
}

/* The other fields. */

static void decode_nothing(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			   size_t index)
{
	(void)decoder, (void)path, (void)value, (void)index; /* request_id and model, which are decoded before */
}

static void decode_context(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			   size_t index)
{
	(void)index;
	(void)rk_decode_expect(decoder, path, value->type == RK_JSON_OBJECT, "an object", value);
}

static void decode_top_k(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			 size_t index)
{
	(void)index;
	if (!rk_decode_expect(decoder, path, value->type == RK_JSON_INTEGER, "an integer", value))
		return;
	if (value->integer < 1)
		rk_decoder_fault(decoder, path, "expected an integer of at least 1");
	else if (value->integer < decoder->request->top_k)
		decoder->request->top_k = (uint32_t)value->integer;
}

static void decode_explain(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			   size_t index)
{
	(void)index;
	if (rk_decode_expect(decoder, path, rk_json_is_boolean(value), "a boolean", value))
		decoder->request->explain = value->type == RK_JSON_TRUE;
}

static void decode_budget_ms(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			     size_t index)
{
	(void)index;
	double budget_ms;
	if (!rk_decode_number(decoder, path, value, &budget_ms))
		return;
	if (budget_ms > 0)
		decoder->request->budget_ms = budget_ms;
	else
		rk_decoder_fault(decoder, path, "expected a number greater than 0");
}

static void decode_on_deadline(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			       size_t index)
{
	(void)index;
	if (!rk_decode_expect(decoder, path, value->type == RK_JSON_STRING, "\"degrade\" or \"fail\"", value))
		return;
	decoder->request->fail_on_deadline = rk_bytes_equal(rk_json_string(value), rk_bytes_of("fail"));
	if (!decoder->request->fail_on_deadline && !rk_bytes_equal(rk_json_string(value), rk_bytes_of("degrade")))
		rk_decoder_fault(decoder, path, "expected \"degrade\" or \"fail\", found another string");
}

static const struct rk_field fields[] = {
	{"candidates", rk_decode_candidates,
	 "{'type':'array','minItems':1,'maxItems':@max_candidates@,'items':{'anyOf':[{'$ref':'#/components/schemas/"
	 "Id'},"
	 "{'$ref':'#/components/schemas/Candidate'}]},'description':'a repeated id is scored each time it stands "
	 "there'}"},
	{"history", rk_decode_history,
	 "{'type':['array','null'],'maxItems':@max_history_events@,'items':{'$ref':'#/components/schemas/Event'},"
	 "'description':'oldest first'}"},
	{"user", rk_decode_user, "{'anyOf':[{'$ref':'#/components/schemas/User'},{'type':'null'}]}"},
	{"top_k", decode_top_k,
	 "{'type':['integer','null'],'minimum':1,'maximum':9223372036854775807,"
	 "'description':'answer with the best only; more than there are candidates is all'}"},
	{"reward", rk_decode_reward, "{'anyOf':[{'$ref':'#/components/schemas/Reward'},{'type':'null'}]}"},
	{"explain", decode_explain, "{'type':['boolean','null'],'description':'adds signals and terms to every item'}"},
	{"budget_ms", decode_budget_ms,
	 "{'type':['number','null'],'exclusiveMinimum':0,'maximum':1e38,"
	 "'description':'the smallest of it, the budget headers and @budget_ms@ holds'}"},
	{"request_id", decode_nothing, "{'type':['string','null'],'pattern':'^[A-Za-z0-9._-]{1,64}$'}"},
	{"model", decode_nothing,
	 "{'type':['string','null'],'minLength':1,'description':'the path names the same model, or none'}"},
	{"on_deadline", decode_on_deadline, "{'enum':['degrade','fail',null]}"},
	{"context", decode_context,
	 "{'type':['object','null'],'description':'notes of the caller, which are ignored'}"},
};

const struct rk_fields rk_request_fields = {"RankRequest", fields, sizeof(fields) / sizeof(fields[0]), 1};

static size_t array_size(const struct rk_json *value)
{
	return value != NULL && value->type == RK_JSON_ARRAY ? value->n : 0;
}

/* Sizes of the arrays. A member that is none of the kind it should be counts as empty here and is a fault later. */
static bool count(struct rk_decoder *decoder, const struct rk_json *root)
{
	size_t n_candidates = array_size(rk_json_get(root, "candidates"));
	size_t n_events = array_size(rk_json_get(root, "history"));
	if (n_candidates > decoder->limits->max_candidates)
		stop_too_large(decoder, "candidates (max_candidates)", decoder->limits->max_candidates, n_candidates);
	else if (n_events > decoder->limits->max_events)
		stop_too_large(decoder, "history (max_history_events)", decoder->limits->max_events, n_events);
	if (decoder->stopped)
		return false;
	decoder->request->input.n_candidates = (uint32_t)n_candidates;
	decoder->request->input.n_events = (uint32_t)n_events;
	decoder->request->top_k = (uint32_t)n_candidates;
	return true;
}

/* Ids and rows are written for each event and candidate, or the request is refused. */
static bool alloc_arrays(struct rk_decoder *decoder)
{
	struct rk_arena *arena = decoder->arena;
	const struct rk_config *config = decoder->config;
	size_t n_candidates = decoder->request->input.n_candidates, n_events = decoder->request->input.n_events;
	size_t n_features = n_candidates * config->candidate_features.n, n_signals = config->signals.n;
	size_t value = sizeof(union rk_feature_value);
	decoder->event_ids = rk_arena_alloc_array(arena, n_events, sizeof(struct rk_item_id));
	decoder->event_rows = rk_arena_alloc_array(arena, n_events, sizeof(int32_t));
	decoder->event_actions = rk_arena_alloc_zeroed(arena, n_events * rk_action_words(config), sizeof(uint64_t));
	decoder->watch_ms = rk_arena_alloc_array(arena, n_events, sizeof(double));
	decoder->duration_ms = rk_arena_alloc_array(arena, n_events, sizeof(double));
	decoder->user_features = rk_arena_alloc_zeroed(arena, config->user_features.n, value);
	decoder->candidate_rows = rk_arena_alloc_array(arena, n_candidates, sizeof(int32_t));
	decoder->candidate_ids = rk_arena_alloc_array(arena, n_candidates, sizeof(struct rk_item_id));
	decoder->candidate_features = rk_arena_alloc_zeroed(arena, n_features, value);
	decoder->weights = rk_arena_alloc_array(arena, n_signals, sizeof(float));
	decoder->has_weight = rk_arena_alloc_array(arena, n_signals, sizeof(uint8_t));
	if (arena->overflowed) {
		rk_decoder_stop(decoder, RK_PROBLEM_TOO_LARGE, not_enough_memory);
		return false;
	}
	for (size_t i = 0; i < n_events; i++)
		decoder->watch_ms[i] = decoder->duration_ms[i] = (double)NAN;
	memcpy(decoder->weights, config->reward.weights, n_signals * sizeof(float));
	memcpy(decoder->has_weight, config->reward.has_weight, n_signals);
	return true;
}

static void publish_arrays(const struct rk_decoder *decoder)
{
	struct rk_rank_input *input = &decoder->request->input;
	input->event_rows = decoder->event_rows;
	input->event_actions = decoder->event_actions;
	input->watch_ms = decoder->watch_ms;
	input->duration_ms = decoder->duration_ms;
	input->user_features = decoder->user_features;
	input->candidate_rows = decoder->candidate_rows;
	input->candidate_features = decoder->candidate_features;
	input->weights = decoder->weights;
	input->has_weight = decoder->has_weight;
	decoder->request->candidate_ids = decoder->candidate_ids;
}

static void decode(struct rk_decoder *decoder, const struct rk_request_source *source)
{
	const struct rk_json *root = load(decoder, source->body);
	if (root == NULL || !rk_decode_expect(decoder, NULL, root->type == RK_JSON_OBJECT, "an object", root))
		return;
	struct rk_bytes name;
	decode_request_id(decoder, rk_json_get(root, "request_id"));
	if (!decode_model(decoder, rk_json_get(root, "model"), source->path_model, &name))
		return;
	resolve(decoder, &source->resolver, name);
	if (decoder->stopped || !count(decoder, root) || !alloc_arrays(decoder))
		return;
	rk_decode_members(decoder, NULL, root, &rk_request_fields, 0);
	publish_arrays(decoder);
}

bool rk_request_decode(const struct rk_request_source *source, struct rk_arena *arena, struct rk_request *request,
		       struct rk_request_refusal *ret_refusal)
{
	*request = (struct rk_request){.budget_ms = (double)INFINITY};
	ret_refusal->problem = RK_PROBLEM_INVALID_REQUEST;
	ret_refusal->detail = "the request breaks a rule";
	ret_refusal->offset = -1;
	ret_refusal->faults.n = 0;
	struct rk_decoder decoder = {
		.limits = source->limits, .arena = arena, .request = request, .refusal = ret_refusal};
	decode(&decoder, source);
	if (decoder.stopped)
		ret_refusal->faults.n = 0;
	return !decoder.stopped && ret_refusal->faults.n == 0;
}
