/*
 * Answers. Those that overload, loading or draining call for are made once and shared; a problem that says more, or
 * carries a request id, is written for its request. Every answer says `Connection: close` while the server drains.
 */
#include "server/http_internal.h"

#include "model/base/check.h"
#include "server/clock.h"
#include "server/request_id.h"

#include <stdio.h>
#include <string.h>

static const char json_type[] = "application/json", problem_type[] = "application/problem+json";

static const struct {
	unsigned status;
	const char *body; /* NULL: a problem's */
} ready_answers[RK_N_READY_ANSWERS] = {
#define RK_READY_ANSWER_ENTRY(name, status, body) {status, body},
	RK_READY_ANSWER_TABLE(RK_READY_ANSWER_ENTRY)
#undef RK_READY_ANSWER_ENTRY
};

/* The ready answers that stand for a problem, with its detail. */
static const struct {
	enum rk_ready_answer answer;
	enum rk_problem problem;
	const char *detail; /* NULL: http->too_large_detail, which names the limits */
} ready_problems[] = {
	{RK_READY_SHED, RK_PROBLEM_OVERLOADED, "the server has more work than it can do in time"},
	{RK_READY_SHED_LATER, RK_PROBLEM_OVERLOADED, "the server has more work than it can do in time"},
	{RK_READY_NOT_READY, RK_PROBLEM_NOT_READY, "no model is ready yet"},
	{RK_READY_DRAINING, RK_PROBLEM_DRAINING, "the server is shutting down"},
	{RK_READY_TOO_LARGE, RK_PROBLEM_TOO_LARGE, NULL},
};

bool rk_http_add_header(struct MHD_Response *response, const char *name, const char *value)
{
	return MHD_add_response_header(response, name, value) == MHD_YES;
}

bool rk_http_add_closing(const struct rk_http *http, struct MHD_Response *response)
{
	if (rk_life_phase(&http->server->life) < RK_PHASE_CLOSING)
		return true;
	return rk_http_add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

bool rk_http_add_trace(const struct rk_connection *connection, struct MHD_Response *response)
{
	const struct rk_trace *trace = &connection->exchange.guard.head.trace;
	if (trace->trace_id[0] == '\0')
		return true;
	char text[RK_TRACEPARENT_CHARS + 1];
	rk_trace_write(trace, text);
	return rk_http_add_header(response, "traceparent", text);
}

/* The clock's low digits are as good as chance here. */
bool rk_http_is_later(uint64_t received_ns)
{
	return (received_ns / 64 % 2) != 0;
}

static bool add_retry_after(struct MHD_Response *response, unsigned status, bool is_later)
{
	char seconds[16];
	if (status != 429 && status != 503)
		return true;
	(void)snprintf(seconds, sizeof(seconds), "%d", RK_RETRY_AFTER_S + (is_later ? 1 : 0));
	return rk_http_add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
}

/* Text of a ready answer into its place in http->ready_text. */
static size_t write_ready_text(struct rk_http *http, enum rk_ready_answer answer)
{
	char *text = http->ready_text[answer];
	size_t size = sizeof(http->ready_text[answer]);
	if (ready_answers[answer].body != NULL)
		return (size_t)snprintf(text, size, "%s", ready_answers[answer].body);
	for (size_t i = 0; i < sizeof(ready_problems) / sizeof(ready_problems[0]); i++) {
		if (ready_problems[i].answer != answer)
			continue;
		const char *detail =
			ready_problems[i].detail != NULL ? ready_problems[i].detail : http->too_large_detail;
		size_t n = rk_problem_write(http->scratch, sizeof(http->scratch), ready_problems[i].problem, detail,
					    NULL, NULL, -1);
		RK_ASSERT(n <= size);
		memcpy(text, http->scratch, n);
		return n;
	}
	/* 505 has no code of its own in the table of problems: it is malformed HTTP with another status */
	return (size_t)snprintf(
		text, size,
		"{\"type\":\"urn:rankd:problem:%s\",\"title\":\"HTTP version not supported\",\"status\":505,"
		"\"detail\":\"only HTTP/1.0 and HTTP/1.1 are spoken here\"}",
		rk_problem_code(RK_PROBLEM_MALFORMED_HTTP));
}

static struct MHD_Response *make_ready(struct rk_http *http, enum rk_ready_answer answer, size_t size, bool closes)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(size, http->ready_text[answer], MHD_RESPMEM_PERSISTENT);
	if (response == NULL)
		return NULL;
	const char *type = ready_answers[answer].body == NULL ? problem_type : json_type;
	bool is_options = answer == RK_READY_OPTIONS_GET || answer == RK_READY_OPTIONS_POST;
	enum rk_route any = answer == RK_READY_OPTIONS_GET ? RK_ROUTE_LIVE : RK_ROUTE_RANK;
	bool is_good = is_options ? rk_http_add_header(response, MHD_HTTP_HEADER_ALLOW, rk_route_allow(any))
				  : rk_http_add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	is_good = is_good && add_retry_after(response, ready_answers[answer].status, answer == RK_READY_SHED_LATER);
	if (closes)
		is_good = is_good && rk_http_add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (is_good)
		return response;
	MHD_destroy_response(response);
	return NULL;
}

