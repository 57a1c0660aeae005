/* What the HTTP side logs: the library's complaints (whose text the peer can influence: escaped by the log, and rate
 * limited), its panic, and requests. No id of an item is ever logged, one of a user only with the setting log_ids. */
#include "server/http_internal.h"

#include "server/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rk_http_log_library(void *context, const char *format, va_list arguments)
{
	struct rk_http *http = context;
	uint64_t suppressed = 0;
	if (!rk_log_limit_pass(&http->log_limit_library, rk_clock_ns(), RK_NS_PER_S, &suppressed))
		return;
	char text[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	int n = vsnprintf(text, sizeof(text), format, arguments);
#pragma GCC diagnostic pop
	size_t size = n < 0 ? 0 : strcspn(text, "\r\n");
	rk_log_with(RK_LOG_WARN, "http_library", NULL, rk_log_bytes("text", (struct rk_bytes){text, size}),
		    rk_log_unsigned("suppressed", suppressed));
}

void rk_http_panic(void *context, const char *file, unsigned int line, const char *reason)
{
	(void)context;
	rk_log_with(RK_LOG_ERROR, "http_library_panic", reason, rk_log_text("file", file),
		    rk_log_unsigned("line", line));
	abort();
}

static bool is_slow(const struct rk_connection *connection)
{
	const struct rk_exchange *exchange = &connection->exchange;
	if (exchange->guard.head.route != RK_ROUTE_RANK || exchange->answered_ns < exchange->received_ns)
		return false;
	double took_ms = (double)(exchange->answered_ns - exchange->received_ns) / (double)RK_NS_PER_MS;
	return took_ms > rk_http_budget_ms(connection) / 2;
}

/* Every error, every ranking that took more than half of its budget, and a share of the rest. Load shedding and slow
 * answers come in floods, just when the log matters: of the one a line a second, of the other a hundred. */
static bool is_logged(struct rk_http *http, const struct rk_connection *connection, bool slow, uint64_t now_ns,
		      uint64_t *ret_suppressed)
{
	unsigned status = connection->exchange.status;
	*ret_suppressed = 0;
	if (status == 429 || status == 503)
		return rk_log_limit_pass(&http->log_limit_shed, now_ns, RK_NS_PER_S, ret_suppressed);
	if (status >= 400)
		return true;
	if (slow)
		return rk_log_limit_pass(&http->log_limit_slow, now_ns, RK_NS_PER_S / 100, ret_suppressed);
	double share = http->server->settings.access_log_sample;
	if (share <= 0 || ++http->n_logged * share < 1)
		return false;
	http->n_logged = 0;
	return true;
}

void rk_http_log_request(struct rk_http *http, const struct rk_connection *connection)
{
	enum { MAX_FIELDS = 11 };
	const struct rk_exchange *exchange = &connection->exchange;
	const struct rk_trace *trace = &exchange->guard.head.trace;
	uint64_t now_ns = rk_clock_ns(), suppressed;
	bool slow = is_slow(connection);
	if (!is_logged(http, connection, slow, now_ns, &suppressed))
		return;
	struct rk_log_field fields[MAX_FIELDS] = {
		rk_log_text("route", rk_route_label(exchange->guard.head.route)),
		rk_log_unsigned("status", exchange->status),
		rk_log_real("duration_ms", (double)(now_ns - exchange->received_ns) / (double)RK_NS_PER_MS),
		rk_log_boolean("slow", slow),
		rk_log_unsigned("body_bytes", exchange->n_body),
		rk_log_unsigned("suppressed", suppressed),
		rk_log_text("request_id", exchange->request_id),
	};
	size_t n = 7;
	if (trace->trace_id[0] != '\0') {
		fields[n++] = rk_log_text("trace_id", trace->trace_id);
		fields[n++] = rk_log_text("span_id", trace->span_id);
		fields[n++] = rk_log_text("parent_id", trace->parent_id);
	}
	if (exchange->user_id[0] != '\0')
		fields[n++] = rk_log_text("user_id", exchange->user_id);
	enum rk_log_level level = exchange->status >= 500 && exchange->status != 503 ? RK_LOG_ERROR : RK_LOG_INFO;
	rk_log_write(level, "request", NULL, fields, n);
}
