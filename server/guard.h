/*
 * The guard: decides from a request's head alone (method, path, version, headers) whether the request may go on.
 * Pure: no I/O, no state besides the struct. It stands in front of libmicrohttpd 0.9.75's lenience: whatever two
 * parsers could read in two ways (request smuggling) is 400 and closes the connection.
 *
 *     rk_guard_begin(&guard, ...);  rk_guard_header(&guard, name, value) for each;  if (!rk_guard_end(&guard)) refuse
 *
 * What it cannot see, since the parser has dropped it before: bare LF line ends.
 */
#ifndef RK_SERVER_GUARD_H
#define RK_SERVER_GUARD_H

#include "server/problem.h"
#include "server/route.h"
#include "server/trace.h"

enum { RK_REQUEST_ID_BYTES = 64 };

struct rk_guard_limits {
	size_t max_body_bytes; /* of routes that rank; any other takes RK_SMALL_BODY_BYTES */
	const char *too_large; /* detail of a 413 */
};

enum { RK_SMALL_BODY_BYTES = 16 * 1024 };

/* Why a request is refused. Texts are not its own. */
struct rk_refusal {
	enum rk_problem problem;
	unsigned status; /* the problem's own, but for 505 */
	const char *detail;
	const char *header;  /* 422: the header at fault; else NULL */
	const char *pointer; /* 422: the place in the body at fault; else NULL */
	bool has_offset;     /* 400: where the body stops being JSON */
	uint64_t offset;
	bool must_close; /* what follows on this connection cannot be trusted, or is not read */
};

/* What is known of a request that may go on. Spans borrow the caller's memory. */
struct rk_head {
	enum rk_route route;
	enum rk_method method;
	struct rk_bytes segment;       /* of the path: a model's name; size 0: none */
	struct rk_bytes request_id;    /* X-Request-Id if it is a good one; size 0: none */
	bool bad_request_id;           /* there was one, but not a good one: the server makes another */
	struct rk_bytes host;          /* trimmed; size 0: none */
	struct rk_bytes authorization; /* trimmed; size 0: none */
	bool is_cross_site;            /* a browser says that another site's page asks */
	struct rk_bytes if_none_match; /* trimmed; size 0: none */
	struct rk_trace trace;         /* of a valid traceparent; several, or a bad one: none */
	double budget_ms;              /* smallest of the budget headers; 0: none */
	uint64_t content_length;       /* 0 when chunked */
	bool chunked;
	bool expects_continue;
	size_t max_body_bytes; /* of this route */
};

struct rk_guard {
	struct rk_head head;
	struct rk_refusal refusal; /* valid when rk_guard_end returned false */
	/* private */
	const char *too_large;
	bool is_http_1_0, refused;
	unsigned n_content_length, n_transfer_encoding, n_host, n_traceparent;
	bool bad_media_type, bad_encoding;
	const char *bad_budget_header;
};

void rk_guard_begin(struct rk_guard *guard, enum rk_listener listener, const struct rk_guard_limits *limits,
		    const char *method, struct rk_bytes path, const char *version);
void rk_guard_header(struct rk_guard *guard, struct rk_bytes name, struct rk_bytes value);

/* What the caller found in the head itself: 400, and the connection closes. `detail` is a constant. */
void rk_guard_malformed(struct rk_guard *guard, const char *detail);

/* True: guard->head holds. False: guard->refusal holds (and of the head, route, method and request id). */
bool rk_guard_end(struct rk_guard *guard);

/* Whether `id` is 1–64 of [A-Za-z0-9._-]. */
bool rk_guard_is_request_id(struct rk_bytes id);

#endif
