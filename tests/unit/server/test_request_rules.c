/* Every rule of a request has a body that breaks it: what the answer is, and where it points. */
#include "tests/unit/server/support.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct refused {
	const char *body;
	enum rk_problem problem;
	const char *pointer; /* of the first fault; NULL: there are none */
};

#define KNOWN "648713160"
#define INVALID RK_PROBLEM_INVALID_REQUEST
#define TOO_LARGE RK_PROBLEM_TOO_LARGE
#define WITH(members) "{\"candidates\":[1]," members "}"
#define EVENT(members) WITH("\"history\":[{\"item\":1," members "}]")
#define CANDIDATE(element) "{\"candidates\":[1," element "]}"
#define FEATURES(members) CANDIDATE("{\"item\":1,\"features\":{" members "}}")
#define WEIGHTS(members) WITH("\"reward\":{\"weights\":{" members "}}")
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN

static const struct refused cases[] = {
	/* the whole */
	{"[]", INVALID, ""},
	{"\"text\"", INVALID, ""},
	{"5", INVALID, ""},
	{"null", INVALID, ""},
	{"true", INVALID, ""},
	{"{}", INVALID, "/candidates"},
	{"{\"candidates\":null}", INVALID, "/candidates"},
	{WITH("\"candidate\":[1]"), INVALID, "/candidate"},
	{WITH("\"candidate\":null"), INVALID, "/candidate"},
	{WITH("\"\":1"), INVALID, "/"},
	{WITH("\"a~b/c\":1"), INVALID, "/a~0b~1c"},
	/* candidates */
	{"{\"candidates\":{}}", INVALID, "/candidates"},
	{"{\"candidates\":5}", INVALID, "/candidates"},
	{"{\"candidates\":[]}", INVALID, "/candidates"},
	{"{\"candidates\":[1,2,3,4,5,6,7,8,9]}", TOO_LARGE, NULL},
	{"{\"candidates\":[1,2,3,4,5,6,7,8,{}],\"unknown\":1}", TOO_LARGE, NULL},
	{CANDIDATE("null"), INVALID, "/candidates/1"},
	{CANDIDATE("true"), INVALID, "/candidates/1"},
	{CANDIDATE("[]"), INVALID, "/candidates/1"},
	{CANDIDATE("12.0"), INVALID, "/candidates/1"},
	{CANDIDATE("1e2"), INVALID, "/candidates/1"},
	{CANDIDATE("\"\""), INVALID, "/candidates/1"},
	{CANDIDATE("\"" FIFTY FIFTY FIFTY FIFTY FIFTY "123456\""), INVALID, "/candidates/1"},
	{CANDIDATE("{}"), INVALID, "/candidates/1/item"},
	{CANDIDATE("{\"item\":null}"), INVALID, "/candidates/1/item"},
	{CANDIDATE("{\"item\":12.0}"), INVALID, "/candidates/1/item"},
	{CANDIDATE("{\"item\":[1]}"), INVALID, "/candidates/1/item"},
	{CANDIDATE("{\"item\":1,\"id\":2}"), INVALID, "/candidates/1/id"},
	{CANDIDATE("{\"item\":1,\"features\":[]}"), INVALID, "/candidates/1/features"},
	{CANDIDATE("{\"item\":1,\"features\":3}"), INVALID, "/candidates/1/features"},
	/* features */
	{FEATURES("\"age_hours\":\"3\""), INVALID, "/candidates/1/features/age_hours"},
	{FEATURES("\"age_hours\":true"), INVALID, "/candidates/1/features/age_hours"},
	{FEATURES("\"age_hours\":[1]"), INVALID, "/candidates/1/features/age_hours"},
	{FEATURES("\"age_hours\":-1"), INVALID, "/candidates/1/features/age_hours"},
	{FEATURES("\"age_hours\":-1.5"), INVALID, "/candidates/1/features/age_hours"},
	{FEATURES("\"age_hours\":1e39"), INVALID, "/candidates/1/features/age_hours"},
	{FEATURES("\"age_hours\":3.4028236e38"), INVALID, "/candidates/1/features/age_hours"},
	{FEATURES("\"channel\":1.5"), INVALID, "/candidates/1/features/channel"},
	{FEATURES("\"channel\":false"), INVALID, "/candidates/1/features/channel"},
	{FEATURES("\"channel\":{}"), INVALID, "/candidates/1/features/channel"},
	/* history */
	{WITH("\"history\":{}"), INVALID, "/history"},
	{WITH("\"history\":\"x\""), INVALID, "/history"},
	{WITH("\"history\":[1]"), INVALID, "/history/0"},
	{WITH("\"history\":[null]"), INVALID, "/history/0"},
	{WITH("\"history\":[{}]"), INVALID, "/history/0/item"},
	{WITH("\"history\":[{\"item\":null}]"), INVALID, "/history/0/item"},
	{WITH("\"history\":[{\"item\":1},{\"item\":1.5}]"), INVALID, "/history/1/item"},
	{WITH("\"history\":[{\"item\":1},{\"item\":1},{\"item\":1},{\"item\":1},{\"item\":1}]"), TOO_LARGE, NULL},
	{EVENT("\"actions\":\"click\""), INVALID, "/history/0/actions"},
	{EVENT("\"action\":1"), INVALID, "/history/0/action"},
	{EVENT("\"action\":{}"), INVALID, "/history/0/action"},
	{EVENT("\"action\":[\"click\",1]"), INVALID, "/history/0/action/1"},
	{EVENT("\"action\":[null]"), INVALID, "/history/0/action/0"},
	{EVENT("\"action\":[[\"click\"]]"), INVALID, "/history/0/action/0"},
	{EVENT("\"watch_ms\":-1"), INVALID, "/history/0/watch_ms"},
	{EVENT("\"watch_ms\":\"1\""), INVALID, "/history/0/watch_ms"},
	{EVENT("\"watch_ms\":1e39"), INVALID, "/history/0/watch_ms"},
	{EVENT("\"duration_ms\":-0.001"), INVALID, "/history/0/duration_ms"},
	{EVENT("\"duration_ms\":false"), INVALID, "/history/0/duration_ms"},
	{EVENT("\"timestamp\":-5"), INVALID, "/history/0/timestamp"},
	{EVENT("\"timestamp\":\"now\""), INVALID, "/history/0/timestamp"},
	/* user */
	{WITH("\"user\":\"u1\""), INVALID, "/user"},
	{WITH("\"user\":{\"name\":\"x\"}"), INVALID, "/user/name"},
	{WITH("\"user\":{\"id\":1.5}"), INVALID, "/user/id"},
	{WITH("\"user\":{\"id\":\"\"}"), INVALID, "/user/id"},
	{WITH("\"user\":{\"features\":[]}"), INVALID, "/user/features"},
	{WITH("\"user\":{\"features\":{\"hour\":21.5}}"), INVALID, "/user/features/hour"},
	{WITH("\"user\":{\"features\":{\"age_days\":\"x\"}}"), INVALID, "/user/features/age_days"},
	{WITH("\"user\":{\"features\":{\"age_days\":-1}}"), INVALID, "/user/features/age_days"},
	/* the small ones */
	{WITH("\"top_k\":0"), INVALID, "/top_k"},
	{WITH("\"top_k\":-3"), INVALID, "/top_k"},
	{WITH("\"top_k\":2.0"), INVALID, "/top_k"},
	{WITH("\"top_k\":\"2\""), INVALID, "/top_k"},
	{WITH("\"explain\":1"), INVALID, "/explain"},
	{WITH("\"explain\":\"true\""), INVALID, "/explain"},
	{WITH("\"budget_ms\":0"), INVALID, "/budget_ms"},
	{WITH("\"budget_ms\":-1.5"), INVALID, "/budget_ms"},
	{WITH("\"budget_ms\":\"30\""), INVALID, "/budget_ms"},
	{WITH("\"budget_ms\":1e39"), INVALID, "/budget_ms"},
	{WITH("\"on_deadline\":\"stop\""), INVALID, "/on_deadline"},
	{WITH("\"on_deadline\":\"\""), INVALID, "/on_deadline"},
	{WITH("\"on_deadline\":1"), INVALID, "/on_deadline"},
	{WITH("\"context\":[]"), INVALID, "/context"},
	{WITH("\"context\":\"x\""), INVALID, "/context"},
	{WITH("\"request_id\":\"\""), INVALID, "/request_id"},
	{WITH("\"request_id\":\"a b\""), INVALID, "/request_id"},
	{WITH("\"request_id\":\"" FIFTY TEN "12345\""), INVALID, "/request_id"},
	{WITH("\"request_id\":7"), INVALID, "/request_id"},
	{WITH("\"model\":7"), INVALID, "/model"},
	{WITH("\"model\":\"\""), INVALID, "/model"},
	{WITH("\"model\":\"other\""), RK_PROBLEM_UNKNOWN_MODEL, NULL},
	{WITH("\"model\":\"other\",\"unknown\":1"), RK_PROBLEM_UNKNOWN_MODEL, NULL},
	/* reward */
	{WITH("\"reward\":5"), INVALID, "/reward"},
	{WITH("\"reward\":{\"weight\":{}}"), INVALID, "/reward/weight"},
	{WITH("\"reward\":{\"weights\":[]}"), INVALID, "/reward/weights"},
	{WEIGHTS("\"lik\":1"), INVALID, "/reward/weights/lik"},
	{WEIGHTS("\"lik\":null"), INVALID, "/reward/weights/lik"},
	{WEIGHTS("\"like\":\"1\""), INVALID, "/reward/weights/like"},
	{WEIGHTS("\"like\":1000000.5"), INVALID, "/reward/weights/like"},
	{WEIGHTS("\"like\":-1e7"), INVALID, "/reward/weights/like"},
	{WEIGHTS("\"like\":1e39"), INVALID, "/reward/weights/like"},
};

