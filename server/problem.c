/* One table from problem.h fills every column; the document is written in one pass into the caller's buffer. */
#include "server/problem.h"

#include "model/base/check.h"
#include "server/text.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	MAX_DETAIL_BYTES = 1024, /* of the caller's text; escaped it takes at most 6 times as much */
	END_RESERVE_BYTES = 8,   /* for the brackets that close the document */
};

struct problem_row {
	const char *code, *title;
	unsigned status;
};

static const struct problem_row rows[] = {
#define PROBLEM_ROW(name, code, status, title) {code, title, status},
	RK_PROBLEM_TABLE(PROBLEM_ROW)
#undef PROBLEM_ROW
};

static const struct problem_row *row_of(enum rk_problem problem)
{
	RK_ASSERT((size_t)problem < sizeof(rows) / sizeof(rows[0]));
	return &rows[problem];
}

unsigned rk_problem_status(enum rk_problem problem)
{
	return row_of(problem)->status;
}

const char *rk_problem_code(enum rk_problem problem)
{
	return row_of(problem)->code;
}

const char *rk_problem_title(enum rk_problem problem)
{
	return row_of(problem)->title;
}

/* Copies text, cut where it does not fit, never inside a character. */
static void copy_cut(char *ret_text, size_t size, const char *text)
{
	size_t n = strnlen(text, size - 1);
	if (text[n] != '\0')
		n = rk_text_valid_utf8((struct rk_bytes){text, n});
	memcpy(ret_text, text, n);
	ret_text[n] = '\0';
}

void rk_faults_add(struct rk_faults *faults, const char *pointer, const char *format, ...)
{
	if (faults->n == RK_MAX_FAULTS)
		return;
	struct rk_fault *fault = &faults->faults[faults->n++];
	copy_cut(fault->pointer, sizeof(fault->pointer), pointer);
	char message[2 * sizeof(fault->message)];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	copy_cut(fault->message, sizeof(fault->message), message);
	fault->is_header = false;
}

static void put_member(struct rk_text *text, const char *key, const char *value)
{
	rk_text_put_text(text, key);
	rk_text_put_json_untrusted(text, rk_bytes_of(value));
}

static void put_fault(struct rk_text *text, const struct rk_fault *fault)
{
	put_member(text, fault->is_header ? "{\"header\":" : "{\"pointer\":", fault->pointer);
	put_member(text, ",\"message\":", fault->message);
	rk_text_put_char(text, '}');
}

/* As many faults as there is room for; the first always fits. */
static void put_faults(struct rk_text *text, const struct rk_faults *faults)
{
	rk_text_put_text(text, ",\"errors\":[");
	size_t size = text->size;
	text->size -= END_RESERVE_BYTES;
	for (uint32_t i = 0; i < faults->n; i++) {
		struct rk_text before = *text;
		if (i > 0)
			rk_text_put_char(text, ',');
		put_fault(text, &faults->faults[i]);
		if (text->overflowed && i > 0) {
			*text = before;
			break;
		}
	}
	text->size = size;
	rk_text_put_char(text, ']');
}

size_t rk_problem_write(char *ret_text, size_t size, enum rk_problem problem, const char *detail,
			const char *request_id, const struct rk_faults *faults, int64_t offset)
{
	const struct problem_row *row = row_of(problem);
	struct rk_text text;
	rk_text_init(&text, ret_text, size);
	rk_text_put_text(&text, "{\"type\":\"urn:rankd:problem:");
	rk_text_put_text(&text, row->code);
	rk_text_put_text(&text, "\",\"title\":\"");
	rk_text_put_text(&text, row->title);
	rk_text_put_text(&text, "\",\"status\":");
	rk_text_put_unsigned(&text, row->status);
	if (detail != NULL) {
		char cut[MAX_DETAIL_BYTES];
		copy_cut(cut, sizeof(cut), detail);
		put_member(&text, ",\"detail\":", cut);
	}
	if (request_id != NULL)
		put_member(&text, ",\"request_id\":", request_id);
	if (offset >= 0) {
		rk_text_put_text(&text, ",\"offset\":");
		rk_text_put_integer(&text, offset);
	}
	if (faults != NULL && faults->n > 0)
		put_faults(&text, faults);
	rk_text_put_char(&text, '}');
	RK_ASSERT(!text.overflowed);
	return text.used;
}
