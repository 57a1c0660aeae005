#include "loader/golden.h"
#include "tests/unit/loader/support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A ranker that answers with a text of the test and keeps what it was asked. */
struct fake {
	const char *reply;
	enum rk_status status;
	unsigned n_calls;
	char last[4096];
};

static enum rk_status rank_fake(void *context, struct rk_version *version, struct rk_bytes request,
				struct rk_bytes *ret_reply, struct rk_error *reterr)
{
	struct fake *fake = context;
	(void)version;
	fake->n_calls++;
	(void)snprintf(fake->last, sizeof(fake->last), "%.*s", (int)request.size, request.data);
	if (fake->status != RK_OK)
		return rk_error_set(reterr, fake->status, "/candidates: a reason");
	*ret_reply = rk_bytes_of(fake->reply);
	return RK_OK;
}

static struct test_folder folder;
static struct rk_version version;
static struct fake fake;

static void setup(void)
{
	folder = test_folder_make();
	version.model.config.golden_tolerance = 1e-3;
	fake = (struct fake){.reply = "{\"items\": []}"};
}

static void teardown(void)
{
	test_folder_remove(&folder);
}

TestSuite(golden, .init = setup, .fini = teardown);

static enum rk_status check(const char *lines, struct rk_error *error)
{
	test_write_text(test_path(folder.path, "golden.jsonl"), lines);
	return rk_golden_check(&version, folder.path, rank_fake, &fake, error);
}

#define LINE(expected) "{\"request\": {\"candidates\": [1]}, \"expected\": " expected "}\n"

Test(golden, no_file_is_fine)
{
	struct rk_error error = {.status = RK_OK};
	cr_assert_eq(rk_golden_check(&version, folder.path, rank_fake, &fake, &error), RK_OK);
	cr_assert_eq(rk_warmup_run(&version, folder.path, rank_fake, &fake, &error), RK_OK);
	cr_assert(version.report.n_golden == 0 && version.report.n_warmup == 0 && fake.n_calls == 0);
	cr_assert_eq(rk_golden_check(&version, test_path(folder.path, "none"), rank_fake, &fake, &error), RK_NOT_FOUND);
}

Test(golden, a_link_that_leads_nowhere_is_no_absent_file)
{
	struct rk_error error = {.status = RK_OK};
	cr_assert_eq(symlink("nowhere", test_path(folder.path, "golden.jsonl")), 0);
	cr_assert_eq(rk_golden_check(&version, folder.path, rank_fake, &fake, &error), RK_INVALID);
	cr_assert_str_eq(error.message, "golden.jsonl: a link that leads to no file");
}

Test(golden, top_k_is_left_out_and_all_else_stays_exactly)
{
	struct rk_error error = {.status = RK_OK};
	cr_assert_eq(check("{\"request\": {\"b\": 0.1, \"top_k\": 3, \"a\": [12345678901234567, \"视\", 1e-7, true, "
			   "null, 2.0]},"
			   " \"expected\": {\"items\": []}}",
			   &error),
		     RK_OK, "%s", error.message);
	cr_assert_str_eq(fake.last,
			 "{\"b\":0.10000000000000001,\"a\":[12345678901234567,\"视\",9.9999999999999995e-8,true,"
			 "null,2.0]}");
	cr_assert_eq(version.report.n_golden, 1);
}