static const char *const accepted[] = {
	"{\"candidates\":[1]}",
	"{\"candidates\":[1,2,3,4,5,6,7,8]}",
	" \t\r\n{ \"candidates\" : [ 1 , \"1\" ] } ",
	CANDIDATE("9223372036854775807,-9223372036854775808,-0"),
	CANDIDATE("\"" FIFTY FIFTY FIFTY FIFTY FIFTY "12345\""),
	CANDIDATE("{\"features\":null,\"item\":\"x\"}"),
	FEATURES("\"age_hours\":-0.999"),
	FEATURES("\"age_hours\":0"),
	FEATURES("\"age_hours\":3.4028235e38"),
	FEATURES("\"age_hours\":1e-300"),
	FEATURES("\"age_hours\":null,\"channel\":null"),
	FEATURES("\"channel\":\"nowhere\""),
	FEATURES("\"channel\":7"),
	FEATURES("\"not_there\":[true,{\"a\":1e300}]"),
	EVENT("\"action\":[]"),
	EVENT("\"action\":null,\"watch_ms\":null,\"duration_ms\":null,\"timestamp\":null"),
	EVENT("\"watch_ms\":0,\"duration_ms\":0.0,\"timestamp\":1e18"),
	WITH("\"history\":[]"),
	WITH("\"history\":null,\"user\":null,\"top_k\":null,\"reward\":null,\"explain\":null,\"budget_ms\":null"),
	WITH("\"request_id\":null,\"model\":null,\"on_deadline\":null,\"context\":null"),
	WITH("\"user\":{\"id\":null,\"features\":null}"),
	WITH("\"user\":{\"id\":-5,\"features\":{}}"),
	WITH("\"top_k\":9223372036854775807"),
	WITH("\"explain\":false,\"budget_ms\":0.001,\"on_deadline\":\"fail\""),
	WITH("\"context\":{\"candidates\":[1.5,null],\"NaN\":{}}"),
	WITH("\"request_id\":\"a.B_9-" FIFTY "01234567\""),
	WITH("\"model\":\"sasrec_mlp\""),
	WITH("\"reward\":{}"),
	WITH("\"reward\":{\"weights\":null}"),
	WEIGHTS(""),
	WEIGHTS("\"like\":1000000,\"hate\":-1e6,\"click\":null"),
};

