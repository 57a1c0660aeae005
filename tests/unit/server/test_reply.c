/* The reply to the byte, and the proof of its bound: bodies and results that take as much as they can. */
#include "server/reply.h"
#include "tests/unit/server/json_kept.h"
#include "tests/unit/server/support.h"

#include <criterion/criterion.h>
#include <float.h>
#include <stdio.h>

enum { MAX_PLACES = 16, MAX_SIGNALS = 8 };

/* What a ranking would give, to be filled by hand. */
static struct {
	uint32_t order[MAX_PLACES];
	float scores[MAX_PLACES];
	uint8_t states[MAX_PLACES];
	float signals[MAX_PLACES * MAX_SIGNALS], terms[MAX_PLACES * MAX_SIGNALS];
	uint8_t has_term[MAX_SIGNALS];
	uint32_t n_scored, n_unreached;
} answer;

static struct rk_rank_result result_of(const struct test_decoding *decoding)
{
	const struct rk_config *config = &decoding->version->model.config;
	cr_assert_leq(decoding->request.input.n_candidates, MAX_PLACES);
	cr_assert_leq(config->signals.n, MAX_SIGNALS);
	return (struct rk_rank_result){.n_candidates = decoding->request.input.n_candidates,
				       .n_signals = config->signals.n,
				       .order = answer.order,
				       .scores = answer.scores,
				       .states = answer.states,
				       .signals = answer.signals,
				       .terms = answer.terms,
				       .has_term = answer.has_term,
				       .n_scored = answer.n_scored,
				       .n_unreached = answer.n_unreached,
				       .n_used_events = 2};
}

static struct test_decoding decode_body(struct rk_version *version, const char *body,
					const struct rk_request_limits *limits)
{
	struct test_decoding decoding;
	test_decode(&decoding, version, test_body(body, strlen(body)), "", limits,
		    rk_request_arena_bytes(limits) + rk_reply_arena_bytes(&version->model.config));
	cr_assert(decoding.decoded, "%s %s", decoding.refusal.detail, decoding.refusal.faults.faults[0].pointer);
	for (uint32_t i = 0; i < decoding.request.input.n_candidates; i++)
		answer.order[i] = i;
	return decoding;
}

/* The reply in a buffer that ends at a guard page. */
static enum rk_status write_reply(struct test_decoding *decoding, size_t size, struct rk_bytes *ret_reply)
{
	struct rk_rank_result result = result_of(decoding);
	struct rk_reply_source source = {
		.request = &decoding->request, .result = &result, .request_id = decoding->request.request_id};
	size_t mark = rk_arena_mark(&decoding->arena);
	static char zeros[1 << 16];
	cr_assert_leq(size, sizeof(zeros));
	struct rk_bytes room = test_body(zeros, size);
	size_t used = 0;
	enum rk_status status = rk_reply_write(&source, &decoding->arena, (char *)(uintptr_t)room.data, size, &used);
	rk_arena_rewind(&decoding->arena, mark);
	*ret_reply = (struct rk_bytes){room.data, used};
	return status;
}

static void assert_reply(struct test_decoding *decoding, const char *expected)
{
	struct rk_bytes reply;
	cr_assert_eq(write_reply(decoding, 1 << 16, &reply), RK_OK);
	cr_assert(rk_bytes_equal(reply, rk_bytes_of(expected)), "%.*s", (int)reply.size, reply.data);
}