/* expected, reply: they agree */
static const struct {
	const char *expected, *reply;
} agreeing[] = {
	{LINE("{\"items\": []}"), "{\"items\": [{\"item\": 1, \"score\": 2}]}"},
	{LINE("{\"items\": [{\"item\": 1}]}"), "{\"items\": [{\"item\": 2}, {\"item\": 1, \"score\": 3}]}"},
	{LINE("{\"items\": [{\"item\": 1, \"score\": 0.5}]}"), "{\"items\": [{\"item\": 1, \"score\": 0.5009}]}"},
	{LINE("{\"items\": [{\"item\": 1, \"score\": 1000}]}"), "{\"items\": [{\"item\": 1, \"score\": 1000.9}]}"},
	{LINE("{\"items\": [{\"item\": 1, \"score\": null, \"signals\": null}]}"),
	 "{\"items\": [{\"item\": 1, \"score\": null}]}"},
	{LINE("{\"items\": [{\"item\": 1, \"unknown\": true}]}"), "{\"items\": [{\"item\": 1, \"unknown\": true}]}"},
	{LINE("{\"items\": [{\"item\": 1, \"unknown\": false}]}"), "{\"items\": [{\"item\": 1}]}"},
	{LINE("{\"items\": [{\"item\": 1, \"signals\": {\"a\": 1, \"b\": null}, \"terms\": {\"a\": 2}}]}"),
	 "{\"items\": [{\"item\": 1, \"signals\": {\"a\": 1, \"c\": 7}, \"terms\": {\"a\": 2, \"b\": 1}}]}"},
	/* near ties may swap */
	{LINE("{\"items\": [{\"item\": 1, \"score\": 5}, {\"item\": 2, \"score\": 5}]}"),
	 "{\"items\": [{\"item\": 2, \"score\": 5}, {\"item\": 1, \"score\": 5}]}"},
	/* 1 and "1" stand for themselves; the k-th goes with the k-th */
	{LINE("{\"items\": [{\"item\": 1, \"score\": 3}, {\"item\": \"1\", \"score\": 2}, {\"item\": 1, \"score\": "
	      "1}]}"),
	 "{\"items\": [{\"item\": \"1\", \"score\": 2}, {\"item\": 1, \"score\": 3}, {\"item\": 1, \"score\": 1}]}"},
	{LINE("{\"items\": [], \"history\": {\"used\": 2}}"),
	 "{\"items\": [], \"history\": {\"used\": 2, \"unknown_items\": 1}}"},
};

Test(golden, what_agrees)
{
	for (size_t i = 0; i < sizeof(agreeing) / sizeof(agreeing[0]); i++) {
		struct rk_error error = {.status = RK_OK};
		fake.reply = agreeing[i].reply;
		cr_expect_eq(check(agreeing[i].expected, &error), RK_OK, "%s: %s", agreeing[i].expected, error.message);
	}
}

