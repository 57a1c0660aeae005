/*
 * One request through the library's handler. It is called once with the head, then for each piece of the body, then
 * once at the end; after a suspension once more. An answer given at the first call ends the connection (the library
 * does that, body or not), so the first call answers only what must end it: everything else waits for the end.
 */
#include "server/http_internal.h"

#include "model/base/check.h"
#include "server/clock.h"
#include "server/request_id.h"

#include <fcntl.h>
#include <string.h>

enum { DISCARD_BYTES = 64 * 1024 }; /* a refused body up to this is read and thrown away, to keep the connection */

static struct rk_connection *connection_of(void *pointer)
{
	struct rk_connection *connection = pointer;
	RK_ASSERT(connection != NULL && connection->magic == RK_CONNECTION_MAGIC);
	return connection;
}

/* At the request line: the earliest that the library shows. Its result is what the handler gets. */
void *rk_http_begin(void *context, const char *uri, struct MHD_Connection *mhd)
{
	struct rk_http *http = context;
	(void)uri;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct rk_connection *connection = connection_of(info->socket_context);
	connection->exchange = (struct rk_exchange){.stage = RK_EXCHANGE_HEAD, .received_ns = rk_clock_ns()};
	/* if the reaper was first, the socket is shut down already, and the next move ends the request */
	(void)rk_connection_move(connection, RK_CONNECTION_IDLE, RK_CONNECTION_ARRIVING,
				 connection->exchange.received_ns);
	atomic_fetch_add_explicit(&http->n_busy, 1, memory_order_acq_rel);
	return connection;
}

void rk_http_count_timeout(struct rk_http *http, struct rk_connection *connection)
{
	if (!atomic_exchange_explicit(&connection->timed_out, false, memory_order_acq_rel))
		return;
	connection->exchange.status = 408;
	rk_metrics_count_answer(&http->server->metrics, connection->exchange.guard.head.route, 408);
}

void rk_http_complete(void *context, struct MHD_Connection *mhd, void **exchange_, enum MHD_RequestTerminationCode why)
{
	struct rk_http *http = context;
	(void)mhd;
	(void)why;
	if (*exchange_ == NULL)
		return;
	struct rk_connection *connection = connection_of(*exchange_);
	struct rk_exchange *exchange = &connection->exchange;
	if (exchange->slot != NULL) { /* the client went away before its answer was queued */
		if (exchange->stage == RK_EXCHANGE_SUSPENDED)
			rk_metrics_add(&http->server->metrics, RK_METRIC_ANSWERS_LOST, 1);
		rk_slot_release(exchange->slot);
		exchange->slot = NULL;
	} else if (exchange->stage == RK_EXCHANGE_SUSPENDED) {
		rk_reloader_finish(&http->server->reloader);
	}
	rk_http_count_timeout(http, connection);
	if (exchange->status != 0)
		rk_http_log_request(http, connection);
	enum rk_connection_phase phase = rk_connection_phase(connection);
	if (phase != RK_CONNECTION_REAPED)
		(void)rk_connection_move(connection, phase, RK_CONNECTION_IDLE, rk_clock_ns());
	*exchange_ = NULL;
	atomic_fetch_sub_explicit(&http->n_busy, 1, memory_order_acq_rel);
}

void rk_http_suspend(struct MHD_Connection *mhd, struct rk_http *http)
{
	atomic_fetch_add_explicit(&http->n_suspended, 1, memory_order_acq_rel);
	MHD_suspend_connection(mhd);
}

void rk_http_resume(struct MHD_Connection *mhd, struct rk_http *http)
{
	MHD_resume_connection(mhd);
	atomic_fetch_sub_explicit(&http->n_suspended, 1, memory_order_acq_rel);
}

static void take_request_id(struct rk_exchange *exchange)
{
	const struct rk_head *head = &exchange->guard.head;
	if (head->request_id.size > 0) {
		memcpy(exchange->request_id, head->request_id.data, head->request_id.size);
		exchange->request_id[head->request_id.size] = '\0';
	} else if (head->bad_request_id) {
		rk_request_id_make(exchange->request_id);
	}
}

/* Whether the answer must be given at once, and end the connection, instead of after the body. */
static bool is_early(const struct rk_exchange *exchange)
{
	const struct rk_head *head = &exchange->guard.head;
	bool has_body = head->chunked || head->content_length > 0;
	return exchange->guard.refusal.must_close || (has_body && head->expects_continue) ||
	       head->content_length > DISCARD_BYTES;
}

/* The library closes the socket as soon as an early answer is out, which would reset the connection while the client
 * still sends its body, and lose the answer. Another descriptor of the socket holds it open. */
static void linger(const struct rk_connection *connection)
{
	int copy = fcntl(connection->socket, F_DUPFD_CLOEXEC, 0);
	if (copy >= 0)
		rk_linger_add(&connection->http->server->linger, copy);
}

static enum MHD_Result take_head(struct rk_connection *connection, struct MHD_Connection *mhd, const char *url,
				 const char *method, const char *version)
{
	struct rk_exchange *exchange = &connection->exchange;
	const struct rk_http *http = connection->http;
	rk_guard_begin(&exchange->guard, http->listener, &http->guard_limits, method, rk_bytes_of(url), version);
	rk_http_read_head(mhd, method, version, &exchange->guard);
	exchange->is_refused = !rk_guard_end(&exchange->guard);
	take_request_id(exchange);
	if (exchange->guard.head.trace.trace_id[0] != '\0')
		rk_trace_begin(&exchange->guard.head.trace);
	exchange->stage = RK_EXCHANGE_DISCARD;
	enum rk_route route = exchange->guard.head.route;
	bool is_post = !exchange->is_refused && exchange->guard.head.method == RK_METHOD_POST;
	/* every POST of the admin port needs the token: without it, no body is asked for */
	if (is_post && (route == RK_ROUTE_RANK || rk_http_admin_grant(connection, mhd)) && rk_route_ranks(route))
		rk_http_rank_begin(connection);
	if (!exchange->is_refused || !is_early(exchange))
		return MHD_YES;
	enum MHD_Result result = rk_http_answer_refusal(connection, mhd, &exchange->guard.refusal);
	linger(connection);
	return result;
}