Test(reply, the_documented_form)
{
	struct rk_version *version = test_version("odds_reward", &test_limits);
	struct test_decoding decoding =
		decode_body(version,
			    "{\"request_id\":\"f3a9\",\"candidates\":[\"vid-94eb8\",5239,\"6831\"],\"explain\":true,"
			    "\"history\":[{\"item\":\"vid-94eb8\",\"action\":[\"click\",\"nope\"]},{\"item\":1}]}",
			    &test_limits);
	answer.order[0] = 0, answer.order[1] = 2, answer.order[2] = 1;
	answer.scores[0] = 0.72f;
	answer.states[0] = RK_SCORED, answer.states[1] = RK_UNSCORED, answer.states[2] = RK_NONFINITE;
	answer.signals[0] = 0.62f, answer.signals[1] = 0.04f;
	answer.terms[1] = 0.72f;
	answer.has_term[1] = 1;
	assert_reply(&decoding,
		     "{\"request_id\":\"f3a9\",\"model\":{\"name\":\"odds_reward\",\"version\":1},\"items\":["
		     "{\"item\":\"vid-94eb8\",\"score\":0.72,\"signals\":{\"click\":0.62,\"combined\":0.04},"
		     "\"terms\":{\"combined\":0.72}},"
		     "{\"item\":\"6831\",\"score\":null,\"unknown\":true,\"error\":\"nonfinite\"},"
		     "{\"item\":5239,\"score\":null,\"unknown\":true}],"
		     "\"history\":{\"used\":2,\"unknown_items\":1,\"unknown_actions\":1},\"degraded\":null}");
}

Test(reply, what_the_time_did_not_suffice_for)
{
	struct rk_version *version = test_version("odds_reward", &test_limits);
	struct test_decoding decoding = decode_body(
		version, "{\"request_id\":\"r\",\"candidates\":[\"vid-94eb8\",7,8],\"explain\":true}", &test_limits);
	answer.states[0] = answer.states[1] = RK_UNREACHED;
	answer.states[2] = RK_UNSCORED;
	answer.n_scored = 0, answer.n_unreached = 2;
	assert_reply(&decoding, "{\"request_id\":\"r\",\"model\":{\"name\":\"odds_reward\",\"version\":1},\"items\":["
				"{\"item\":\"vid-94eb8\",\"score\":null},{\"item\":7,\"score\":null,\"unknown\":true},"
				"{\"item\":8,\"score\":null,\"unknown\":true}],"
				"\"history\":{\"used\":2,\"unknown_items\":0,\"unknown_actions\":0},"
				"\"degraded\":{\"reason\":\"deadline\",\"scored\":0,\"unscored\":2}}");
}

Test(reply, without_explain_and_with_top_k)
{
	struct rk_version *version = test_version("odds_reward", &test_limits);
	struct test_decoding decoding =
		decode_body(version, "{\"request_id\":\"r\",\"candidates\":[7,8,9],\"top_k\":2}", &test_limits);
	answer.order[0] = 2, answer.order[1] = 0, answer.order[2] = 1;
	answer.scores[2] = -0.0f, answer.scores[0] = -1e-7f;
	assert_reply(&decoding,
		     "{\"request_id\":\"r\",\"model\":{\"name\":\"odds_reward\",\"version\":1},\"items\":["
		     "{\"item\":9,\"score\":-0,\"unknown\":true},{\"item\":7,\"score\":-1e-7,\"unknown\":true}],"
		     "\"history\":{\"used\":2,\"unknown_items\":0,\"unknown_actions\":0},\"degraded\":null}");
}

Test(reply, ids_are_written_as_the_request_wrote_them)
{
	static const char *const ids[] = {
		"9223372036854775807",
		"-9223372036854775808",
		"\"12\"",
		"\"\xe8\xa7\x86\xf0\x9f\x98\x80\x7f\"",
		"\"a\\\"b\\\\c/d\"",
		"\"\\b\\f\\n\\r\\t\\u0001\\u001f\"",
	};
	struct rk_version *version = test_version("odds_reward", &test_limits);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char body[256], expected[256];
		struct rk_bytes reply;
		(void)snprintf(body, sizeof(body), "{\"candidates\":[%s]}", ids[i]);
		(void)snprintf(expected, sizeof(expected), "{\"item\":%s,", ids[i]);
		struct test_decoding decoding = decode_body(version, body, &test_limits);
		cr_assert_eq(write_reply(&decoding, 1 << 16, &reply), RK_OK);
		cr_assert_not_null(memmem(reply.data, reply.size, expected, strlen(expected)), "%.*s", (int)reply.size,
				   reply.data);
	}
}

