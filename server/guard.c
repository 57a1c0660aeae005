/*
 * Order of the verdicts: malformed head (400, 505) before path (404), method (405), media type (415), size (413) and
 * budget headers (422). The first malformed thing wins, since nothing after it can be trusted.
 */
#include "server/guard.h"

#include <string.h>
#include <strings.h>

/* RFC 9110, 5.6.2 */
static bool is_token_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct rk_bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (!is_token_char((unsigned char)text.data[i]))
			return false;
	return text.size > 0;
}

static bool has_control(struct rk_bytes text)
{
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static bool equals(struct rk_bytes text, const char *word)
{
	return text.size == strlen(word) && strncasecmp(text.data, word, text.size) == 0;
}

static bool begins(struct rk_bytes text, const char *word)
{
	size_t n = strlen(word);
	return text.size >= n && strncasecmp(text.data, word, n) == 0;
}

static struct rk_bytes trim(struct rk_bytes text)
{
	while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
		text = (struct rk_bytes){text.data + 1, text.size - 1};
	while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
		text.size--;
	return text;
}

static void refuse(struct rk_guard *guard, enum rk_problem problem, const char *detail)
{
	if (guard->refused)
		return;
	guard->refused = true;
	guard->refusal =
		(struct rk_refusal){.problem = problem, .status = rk_problem_status(problem), .detail = detail};
}

void rk_guard_malformed(struct rk_guard *guard, const char *detail)
{
	refuse(guard, RK_PROBLEM_MALFORMED_HTTP, detail);
	guard->refusal.must_close = true;
}

bool rk_guard_is_request_id(struct rk_bytes id)
{
	for (size_t i = 0; i < id.size; i++) {
		unsigned char c = (unsigned char)id.data[i];
		bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
			    c == '_' || c == '-';
		if (!good)
			return false;
	}
	return id.size >= 1 && id.size <= RK_REQUEST_ID_BYTES;
}

void rk_guard_begin(struct rk_guard *guard, enum rk_listener listener, const struct rk_guard_limits *limits,
		    const char *method, struct rk_bytes path, const char *version)
{
	*guard = (struct rk_guard){0};
	guard->head.method = rk_method_of(method);
	guard->head.route = rk_route_find(listener, path, &guard->head.segment);
	guard->head.max_body_bytes =
		rk_route_ranks(guard->head.route) ? limits->max_body_bytes : (size_t)RK_SMALL_BODY_BYTES;
	guard->too_large = limits->too_large;
	guard->is_http_1_0 = strcmp(version, "HTTP/1.0") == 0;
	if (!guard->is_http_1_0 && strcmp(version, "HTTP/1.1") != 0) {
		rk_guard_malformed(guard, "only HTTP/1.0 and HTTP/1.1 are spoken here");
		guard->refusal.status = 505;
	}
}

static void take_content_length(struct rk_guard *guard, struct rk_bytes value)
{
	if (guard->n_content_length++ > 0) {
		rk_guard_malformed(guard, "more than one Content-Length");
		return;
	}
	uint64_t length = 0;
	for (size_t i = 0; i < value.size; i++) {
		if (value.data[i] < '0' || value.data[i] > '9') {
			rk_guard_malformed(guard, "Content-Length is not a decimal number");
			return;
		}
		/* the parser below takes the largest number for a body without an end */
		if (__builtin_mul_overflow(length, (uint64_t)10, &length) ||
		    __builtin_add_overflow(length, (uint64_t)(value.data[i] - '0'), &length) || length == UINT64_MAX) {
			rk_guard_malformed(guard, "Content-Length is beyond any size");
			return;
		}
	}
	if (value.size == 0)
		rk_guard_malformed(guard, "Content-Length is empty");
	guard->head.content_length = length;
}

/* Only the exact word: the parser below takes anything else for a body without an end. */
static void take_transfer_encoding(struct rk_guard *guard, struct rk_bytes value)
{
	if (guard->n_transfer_encoding++ > 0)
		rk_guard_malformed(guard, "more than one Transfer-Encoding");
	else if (guard->is_http_1_0)
		rk_guard_malformed(guard, "Transfer-Encoding in HTTP/1.0");
	else if (!equals(value, "chunked"))
		rk_guard_malformed(guard, "a Transfer-Encoding other than chunked");
	else
		guard->head.chunked = true;
}

/* application/json and application/…+json, whatever the parameters. */
static bool is_json_type(struct rk_bytes value)
{
	const char *semicolon = value.size == 0 ? NULL : memchr(value.data, ';', value.size);
	if (semicolon != NULL)
		value.size = (size_t)(semicolon - value.data);
	value = trim(value);
	if (equals(value, "application/json"))
		return true;
	static const char prefix[] = "application/", suffix[] = "+json";
	size_t n_prefix = sizeof(prefix) - 1, n_suffix = sizeof(suffix) - 1;
	if (!begins(value, prefix) || value.size <= n_prefix + n_suffix)
		return false;
	struct rk_bytes tail = {value.data + value.size - n_suffix, n_suffix};
	struct rk_bytes subtype = {value.data + n_prefix, value.size - n_prefix};
	return equals(tail, suffix) && is_token(subtype);
}

/* Plain decimals only ("30", "12.5"): no sign, exponent, hexadecimal or word can slip in, and no locale matters. */
static bool parse_budget(struct rk_bytes value, double *ret_ms)
{
	enum { MAX_CHARS = 64 }; /* all 17 digits of a double below 1 are more than 18 */
	double number = 0, scale = 1;
	size_t n_points = 0;
	if (value.size == 0 || value.size > MAX_CHARS || value.data[0] == '.' || value.data[value.size - 1] == '.')
		return false;
	for (size_t i = 0; i < value.size; i++) {
		char c = value.data[i];
		if (c == '.' && n_points++ == 0)
			continue;
		if (c < '0' || c > '9')
			return false;
		number = number * 10 + (c - '0');
		if (n_points > 0)
			scale *= 10;
	}
	*ret_ms = number / scale;
	return number > 0;
}

static void take_budget(struct rk_guard *guard, const char *name, struct rk_bytes value)
{
	double budget_ms;
	if (!parse_budget(value, &budget_ms))
		guard->bad_budget_header = name;
	else if (guard->head.budget_ms == 0 || budget_ms < guard->head.budget_ms)
		guard->head.budget_ms = budget_ms;
}

static void take_request_id(struct rk_guard *guard, struct rk_bytes value)
{
	if (rk_guard_is_request_id(value))
		guard->head.request_id = value;
	else
		guard->head.bad_request_id = true;
}

static void take_traceparent(struct rk_guard *guard, struct rk_bytes value)
{
	if (guard->n_traceparent++ > 0 || !rk_trace_read(value, &guard->head.trace))
		guard->head.trace = (struct rk_trace){0};
}

/* Headers that do not bear on where the request ends. */
static void take_other(struct rk_guard *guard, struct rk_bytes name, struct rk_bytes value)
{
	static const char budget[] = "X-Rank-Budget-Ms", proxy_budget[] = "x-envoy-expected-rq-timeout-ms";
	if (equals(name, "Content-Type"))
		guard->bad_media_type = guard->bad_media_type || !is_json_type(value);
	else if (equals(name, "Content-Encoding"))
		guard->bad_encoding = guard->bad_encoding || !equals(value, "identity");
	else if (equals(name, "X-Request-Id"))
		take_request_id(guard, value);
	else if (equals(name, "Sec-Fetch-Site"))
		guard->head.is_cross_site = !equals(value, "same-origin") && !equals(value, "none");
	else if (equals(name, "If-None-Match"))
		guard->head.if_none_match = value;
	else if (equals(name, "traceparent"))
		take_traceparent(guard, value);
	else if (equals(name, "Authorization"))
		guard->head.authorization = value;
	else if (equals(name, "Expect"))
		guard->head.expects_continue = equals(value, "100-continue");
	else if (equals(name, budget))
		take_budget(guard, budget, value);
	else if (equals(name, proxy_budget))
		take_budget(guard, proxy_budget, value);
}

void rk_guard_header(struct rk_guard *guard, struct rk_bytes name, struct rk_bytes value)
{
	if (equals(name, "Content-Length"))
		take_content_length(guard, value);
	else if (equals(name, "Transfer-Encoding"))
		take_transfer_encoding(guard, value);
	else if (begins(name, "Content-Length") || begins(name, "Transfer-Encoding"))
		rk_guard_malformed(guard, "a header's name that only resembles one of the message's length");
	else if (!is_token(name))
		rk_guard_malformed(guard, "a header's name has a character that no name may have");
	else if (has_control(value))
		rk_guard_malformed(guard, "a header's value has a control character");
	else if (!equals(name, "Host"))
		take_other(guard, name, trim(value));
	else if (guard->n_host++ > 0)
		rk_guard_malformed(guard, "more than one Host");
	else
		guard->head.host = trim(value);
}

static void check_length(struct rk_guard *guard)
{
	if (guard->n_content_length > 0 && guard->n_transfer_encoding > 0)
		rk_guard_malformed(guard, "Content-Length beside Transfer-Encoding");
	else if (!guard->is_http_1_0 && guard->n_host == 0)
		rk_guard_malformed(guard, "no Host");
}

static void check_meaning(struct rk_guard *guard)
{
	const struct rk_head *head = &guard->head;
	if (head->route == RK_ROUTE_NONE) {
		refuse(guard, RK_PROBLEM_UNKNOWN_PATH, "there is nothing at this path");
	} else if (head->method == RK_METHOD_OPTIONS) {
		return;
	} else if (!rk_route_allows(head->route, head->method)) {
		refuse(guard, RK_PROBLEM_METHOD_NOT_ALLOWED, "this path does not answer this method");
	} else if (head->method == RK_METHOD_POST && guard->bad_encoding) {
		refuse(guard, RK_PROBLEM_UNSUPPORTED_MEDIA_TYPE, "a Content-Encoding other than identity");
	} else if (head->method == RK_METHOD_POST && guard->bad_media_type) {
		refuse(guard, RK_PROBLEM_UNSUPPORTED_MEDIA_TYPE, "a Content-Type other than application/json");
	}
}

bool rk_guard_end(struct rk_guard *guard)
{
	check_length(guard);
	check_meaning(guard);
	if (guard->head.content_length > guard->head.max_body_bytes) {
		refuse(guard, RK_PROBLEM_TOO_LARGE, guard->too_large);
		guard->refusal.must_close = true; /* also beside another refusal: such a body is not read */
	}
	if (rk_route_ranks(guard->head.route) && guard->bad_budget_header != NULL) {
		refuse(guard, RK_PROBLEM_INVALID_REQUEST,
		       "expected milliseconds above 0 in plain decimals of up to 64 characters, such as 30 or 12.5");
		guard->refusal.header =
			guard->refusal.problem == RK_PROBLEM_INVALID_REQUEST ? guard->bad_budget_header : NULL;
	}
	return !guard->refused;
}