static void decode_text(struct test_decoding *decoding, struct rk_version *version, const char *body)
{
	test_decode(decoding, version, test_body(body, strlen(body)), "", &test_limits,
		    rk_request_arena_bytes(&test_limits));
}

Test(request_rules, a_body_that_breaks_one_is_refused_and_pointed_at)
{
	struct rk_version *version = test_version("sasrec_mlp", &test_limits);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_decoding decoding;
		decode_text(&decoding, version, cases[i].body);
		const struct rk_faults *faults = &decoding.refusal.faults;
		cr_assert_not(decoding.decoded, "%s", cases[i].body);
		cr_assert_eq(decoding.refusal.problem, cases[i].problem, "%s", cases[i].body);
		cr_assert_eq(decoding.refusal.offset, -1);
		cr_assert_eq(faults->n, cases[i].pointer == NULL ? 0 : 1, "%s", cases[i].body);
		if (cases[i].pointer != NULL)
			cr_assert_str_eq(faults->faults[0].pointer, cases[i].pointer, "%s", cases[i].body);
	}
}

Test(request_rules, a_body_that_keeps_them_is_taken)
{
	struct rk_version *version = test_version("sasrec_mlp", &test_limits);
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		struct test_decoding decoding;
		decode_text(&decoding, version, accepted[i]);
		cr_assert(decoding.decoded, "%s: %s %s", accepted[i], decoding.refusal.faults.faults[0].pointer,
			  decoding.refusal.faults.faults[0].message);
		cr_assert_eq(decoding.request.version, version);
	}
}

