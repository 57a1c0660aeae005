#include "server/route.h"

#include <criterion/criterion.h>

static const struct {
	const char *path;
	enum rk_route data, admin;
	const char *segment;
} cases[] = {
	{"/rank", RK_ROUTE_RANK, RK_ROUTE_NONE, ""},
	{"/v1/rank", RK_ROUTE_RANK, RK_ROUTE_NONE, ""},
	{"/rank/m", RK_ROUTE_RANK, RK_ROUTE_NONE, "m"},
	{"/v1/rank/a.b", RK_ROUTE_RANK, RK_ROUTE_NONE, "a.b"},
	{"/rank/", RK_ROUTE_NONE, RK_ROUTE_NONE, ""},
	{"/rank/m/", RK_ROUTE_NONE, RK_ROUTE_NONE, ""},
	{"/rank/m/1", RK_ROUTE_NONE, RK_ROUTE_NONE, ""},
	{"/rankm", RK_ROUTE_NONE, RK_ROUTE_NONE, ""},
	{"//rank", RK_ROUTE_NONE, RK_ROUTE_NONE, ""},
	{"/Rank", RK_ROUTE_NONE, RK_ROUTE_NONE, ""},
	{"", RK_ROUTE_NONE, RK_ROUTE_NONE, ""},
	{"/", RK_ROUTE_NONE, RK_ROUTE_CONSOLE, ""},
	{"/console/a.js", RK_ROUTE_NONE, RK_ROUTE_CONSOLE, "a.js"},
	{"/console/", RK_ROUTE_NONE, RK_ROUTE_NONE, ""},
	{"/v1/models/m/try", RK_ROUTE_NONE, RK_ROUTE_TRY, "m"},
	{"/openapi.json", RK_ROUTE_NONE, RK_ROUTE_OPENAPI, ""},
	{"*", RK_ROUTE_NONE, RK_ROUTE_NONE, ""},
	{"/livez", RK_ROUTE_LIVE, RK_ROUTE_LIVE, ""},
	{"/healthz", RK_ROUTE_LIVE, RK_ROUTE_LIVE, ""},
	{"/v2/health/live", RK_ROUTE_LIVE, RK_ROUTE_LIVE, ""},
	{"/readyz", RK_ROUTE_READY, RK_ROUTE_READY, ""},
	{"/v2/health/ready", RK_ROUTE_READY, RK_ROUTE_READY, ""},
	{"/startupz", RK_ROUTE_STARTUP, RK_ROUTE_STARTUP, ""},
	{"/livez%00", RK_ROUTE_NONE, RK_ROUTE_NONE, ""},
	{"/metrics", RK_ROUTE_NONE, RK_ROUTE_METRICS, ""},
	{"/v1/models", RK_ROUTE_NONE, RK_ROUTE_MODELS, ""},
	{"/v1/models/", RK_ROUTE_NONE, RK_ROUTE_NONE, ""},
	{"/v1/models/m", RK_ROUTE_NONE, RK_ROUTE_MODEL, "m"},
	{"/v1/models/m/reload", RK_ROUTE_NONE, RK_ROUTE_RELOAD, "m"},
	{"/v1/models//reload", RK_ROUTE_NONE, RK_ROUTE_NONE, ""},
	{"/v1/models/reload", RK_ROUTE_NONE, RK_ROUTE_MODEL, "reload"},
	{"/v1/models/m/x/reload", RK_ROUTE_NONE, RK_ROUTE_NONE, ""},
};

Test(route, finds_every_path_on_its_listener)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rk_bytes path = rk_bytes_of(cases[i].path), segment;
		cr_assert_eq(rk_route_find(RK_LISTENER_DATA, path, &segment), cases[i].data, "data %s", cases[i].path);
		if (cases[i].data != RK_ROUTE_NONE)
			cr_assert(rk_bytes_equal(segment, rk_bytes_of(cases[i].segment)), "%s", cases[i].path);
		cr_assert_eq(rk_route_find(RK_LISTENER_ADMIN, path, &segment), cases[i].admin, "admin %s",
			     cases[i].path);
		if (cases[i].admin != RK_ROUTE_NONE)
			cr_assert(rk_bytes_equal(segment, rk_bytes_of(cases[i].segment)), "%s", cases[i].path);
	}
}

Test(route, methods)
{
	cr_assert(rk_route_allows(RK_ROUTE_RANK, rk_method_of("POST")));
	cr_assert_not(rk_route_allows(RK_ROUTE_RANK, rk_method_of("HEAD")));
	cr_assert(rk_route_allows(RK_ROUTE_LIVE, rk_method_of("HEAD")));
	cr_assert(rk_route_allows(RK_ROUTE_METRICS, rk_method_of("GET")));
	cr_assert_not(rk_route_allows(RK_ROUTE_NONE, rk_method_of("PATCH")));
	cr_assert_eq(rk_method_of("get"), RK_METHOD_OTHER);
	cr_assert_eq(rk_method_of(""), RK_METHOD_OTHER);
	cr_assert_str_eq(rk_route_allow(RK_ROUTE_RELOAD), "POST, OPTIONS");
	cr_assert_str_eq(rk_route_allow(RK_ROUTE_READY), "GET, HEAD, OPTIONS");
}
