#include "server/trace.h"

#include <criterion/criterion.h>

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static const struct {
	const char *value;
	bool is_valid;
	unsigned flags;
} cases[] = {
	{"00-" TRACE "-" PARENT "-01", true, 1},
	{"00-" TRACE "-" PARENT "-00", true, 0},
	{"00-" TRACE "-" PARENT "-03", true, 3},
	{"00-" TRACE "-" PARENT "-fd", true, 1}, /* flags that are not known are dropped */
	{"cc-" TRACE "-" PARENT "-01", true, 1},
	{"cc-" TRACE "-" PARENT "-01-more", true, 1},
	{"cc-" TRACE "-" PARENT "-01.more", false, 0},
	{"00-" TRACE "-" PARENT "-01-more", false, 0},
	{"ff-" TRACE "-" PARENT "-01", false, 0},
	{"00-" TRACE "-" PARENT "-0", false, 0},
	{"00-" TRACE "-" PARENT "-0G", false, 0},
	{"0G-" TRACE "-" PARENT "-01", false, 0},
	{"00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", false, 0},
	{"00-00000000000000000000000000000000-" PARENT "-01", false, 0},
	{"00-" TRACE "-0000000000000000-01", false, 0},
	{"00_" TRACE "-" PARENT "-01", false, 0},
	{"00-" TRACE "_" PARENT "-01", false, 0},
	{"00-" TRACE "-" PARENT "_01", false, 0},
	{"00-" TRACE "-" PARENT, false, 0},
	{"", false, 0},
};

Test(trace, reads_what_is_valid_and_nothing_else)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rk_trace trace;
		cr_assert_eq(rk_trace_read(rk_bytes_of(cases[i].value), &trace), cases[i].is_valid, "%s",
			     cases[i].value);
		cr_assert_str_eq(trace.trace_id, cases[i].is_valid ? TRACE : "", "%s", cases[i].value);
		cr_assert_str_eq(trace.parent_id, cases[i].is_valid ? PARENT : "", "%s", cases[i].value);
		cr_assert_eq(trace.flags, cases[i].flags, "%s", cases[i].value);
	}
}

Test(trace, answers_with_a_span_of_its_own)
{
	struct rk_trace trace, again, back;
	cr_assert(rk_trace_read(rk_bytes_of("cc-" TRACE "-" PARENT "-01-x"), &trace));
	again = trace;
	rk_trace_begin(&trace);
	rk_trace_begin(&again);
	cr_assert_str_neq(trace.span_id, again.span_id);
	cr_assert_str_neq(trace.span_id, PARENT);
	char text[RK_TRACEPARENT_CHARS + 1];
	rk_trace_write(&trace, text);
	cr_assert_eq(strncmp(text, "00-" TRACE "-", 36), 0, "%s", text);
	cr_assert(rk_trace_read(rk_bytes_of(text), &back));
	cr_assert_str_eq(back.parent_id, trace.span_id);
	cr_assert_eq(back.flags, 1);
}
