#include "server/trace.h"

#include "model/base/check.h"

#include <stdio.h>
#include <sys/random.h>

enum { VERSION_AT = 0, TRACE_AT = 3, PARENT_AT = 36, FLAGS_AT = 53, KNOWN_FLAGS = 3 };

/* n lower-case hexadecimal digits; *ret_is_zero: all of them are 0. */
static bool is_hex(const char *text, size_t n, bool *ret_is_zero)
{
	*ret_is_zero = true;
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		*ret_is_zero = *ret_is_zero && c == '0';
	}
	return true;
}

static unsigned digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

bool rk_trace_read(struct rk_bytes value, struct rk_trace *ret_trace)
{
	*ret_trace = (struct rk_trace){0};
	const char *text = value.data;
	bool is_version_00, is_trace_zero, is_parent_zero, are_flags_zero;
	if (value.size < RK_TRACEPARENT_CHARS || text[TRACE_AT - 1] != '-' || text[PARENT_AT - 1] != '-' ||
	    text[FLAGS_AT - 1] != '-')
		return false;
	if (!is_hex(text + VERSION_AT, 2, &is_version_00) ||
	    !is_hex(text + TRACE_AT, RK_TRACE_ID_CHARS, &is_trace_zero) ||
	    !is_hex(text + PARENT_AT, RK_SPAN_ID_CHARS, &is_parent_zero) ||
	    !is_hex(text + FLAGS_AT, 2, &are_flags_zero))
		return false;
	if (memcmp(text, "ff", 2) == 0 || is_trace_zero || is_parent_zero)
		return false;
	if (value.size > RK_TRACEPARENT_CHARS && (is_version_00 || text[RK_TRACEPARENT_CHARS] != '-'))
		return false;
	memcpy(ret_trace->trace_id, text + TRACE_AT, RK_TRACE_ID_CHARS);
	memcpy(ret_trace->parent_id, text + PARENT_AT, RK_SPAN_ID_CHARS);
	ret_trace->flags = digit(text[FLAGS_AT + 1]) & KNOWN_FLAGS;
	return true;
}

void rk_trace_begin(struct rk_trace *trace)
{
	unsigned char bytes[RK_SPAN_ID_CHARS / 2];
	/* as few come whole and without waiting once the system has booted */
	RK_ASSERT(getrandom(bytes, sizeof(bytes), 0) == (long)sizeof(bytes));
	bytes[0] |= 1; /* all zeros is no span */
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(trace->span_id + 2 * i, 3, "%02x", bytes[i]);
}

void rk_trace_write(const struct rk_trace *trace, char ret_text[RK_TRACEPARENT_CHARS + 1])
{
	int n = snprintf(ret_text, RK_TRACEPARENT_CHARS + 1, "00-%s-%s-%02x", trace->trace_id, trace->span_id,
			 trace->flags);
	RK_ASSERT(n == RK_TRACEPARENT_CHARS);
}