Test(request_rules, weights_of_an_odds_reward_cannot_be_overridden)
{
	struct rk_version *version = test_version("odds_reward", &test_limits);
	struct test_decoding decoding;
	decode_text(&decoding, version, WEIGHTS("\"click\":1"));
	cr_assert_eq(decoding.refusal.problem, RK_PROBLEM_INVALID_REQUEST);
	cr_assert_str_eq(decoding.refusal.faults.faults[0].pointer, "/reward/weights/click");
	decode_text(&decoding, version, WEIGHTS(""));
	cr_assert(decoding.decoded);
}

Test(request_rules, an_unknown_signal_is_told_the_known_ones)
{
	struct rk_version *version = test_version("sasrec_mlp", &test_limits);
	struct test_decoding decoding;
	decode_text(&decoding, version, WEIGHTS("\"lik\":1"));
	cr_assert_str_eq(decoding.refusal.faults.faults[0].message,
			 "unknown signal; the model has click, long_view, like, follow, forward, hate");
}

Test(request_rules, every_fault_is_listed_in_the_bodys_order_up_to_sixteen)
{
	struct rk_version *version = test_version("sasrec_mlp", &test_limits);
	struct test_decoding decoding;
	decode_text(&decoding, version, "{\"x\":1,\"candidates\":[1.5,{}],\"history\":[3],\"top_k\":0}");
	static const char *const pointers[] = {"/x", "/candidates/0", "/candidates/1/item", "/history/0", "/top_k"};
	cr_assert_eq(decoding.refusal.faults.n, 5);
	for (size_t i = 0; i < 5; i++)
		cr_assert_str_eq(decoding.refusal.faults.faults[i].pointer, pointers[i]);
	decode_text(&decoding, version,
		    "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,"
		    "\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1,\"r\":1}");
	cr_assert_eq(decoding.refusal.faults.n, RK_MAX_FAULTS);
	cr_assert_str_eq(decoding.refusal.faults.faults[15].pointer, "/p");
}

