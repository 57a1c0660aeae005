/*
 * Errors as RFC 9457 application/problem+json. One table: code, HTTP status, title.
 */
#ifndef RK_SERVER_PROBLEM_H
#define RK_SERVER_PROBLEM_H

#include "model/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* enumerator, code in urn:rankd:problem:<code>, default HTTP status, title */
#define RK_PROBLEM_TABLE(X)                                                                                            \
	X(MALFORMED_JSON, "malformed-json", 400, "Malformed JSON")                                                     \
	X(MALFORMED_HTTP, "malformed-http", 400, "Malformed HTTP")                                                     \
	X(UNAUTHORIZED, "unauthorized", 401, "Unauthorized")                                                           \
	X(FORBIDDEN, "forbidden", 403, "Forbidden")                                                                    \
	X(UNKNOWN_PATH, "unknown-path", 404, "Unknown path")                                                           \
	X(UNKNOWN_MODEL, "unknown-model", 404, "Unknown model")                                                        \
	X(METHOD_NOT_ALLOWED, "method-not-allowed", 405, "Method not allowed")                                         \
	X(REQUEST_TIMEOUT, "request-timeout", 408, "Request timeout")                                                  \
	X(RELOAD_FAILED, "reload-failed", 409, "Reload failed")                                                        \
	X(TOO_LARGE, "too-large", 413, "Too large")                                                                    \
	X(UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", 415, "Unsupported media type")                             \
	X(INVALID_REQUEST, "invalid-request", 422, "Invalid request")                                                  \
	X(OVERLOADED, "overloaded", 429, "Overloaded")                                                                 \
	X(INTERNAL, "internal", 500, "Internal error")                                                                 \
	X(NOT_READY, "not-ready", 503, "Not ready")                                                                    \
	X(DRAINING, "draining", 503, "Draining")                                                                       \
	X(DEADLINE_EXCEEDED, "deadline-exceeded", 504, "Deadline exceeded")

enum rk_problem {
#define RK_PROBLEM_ENUM(name, code, status, title) RK_PROBLEM_##name,
	RK_PROBLEM_TABLE(RK_PROBLEM_ENUM)
#undef RK_PROBLEM_ENUM
};

#define RK_PROBLEM_COUNT(name, code, status, title) +1
enum { RK_N_PROBLEMS = RK_PROBLEM_TABLE(RK_PROBLEM_COUNT), RK_MAX_FAULTS = 16 };
#undef RK_PROBLEM_COUNT

/* One broken rule of a 422: where (JSON Pointer into the body, or a header's name) and what. */
struct rk_fault {
	char pointer[96];  /* e.g. "/candidates/3/features/age_hours"; "" is the whole body */
	char message[320]; /* one line; never holds the client's own text */
	bool is_header;    /* pointer holds a header's name */
};

struct rk_faults {
	uint32_t n;
	struct rk_fault faults[RK_MAX_FAULTS];
};

unsigned rk_problem_status(enum rk_problem problem);
const char *rk_problem_code(enum rk_problem problem);
const char *rk_problem_title(enum rk_problem problem);

/* Adds a fault while there is room. */
void rk_faults_add(struct rk_faults *faults, const char *pointer, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Writes the document; returns its length (cut never: `size` of 16 KiB always suffices; asserted).
 * request_id, detail, faults may be NULL; offset < 0: none. */
size_t rk_problem_write(char *ret_text, size_t size, enum rk_problem problem, const char *detail,
			const char *request_id, const struct rk_faults *faults, int64_t offset);

#endif