enum rk_status rk_http_ready_open(struct rk_http *http, struct rk_error *reterr)
{
	for (unsigned i = 0; i < RK_N_READY_ANSWERS; i++) {
		size_t size = write_ready_text(http, (enum rk_ready_answer)i);
		for (int closes = 0; closes < 2; closes++) {
			http->ready[i][closes] = make_ready(http, (enum rk_ready_answer)i, size, closes);
			if (http->ready[i][closes] == NULL)
				return rk_error_set(reterr, RK_NO_MEMORY, "no memory for prepared answers");
		}
	}
	return RK_OK;
}

void rk_http_ready_close(struct rk_http *http)
{
	for (unsigned i = 0; i < RK_N_READY_ANSWERS; i++)
		for (int closes = 0; closes < 2; closes++)
			if (http->ready[i][closes] != NULL)
				MHD_destroy_response(http->ready[i][closes]);
}

enum MHD_Result rk_http_queue(struct rk_connection *connection, struct MHD_Connection *mhd, unsigned status,
			      struct MHD_Response *response)
{
	struct rk_exchange *exchange = &connection->exchange;
	struct rk_metrics *metrics = &connection->http->server->metrics;
	RK_ASSERT(exchange->stage != RK_EXCHANGE_ANSWERED);
	exchange->stage = RK_EXCHANGE_ANSWERED;
	if (!rk_connection_move(connection, rk_connection_phase(connection), RK_CONNECTION_SENDING, rk_clock_ns()))
		return MHD_NO;
	exchange->status = status;
	exchange->answered_ns = rk_clock_ns();
	rk_metrics_count_answer(metrics, exchange->guard.head.route, status);
	if (MHD_queue_response(mhd, status, response) == MHD_YES)
		return MHD_YES;
	rk_metrics_add(metrics, RK_METRIC_HTTP_FAULTS, 1);
	return MHD_NO;
}

enum MHD_Result rk_http_answer_ready(struct rk_connection *connection, struct MHD_Connection *mhd,
				     enum rk_ready_answer answer)
{
	const struct rk_http *http = connection->http;
	bool closes =
		rk_life_phase(&http->server->life) >= RK_PHASE_CLOSING || connection->exchange.guard.refusal.must_close;
	return rk_http_queue(connection, mhd, ready_answers[answer].status, http->ready[answer][closes]);
}

enum MHD_Result rk_http_answer_text(struct rk_connection *connection, struct MHD_Connection *mhd, const char *type,
				    struct rk_bytes text)
{
	/* the buffer is cast to what the library asks for; it is only read, and copied before this returns */
	struct MHD_Response *response =
		MHD_create_response_from_buffer(text.size, (void *)(uintptr_t)text.data, MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	bool is_good = rk_http_add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) &&
		       rk_http_add_trace(connection, response) && rk_http_add_closing(connection->http, response);
	enum MHD_Result result = is_good ? rk_http_queue(connection, mhd, 200, response) : MHD_NO;
	MHD_destroy_response(response);
	return result;
}