Test(request_rules, nothing_of_the_body_but_keys_is_echoed)
{
	struct rk_version *version = test_version("sasrec_mlp", &test_limits);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_decoding decoding;
		char body[2048];
		(void)snprintf(body, sizeof(body), "%s", cases[i].body);
		decode_text(&decoding, version, body);
		for (uint32_t k = 0; k < decoding.refusal.faults.n; k++)
			cr_assert_null(strstr(decoding.refusal.faults.faults[k].message, "0123456789"));
	}
	struct test_decoding decoding;
	decode_text(&decoding, version, WITH("\"on_deadline\":\"secret\",\"model\":\"secret\""));
	cr_assert_null(strstr(decoding.refusal.detail, "secret"));
}

Test(request_rules, a_long_pointer_is_cut_between_characters)
{
	struct rk_version *version = test_version("sasrec_mlp", &test_limits);
	for (size_t pad = 0; pad < 8; pad++) {
		char body[1024];
		struct test_decoding decoding;
		size_t n = (size_t)snprintf(body, sizeof(body), "{\"%.*s", (int)pad, "abcdefgh");
		for (int i = 0; i < 40; i++)
			n += (size_t)snprintf(body + n, sizeof(body) - n, "~\xe8\xa7\x86");
		(void)snprintf(body + n, sizeof(body) - n, "\":1}");
		decode_text(&decoding, version, body);
		const char *pointer = decoding.refusal.faults.faults[0].pointer;
		size_t size = strlen(pointer), pair = strlen("~0\xe8\xa7\x86");
		cr_assert_gt(size, 85);
		cr_assert_lt(size, sizeof(decoding.refusal.faults.faults[0].pointer));
		size_t rest = (size - 1 - pad) % pair;
		cr_assert(rest == 0 || rest == 2, "%s", pointer);
	}
}

Test(request_rules, path_and_body_must_name_the_same_model)
{
	struct rk_version *version = test_version("sasrec_mlp", &test_limits);
	struct test_decoding decoding;
	static const char differs[] = WITH("\"model\":\"other\""), agrees[] = WITH("\"model\":\"sasrec_mlp\"");
	size_t bytes = rk_request_arena_bytes(&test_limits);
	test_decode(&decoding, version, rk_bytes_of(differs), "sasrec_mlp", &test_limits, bytes);
	cr_assert_eq(decoding.refusal.problem, RK_PROBLEM_INVALID_REQUEST);
	cr_assert_str_eq(decoding.refusal.faults.faults[0].pointer, "/model");
	cr_assert_eq(decoding.n_acquired, 0);
	test_decode(&decoding, version, rk_bytes_of(agrees), "sasrec_mlp", &test_limits, bytes);
	cr_assert(decoding.decoded);
	test_decode(&decoding, version, rk_bytes_of("{\"candidates\":[1]}"), "other", &test_limits, bytes);
	cr_assert_eq(decoding.refusal.problem, RK_PROBLEM_UNKNOWN_MODEL);
	cr_assert_eq(decoding.refusal.faults.n, 0);
}

Test(request_rules, a_model_without_a_version_is_not_ready)
{
	struct test_decoding decoding;
	decode_text(&decoding, NULL, "{\"candidates\":[1],\"request_id\":\"r1\"}");
	cr_assert_eq(decoding.refusal.problem, RK_PROBLEM_NOT_READY);
	cr_assert_str_eq(decoding.request.request_id, "r1", "known as soon as it is decoded");
}

Test(request_rules, a_body_over_the_limit_is_too_large)
{
	struct rk_version *version = test_version("sasrec_mlp", &test_limits);
	struct test_decoding decoding;
	static char body[16 * 1024 + 2];
	memset(body, ' ', sizeof(body) - 1);
	memcpy(body, "{\"candidates\":[1]}", 18);
	test_decode(&decoding, version, rk_bytes_of(body), "", &test_limits, rk_request_arena_bytes(&test_limits));
	cr_assert_eq(decoding.refusal.problem, RK_PROBLEM_TOO_LARGE);
	cr_assert_str_eq(decoding.refusal.detail,
			 "bytes of body (max_body_bytes): expected at most 16384, found 16385");
	body[16 * 1024] = '\0';
	test_decode(&decoding, version, rk_bytes_of(body), "", &test_limits, rk_request_arena_bytes(&test_limits));
	cr_assert(decoding.decoded);
}
