/*
 * Private to server/request*.c and server/decoder.c: the state of one decoding, the way to the value at hand, and the
 * checks that every part of the body shares.
 */
#ifndef RK_SERVER_DECODER_H
#define RK_SERVER_DECODER_H

#include "server/json.h"
#include "server/request.h"

/* One step of the way from the top of the body: a key, or an index. */
struct rk_path {
	const struct rk_path *parent; /* NULL above the first step */
	struct rk_bytes key;          /* data NULL: an index */
	size_t index;
};

struct rk_decoder {
	const struct rk_request_limits *limits;
	struct rk_arena *arena;
	struct rk_request *request;
	struct rk_request_refusal *refusal;
	const struct rk_config *config; /* of the resolved version */
	const struct rk_ids *ids;
	bool stopped; /* refused for another reason than faults */
	/* the arrays of request->input and request->candidate_ids while they are filled */
	struct rk_item_id *event_ids;
	int32_t *event_rows;
	uint64_t *event_actions;
	double *watch_ms, *duration_ms;
	union rk_feature_value *user_features;
	int32_t *candidate_rows;
	struct rk_item_id *candidate_ids;
	union rk_feature_value *candidate_features;
	float *weights;
	uint8_t *has_weight;
};

/* A member of an object and what decodes it; `index` is that of the event or candidate at hand. Null is absence and
 * never gets here. */
struct rk_field {
	const char *name;
	void (*decode)(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
		       size_t index);
	const char *schema; /* JSON Schema for /openapi.json, as server/openapi_text.h reads it */
};

/* All members that an object may have, at most 32, the required ones first. `schema` names it in /openapi.json. */
struct rk_fields {
	const char *schema;
	const struct rk_field *fields;
	size_t n, n_required;
};

extern const struct rk_fields rk_request_fields, rk_candidate_fields, rk_event_fields, rk_user_fields, rk_reward_fields;

/* Runs the members through `fields`; one that is not listed, and a required one that is missing, is a fault. */
void rk_decode_members(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *object,
		       const struct rk_fields *fields, size_t index);

/* Adds a fault at the path. */
void rk_decoder_fault(struct rk_decoder *decoder, const struct rk_path *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Refuses the request at once. */
void rk_decoder_stop(struct rk_decoder *decoder, enum rk_problem problem, const char *detail);

/* False once more decoding cannot change the answer. */
static inline bool rk_decoder_goes_on(const struct rk_decoder *decoder)
{
	return !decoder->stopped && decoder->refusal->faults.n < RK_MAX_FAULTS;
}

/* Each returns whether `value` is of the type, and adds a fault if not. */
bool rk_decode_expect(struct rk_decoder *decoder, const struct rk_path *path, bool fits, const char *expected,
		      const struct rk_json *value);
bool rk_decode_number(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
		      double *ret_number);
bool rk_decode_id(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
		  struct rk_item_id *ret_id);

/* Rows of the ids, when all of them are read. Returns how many the model does not know. */
uint32_t rk_decode_rows(const struct rk_decoder *decoder, const struct rk_item_id *ids, uint32_t n, int32_t *ret_rows);

/* Members of a `features` object into `values` [features->n], which holds "missing" everywhere before. */
void rk_decode_features(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *object,
			const struct rk_features_config *features, union rk_feature_value *values);

/* The parts of the body. */
void rk_decode_history(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
		       size_t index);
void rk_decode_candidates(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
			  size_t index);
void rk_decode_user(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value, size_t index);
void rk_decode_reward(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
		      size_t index);

#endif
