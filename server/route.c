#include "server/route.h"

#include "model/base/check.h"

#include <string.h>

const struct rk_route_path rk_route_paths[] = {
#define RK_PATH_ENTRY(route, listener, path) {RK_ROUTE_##route, RK_LISTENER_##listener, path},
	RK_PATH_TABLE(RK_PATH_ENTRY)
#undef RK_PATH_ENTRY
};

const size_t rk_n_route_paths = sizeof(rk_route_paths) / sizeof(rk_route_paths[0]);

static const struct {
	const char *label;
	enum rk_method method;
} routes[RK_N_ROUTES] = {
#define RK_ROUTE_ENTRY(name, label, method) {label, RK_METHOD_##method},
	RK_ROUTE_TABLE(RK_ROUTE_ENTRY)
#undef RK_ROUTE_ENTRY
};

static bool match(const char *pattern, struct rk_bytes path, struct rk_bytes *ret_segment)
{
	const char *hole = strstr(pattern, "{}");
	if (hole == NULL)
		return rk_bytes_equal(rk_bytes_of(pattern), path);
	size_t before = (size_t)(hole - pattern);
	const char *after = hole + 2;
	size_t n_after = strlen(after);
	if (path.size <= before + n_after || memcmp(path.data, pattern, before) != 0 ||
	    memcmp(path.data + path.size - n_after, after, n_after) != 0)
		return false;
	struct rk_bytes segment = {path.data + before, path.size - before - n_after};
	if (memchr(segment.data, '/', segment.size) != NULL)
		return false;
	*ret_segment = segment;
	return true;
}

enum rk_route rk_route_find(enum rk_listener listener, struct rk_bytes path, struct rk_bytes *ret_segment)
{
	*ret_segment = (struct rk_bytes){0};
	for (size_t i = 0; i < rk_n_route_paths; i++) {
		if (((unsigned)rk_route_paths[i].listener & (unsigned)listener) != 0 &&
		    match(rk_route_paths[i].pattern, path, ret_segment))
			return rk_route_paths[i].route;
	}
	return RK_ROUTE_NONE;
}

enum rk_method rk_method_of(const char *name)
{
	static const struct {
		const char *name;
		enum rk_method method;
	} methods[] = {{"GET", RK_METHOD_GET},
		       {"HEAD", RK_METHOD_HEAD},
		       {"POST", RK_METHOD_POST},
		       {"OPTIONS", RK_METHOD_OPTIONS}};
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(name, methods[i].name) == 0)
			return methods[i].method;
	return RK_METHOD_OTHER;
}

bool rk_route_allows(enum rk_route route, enum rk_method method)
{
	RK_ASSERT((unsigned)route < RK_N_ROUTES);
	if (method == RK_METHOD_OTHER)
		return false;
	return method == routes[route].method || (method == RK_METHOD_HEAD && routes[route].method == RK_METHOD_GET);
}

const char *rk_route_allow(enum rk_route route)
{
	RK_ASSERT((unsigned)route < RK_N_ROUTES);
	return routes[route].method == RK_METHOD_GET ? "GET, HEAD, OPTIONS" : "POST, OPTIONS";
}

bool rk_route_ranks(enum rk_route route)
{
	return route == RK_ROUTE_RANK || route == RK_ROUTE_TRY;
}

const char *rk_route_label(enum rk_route route)
{
	RK_ASSERT((unsigned)route < RK_N_ROUTES);
	return routes[route].label;
}