/* The library takes no answer in the middle of a body: a body that does not end gets one past it. */
static enum MHD_Result give_up(struct rk_connection *connection)
{
	if (rk_connection_move(connection, RK_CONNECTION_ARRIVING, RK_CONNECTION_SENDING, rk_clock_ns())) {
		(void)rk_canned_send(&connection->http->too_large, connection->socket);
		(void)shutdown(connection->socket, SHUT_WR);
		linger(connection);
		connection->exchange.status = 413;
		rk_metrics_count_answer(&connection->http->server->metrics, connection->exchange.guard.head.route, 413);
	}
	return MHD_NO;
}

static enum MHD_Result take_body(struct rk_connection *connection, const char *data, size_t *size)
{
	struct rk_exchange *exchange = &connection->exchange;
	const struct rk_head *head = &exchange->guard.head;
	exchange->n_body += *size;
	if (exchange->n_body > head->max_body_bytes && !exchange->is_refused)
		rk_http_refuse_later(connection, RK_PROBLEM_TOO_LARGE, connection->http->too_large_detail);
	if (exchange->stage == RK_EXCHANGE_RECEIVE)
		rk_http_rank_receive(connection, data, *size);
	else if (exchange->n_body > 2 * head->max_body_bytes + DISCARD_BYTES)
		return give_up(connection);
	else if (connection->small_body != NULL && exchange->n_body <= RK_SMALL_BODY_BYTES)
		memcpy(connection->small_body + exchange->n_body - *size, data, *size);
	*size = 0;
	return MHD_YES;
}

static enum MHD_Result answer_probe(struct rk_connection *connection, struct MHD_Connection *mhd, enum rk_route route)
{
	const struct rk_life *life = &connection->http->server->life;
	enum rk_phase phase = rk_life_phase(life);
	switch (route) {
	case RK_ROUTE_READY:
		if (phase == RK_PHASE_READY)
			return rk_http_answer_ready(connection, mhd, RK_READY_READY);
		return rk_http_answer_ready(connection, mhd,
					    phase == RK_PHASE_STARTING ? RK_READY_NOT_READY : RK_READY_DRAINING);
	case RK_ROUTE_STARTUP:
		return rk_http_answer_ready(connection, mhd,
					    rk_life_was_ready(life) ? RK_READY_STARTED : RK_READY_NOT_READY);
	case RK_ROUTE_LIVE:
	case RK_ROUTE_NONE:
	case RK_ROUTE_RANK:
	case RK_ROUTE_METRICS:
	case RK_ROUTE_MODELS:
	case RK_ROUTE_MODEL:
	case RK_ROUTE_RELOAD:
	case RK_ROUTE_SLOW:
	case RK_ROUTE_OPENAPI:
	case RK_ROUTE_CONSOLE:
	case RK_ROUTE_REPORT:
	case RK_ROUTE_WARMUP:
	case RK_ROUTE_TRY:
	case RK_N_ROUTES:
		break;
	}
	return rk_http_answer_ready(connection, mhd, RK_READY_LIVE);
}

static enum MHD_Result take_end(struct rk_connection *connection, struct MHD_Connection *mhd)
{
	struct rk_exchange *exchange = &connection->exchange;
	enum rk_route route = exchange->guard.head.route;
	if (exchange->is_refused)
		return rk_http_answer_refusal(connection, mhd, &exchange->guard.refusal);
	if (exchange->guard.head.method == RK_METHOD_OPTIONS) {
		bool is_get = rk_route_allows(route, RK_METHOD_GET);
		return rk_http_answer_ready(connection, mhd, is_get ? RK_READY_OPTIONS_GET : RK_READY_OPTIONS_POST);
	}
	if (rk_route_ranks(route))
		return rk_http_rank_end(connection, mhd);
	if (route == RK_ROUTE_LIVE || route == RK_ROUTE_READY || route == RK_ROUTE_STARTUP)
		return answer_probe(connection, mhd, route);
	return rk_http_admin_answer(connection, mhd);
}

enum MHD_Result rk_http_handle(void *context, struct MHD_Connection *mhd, const char *url, const char *method,
			       const char *version, const char *upload, size_t *upload_size, void **exchange)
{
	(void)context;
	struct rk_connection *connection = connection_of(*exchange);
	if (rk_connection_phase(connection) == RK_CONNECTION_REAPED)
		return MHD_NO;
	switch (connection->exchange.stage) {
	case RK_EXCHANGE_HEAD:
		return take_head(connection, mhd, url, method, version);
	case RK_EXCHANGE_DISCARD:
	case RK_EXCHANGE_RECEIVE:
		if (*upload_size > 0)
			return take_body(connection, upload, upload_size);
		return take_end(connection, mhd);
	case RK_EXCHANGE_SUSPENDED:
		if (connection->exchange.slot != NULL)
			return rk_http_rank_answer(connection, mhd);
		return rk_http_admin_answer_reload(connection, mhd);
	case RK_EXCHANGE_ANSWERED:
		break;
	}
	return MHD_YES;
}
