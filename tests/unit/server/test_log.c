#include "server/log.h"
#include "tests/unit/server/json_kept.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2];
static char line[8192];

static void open_pipe(enum rk_log_level level)
{
	cr_assert_eq(pipe(ends), 0);
	rk_log_open(ends[1], level);
}

static json_t *read_line(void)
{
	ssize_t n = read(ends[0], line, sizeof(line) - 1);
	cr_assert_gt(n, 0);
	line[n] = '\0';
	cr_assert_eq(line[n - 1], '\n');
	cr_assert_eq(strchr(line, '\n'), line + n - 1, "one line a write");
	json_t *root = json_kept(line, strlen(line));
	cr_assert_not_null(root, "%s", line);
	return root;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

Test(log, a_line_is_a_json_object)
{
	open_pipe(RK_LOG_DEBUG);
	rk_log_with(RK_LOG_WARN, "loaded", "a \"model\" is ready", rk_log_text("name", "m"), rk_log_integer("i", -5),
		    rk_log_unsigned("u", INT64_MAX), rk_log_real("r", 0.25), rk_log_real("nan", (double)NAN),
		    rk_log_boolean("b", true));
	json_t *root = read_line();
	cr_assert_str_eq(text_of(root, "level"), "warn");
	cr_assert_str_eq(text_of(root, "event"), "loaded");
	cr_assert_str_eq(text_of(root, "message"), "a \"model\" is ready");
	cr_assert_str_eq(text_of(root, "name"), "m");
	cr_assert_eq(json_integer_value(json_object_get(root, "i")), -5);
	cr_assert_not_null(strstr(line, "\"u\":9223372036854775807"));
	cr_assert_eq(json_real_value(json_object_get(root, "r")), 0.25);
	cr_assert(json_is_null(json_object_get(root, "nan")));
	cr_assert(json_is_true(json_object_get(root, "b")));
	rk_log(RK_LOG_INFO, "bare", NULL);
	cr_assert_eq(json_object_size(read_line()), 3);
}

Test(log, time_is_now_in_rfc_3339)
{
	open_pipe(RK_LOG_DEBUG);
	time_t before = time(NULL);
	rk_log(RK_LOG_INFO, "tick", NULL);
	time_t after = time(NULL);
	struct tm tm = {0};
	int ms = -1;
	char z = 0;
	cr_assert_eq(sscanf(text_of(read_line(), "time"), "%4d-%2d-%2dT%2d:%2d:%2d.%3d%c", &tm.tm_year, &tm.tm_mon,
			    &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms, &z),
		     8);
	cr_assert_eq(z, 'Z');
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	time_t logged = timegm(&tm);
	cr_assert(logged >= before && logged <= after);
}

Test(log, lower_levels_are_left_out)
{
	open_pipe(RK_LOG_WARN);
	cr_assert_not(rk_log_enabled(RK_LOG_INFO));
	cr_assert(rk_log_enabled(RK_LOG_ERROR));
	rk_log(RK_LOG_INFO, "quiet", NULL);
	rk_log(RK_LOG_ERROR, "loud", NULL);
	cr_assert_str_eq(text_of(read_line(), "event"), "loud");
	cr_assert_eq(rk_log_level_of("debug"), RK_LOG_DEBUG);
	cr_assert_eq(rk_log_level_of("error"), RK_LOG_ERROR);
}

Test(log, what_could_forge_a_line_is_escaped)
{
	open_pipe(RK_LOG_DEBUG);
	rk_log_with(RK_LOG_INFO, "x", NULL,
		    rk_log_text("t", "a\n{\"level\":\"error\"}\r\x1b[31m\x7f\xff\xe2\x80\xa8\xe2\x80\xa9"));
	(void)read_line();
	cr_assert_not_null(strstr(line, "a\\n{\\\"level\\\":\\\"error\\\"}\\r\\u001b[31m\\u007f\\ufffd\\u2028\\u2029"));
}

Test(log, a_line_that_is_too_long_loses_fields_and_says_so)
{
	static char longest[5000];
	memset(longest, 1, sizeof(longest) - 1);
	open_pipe(RK_LOG_DEBUG);
	rk_log_with(RK_LOG_INFO, "x", "kept", rk_log_text("long", longest), rk_log_integer("after", 1));
	json_t *root = read_line();
	cr_assert_leq(strlen(line), PIPE_BUF);
	cr_assert_str_eq(text_of(root, "message"), "kept");
	cr_assert_null(json_object_get(root, "long"));
	cr_assert_not_null(json_object_get(root, "after"));
	cr_assert(json_is_true(json_object_get(root, "cut")));
}

static void fill(int n)
{
	for (int i = 0; i < n; i++)
		rk_log(RK_LOG_INFO, "filling", "the other end does not read");
}

Test(log, a_full_pipe_drops_lines_and_never_blocks, .timeout = 10)
{
	open_pipe(RK_LOG_DEBUG);
	fill(20000);
	cr_assert_gt(rk_log_dropped(), 0);
	cr_assert_eq(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0, "others who share the pipe keep theirs");
}

Test(log, a_full_socket_drops_lines_and_never_blocks, .timeout = 10)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	rk_log_open(ends[1], RK_LOG_DEBUG);
	fill(20000);
	cr_assert_gt(rk_log_dropped(), 0);
}

