/* The command as a whole: exit codes, the two reports, repeats. */
#include "bench/load/cmd_load.h"
#include "bench/load/summary.h"
#include "tests/unit/bench/tiny_server.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ARGUMENTS = 40 };

static int command(const char *line)
{
	static char text[512];
	static char name[] = "load";
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
	return rk_cmd_load(n, arguments);
}

static struct rk_tiny_step answer(size_t request)
{
	return (struct rk_tiny_step){
		.action = RK_TINY_ANSWER, .status = request % 4 == 3 ? 429 : 200, .body = "{\"degraded\":null}"};
}

static struct rk_tiny_step hang_up(size_t request)
{
	(void)request;
	return (struct rk_tiny_step){.action = RK_TINY_HANG_UP};
}

static double number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	cr_assert(json_is_number(value), "%s", name);
	return json_number_value(value);
}

Test(load_command, writes_every_metric_of_every_run_as_json, .timeout = 30)
{
	char path[64], line[400];
	(void)snprintf(path, sizeof(path), "/tmp/rankd-load-%d.json", (int)getpid());
	struct rk_tiny_server *server = rk_tiny_server_open(answer, NULL);
	(void)snprintf(
		line, sizeof(line),
		"--url %s --ids 1-1000 --mix dlrm-v2 --pool 40 --rate 200 --constant --duration 0.2 --warmup 0.1 "
		"--repeat 2 --connections 3 --budget-ms 50 --json %s",
		rk_tiny_server_url(server), path);
	cr_assert_eq(command(line), 0);
	(void)rk_tiny_server_close(server);
	json_t *report = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	(void)unlink(path);
	cr_assert_not_null(report);
	cr_assert_str_eq(json_string_value(json_object_get(report, "tool")), "rankd bench load");
	cr_assert_str_eq(json_string_value(json_object_get(report, "loop")), "open");
	cr_assert_str_eq(json_string_value(json_object_get(report, "arrivals")), "constant");
	cr_assert_eq(number(report, "rate_per_s"), 200);
	cr_assert_eq(number(report, "connections"), 3);
	cr_assert_eq(number(report, "budget_ms"), 50);
	const json_t *bodies = json_object_get(report, "bodies");
	cr_assert_eq(number(json_object_get(bodies, "candidates"), "min"), 100);
	cr_assert_eq(number(bodies, "requests"), 40);
	cr_assert_geq(number(json_object_get(report, "machine"), "cores"), 1);
	const json_t *runs = json_object_get(report, "runs");
	cr_assert_eq(json_array_size(runs), 2);
	const json_t *median = json_object_get(report, "median");
	for (size_t i = 0; i < RK_LOAD_N_METRICS; i++) {
		cr_assert_not_null(json_object_get(json_array_get(runs, 1), rk_load_metrics[i].name));
		cr_assert_not_null(json_object_get(median, rk_load_metrics[i].name));
	}
	cr_assert_eq(number(median, "requests"), 40);
	cr_assert_eq(number(median, "status_200") + number(median, "status_429"), 40);
	cr_assert_gt(number(median, "ok_p50_ms"), 0);
	const json_t *notes = json_object_get(report, "notes");
	cr_assert_geq(json_array_size(notes), 2);
	cr_assert_str_eq(json_string_value(json_array_get(notes, 0)), "the measured time is under 5 s");
	cr_assert_str_eq(json_string_value(json_array_get(notes, 1)), "fewer than 3 runs");
	json_decref(report);
}

Test(load_command, exits_with_1_when_nothing_is_answered, .timeout = 30)
{
	char line[400];
	struct rk_tiny_server *server = rk_tiny_server_open(hang_up, NULL);
	(void)snprintf(line, sizeof(line), "--url %s --ids 1-9 --rate 100 --duration 0.2 --warmup 0 --timeout-ms 100",
		       rk_tiny_server_url(server));
	cr_assert_eq(command(line), 1);
	(void)rk_tiny_server_close(server);
}

Test(load_command, exits_with_1_when_it_cannot_begin)
{
	cr_assert_eq(command("--url unix:/nonexistent/socket --ids 1-9 --rate 1"), 1);
	cr_assert_eq(command("--url unix:/nonexistent/socket --bodies /nonexistent/file --rate 1"), 1);
	cr_assert_eq(command("--url unix:/nonexistent/socket --ids 1-9 --rate 1 --json /nonexistent/file"), 1);
}

Test(load_command, exits_with_2_for_a_wrong_command_line)
{
	cr_assert_eq(command(""), 2);
	cr_assert_eq(command("what"), 2);
	cr_assert_eq(command("--rate 1"), 2);
	cr_assert_eq(command("--url https://127.0.0.1 --ids 1-9 --rate 1"), 2);
	cr_assert_eq(command("--url http://192.0.2.1:80/rank --ids 1-9 --rate 1"), 2, "not this machine");
}

Test(load_command, shows_its_help)
{
	cr_assert_eq(command("--help"), 0);
}
