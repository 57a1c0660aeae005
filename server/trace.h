/*
 * W3C Trace Context (https://www.w3.org/TR/trace-context/), as far as a server that calls nobody needs it: a valid
 * `traceparent` makes the request a span of its caller's trace. Its answer names that span, and so does the log.
 */
#ifndef RK_SERVER_TRACE_H
#define RK_SERVER_TRACE_H

#include "model/base/span.h"

#include <stdbool.h>

enum { RK_TRACE_ID_CHARS = 32, RK_SPAN_ID_CHARS = 16, RK_TRACEPARENT_CHARS = 55 };

struct rk_trace {
	char trace_id[RK_TRACE_ID_CHARS + 1]; /* "": the request belongs to no trace */
	char parent_id[RK_SPAN_ID_CHARS + 1]; /* the caller's span */
	char span_id[RK_SPAN_ID_CHARS + 1];   /* ours */
	unsigned flags;                       /* those that are known: 1 sampled, 2 random trace id */
};

/* Reads a header's value: version 00 to the letter, of later versions what they share with it. False: it is not valid,
 * and *ret_trace is empty. span_id is not set. */
bool rk_trace_read(struct rk_bytes value, struct rk_trace *ret_trace);

/* Makes span_id, at random. */
void rk_trace_begin(struct rk_trace *trace);

/* The header of the answer, in version 00: the trace, our span, the flags. NUL-terminated. */
void rk_trace_write(const struct rk_trace *trace, char ret_text[RK_TRACEPARENT_CHARS + 1]);

#endif
