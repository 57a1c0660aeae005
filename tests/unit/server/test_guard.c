#include "server/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct header {
	const char *name, *value;
};

enum { MAX_HEADERS = 6 };

/* What a head leads to: 0 is "let through", else the status. */
struct head_case {
	const char *what;
	const char *method, *path, *version;
	struct header headers[MAX_HEADERS];
	unsigned status;
	bool must_close;
};

#define HOST                                                                                                           \
	{                                                                                                              \
		"Host", "x"                                                                                            \
	}
#define DIGITS "123456789012345678901" /* 21 of them */
#define JSON                                                                                                           \
	{                                                                                                              \
		"Content-Type", "application/json"                                                                     \
	}

static const struct head_case cases[] = {
	{"plain", "POST", "/rank", "HTTP/1.1", {HOST, JSON, {"Content-Length", "19"}}, 0, false},
	{"chunked", "POST", "/rank", "HTTP/1.1", {HOST, {"Transfer-Encoding", "Chunked"}}, 0, false},
	{"1.0 without host", "GET", "/livez", "HTTP/1.0", {{0}}, 0, false},
	{"no headers' types", "POST", "/rank", "HTTP/1.1", {HOST}, 0, false},
	{"head", "HEAD", "/readyz", "HTTP/1.1", {HOST}, 0, false},
	{"options", "OPTIONS", "/rank", "HTTP/1.1", {HOST}, 0, false},
	{"options takes any type", "OPTIONS", "/rank", "HTTP/1.1", {HOST, {"Content-Type", "text/plain"}}, 0, false},
	/* two readings of where the request ends */
	{"both lengths",
	 "POST",
	 "/rank",
	 "HTTP/1.1",
	 {HOST, {"Content-Length", "19"}, {"Transfer-Encoding", "chunked"}},
	 400,
	 true},
	{"both, turned",
	 "POST",
	 "/rank",
	 "HTTP/1.1",
	 {HOST, {"Transfer-Encoding", "chunked"}, {"Content-Length", "19"}},
	 400,
	 true},
	{"two lengths",
	 "POST",
	 "/rank",
	 "HTTP/1.1",
	 {HOST, {"Content-Length", "1"}, {"content-length", "2"}},
	 400,
	 true},
	{"two equal lengths",
	 "POST",
	 "/rank",
	 "HTTP/1.1",
	 {HOST, {"Content-Length", "1"}, {"Content-Length", "1"}},
	 400,
	 true},
	{"space in the name", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Length ", "19"}}, 400, true},
	{"tab in the name", "POST", "/rank", "HTTP/1.1", {HOST, {"Transfer-Encoding\t", "chunked"}}, 400, true},
	{"folded length", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Length5", ""}}, 400, true},
	{"xchunked", "POST", "/rank", "HTTP/1.1", {HOST, {"Transfer-Encoding", "xchunked"}}, 400, true},
	{"coding with a blank", "POST", "/rank", "HTTP/1.1", {HOST, {"Transfer-Encoding", "chunked "}}, 400, true},
	{"list of codings", "POST", "/rank", "HTTP/1.1", {HOST, {"Transfer-Encoding", "gzip, chunked"}}, 400, true},
	{"identity", "POST", "/rank", "HTTP/1.1", {HOST, {"Transfer-Encoding", "identity"}}, 400, true},
	{"empty coding", "POST", "/rank", "HTTP/1.1", {HOST, {"Transfer-Encoding", ""}}, 400, true},
	{"two codings",
	 "POST",
	 "/rank",
	 "HTTP/1.1",
	 {HOST, {"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
	 400,
	 true},
	{"coding in 1.0", "POST", "/rank", "HTTP/1.0", {{"Transfer-Encoding", "chunked"}}, 400, true},
	{"empty length", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Length", ""}}, 400, true},
	{"signed length", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Length", "+1"}}, 400, true},
	{"negative length", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Length", "-1"}}, 400, true},
	{"hexadecimal length", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Length", "0x1"}}, 400, true},
	{"blank after the length", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Length", "1 "}}, 400, true},
	{"list of lengths", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Length", "1, 1"}}, 400, true},
	{"length 2^64 - 1", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Length", "18446744073709551615"}}, 400, true},
	{"length 2^64", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Length", "18446744073709551616"}}, 400, true},
	{"length of 40 digits",
	 "POST",
	 "/rank",
	 "HTTP/1.1",
	 {HOST, {"Content-Length", "1000000000000000000000000000000000000000"}},
	 400,
	 true},
	{"two hosts", "GET", "/livez", "HTTP/1.1", {HOST, HOST}, 400, true},
	{"no host", "GET", "/livez", "HTTP/1.1", {{"Accept", "*/*"}}, 400, true},
	{"blank in a name", "GET", "/livez", "HTTP/1.1", {HOST, {"X y", "1"}}, 400, true},
	{"control character", "GET", "/livez", "HTTP/1.1", {HOST, {"X-Y", "a\rb"}}, 400, true},
	{"1.9", "GET", "/livez", "HTTP/1.9", {HOST}, 505, true},
	{"malformed beats unknown path", "GET", "/nope", "HTTP/1.1", {HOST, HOST}, 400, true},
	/* path, method */
	{"path", "GET", "/nope", "HTTP/1.1", {HOST}, 404, false},
	{"path beats method", "BREW", "/nope", "HTTP/1.1", {HOST}, 404, false},
	{"method", "GET", "/rank", "HTTP/1.1", {HOST}, 405, false},
	{"head of a post", "HEAD", "/rank", "HTTP/1.1", {HOST}, 405, false},
	{"lower-case method", "get", "/livez", "HTTP/1.1", {HOST}, 405, false},
	{"trace", "TRACE", "/livez", "HTTP/1.1", {HOST}, 405, false},
	{"binary method", "\x01\x02", "/livez", "HTTP/1.1", {HOST}, 405, false},
	{"method beats type", "PUT", "/rank", "HTTP/1.1", {HOST, {"Content-Type", "text/plain"}}, 405, false},
	/* media */
	{"parameters",
	 "POST",
	 "/rank",
	 "HTTP/1.1",
	 {HOST, {"Content-Type", "Application/JSON ; charset=utf-8"}},
	 0,
	 false},
	{"suffix", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Type", "application/vnd.x+json"}}, 0, false},
	{"suffix alone", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Type", "application/+json"}}, 415, false},
	{"jsonp", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Type", "application/jsonp"}}, 415, false},
	{"text", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Type", "text/plain"}}, 415, false},
	{"empty type", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Type", ""}}, 415, false},
	{"second type", "POST", "/rank", "HTTP/1.1", {HOST, JSON, {"Content-Type", "text/plain"}}, 415, false},
	{"gzip", "POST", "/rank", "HTTP/1.1", {HOST, JSON, {"Content-Encoding", "gzip"}}, 415, false},
	{"identity coding", "POST", "/rank", "HTTP/1.1", {HOST, JSON, {"Content-Encoding", "Identity"}}, 0, false},
	/* size */
	{"largest body", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Length", "1000"}}, 0, false},
	{"too large", "POST", "/rank", "HTTP/1.1", {HOST, {"Content-Length", "1001"}}, 413, true},
	{"large where nothing is there", "POST", "/nope", "HTTP/1.1", {HOST, {"Content-Length", "999999"}}, 404, true},
	/* budgets */
	{"budget", "POST", "/rank", "HTTP/1.1", {HOST, {"x-rank-budget-ms", "12.5"}}, 0, false},
	{"every digit of a double",
	 "POST",
	 "/rank",
	 "HTTP/1.1",
	 {HOST, {"X-Rank-Budget-Ms", "0.10000000000000009"}},
	 0,
	 false},
	{"64 digits", "POST", "/rank", "HTTP/1.1", {HOST, {"X-Rank-Budget-Ms", DIGITS DIGITS DIGITS "1"}}, 0, false},
	{"65 digits", "POST", "/rank", "HTTP/1.1", {HOST, {"X-Rank-Budget-Ms", DIGITS DIGITS DIGITS "12"}}, 422, false},
	{"no budget", "POST", "/rank", "HTTP/1.1", {HOST, {"X-Rank-Budget-Ms", "0"}}, 422, false},
	{"zero with a point", "POST", "/rank", "HTTP/1.1", {HOST, {"X-Rank-Budget-Ms", "0.000"}}, 422, false},
	{"negative budget", "POST", "/rank", "HTTP/1.1", {HOST, {"X-Rank-Budget-Ms", "-1"}}, 422, false},
	{"word", "POST", "/rank", "HTTP/1.1", {HOST, {"X-Rank-Budget-Ms", "nan"}}, 422, false},
	{"exponent", "POST", "/rank", "HTTP/1.1", {HOST, {"X-Rank-Budget-Ms", "1e3"}}, 422, false},
	{"two points", "POST", "/rank", "HTTP/1.1", {HOST, {"X-Rank-Budget-Ms", "1.2.3"}}, 422, false},
	{"point alone", "POST", "/rank", "HTTP/1.1", {HOST, {"X-Rank-Budget-Ms", "."}}, 422, false},
	{"empty budget", "POST", "/rank", "HTTP/1.1", {HOST, {"X-Rank-Budget-Ms", ""}}, 422, false},
	{"proxy's budget", "POST", "/rank", "HTTP/1.1", {HOST, {"x-envoy-expected-rq-timeout-ms", "x"}}, 422, false},
	{"budget elsewhere", "GET", "/livez", "HTTP/1.1", {HOST, {"X-Rank-Budget-Ms", "x"}}, 0, false},
};

static bool guard_head(struct rk_guard *guard, const struct head_case *head)
{
	static const struct rk_guard_limits limits = {.max_body_bytes = 1000, .too_large = "at most 1000"};
	rk_guard_begin(guard, RK_LISTENER_DATA, &limits, head->method, rk_bytes_of(head->path), head->version);
	for (int i = 0; i < MAX_HEADERS && head->headers[i].name != NULL; i++)
		rk_guard_header(guard, rk_bytes_of(head->headers[i].name), rk_bytes_of(head->headers[i].value));
	return rk_guard_end(guard);
}

Test(guard, decides_every_case_of_the_table)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rk_guard guard;
		bool passed = guard_head(&guard, &cases[i]);
		cr_assert_eq(passed, cases[i].status == 0, "%s", cases[i].what);
		if (passed)
			continue;
		cr_assert_eq(guard.refusal.status, cases[i].status, "%s: %u", cases[i].what, guard.refusal.status);
		cr_assert_eq(guard.refusal.must_close, cases[i].must_close, "%s", cases[i].what);
		cr_assert_not_null(guard.refusal.detail, "%s", cases[i].what);
		cr_assert_eq(guard.refusal.header != NULL, cases[i].status == 422, "%s", cases[i].what);
	}
}

Test(guard, takes_the_smallest_budget)
{
	static const struct head_case head = {.method = "POST",
					      .path = "/rank",
					      .version = "HTTP/1.1",
					      .headers = {HOST,
							  {"X-Rank-Budget-Ms", "30"},
							  {"x-envoy-expected-rq-timeout-ms", "12.25"},
							  {"X-Rank-Budget-Ms", "13"}}};
	struct rk_guard guard;
	cr_assert(guard_head(&guard, &head));
	cr_assert_float_eq(guard.head.budget_ms, 12.25, 1e-12);
}

Test(guard, names_the_budget_header_at_fault)
{
	static const struct head_case head = {
		.method = "POST", .path = "/rank", .version = "HTTP/1.1", .headers = {HOST, {"X-RANK-BUDGET-MS", "x"}}};
	struct rk_guard guard;
	cr_assert_not(guard_head(&guard, &head));
	cr_assert_eq(guard.refusal.problem, RK_PROBLEM_INVALID_REQUEST);
	cr_assert_str_eq(guard.refusal.header, "X-Rank-Budget-Ms");
}

Test(guard, tells_what_it_knows_of_a_good_head)
{
	static const struct head_case head = {.method = "POST",
					      .path = "/v1/rank/kuairand",
					      .version = "HTTP/1.1",
					      .headers = {HOST,
							  JSON,
							  {"Content-Length", "17"},
							  {"X-Request-Id", " a.B_9- "},
							  {"Authorization", "Bearer x \t"},
							  {"Expect", "100-Continue"}}};
	struct rk_guard guard;
	cr_assert(guard_head(&guard, &head));
	cr_assert_eq(guard.head.route, RK_ROUTE_RANK);
	cr_assert_eq(guard.head.method, RK_METHOD_POST);
	cr_assert(rk_bytes_equal(guard.head.segment, rk_bytes_of("kuairand")));
	cr_assert(rk_bytes_equal(guard.head.request_id, rk_bytes_of("a.B_9-")));
	cr_assert(rk_bytes_equal(guard.head.authorization, rk_bytes_of("Bearer x")));
	cr_assert_eq(guard.head.content_length, 17);
	cr_assert(guard.head.expects_continue);
	cr_assert_not(guard.head.chunked || guard.head.bad_request_id);
	cr_assert_eq(guard.head.budget_ms, 0);
}

Test(guard, marks_a_bad_request_id)
{
	static const char *const bad[] = {"", "a b", "a;b", "\xc3\xa4",
					  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct head_case head = {.method = "POST", .path = "/rank", .version = "HTTP/1.1", .headers = {HOST}};
		head.headers[1] = (struct header){"X-Request-Id", bad[i]};
		struct rk_guard guard;
		cr_assert(guard_head(&guard, &head), "a bad id refuses nothing");
		cr_assert(guard.head.bad_request_id, "%s", bad[i]);
		cr_assert_eq(guard.head.request_id.size, 0);
	}
}

Test(guard, small_bodies_elsewhere)
{
	struct head_case head = {.method = "POST",
				 .path = "/v1/models/m/reload",
				 .version = "HTTP/1.1",
				 .headers = {HOST, {"Content-Length", "16384"}}};
	static const struct rk_guard_limits limits = {.max_body_bytes = 1 << 22};
	for (int over = 0; over < 2; over++) {
		struct rk_guard guard;
		rk_guard_begin(&guard, RK_LISTENER_ADMIN, &limits, head.method, rk_bytes_of(head.path), head.version);
		rk_guard_header(&guard, rk_bytes_of("Host"), rk_bytes_of("x"));
		rk_guard_header(&guard, rk_bytes_of("Content-Length"), rk_bytes_of(over ? "16385" : "16384"));
		cr_assert_eq(rk_guard_end(&guard), !over);
	}
}
