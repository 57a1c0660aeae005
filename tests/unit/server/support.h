/* What the tests of the request's way share: golden models, and memory that ends where it should. */
#ifndef RK_TESTS_SERVER_SUPPORT_H
#define RK_TESTS_SERVER_SUPPORT_H

#include "server/job.h"

/* Limits small enough to be passed by short bodies. */
static const struct rk_request_limits test_limits = {.max_candidates = 8, .max_events = 4, .max_body_bytes = 16 * 1024};

/* Opens tests/golden/<name>/1 with room for `limits`; never closed: a test is a process. */
struct rk_version *test_version(const char *name, const struct rk_request_limits *limits);

/* An arena of exactly `size` bytes, followed by a page that cannot be touched. */
struct rk_arena test_arena(size_t size);

/* A copy of `text` without NUL, followed by a page that cannot be touched. */
struct rk_bytes test_body(const char *text, size_t size);

/* Decodes on `version` (NULL: the resolver knows the name, but nothing is ready), counting the resolver's calls. */
struct test_decoding {
	struct rk_version *version;
	struct rk_arena arena;
	struct rk_request request;
	struct rk_request_refusal refusal;
	uint32_t n_acquired;
	bool decoded;
};
struct rk_resolver test_resolver(struct test_decoding *decoding);
void test_decode(struct test_decoding *decoding, struct rk_version *version, struct rk_bytes body,
		 const char *path_model, const struct rk_request_limits *limits, size_t arena_bytes);

#endif
