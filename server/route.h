/*
 * The routes: one table of path, listeners, method and the handler's enumerator. HEAD goes with GET, OPTIONS with
 * every route; whatever else is 405. Paths match exactly; `{}` stands for one segment that is not empty.
 */
#ifndef RK_SERVER_ROUTE_H
#define RK_SERVER_ROUTE_H

#include "model/base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum rk_listener { RK_LISTENER_DATA = 1, RK_LISTENER_ADMIN = 2, RK_LISTENER_BOTH = 3 };

enum rk_method { RK_METHOD_GET, RK_METHOD_HEAD, RK_METHOD_POST, RK_METHOD_OPTIONS, RK_METHOD_OTHER };

/* enumerator, the label `route` of the metrics, method */
#define RK_ROUTE_TABLE(X)                                                                                              \
	X(NONE, "none", OTHER) /* an unknown path */                                                                   \
	X(RANK, "rank", POST)                                                                                          \
	X(LIVE, "live", GET)                                                                                           \
	X(READY, "ready", GET)                                                                                         \
	X(STARTUP, "startup", GET)                                                                                     \
	X(METRICS, "metrics", GET)                                                                                     \
	X(MODELS, "models", GET)                                                                                       \
	X(MODEL, "model", GET)                                                                                         \
	X(RELOAD, "reload", POST)                                                                                      \
	X(SLOW, "slow", GET)                                                                                           \
	X(OPENAPI, "openapi", GET)                                                                                     \
	X(CONSOLE, "console", GET)                                                                                     \
	X(REPORT, "report", GET)                                                                                       \
	X(WARMUP, "warmup", GET)                                                                                       \
	X(TRY, "try", POST)

enum rk_route {
#define RK_ROUTE_ENUM(name, label, method) RK_ROUTE_##name,
	RK_ROUTE_TABLE(RK_ROUTE_ENUM)
#undef RK_ROUTE_ENUM
		RK_N_ROUTES
};

/* enumerator, listeners, path */
#define RK_PATH_TABLE(X)                                                                                               \
	X(RANK, DATA, "/rank")                                                                                         \
	X(RANK, DATA, "/v1/rank")                                                                                      \
	X(RANK, DATA, "/rank/{}")                                                                                      \
	X(RANK, DATA, "/v1/rank/{}")                                                                                   \
	X(LIVE, BOTH, "/livez")                                                                                        \
	X(LIVE, BOTH, "/healthz")                                                                                      \
	X(LIVE, BOTH, "/v2/health/live")                                                                               \
	X(READY, BOTH, "/readyz")                                                                                      \
	X(READY, BOTH, "/v2/health/ready")                                                                             \
	X(STARTUP, BOTH, "/startupz")                                                                                  \
	X(METRICS, ADMIN, "/metrics")                                                                                  \
	X(MODELS, ADMIN, "/v1/models")                                                                                 \
	X(MODEL, ADMIN, "/v1/models/{}")                                                                               \
	X(RELOAD, ADMIN, "/v1/models/{}/reload")                                                                       \
	X(SLOW, ADMIN, "/v1/slow")                                                                                     \
	X(OPENAPI, ADMIN, "/openapi.json")                                                                             \
	X(CONSOLE, ADMIN, "/")                                                                                         \
	X(CONSOLE, ADMIN, "/console/{}")                                                                               \
	X(REPORT, ADMIN, "/v1/models/{}/report")                                                                       \
	X(WARMUP, ADMIN, "/v1/models/{}/warmup")                                                                       \
	X(TRY, ADMIN, "/v1/models/{}/try")

/* RK_ROUTE_NONE for a path that this listener does not know. *ret_segment is what `{}` stood for (size 0: none);
 * it borrows from `path`. The path is compared as it came, without decoding of percent signs. */
enum rk_route rk_route_find(enum rk_listener listener, struct rk_bytes path, struct rk_bytes *ret_segment);

/* Method names are case-sensitive. */
enum rk_method rk_method_of(const char *name);

/* Whether the route answers this method by itself (OPTIONS is answered by the server for every route). */
bool rk_route_allows(enum rk_route route, enum rk_method method);

/* The value of the header Allow. */
const char *rk_route_allow(enum rk_route route);

/* Whether the body is a ranking request, with its limits and its budget: RANK and TRY. */
bool rk_route_ranks(enum rk_route route);

const char *rk_route_label(enum rk_route route);

/* A row of the paths, for those who list them. */
struct rk_route_path {
	enum rk_route route;
	enum rk_listener listener;
	const char *pattern;
};

extern const struct rk_route_path rk_route_paths[];
extern const size_t rk_n_route_paths;

#endif
