/*
 * The /rank request: a body becomes compact arrays, or a refusal. Rules: docs/http-api.md, "POST /rank".
 * Everything that a request points to lies in the caller's arena and lives until that is reset.
 */
#ifndef RK_SERVER_REQUEST_H
#define RK_SERVER_REQUEST_H

#include "loader/version.h"
#include "server/problem.h"

enum { RK_MAX_NESTING = 16, RK_MAX_REQUEST_ID_BYTES = 64, RK_MAX_REWARD_WEIGHT = 1000000 };

/* Sizes that one request may reach; part of the settings. */
struct rk_request_limits {
	uint32_t max_candidates, max_events;
	size_t max_body_bytes;
};

/* Where the decoder gets the model from. Called at most once a request; size 0 asks for the default.
 * NULL: no such model (*ret_known false), or none of its versions is ready (*ret_known true). */
struct rk_resolver {
	struct rk_version *(*acquire)(void *context, struct rk_bytes name, bool *ret_known);
	void *context;
};

struct rk_request_source {
	struct rk_bytes body;
	struct rk_bytes path_model; /* size 0: the path names none */
	const struct rk_request_limits *limits;
	struct rk_resolver resolver;
};

struct rk_request {
	char request_id[RK_MAX_REQUEST_ID_BYTES + 1]; /* "": the body has none */
	struct rk_version *version; /* what the resolver gave, also when refused; the caller releases it */
	bool has_user_id;
	struct rk_item_id user_id;
	uint32_t top_k; /* 1 … n_candidates */
	bool explain;
	bool fail_on_deadline;
	double budget_ms; /* infinite: the body has none */
	struct rk_rank_input input;
	const struct rk_item_id *candidate_ids; /* [n_candidates] */
	uint32_t n_unknown_candidates, n_unknown_events, n_unknown_actions;
};

/* Why a request is refused: problem and detail always, offset ≥ 0 for malformed JSON, faults for invalid-request. */
struct rk_request_refusal {
	enum rk_problem problem;
	const char *detail; /* constant text, or the one below: not to be copied with the struct */
	int64_t offset;
	struct rk_faults faults;
	char text[128];
};

/* Bytes of arena with which every body within the limits decodes, for models of up to 64 features of either kind and
 * 512 actions. (Larger ones share what the body's JSON leaves; a request that does not fit is refused as too large.) */
size_t rk_request_arena_bytes(const struct rk_request_limits *limits);

/* Decodes the body. True: *request is complete. False: *ret_refusal says why; of *request, only request_id and version
 * are meant. */
bool rk_request_decode(const struct rk_request_source *source, struct rk_arena *arena, struct rk_request *request,
		       struct rk_request_refusal *ret_refusal);

/* Whether it is 1–64 of [A-Za-z0-9._-]. */
bool rk_request_id_fits(struct rk_bytes id);

#endif
