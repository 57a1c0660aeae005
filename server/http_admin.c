/* The admin port's own routes. Reading is answered at once; a reload is carried out by the reloader's thread while the
 * connection is suspended, so that probes and scrapes do not wait for it. */
#include "server/http_internal.h"

#include "model/base/check.h"
#include "server/admin_request.h"
#include "server/clock.h"
#include "server/openapi.h"

#include <stdio.h>

static const char json_type[] = "application/json", metrics_type[] = "text/plain; version=0.0.4; charset=utf-8",
		  markdown_type[] = "text/markdown; charset=utf-8";

static enum MHD_Result refuse(struct rk_connection *connection, struct MHD_Connection *mhd, enum rk_problem problem,
			      const char *detail)
{
	struct rk_refusal refusal = rk_http_refusal(problem, detail);
	return rk_http_answer_refusal(connection, mhd, &refusal);
}

static void accept_reload(void *context)
{
	struct rk_connection *connection = context;
	connection->exchange.stage = RK_EXCHANGE_SUSPENDED;
	rk_http_suspend(connection->mhd, connection->http);
}

static void reload_done(void *context)
{
	struct rk_connection *connection = context;
	rk_http_resume(connection->mhd, connection->http);
}

bool rk_http_admin_grant(struct rk_connection *connection, struct MHD_Connection *mhd)
{
	struct rk_server *server = connection->http->server;
	const struct rk_head *head = &connection->exchange.guard.head;
	if (head->is_cross_site) { /* a browser on this machine is no consent of who sits before it */
		rk_http_refuse_later(connection, RK_PROBLEM_FORBIDDEN, "another site's page asks for this");
		return false;
	}
	if (server->models.n_token == 0 && !rk_admin_is_plain_host(head->host)) {
		rk_http_refuse_later(connection, RK_PROBLEM_FORBIDDEN,
				     "without an admin token, this is done by address or localhost only");
		return false;
	}
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	switch (rk_admin_access(&server->models, head->authorization, info == NULL ? NULL : info->client_addr)) {
	case RK_ACCESS_UNAUTHORIZED:
		rk_http_refuse_later(connection, RK_PROBLEM_UNAUTHORIZED, "this needs the admin token");
		return false;
	case RK_ACCESS_FORBIDDEN:
		rk_http_refuse_later(connection, RK_PROBLEM_FORBIDDEN,
				     "without an admin token, this is done from this machine only");
		return false;
	case RK_ACCESS_GRANTED:
		break;
	}
	return true;
}

/* The same where the body is over: the refusal is the answer. */
static bool grant(struct rk_connection *connection, struct MHD_Connection *mhd, enum MHD_Result *ret_result)
{
	if (rk_http_admin_grant(connection, mhd))
		return true;
	*ret_result = rk_http_answer_refusal(connection, mhd, &connection->exchange.guard.refusal);
	return false;
}

static enum MHD_Result reload(struct rk_connection *connection, struct MHD_Connection *mhd)
{
	struct rk_exchange *exchange = &connection->exchange;
	struct rk_server *server = connection->http->server;
	const struct rk_head *head = &exchange->guard.head;
	struct rk_admin_order order;
	if (!rk_admin_request_read((struct rk_bytes){connection->small_body, (size_t)exchange->n_body}, &order))
		return rk_http_answer_refusal(connection, mhd, &order.refusal);
	if (rk_life_phase(&server->life) != RK_PHASE_READY)
		return refuse(connection, mhd, RK_PROBLEM_RELOAD_FAILED, "the server is shutting down");
	if (!rk_admin_knows(server, head->segment))
		return refuse(connection, mhd, RK_PROBLEM_UNKNOWN_MODEL, "there is no such model");
	if (!rk_connection_move(connection, RK_CONNECTION_ARRIVING, RK_CONNECTION_WORKING, rk_clock_ns()))
		return MHD_NO;
	connection->mhd = mhd;
	if (rk_reloader_order(&server->reloader, head->segment, order.number, accept_reload, reload_done, connection))
		return MHD_YES;
	return refuse(connection, mhd, RK_PROBLEM_RELOAD_FAILED, "another reload is under way");
}