Test(log, a_file_is_written_to)
{
	FILE *file = tmpfile();
	rk_log_open(fileno(file), RK_LOG_DEBUG);
	fill(3);
	rk_log_close();
	fill(1);
	rewind(file);
	int n = 0;
	while (fgets(line, sizeof(line), file) != NULL)
		n++;
	cr_assert_eq(n, 3);
	cr_assert_eq(rk_log_dropped(), 0);
	(void)fclose(file);
}

static char name_one[] = "one", name_two[] = "two";

static void *log_many(void *context)
{
	for (int i = 0; i < 500; i++)
		rk_log_with(RK_LOG_INFO, "x", "some text to make the line longer", rk_log_text("who", context));
	return NULL;
}

static void *count_lines(void *context)
{
	FILE *file = fdopen(ends[0], "r");
	static char text[8192];
	for (int i = 0; i < 1000 - (int)rk_log_dropped() && fgets(text, sizeof(text), file) != NULL; i++)
		*(int *)context += json_kept(text, strlen(text)) != NULL;
	return NULL;
}

Test(log, lines_of_two_threads_do_not_mix, .timeout = 20)
{
	pthread_t threads[3];
	int n = 0;
	open_pipe(RK_LOG_DEBUG);
	cr_assert_gt(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20), 0);
	cr_assert_eq(pthread_create(&threads[0], NULL, log_many, name_one), 0);
	cr_assert_eq(pthread_create(&threads[1], NULL, log_many, name_two), 0);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	cr_assert_eq(rk_log_dropped(), 0);
	cr_assert_eq(pthread_create(&threads[2], NULL, count_lines, &n), 0);
	pthread_join(threads[2], NULL);
	cr_assert_eq(n, 1000);
}

Test(log, a_limit_lets_one_through_a_period)
{
	static struct rk_log_limit limit;
	uint64_t suppressed = 99;
	cr_assert(rk_log_limit_pass(&limit, 1000, 500, &suppressed));
	cr_assert_eq(suppressed, 0);
	cr_assert_not(rk_log_limit_pass(&limit, 1001, 500, &suppressed));
	cr_assert_not(rk_log_limit_pass(&limit, 1499, 500, &suppressed));
	cr_assert(rk_log_limit_pass(&limit, 1500, 500, &suppressed));
	cr_assert_eq(suppressed, 2);
	cr_assert(rk_log_limit_pass(&limit, 9000, 500, &suppressed));
	cr_assert_eq(suppressed, 0);
}