struct rk_refusal rk_http_refusal(enum rk_problem problem, const char *detail)
{
	return (struct rk_refusal){.problem = problem, .status = rk_problem_status(problem), .detail = detail};
}

void rk_http_refuse_later(struct rk_connection *connection, enum rk_problem problem, const char *detail)
{
	struct rk_exchange *exchange = &connection->exchange;
	exchange->guard.refusal = rk_http_refusal(problem, detail);
	exchange->is_refused = true;
	exchange->stage = RK_EXCHANGE_DISCARD;
	if (exchange->slot != NULL)
		rk_slot_release(exchange->slot);
	exchange->slot = NULL;
}

/* Status and headers of a problem that is written for its request. */
static enum MHD_Result send_problem(struct rk_connection *connection, struct MHD_Connection *mhd,
				    const struct rk_refusal *refusal, size_t size)
{
	const struct rk_exchange *exchange = &connection->exchange;
	struct MHD_Response *response =
		MHD_create_response_from_buffer(size, connection->http->scratch, MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	bool is_good = rk_http_add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, problem_type) &&
		       rk_http_add_header(response, "X-Request-Id", exchange->request_id) &&
		       rk_http_add_trace(connection, response) &&
		       add_retry_after(response, refusal->status, rk_http_is_later(exchange->received_ns));
	if (refusal->status == 405)
		is_good = is_good && rk_http_add_header(response, MHD_HTTP_HEADER_ALLOW,
							rk_route_allow(exchange->guard.head.route));
	if (refusal->status == 401)
		is_good = is_good && rk_http_add_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (refusal->must_close)
		is_good = is_good && rk_http_add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	else
		is_good = is_good && rk_http_add_closing(connection->http, response);
	enum MHD_Result result = is_good ? rk_http_queue(connection, mhd, refusal->status, response) : MHD_NO;
	MHD_destroy_response(response);
	return result;
}

/* A prepared answer for this refusal; false: there is none. */
static bool find_ready(const struct rk_refusal *refusal, enum rk_ready_answer *ret_answer)
{
	*ret_answer = RK_READY_VERSION;
	if (refusal->status == 505)
		return true;
	for (size_t i = 0; i < sizeof(ready_problems) / sizeof(ready_problems[0]); i++) {
		if (ready_problems[i].problem == refusal->problem) {
			*ret_answer = ready_problems[i].answer;
			return true;
		}
	}
	return false;
}

enum MHD_Result rk_http_answer_refusal(struct rk_connection *connection, struct MHD_Connection *mhd,
				       const struct rk_refusal *refusal)
{
	struct rk_exchange *exchange = &connection->exchange;
	struct rk_http *http = connection->http;
	enum rk_ready_answer answer;
	if (find_ready(refusal, &answer) && (exchange->request_id[0] == '\0' || refusal->status == 505)) {
		if (answer == RK_READY_SHED && rk_http_is_later(exchange->received_ns))
			answer = RK_READY_SHED_LATER;
		return rk_http_answer_ready(connection, mhd, answer);
	}
	if (exchange->request_id[0] == '\0')
		rk_request_id_make(exchange->request_id);
	struct rk_faults faults = {0};
	if (refusal->header != NULL || refusal->pointer != NULL) {
		bool is_header = refusal->header != NULL;
		rk_faults_add(&faults, is_header ? refusal->header : refusal->pointer, "%s", refusal->detail);
		faults.faults[0].is_header = is_header;
	}
	size_t size = rk_problem_write(http->scratch, sizeof(http->scratch), refusal->problem, refusal->detail,
				       exchange->request_id, faults.n > 0 ? &faults : NULL,
				       refusal->has_offset ? (int64_t)refusal->offset : -1);
	return send_problem(connection, mhd, refusal, size);
}