enum MHD_Result rk_http_admin_answer_reload(struct rk_connection *connection, struct MHD_Connection *mhd)
{
	struct rk_reloader *reloader = &connection->http->server->reloader;
	struct rk_reload_result result = reloader->result;
	char name[sizeof(reloader->name)], text[256];
	(void)snprintf(name, sizeof(name), "%s", reloader->name);
	connection->exchange.stage = RK_EXCHANGE_DISCARD; /* the reloader is free again: nothing is left to finish */
	rk_reloader_finish(reloader);
	if (result.status != RK_OK)
		return refuse(connection, mhd, RK_PROBLEM_RELOAD_FAILED, result.error.message);
	int n = snprintf(text, sizeof(text), "{\"name\":\"%s\",\"version\":%llu,\"previous\":%llu}", name,
			 (unsigned long long)result.now, (unsigned long long)result.previous);
	RK_ASSERT(n > 0 && (size_t)n < sizeof(text));
	return rk_http_answer_text(connection, mhd, json_type, (struct rk_bytes){text, (size_t)n});
}

static enum MHD_Result send_text(struct rk_connection *connection, struct MHD_Connection *mhd, const char *type,
				 const struct rk_text *text)
{
	if (text->overflowed)
		return refuse(connection, mhd, RK_PROBLEM_INTERNAL, "the answer is larger than its buffer");
	return rk_http_answer_text(connection, mhd, type, (struct rk_bytes){text->data, text->used});
}

static enum MHD_Result answer_slow(struct rk_connection *connection, struct MHD_Connection *mhd, struct rk_text *text)
{
	struct rk_server *server = connection->http->server;
	enum MHD_Result result;
	if (server->settings.record_bodies && !grant(connection, mhd, &result))
		return result;
	(void)rk_recorder_write(&server->recorder, rk_clock_ns(), text); /* the text tells */
	return send_text(connection, mhd, json_type, text);
}

/* A file of the version that serves. */
static enum MHD_Result answer_file(struct rk_connection *connection, struct MHD_Connection *mhd, struct rk_text *text)
{
	struct rk_server *server = connection->http->server;
	const struct rk_head *head = &connection->exchange.guard.head;
	bool is_report = head->route == RK_ROUTE_REPORT;
	enum MHD_Result result;
	if (!is_report && !grant(connection, mhd, &result))
		return result;
	switch (is_report ? rk_admin_write_report(server, head->segment, text)
			  : rk_admin_write_warmup(server, head->segment, text)) {
	case RK_ADMIN_NO_MODEL:
		return refuse(connection, mhd, RK_PROBLEM_UNKNOWN_MODEL,
			      "there is no such model, or none that is ready");
	case RK_ADMIN_NO_FILE:
		return refuse(connection, mhd, RK_PROBLEM_UNKNOWN_PATH, "the model's folder has no such file");
	case RK_ADMIN_WRITTEN:
		break;
	}
	return send_text(connection, mhd, is_report ? markdown_type : json_type, text);
}

enum MHD_Result rk_http_admin_answer(struct rk_connection *connection, struct MHD_Connection *mhd)
{
	struct rk_http *http = connection->http;
	struct rk_server *server = http->server;
	enum rk_route route = connection->exchange.guard.head.route;
	struct rk_text text;
	rk_text_init(&text, http->text.base, http->text.size);
	if (route == RK_ROUTE_CONSOLE)
		return rk_http_console_answer(connection, mhd);
	if (route == RK_ROUTE_METRICS) {
		rk_admin_write_metrics(server, &text);
		return send_text(connection, mhd, metrics_type, &text);
	}
	if (route == RK_ROUTE_OPENAPI) {
		rk_openapi_write(server, &text);
		return send_text(connection, mhd, json_type, &text);
	}
	if (route == RK_ROUTE_REPORT || route == RK_ROUTE_WARMUP)
		return answer_file(connection, mhd, &text);
	if (route == RK_ROUTE_SLOW)
		return answer_slow(connection, mhd, &text);
	if (route == RK_ROUTE_RELOAD)
		return rk_life_was_ready(&server->life)
			       ? reload(connection, mhd)
			       : refuse(connection, mhd, RK_PROBLEM_NOT_READY, "no model is ready yet");
	if (route == RK_ROUTE_MODELS)
		rk_admin_write_models(server, &text);
	else if (!rk_admin_write_model(server, connection->exchange.guard.head.segment, &text))
		return refuse(connection, mhd, RK_PROBLEM_UNKNOWN_MODEL, "there is no such model");
	return send_text(connection, mhd, json_type, &text);
}
