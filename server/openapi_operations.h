/* Private to server/openapi*.c: what each route takes and answers. */
#ifndef RK_SERVER_OPENAPI_OPERATIONS_H
#define RK_SERVER_OPENAPI_OPERATIONS_H

#include "server/problem.h"
#include "server/route.h"

#define RK_PROBLEM_BIT(problem) (UINT32_C(1) << RK_PROBLEM_##problem)

/* components/examples hold `<label>.<name>.request` (POST only) and `<label>.<name>.answer`. */
struct rk_openapi_example {
	const char *name; /* NULL ends an array */
	unsigned status;
};

struct rk_openapi_operation {
	const char *tag;     /* of the path: rank, probes or admin */
	const char *summary; /* of the method */
	const char *request; /* name in components/schemas; NULL: no body is read */
	bool is_request_optional;
	const char *answer;  /* name in components/schemas */
	const char *media;   /* of the answer with 200 */
	const char *headers; /* of that answer beyond X-Request-Id; names in components/headers, separated by spaces */
	const char *takes;   /* names in components/parameters, separated by spaces */
	uint32_t problems;   /* RK_PROBLEM_BITs, beyond those that every request can meet */
	bool needs_token;
	bool is_cached;                            /* has an ETag, and 304 for who has it already */
	const char *hole;                          /* the parameter in the path; NULL: a model's name */
	const struct rk_openapi_example *examples; /* NULL: none */
};

/* What every request can meet, whatever its route. */
extern const uint32_t rk_openapi_common_problems;

/* NULL for RK_ROUTE_NONE. */
const struct rk_openapi_operation *rk_openapi_operation(enum rk_route route);

#endif
