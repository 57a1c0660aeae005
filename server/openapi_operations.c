#include "server/openapi_operations.h"

#include "model/base/check.h"

#include <stddef.h>

#define EXAMPLES(...) ((const struct rk_openapi_example[]){__VA_ARGS__, {NULL, 0}})

#define RANKING                                                                                                        \
	(BODY | RK_PROBLEM_BIT(UNKNOWN_MODEL) | RK_PROBLEM_BIT(OVERLOADED) | RK_PROBLEM_BIT(DRAINING) |                \
	 RK_PROBLEM_BIT(DEADLINE_EXCEEDED))

static const char json[] = "application/json", metrics[] = "text/plain";

enum {
	BODY = RK_PROBLEM_BIT(MALFORMED_JSON) | RK_PROBLEM_BIT(UNSUPPORTED_MEDIA_TYPE) |
	       RK_PROBLEM_BIT(INVALID_REQUEST),
	ACCESS = RK_PROBLEM_BIT(UNAUTHORIZED) | RK_PROBLEM_BIT(FORBIDDEN),
};

/* NOT_READY is also what the limit on connections answers. */
const uint32_t rk_openapi_common_problems = RK_PROBLEM_BIT(MALFORMED_HTTP) | RK_PROBLEM_BIT(REQUEST_TIMEOUT) |
					    RK_PROBLEM_BIT(TOO_LARGE) | RK_PROBLEM_BIT(NOT_READY);

static const struct rk_openapi_operation operations[RK_N_ROUTES] = {
	[RK_ROUTE_RANK] = {.tag = "rank",
			   .summary = "Orders the candidates by their expected reward",
			   .request = "RankRequest",
			   .answer = "RankAnswer",
			   .media = json,
			   .headers = "Server-Timing X-Model-Version",
			   .takes = "RequestId Traceparent Budget ProxyBudget",
			   .problems = RANKING,
			   .examples = EXAMPLES({"plain", 200}, {"explain", 200}, {"misspelt", 422})},
	[RK_ROUTE_LIVE] = {.tag = "probes",
			   .summary = "The process answers",
			   .answer = "Status",
			   .media = json,
			   .examples = EXAMPLES({"live", 200})},
	[RK_ROUTE_READY] = {.tag = "probes",
			    .summary = "A model serves, and the server is not draining",
			    .answer = "Status",
			    .media = json,
			    .problems = RK_PROBLEM_BIT(DRAINING),
			    .examples = EXAMPLES({"ready", 200})},
	[RK_ROUTE_STARTUP] = {.tag = "probes",
			      .summary = "The first model has turned ready",
			      .answer = "Status",
			      .media = json,
			      .examples = EXAMPLES({"started", 200})},
	[RK_ROUTE_METRICS] = {.tag = "admin", .summary = "Prometheus text", .answer = "Metrics", .media = metrics},
	[RK_ROUTE_MODELS] = {.tag = "admin",
			     .summary = "The models without their tensors",
			     .answer = "Models",
			     .media = json},
	[RK_ROUTE_MODEL] = {.tag = "admin",
			    .summary = "A model and its tensors",
			    .answer = "Model",
			    .media = json,
			    .problems = RK_PROBLEM_BIT(UNKNOWN_MODEL)},
	[RK_ROUTE_RELOAD] = {.tag = "admin",
			     .summary = "Loads a version, checks it, and serves it",
			     .request = "ReloadRequest",
			     .is_request_optional = true,
			     .answer = "ReloadAnswer",
			     .media = json,
			     .takes = "RequestId Traceparent",
			     .problems = BODY | ACCESS | RK_PROBLEM_BIT(UNKNOWN_MODEL) | RK_PROBLEM_BIT(RELOAD_FAILED),
			     .needs_token = true,
			     .examples = EXAMPLES({"again", 200}, {"missing", 409})},
	[RK_ROUTE_SLOW] = {.tag = "admin",
			   .summary = "The slowest requests of the last ten minutes",
			   .answer = "Slow",
			   .media = json,
			   .problems = ACCESS,
			   .needs_token = true},
	[RK_ROUTE_CONSOLE] = {.tag = "admin",
			      .summary = "The console, a page, and its files",
			      .answer = "File",
			      .media = "*/*",
			      .headers = "ETag Content-Security-Policy",
			      .problems = RK_PROBLEM_BIT(UNKNOWN_PATH),
			      .is_cached = true,
			      .hole = "file"},
	[RK_ROUTE_REPORT] = {.tag = "admin",
			     .summary = "The training report in the model's folder",
			     .answer = "File",
			     .media = "text/markdown",
			     .problems = RK_PROBLEM_BIT(UNKNOWN_MODEL)},
	[RK_ROUTE_WARMUP] = {.tag = "admin",
			     .summary = "The warm-up requests in the model's folder",
			     .answer = "Warmup",
			     .media = json,
			     .problems = ACCESS | RK_PROBLEM_BIT(UNKNOWN_MODEL),
			     .needs_token = true},
	[RK_ROUTE_TRY] = {.tag = "admin",
			  .summary = "Ranks, as the data port would",
			  .request = "RankRequest",
			  .answer = "RankAnswer",
			  .media = json,
			  .headers = "Server-Timing X-Model-Version",
			  .takes = "RequestId Traceparent Budget ProxyBudget",
			  .problems = RANKING | ACCESS,
			  .needs_token = true,
			  .examples = EXAMPLES({"plain", 200})},
	[RK_ROUTE_OPENAPI] = {.tag = "admin", .summary = "This document", .answer = "OpenApi", .media = json},
};

const struct rk_openapi_operation *rk_openapi_operation(enum rk_route route)
{
	RK_ASSERT((unsigned)route < RK_N_ROUTES);
	return operations[route].summary == NULL ? NULL : &operations[route];
}
