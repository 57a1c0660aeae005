#include "server/problem.h"
#include "tests/unit/server/json_kept.h"

#include <criterion/criterion.h>
#include <stdio.h>

static char document[16 * 1024];

static json_t *write(enum rk_problem problem, const char *detail, const char *request_id,
		     const struct rk_faults *faults, int64_t offset)
{
	size_t size = rk_problem_write(document, sizeof(document), problem, detail, request_id, faults, offset);
	json_t *root = json_kept(document, size);
	cr_assert_not_null(root, "%.*s", (int)size, document);
	return root;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

Test(problem, holds_what_is_known_and_no_more)
{
	json_t *root = write(RK_PROBLEM_UNKNOWN_MODEL, NULL, NULL, NULL, -1);
	cr_assert_eq(json_object_size(root), 3);
	cr_assert_str_eq(text_of(root, "type"), "urn:rankd:problem:unknown-model");
	cr_assert_str_eq(text_of(root, "title"), "Unknown model");
	cr_assert_eq(json_integer_value(json_object_get(root, "status")), 404);
	root = write(RK_PROBLEM_MALFORMED_JSON, "say \"no\"\n", "r-1", NULL, 0);
	cr_assert_eq(json_object_size(root), 6);
	cr_assert_str_eq(text_of(root, "detail"), "say \"no\"\n");
	cr_assert_str_eq(text_of(root, "request_id"), "r-1");
	cr_assert_eq(json_integer_value(json_object_get(root, "offset")), 0);
}

Test(problem, faults_point_or_name_a_header)
{
	struct rk_faults faults = {0};
	rk_faults_add(&faults, "/candidates/3", "expected %s", "an id");
	rk_faults_add(&faults, "X-Rank-Budget-Ms", "expected a number");
	faults.faults[1].is_header = true;
	json_t *errors = json_object_get(write(RK_PROBLEM_INVALID_REQUEST, "d", "r", &faults, -1), "errors");
	cr_assert_eq(json_array_size(errors), 2);
	cr_assert_str_eq(text_of(json_array_get(errors, 0), "pointer"), "/candidates/3");
	cr_assert_str_eq(text_of(json_array_get(errors, 0), "message"), "expected an id");
	cr_assert_str_eq(text_of(json_array_get(errors, 1), "header"), "X-Rank-Budget-Ms");
	cr_assert_null(json_object_get(json_array_get(errors, 1), "pointer"));
}

Test(problem, more_than_sixteen_faults_are_not_kept)
{
	struct rk_faults faults = {0};
	for (int i = 0; i < 40; i++) {
		char pointer[16];
		(void)snprintf(pointer, sizeof(pointer), "/%d", i);
		rk_faults_add(&faults, pointer, "x");
	}
	cr_assert_eq(faults.n, RK_MAX_FAULTS);
	cr_assert_str_eq(faults.faults[15].pointer, "/15");
}

/* Every text as long as it gets, and of bytes that take six to escape. */
Test(problem, sixteen_kilobytes_always_suffice)
{
	struct rk_faults faults = {.n = RK_MAX_FAULTS};
	static char detail[5000], request_id[65];
	memset(detail, 1, sizeof(detail) - 1);
	memset(request_id, 'r', sizeof(request_id) - 1);
	for (int i = 0; i < RK_MAX_FAULTS; i++) {
		memset(faults.faults[i].pointer, 2, sizeof(faults.faults[i].pointer) - 1);
		memset(faults.faults[i].message, 0xff, sizeof(faults.faults[i].message) - 1);
	}
	for (int problem = 0; problem <= RK_PROBLEM_DEADLINE_EXCEEDED; problem++) {
		json_t *root = write((enum rk_problem)problem, detail, request_id, &faults, INT64_MAX);
		cr_assert_geq(json_array_size(json_object_get(root, "errors")), 1);
		cr_assert_eq((unsigned)json_integer_value(json_object_get(root, "status")),
			     rk_problem_status((enum rk_problem)problem));
	}
}

/* Faults that do not fit are left out whole, wherever the buffer ends. */
Test(problem, a_smaller_buffer_holds_fewer_faults)
{
	struct rk_faults faults = {0};
	size_t most = 0, fewest = RK_MAX_FAULTS;
	for (int i = 0; i < RK_MAX_FAULTS; i++)
		rk_faults_add(&faults, "/pointer", "message");
	for (size_t size = 200; size < 1200; size++) {
		size_t used = rk_problem_write(document, size, RK_PROBLEM_INVALID_REQUEST, NULL, NULL, &faults, -1);
		json_t *root = json_kept(document, used);
		cr_assert_not_null(root, "%zu", size);
		size_t n = json_array_size(json_object_get(root, "errors"));
		most = n > most ? n : most;
		fewest = n < fewest ? n : fewest;
	}
	cr_assert_eq(most, RK_MAX_FAULTS);
	cr_assert_lt(fewest, 4);
}

Test(problem, long_texts_are_cut_between_characters)
{
	struct rk_faults faults = {0};
	char text[1000];
	for (size_t pad = 0; pad < 3; pad++) {
		memset(text, 'x', pad);
		text[pad] = '\0';
		while (strlen(text) + 3 < sizeof(text))
			strcat(text, "\xe8\xa7\x86");
		faults.n = 0;
		rk_faults_add(&faults, text, "%s", text);
		(void)write(RK_PROBLEM_INVALID_REQUEST, text, NULL, &faults, -1);
		cr_assert_null(strstr(document, "fffd"));
		cr_assert_eq((strlen(faults.faults[0].pointer) - pad) % 3, 0);
		cr_assert_eq((strlen(faults.faults[0].message) - pad) % 3, 0);
	}
}
