/* What the HTTP side logs: the library's complaints (whose text the peer can influence: escaped by the log, and rate
 * limited), its panic, and requests. No id of a user or an item is ever logged. */
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

/* Every error but load shedding, which would flood the log just when it matters, and a share of the rest. */
static bool is_logged(struct rk_http *http, unsigned status, uint64_t now_ns, uint64_t *ret_suppressed)
{
	*ret_suppressed = 0;
	if (status == 429 || status == 503)
		return rk_log_limit_pass(&http->log_limit_shed, now_ns, RK_NS_PER_S, ret_suppressed);
	if (status >= 400)
		return true;
	double share = http->server->settings.access_log_sample;
	if (share <= 0 || ++http->n_logged * share < 1)
		return false;
	http->n_logged = 0;
	return true;
}

void rk_http_log_request(struct rk_http *http, const struct rk_connection *connection)
{
	const struct rk_exchange *exchange = &connection->exchange;
	uint64_t now_ns = rk_clock_ns(), suppressed;
	if (!is_logged(http, exchange->status, now_ns, &suppressed))
		return;
	enum rk_log_level level = exchange->status >= 500 && exchange->status != 503 ? RK_LOG_ERROR : RK_LOG_INFO;
	rk_log_with(level, "request", NULL, rk_log_text("route", rk_route_label(exchange->guard.head.route)),
		    rk_log_unsigned("status", exchange->status),
		    rk_log_real("duration_ms", (double)(now_ns - exchange->received_ns) / (double)RK_NS_PER_MS),
		    rk_log_unsigned("body_bytes", exchange->n_body), rk_log_unsigned("suppressed", suppressed),
		    rk_log_text("request_id", exchange->request_id));
}