/* Bodies of nothing but ids, each as long as its escapes make it, and a result of the longest floats. */
static struct test_decoding longest(struct rk_version *version, struct rk_request_limits *limits, const char *unit)
{
	static char body[1 << 16];
	size_t n = (size_t)snprintf(body, sizeof(body), "{\"candidates\":[");
	for (uint32_t i = 0; i < limits->max_candidates; i++) {
		n += (size_t)snprintf(body + n, sizeof(body) - n, i == 0 ? "\"" : ",\"");
		for (size_t k = 0; k < RK_MAX_ID_BYTES; k++)
			n += (size_t)snprintf(body + n, sizeof(body) - n, "%s", unit);
		n += (size_t)snprintf(body + n, sizeof(body) - n, "\"");
	}
	n += (size_t)snprintf(body + n, sizeof(body) - n, "],\"explain\":true,\"request_id\":\"%064d\"}", 0);
	cr_assert_lt(n, sizeof(body));
	limits->max_body_bytes = n;
	struct test_decoding decoding = decode_body(version, body, limits);
	for (uint32_t i = 0; i < MAX_PLACES; i++)
		answer.scores[i] = -FLT_MIN * 1.0000002f;
	for (uint32_t i = 0; i < MAX_PLACES * MAX_SIGNALS; i++)
		answer.signals[i] = answer.terms[i] = -FLT_MIN * 1.0000002f;
	memset(answer.has_term, 1, sizeof(answer.has_term));
	answer.n_scored = answer.n_unreached = UINT32_MAX;
	version->number = INT64_MAX; /* the largest that jansson reads */
	memset(version->name, '_', sizeof(version->name) - 1);
	return decoding;
}

Test(reply, the_bound_holds_at_the_extremes)
{
	static const char *const units[] = {"\\u0001", "\\n", "\\\"", "\\u0041", "a", "/"};
	struct rk_request_limits limits = {.max_candidates = MAX_PLACES, .max_events = 1, .max_body_bytes = 1 << 16};
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		struct rk_version *version = test_version("sasrec_mlp", &limits);
		struct test_decoding decoding = longest(version, &limits, units[i]);
		struct rk_bytes reply;
		size_t bound = rk_reply_bytes(&limits, &version->model.config);
		cr_assert_eq(write_reply(&decoding, bound, &reply), RK_OK, "%s", units[i]);
		cr_assert_not_null(json_kept(reply.data, reply.size));
		cr_assert_leq(reply.size, bound);
	}
}

Test(reply, a_buffer_that_is_too_small_is_never_left)
{
	struct rk_version *version = test_version("odds_reward", &test_limits);
	struct test_decoding decoding = decode_body(
		version, "{\"request_id\":\"r\",\"candidates\":[\"a\\nb\",2],\"explain\":true}", &test_limits);
	struct rk_bytes reply, whole;
	cr_assert_eq(write_reply(&decoding, 1 << 16, &whole), RK_OK);
	for (size_t size = 0; size < whole.size; size++)
		cr_assert_eq(write_reply(&decoding, size, &reply), RK_LIMIT);
	cr_assert_eq(write_reply(&decoding, whole.size, &reply), RK_OK);
	cr_assert(rk_bytes_equal(reply, whole));
}

Test(reply, an_arena_that_is_too_small_is_told)
{
	struct rk_version *version = test_version("odds_reward", &test_limits);
	struct test_decoding decoding = decode_body(version, "{\"candidates\":[1]}", &test_limits);
	struct rk_bytes reply;
	decoding.arena.size = decoding.arena.used + 8;
	cr_assert_eq(write_reply(&decoding, 1 << 16, &reply), RK_NO_MEMORY);
}
