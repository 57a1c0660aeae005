/* The command as a whole on a golden set: exit codes, the report, and replies that are the expected ones. */
#include "bench/model/cmd_model.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODEL GOLDEN_FOLDER "/sasrec_mlp/1"

enum { MAX_ARGUMENTS = 40, MAX_GOLDEN = 64 };

static int command(const char *line)
{
	static char text[1024];
	static char name[] = "model";
	char *arguments[MAX_ARGUMENTS] = {name};
	int n = 1;
	char *rest = NULL;
	cr_assert_lt(strlen(line), sizeof(text));
	(void)strcpy(text, line);
	for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		cr_assert_lt(n, MAX_ARGUMENTS);
		arguments[n++] = word;
	}
	cr_redirect_stdout();
	cr_redirect_stderr();
	return rk_cmd_bench_model(n, arguments);
}

static void path_of(const char *what, char ret_path[64])
{
	(void)snprintf(ret_path, 64, "/tmp/rankd-model-%d.%s", (int)getpid(), what);
}

/* The golden requests as a file of bodies; the expected answers. */
static size_t write_bodies(const char *path, json_t **ret_expected)
{
	FILE *golden = fopen(MODEL "/golden.jsonl", "re");
	FILE *bodies = fopen(path, "we");
	cr_assert(golden != NULL && bodies != NULL);
	char *line = NULL;
	size_t capacity = 0, n = 0;
	while (getline(&line, &capacity, golden) > 0 && n < MAX_GOLDEN) {
		json_t *pair = json_loads(line, 0, NULL);
		json_t *request = json_object_get(pair, "request");
		cr_assert(json_is_object(request));
		cr_assert_eq(json_dumpf(request, bodies, JSON_COMPACT), 0);
		(void)fputc('\n', bodies);
		ret_expected[n++] = json_incref(json_object_get(pair, "expected"));
		json_decref(pair);
	}
	free(line);
	(void)fclose(golden);
	cr_assert_eq(fclose(bodies), 0);
	cr_assert_gt(n, 0);
	return n;
}

static double number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	cr_assert(json_is_number(value), "%s", name);
	return json_number_value(value);
}

static void has_same_scores(const json_t *answer, const json_t *expected)
{
	const json_t *items = json_object_get(answer, "items"), *others = json_object_get(expected, "items");
	cr_assert_eq(json_array_size(items), json_array_size(others));
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *score = json_object_get(json_array_get(items, i), "score");
		const json_t *other = json_object_get(json_array_get(others, i), "score");
		cr_assert_eq(json_is_null(score), json_is_null(other));
		if (!json_is_null(other))
			cr_assert_float_eq(json_number_value(score), json_number_value(other), 1e-4);
	}
}

static void check_size(const json_t *size, double n_candidates)
{
	static const char *const stages[] = {"decode", "encode_user", "score", "write"};
	const json_t *us = json_object_get(size, "us");
	double sum = 0;
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		cr_assert_geq(number(us, stages[i]), 0, "%s", stages[i]);
		sum += number(us, stages[i]);
	}
	cr_assert_gt(sum, 0);
	cr_assert_gt(number(us, "total"), 0);
	cr_assert_eq(json_array_size(json_object_get(size, "runs_us")), 2);
	cr_assert_geq(number(size, "requests"), 2 * 3);
	cr_assert_float_eq(number(size, "candidates"), n_candidates, 0);
	cr_assert_gt(number(size, "score_mflop"), 0);
	cr_assert_gt(number(size, "encode_mflop"), 0);
	cr_assert_gt(number(size, "score_share_of_peak"), 0);
}

Test(model_bench_command, reports_each_size, .timeout = 60)
{
	char bodies[64], report[64], line[600];
	json_t *expected[MAX_GOLDEN];
	path_of("bodies", bodies);
	path_of("json", report);
	for (size_t n = write_bodies(bodies, expected); n-- > 0;)
		json_decref(expected[n]);
	(void)snprintf(line, sizeof(line),
		       MODEL " --bodies %s --candidates 3,100 --repeat 2 --seconds 0.001 --json %s --cpu scalar",
		       bodies, report);
	cr_assert_eq(command(line), 0);
	json_t *json = json_load_file(report, 0, NULL);
	cr_assert_not_null(json);
	cr_assert_str_eq(json_string_value(json_object_get(json, "tier")), "scalar");
	cr_assert_str_eq(json_string_value(json_object_get(json, "model")), "sasrec_mlp");
	cr_assert_float_eq(number(json, "version"), 1, 0);
	cr_assert_gt(number(json, "peak_gflops"), 0);
	const json_t *sizes = json_object_get(json, "sizes");
	cr_assert_eq(json_array_size(sizes), 2);
	check_size(json_array_get(sizes, 0), 3);
	check_size(json_array_get(sizes, 1), 100);
	cr_assert_float_eq(number(json_array_get(sizes, 1), "score_mflop") /
				   number(json_array_get(sizes, 0), "score_mflop"),
			   100.0 / 3, 0.01);
	json_decref(json);
	(void)unlink(bodies);
	(void)unlink(report);
}

Test(model_bench_command, writes_the_answer_to_each_body, .timeout = 60)
{
	char bodies[64], replies[64], line[600];
	json_t *expected[MAX_GOLDEN];
	path_of("bodies", bodies);
	path_of("replies", replies);
	const size_t n = write_bodies(bodies, expected);
	(void)snprintf(line, sizeof(line), MODEL " --bodies %s --repeat 1 --seconds 0.001 --replies %s", bodies,
		       replies);
	cr_assert_eq(command(line), 0);
	FILE *stream = fopen(replies, "re");
	cr_assert_not_null(stream);
	char *text = NULL;
	size_t capacity = 0, at = 0;
	for (; getline(&text, &capacity, stream) > 0; at++) {
		json_t *answer = json_loads(text, 0, NULL);
		cr_assert(json_is_object(answer) && at < n);
		has_same_scores(answer, expected[at]);
		json_decref(answer);
		json_decref(expected[at]);
	}
	cr_assert_eq(at, n);
	free(text);
	(void)fclose(stream);
	(void)unlink(bodies);
	(void)unlink(replies);
}

Test(model_bench_command, exit_codes, .timeout = 60)
{
	static const struct {
		const char *line;
		int code;
	} cases[] = {
		{"--help", 0},
		{"", 2},
		{MODEL " --repeat 0", 2},
		{"/nonexistent --repeat 1", 1},
		{MODEL, 1}, /* has no warm-up requests */
		{MODEL " --bodies /nonexistent", 1},
		{MODEL " --bodies " MODEL "/config.json", 1},
		{MODEL " --cpu steam", 1},
		{MODEL " --core 1023", 1},
		{MODEL " --json /nonexistent/report", 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(command(cases[i].line), cases[i].code, "%s", cases[i].line);
}