/* expected, reply, message */
static const struct {
	const char *expected, *reply, *message;
	enum rk_status status;
} differing[] = {
	{LINE("{\"items\": [{\"item\": 1, \"score\": 0.5}]}"), "{\"items\": [{\"item\": 1, \"score\": 0.5011}]}",
	 "golden.jsonl: line 1: item 1: score: expected 0.5, found 0.5011 (tolerance 0.001)", RK_MISMATCH},
	{LINE("{\"items\": [{\"item\": 1, \"score\": 1000}]}"), "{\"items\": [{\"item\": 1, \"score\": 1001.1}]}",
	 "golden.jsonl: line 1: item 1: score: expected 1000, found 1001.1 (tolerance 0.001)", RK_MISMATCH},
	{LINE("{\"items\": [{\"item\": 1, \"score\": 0.5}]}"), "{\"items\": [{\"item\": 1, \"score\": null}]}",
	 "golden.jsonl: line 1: item 1: score: expected 0.5, found null (tolerance 0.001)", RK_MISMATCH},
	{LINE("{\"items\": [{\"item\": 1, \"score\": null}]}"), "{\"items\": [{\"item\": 1, \"score\": 0}]}",
	 "golden.jsonl: line 1: item 1: score: expected null, found 0 (tolerance 0.001)", RK_MISMATCH},
	{LINE("{\"items\": [{\"item\": 1, \"score\": 1}]}"), "{\"items\": [{\"item\": 1, \"score\": \"1\"}]}",
	 "golden.jsonl: line 1: item 1: score: expected 1, found the string \"1\" (tolerance 0.001)", RK_MISMATCH},
	{LINE("{\"items\": [{\"item\": 1}]}"), "{\"items\": [{\"item\": \"1\"}]}",
	 "golden.jsonl: line 1: item 1: expected it in the reply, found nothing", RK_MISMATCH},
	{LINE("{\"items\": [{\"item\": \"a\"}, {\"item\": \"a\"}]}"),
	 "{\"items\": [{\"item\": \"a\"}, {\"item\": \"b\"}]}",
	 "golden.jsonl: line 1: item \"a\": expected it in the reply, found nothing", RK_MISMATCH},
	{LINE("{\"items\": [{\"item\": 1, \"unknown\": true}]}"), "{\"items\": [{\"item\": 1}]}",
	 "golden.jsonl: line 1: item 1: unknown: expected true, found nothing (tolerance 0.001)", RK_MISMATCH},
	{LINE("{\"items\": [{\"item\": 1, \"unknown\": false}]}"), "{\"items\": [{\"item\": 1, \"unknown\": true}]}",
	 "golden.jsonl: line 1: item 1: unknown: expected false, found true (tolerance 0.001)", RK_MISMATCH},
	{LINE("{\"items\": [{\"item\": 1, \"signals\": {\"like\": 0.5}}]}"),
	 "{\"items\": [{\"item\": 1, \"signals\": {}}]}",
	 "golden.jsonl: line 1: item 1: signals: like: expected 0.5, found nothing (tolerance 0.001)", RK_MISMATCH},
	{LINE("{\"items\": [{\"item\": 1, \"terms\": {\"like\": 0.5}}]}"),
	 "{\"items\": [{\"item\": 1, \"terms\": {\"like\": 0.6}}]}",
	 "golden.jsonl: line 1: item 1: terms: like: expected 0.5, found 0.6 (tolerance 0.001)", RK_MISMATCH},
	{LINE("{\"items\": [{\"item\": 1, \"signals\": null}]}"), "{\"items\": [{\"item\": 1, \"signals\": {}}]}",
	 "golden.jsonl: line 1: item 1: signals: expected null, found an object (tolerance 0.001)", RK_MISMATCH},
	{LINE("{\"items\": [], \"history\": {\"used\": 2}}"), "{\"items\": [], \"history\": {\"used\": 3}}",
	 "golden.jsonl: line 1: history.used: expected 2, found 3", RK_MISMATCH},
	{LINE("{\"items\": [], \"history\": {\"used\": 2}}"), "{\"items\": []}",
	 "golden.jsonl: line 1: history.used: expected 2, found nothing", RK_MISMATCH},
	{LINE("{\"items\": []}") LINE("{\"items\": [{\"item\": 1, \"scores\": 1}]}"), "{\"items\": [{\"item\": 1}]}",
	 "golden.jsonl: line 2: item 1: scores: unknown key in `expected`", RK_INVALID},
	{LINE("{\"items\": [{\"item\": 1, \"score\": \"1\"}]}"), "{\"items\": [{\"item\": 1, \"score\": 1}]}",
	 "golden.jsonl: line 1: item 1: score: expected a number or null in `expected`, found the string \"1\"",
	 RK_INVALID},
	{LINE("{\"items\": [{\"item\": 1, \"signals\": 1}]}"), "{\"items\": [{\"item\": 1}]}",
	 "golden.jsonl: line 1: item 1: signals: expected an object or null in `expected`, found 1", RK_INVALID},
	{LINE("{\"items\": [{\"item\": 1, \"unknown\": 1}]}"), "{\"items\": [{\"item\": 1}]}",
	 "golden.jsonl: line 1: item 1: unknown: expected true or false in `expected`, found 1", RK_INVALID},
	{LINE("{\"items\": [{}]}"), "{\"items\": []}",
	 "golden.jsonl: line 1: expected: items[0].item: expected an id, found nothing", RK_INVALID},
	{LINE("{\"items\": [7]}"), "{\"items\": []}",
	 "golden.jsonl: line 1: expected: items[0].item: expected an id, found nothing", RK_INVALID},
	{LINE("{\"items\": [{\"item\": 1}]}"), "{\"items\": [{\"item\": 1.5}]}",
	 "golden.jsonl: line 1: reply: items[0].item: expected an id, found 1.5", RK_INVALID},
	{LINE("{\"items\": {}}"), "{\"items\": []}",
	 "golden.jsonl: line 1: expected.items: expected a list, found an object", RK_INVALID},
	{LINE("{\"items\": []}"), "{}", "golden.jsonl: line 1: reply: items: expected a list, found nothing",
	 RK_INVALID},
	{LINE("{\"items\": []}"), "{", "golden.jsonl: line 1: reply: not valid JSON: string or '}' expected",
	 RK_MALFORMED},
	{LINE("{\"items\": [], \"degraded\": null}"), "{\"items\": []}",
	 "golden.jsonl: line 1: expected: expected the keys items and history, found others", RK_INVALID},
	{LINE("[]"), "{\"items\": []}", "golden.jsonl: line 1: expected: expected an object, found a list", RK_INVALID},
	{"{\"request\": {}}\n", "{\"items\": []}",
	 "golden.jsonl: line 1: expected {\"request\": {...}, \"expected\": {...}}", RK_INVALID},
	{"{\"request\": [], \"expected\": {\"items\": []}}\n", "{\"items\": []}",
	 "golden.jsonl: line 1: expected {\"request\": {...}, \"expected\": {...}}", RK_INVALID},
	{"[]\n", "{\"items\": []}", "golden.jsonl: line 1: expected {\"request\": {...}, \"expected\": {...}}",
	 RK_INVALID},
	{LINE("{\"items\": []}") "\n" LINE("{\"items\": []}"), "{\"items\": []}",
	 "golden.jsonl: line 2: expected a JSON object, found a blank line", RK_MALFORMED},
	{LINE("{\"items\": []}") "x", "{\"items\": []}", "golden.jsonl: line 2: not valid JSON: invalid token",
	 RK_MALFORMED},
	{LINE("{\"items\": []}") "{\"request\": {}, \"request\": {}}", "{\"items\": []}",
	 "golden.jsonl: line 2: not valid JSON: duplicate object key", RK_MALFORMED},
};

