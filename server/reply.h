/* The body of a 200: docs/http-api.md, "POST /rank". Keys in the documented order, no spaces. */
#ifndef RK_SERVER_REPLY_H
#define RK_SERVER_REPLY_H

#include "server/request.h"

struct rk_reply_source {
	const struct rk_request *request; /* decoded; with the version that ranked it */
	const struct rk_rank_result *result;
	const char *request_id;
};

/* Bytes that a reply takes at most. Ids are the only part of the client's text in it; each is written no longer than
 * the body wrote it, so together they are no longer than the body. */
size_t rk_reply_bytes(const struct rk_request_limits *limits, const struct rk_config *config);

/* Bytes of arena that rk_reply_write takes at most: the signals' keys, escaped once. */
size_t rk_reply_arena_bytes(const struct rk_config *config);

/* RK_LIMIT when the buffer is too small, RK_NO_MEMORY when the arena is; the two above rule it out. */
RK_NODISCARD enum rk_status rk_reply_write(const struct rk_reply_source *source, struct rk_arena *arena, char *ret_text,
					   size_t size, size_t *ret_bytes);

#endif
