/*
 * HTTP/1.1 responses as the client reads them, byte range by byte range: status, Content-Length or an end by close,
 * `Connection: close`. The answer is the same however the bytes are split. The body is not kept, only its last bytes:
 * the reply's `degraded` field stands last.
 */
#ifndef RK_BENCH_LOAD_RESPONSE_H
#define RK_BENCH_LOAD_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RK_LOAD_RESPONSE_LINE_BYTES = 256,       /* of a head's line that are looked at; the rest is passed over */
	RK_LOAD_RESPONSE_HEAD_BYTES = 64 * 1024, /* more is malformed */
	RK_LOAD_RESPONSE_TAIL_BYTES = 256,       /* of the body's end that are kept */
};

enum rk_load_response_state {
	RK_LOAD_RESPONSE_STATUS_LINE,
	RK_LOAD_RESPONSE_HEADERS,
	RK_LOAD_RESPONSE_BODY,
	RK_LOAD_RESPONSE_DONE,
	RK_LOAD_RESPONSE_MALFORMED, /* also what the client does not speak: other versions, transfer codings */
};

struct rk_load_response {
	enum rk_load_response_state state;
	uint16_t status; /* valid once DONE */
	bool closes;     /* the connection cannot be used again */
	bool has_length;
	bool is_http_1_0;
	uint64_t length;     /* Content-Length */
	uint64_t body_bytes; /* so far */
	size_t head_bytes;
	size_t line_bytes, tail_bytes;
	char line[RK_LOAD_RESPONSE_LINE_BYTES];
	char tail[RK_LOAD_RESPONSE_TAIL_BYTES];
};

/* Ready for the next answer. */
void rk_load_response_reset(struct rk_load_response *response);

/* Takes bytes until the answer is complete; returns how many it took (fewer than `size` only when DONE or MALFORMED).
 */
size_t rk_load_response_feed(struct rk_load_response *response, const char *data, size_t size);

/* The peer closed: completes a body without a length; anything else that is incomplete stays so. */
void rk_load_response_end(struct rk_load_response *response);

/* Whether the body's last bytes hold a "degraded" field that is not null. */
bool rk_load_response_is_degraded(const struct rk_load_response *response);

#endif