Test(golden, what_differs_is_named)
{
	for (size_t i = 0; i < sizeof(differing) / sizeof(differing[0]); i++) {
		struct rk_error error = {.status = RK_OK};
		fake.reply = differing[i].reply;
		version.report.n_golden = 99;
		cr_expect_eq(check(differing[i].expected, &error), differing[i].status, "%s", differing[i].expected);
		cr_expect_str_eq(error.message, differing[i].message, "%s", error.message);
		cr_expect_eq(error.status, differing[i].status);
		cr_expect_eq(version.report.n_golden, 99);
	}
}

Test(golden, the_largest_error_is_reported)
{
	struct rk_error error = {.status = RK_OK};
	fake.reply = "{\"items\": [{\"item\": 1, \"score\": 0.5002, \"signals\": {\"a\": 2.001}}]}";
	cr_assert_eq(check(LINE("{\"items\": [{\"item\": 1, \"score\": 0.5}]}")
				   LINE("{\"items\": [{\"item\": 1, \"signals\": {\"a\": 2}}]}"),
			   &error),
		     RK_OK, "%s", error.message);
	cr_assert_eq(version.report.n_golden, 2);
	cr_assert_float_eq(version.report.parity_max_error, 0.0005, 1e-12);
}

Test(golden, blank_ends_and_long_lines)
{
	struct rk_error error = {.status = RK_OK};
	cr_assert_eq(check("", &error), RK_OK);
	cr_assert_eq(check("\n \n\r\n", &error), RK_OK);
	cr_assert_eq(version.report.n_golden, 0);
	cr_assert_eq(check(LINE("{\"items\": []}") "\r\n\n", &error), RK_OK, "%s", error.message);
	cr_assert_eq(version.report.n_golden, 1);
	size_t n = 300000;
	char *text = test_alloc(n * 8 + 200);
	size_t used = (size_t)sprintf(text, "{\"request\": {\"candidates\": [1");
	for (size_t i = 0; i < n; i++)
		used += (size_t)sprintf(text + used, ",%zu", i);
	(void)sprintf(text + used, "]}, \"expected\": {\"items\": []}}");
	cr_assert_eq(check(text, &error), RK_OK, "%s", error.message);
}

Test(golden, a_request_that_is_refused_is_an_error_of_its_line)
{
	struct rk_error error = {.status = RK_OK};
	fake.status = RK_LIMIT;
	cr_assert_eq(check(LINE("{\"items\": []}"), &error), RK_LIMIT);
	cr_assert_str_eq(error.message, "golden.jsonl: line 1: /candidates: a reason");
}

Test(golden, the_file_may_not_be_a_folder)
{
	struct rk_error error = {.status = RK_OK};
	test_make_folder(test_path(folder.path, "golden.jsonl"));
	cr_assert_eq(rk_golden_check(&version, folder.path, rank_fake, &fake, &error), RK_INVALID);
	cr_assert_str_eq(error.message, "golden.jsonl: expected a regular file, found a folder");
}

Test(golden, warm_up_lines_are_ranked_as_they_are)
{
	struct rk_error error = {.status = RK_OK};
	test_write_text(test_path(folder.path, "warmup.jsonl"), "{\"top_k\": 3}\n{ \"a\" :1.0}\n\n");
	cr_assert_eq(rk_warmup_run(&version, folder.path, rank_fake, &fake, &error), RK_OK, "%s", error.message);
	cr_assert(fake.n_calls == 2 && version.report.n_warmup == 2);
	cr_assert_str_eq(fake.last, "{ \"a\" :1.0}");
	fake.status = RK_LIMIT;
	cr_assert_eq(rk_warmup_run(&version, folder.path, rank_fake, &fake, &error), RK_INVALID);
	cr_assert_str_eq(error.message, "warmup.jsonl: line 1: /candidates: a reason");
	cr_assert_eq(error.status, RK_INVALID);
	cr_assert_eq(version.report.n_warmup, 2);
}
