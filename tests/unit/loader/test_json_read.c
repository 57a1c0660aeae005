#include "loader/json_read.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const struct rk_json_limits wide = {.max_depth = 100, .max_values = 1000};

static enum rk_status read_text(const char *text, json_t **value, struct rk_error *error)
{
	return rk_json_read(value, rk_bytes_of(text), &wide, error);
}

Test(json_read, any_value_with_space_around_it)
{
	static const char *const texts[] = {"{}",       " [1, 2] ", "\"x\"", "7",
					    "-0.5e3\n", "true",     "null",  "{\"]\": \"[{\\\"\"}"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *value = NULL;
		struct rk_error error = {.status = RK_OK};
		cr_assert_eq(read_text(texts[i], &value, &error), RK_OK, "%s: %s", texts[i], error.message);
		char *again = json_dumps(value, JSON_ENCODE_ANY);
		cr_assert_not_null(again);
		free(again);
		json_decref(value);
	}
}

/* The text is parsed inside a list; nothing may break out of it. */
Test(json_read, one_value_and_no_more)
{
	static const char *const texts[] = {"",    " ",    "1, 2",    "1]", "1],[2",   "],[",  "]",
					    ",",   "1,",   "[1",      "{",  "\"",      "\"\\", "{\"a\"",
					    "1 2", "{}{}", "// x\n1", "\"", "[1]],[2", "\\"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *value = NULL;
		cr_expect_eq(read_text(texts[i], &value, NULL), RK_MALFORMED, "%s", texts[i]);
		cr_expect_null(value);
	}
}

Test(json_read, limits_are_checked_before_parsing)
{
	static const struct rk_json_limits narrow = {.max_depth = 2, .max_values = 6, .max_token = 4};
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"[[1], [2]]", NULL},
		{"[[[", "expected nesting of at most 2, found 3"},
		{"\"[[[\"", "expected strings of at most 4 bytes, found 5"},
		{"\"[[\"", NULL},
		{"[1,2,3,4,5,6]", NULL},
		{"[1,2,3,4,5,6,7]", "expected at most 6 values, found 7"},
		{"[12345]", "expected strings of at most 4 bytes, found 5"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *value = NULL;
		struct rk_error error = {.status = RK_OK};
		enum rk_status status = rk_json_read(&value, rk_bytes_of(cases[i].text), &narrow, &error);
		cr_assert_eq(status, cases[i].message == NULL ? RK_OK : RK_LIMIT, "%s: %s", cases[i].text,
			     error.message);
		if (cases[i].message != NULL)
			cr_assert_str_eq(error.message, cases[i].message);
		json_decref(value);
	}
}

Test(json_read, the_line_is_named_where_there_are_more_than_one)
{
	json_t *value = NULL;
	struct rk_error error = {.status = RK_OK};
	cr_assert_eq(read_text("{\n\"a\": 1,\n\"a\": 2}", &value, &error), RK_MALFORMED);
	cr_assert_str_eq(error.message, "line 3: not valid JSON: duplicate object key");
	cr_assert_eq(read_text("{\"a\": x\x01y}", &value, &error), RK_MALFORMED);
	cr_assert_str_eq(error.message, "not valid JSON: invalid token", "what the text holds is not repeated");
}

Test(json_read, long_tokens_come_back_whole)
{
	for (size_t size = 1; size < 5000; size += size < 300 ? 1 : 333) {
		char *text = malloc(size + 3);
		json_t *value = NULL;
		memset(text, 'x', size + 2);
		text[0] = text[size + 1] = '"';
		text[size + 2] = '\0';
		cr_assert_eq(read_text(text, &value, NULL), RK_OK);
		cr_assert_eq(json_string_length(value), size);
		json_decref(value);
		free(text);
	}
}

/* ---- a failed allocation never changes a value ---- */

static unsigned fail_at, n_allocations;

/* jansson 2.14 loses a key's memory when its copy finds none: kept in reach here, so that it is no leak of ours. */
static void *failing_malloc(size_t size)
{
	static void *blocks[1 << 16];
	static size_t n_blocks;
	if (++n_allocations == fail_at)
		return NULL;
	return blocks[n_blocks++ % (sizeof(blocks) / sizeof(blocks[0]))] = malloc(size);
}

Test(json_read, the_kth_allocation_fails_and_no_digit_is_lost)
{
	static const char text[] =
		"{\"id\": 12345678901234567, \"a key that is rather long, over sixty-four bytes of it:\":"
		" \"and a value that is longer still, so that the buffer of the token has to grow twice\"}";
	json_t *expected = NULL, *value = NULL;
	cr_assert_eq(read_text(text, &expected, NULL), RK_OK);
	json_set_alloc_funcs(failing_malloc, free);
	unsigned n_failed = 0;
	for (fail_at = 1;; fail_at++) {
		struct rk_error error = {.status = RK_OK};
		n_allocations = 0;
		value = NULL;
		enum rk_status status = read_text(text, &value, &error);
		if (n_allocations < fail_at)
			break;
		cr_assert(status != RK_OK || json_equal(value, expected), "allocation %u changed the value", fail_at);
		cr_assert_eq(status == RK_OK, value != NULL);
		n_failed += status != RK_OK;
		json_decref(value);
	}
	json_decref(value);
	json_decref(expected);
	cr_assert_gt(n_failed, 10);
}

static void expect_shown(json_t *value, const char *text)
{
	cr_assert_str_eq(rk_json_show(value).text, text);
	json_decref(value);
}

Test(json_read, what_is_shown_is_short)
{
	expect_shown(NULL, "nothing");
	expect_shown(json_real(0.5), "0.5");
	expect_shown(json_real(4), "4.0");
	expect_shown(json_real(100), "100.0");
	expect_shown(json_real(-1e15), "-1e+15");
	expect_shown(json_real(0.1), "0.1");
	expect_shown(json_real(0.016393442622950821), "0.01639344262295082");
	expect_shown(json_integer(-7), "-7");
	expect_shown(json_object(), "an object");
	expect_shown(json_array(), "a list");
	expect_shown(json_string("a\nb"), "the string \"a?b\"");
	json_t *value = json_string("视视视视视视视视视视视视视视视视视视视视视视视视视视视视");
	struct rk_json_shown shown = rk_json_show(value);
	cr_assert_lt(strlen(shown.text), 90);
	json_decref(value);
}
