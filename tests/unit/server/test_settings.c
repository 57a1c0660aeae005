#include "server/settings.h"
#include "tests/unit/server/json_kept.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct rk_settings settings;
static enum rk_settings_request request;
static struct rk_error error;
static char *no_variables[] = {NULL};

enum { MAX_WORDS = 16 };

/* `words` separated by one space are the flags; `variables` likewise. */
static enum rk_status load(const char *words, const char *variables)
{
	static char texts[2][2048];
	char *lists[2][MAX_WORDS] = {0};
	int n[2] = {0};
	for (int i = 0; i < 2; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "%s", i == 0 ? words : variables);
		for (char *word = strtok(texts[i], " "); word != NULL; word = strtok(NULL, " "))
			lists[i][n[i]++] = word;
	}
	error = (struct rk_error){0};
	return rk_settings_load(n[0], lists[0], lists[1], &settings, &request, &error);
}

static const char *write_config(const char *text)
{
	static char path[64] = "";
	if (path[0] != '\0')
		(void)unlink(path);
	(void)snprintf(path, sizeof(path), "/tmp/rankd-settings-XXXXXX");
	int fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
	return path;
}

static enum rk_status load_config(const char *text, const char *more_flags, const char *variables)
{
	char flags[256];
	const char *path = write_config(text);
	(void)snprintf(flags, sizeof(flags), "--config %s %s", path, more_flags);
	enum rk_status status = load(flags, variables);
	(void)unlink(path);
	return status;
}

Test(settings, defaults_are_the_documented_ones)
{
	cr_assert_eq(rk_settings_load(0, NULL, no_variables, &settings, &request, &error), RK_OK);
	cr_assert_eq(request, RK_SETTINGS_SERVE);
	cr_assert_str_eq(settings.models, "models");
	cr_assert_str_eq(settings.default_model, "");
	cr_assert_eq(settings.listen.port, 8080);
	cr_assert_str_eq(settings.admin.host, "127.0.0.1");
	cr_assert_eq(settings.admin.port, 8081);
	cr_assert(settings.workers >= 1 && settings.workers <= 256);
	cr_assert_eq(settings.budget_ms, 50);
	cr_assert_eq(settings.queue_ms, 35);
	cr_assert_eq(settings.max_body_bytes, 4 << 20);
	cr_assert_eq(settings.max_candidates, 4096);
	cr_assert_eq(settings.max_history_events, 1024);
	cr_assert_eq(settings.max_connections, 1024);
	cr_assert_eq(settings.watch_models, 0);
	cr_assert_eq(settings.idle_timeout, 60);
	cr_assert_eq(settings.request_timeout, 10);
	cr_assert_eq(settings.drain_delay, 5);
	cr_assert_eq(settings.drain_timeout, 20);
	cr_assert_str_eq(settings.admin_token_file, "");
	cr_assert_str_eq(settings.cpu, "auto");
	cr_assert_str_eq(settings.sandbox, "auto");
	cr_assert_str_eq(settings.log_level, "info");
	cr_assert_eq(settings.access_log_sample, 0.01);
	cr_assert(!settings.record_bodies && !settings.log_ids);
}

Test(settings, flag_over_environment_over_file_over_default)
{
	static const char file[] = "{\"budget_ms\":1,\"queue_ms\":2,\"workers\":3,\"cpu\":\"scalar\"}";
	cr_assert_eq(load_config(file, "--budget-ms 30 --workers=7", "RANKD_BUDGET_MS=20 RANKD_QUEUE_MS=21 HOME=/"),
		     RK_OK, "%s", error.message);
	cr_assert_eq(settings.budget_ms, 30);
	cr_assert_eq(settings.queue_ms, 21);
	cr_assert_eq(settings.workers, 7);
	cr_assert_str_eq(settings.cpu, "scalar");
	cr_assert_eq(settings.max_candidates, 4096);
}

Test(settings, every_key_is_a_flag_a_variable_and_a_key_of_the_file)
{
	static const struct {
		const char *key, *flag, *variable, *value, *json;
	} cases[] = {
		{"models", "--models", "RANKD_MODELS", "/m", "\"/m\""},
		{"default_model", "--default-model", "RANKD_DEFAULT_MODEL", "a.b", "\"a.b\""},
		{"listen", "--listen", "RANKD_LISTEN", "h:1", "\"h:1\""},
		{"admin", "--admin", "RANKD_ADMIN", "off", "\"off\""},
		{"workers", "--workers", "RANKD_WORKERS", "256", "256"},
		{"budget_ms", "--budget-ms", "RANKD_BUDGET_MS", "60000", "60000"},
		{"queue_ms", "--queue-ms", "RANKD_QUEUE_MS", "1", "1"},
		{"max_body_bytes", "--max-body-bytes", "RANKD_MAX_BODY_BYTES", "1024", "1024"},
		{"max_candidates", "--max-candidates", "RANKD_MAX_CANDIDATES", "65536", "65536"},
		{"max_history_events", "--max-history-events", "RANKD_MAX_HISTORY_EVENTS", "1", "1"},
		{"max_connections", "--max-connections", "RANKD_MAX_CONNECTIONS", "65536", "65536"},
		{"watch_models", "--watch-models", "RANKD_WATCH_MODELS", "5", "5"},
		{"idle_timeout", "--idle-timeout", "RANKD_IDLE_TIMEOUT", "3600", "3600"},
		{"request_timeout", "--request-timeout", "RANKD_REQUEST_TIMEOUT", "1", "1"},
		{"drain_delay", "--drain-delay", "RANKD_DRAIN_DELAY", "0.25", "0.25"},
		{"drain_timeout", "--drain-timeout", "RANKD_DRAIN_TIMEOUT", "0", "0"},
		{"admin_token_file", "--admin-token-file", "RANKD_ADMIN_TOKEN_FILE", "/t", "\"/t\""},
		{"cpu", "--cpu", "RANKD_CPU", "avx512", "\"avx512\""},
		{"sandbox", "--sandbox", "RANKD_SANDBOX", "off", "\"off\""},
		{"log_level", "--log-level", "RANKD_LOG_LEVEL", "debug", "\"debug\""},
		{"access_log_sample", "--access-log-sample", "RANKD_ACCESS_LOG_SAMPLE", "1", "1"},
		{"record_bodies", "--record-bodies", "RANKD_RECORD_BODIES", "true", "true"},
		{"log_ids", "--log-ids", "RANKD_LOG_IDS", "true", "true"},
	};
	enum {
		N_KEYS = 0
#define COUNT(name, kind, fallback, low, high, unit, help) +1
		RK_SETTING_TABLE(COUNT)
	};
	cr_assert_eq(sizeof(cases) / sizeof(cases[0]), (size_t)N_KEYS, "a new setting needs a line here");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256], expected[128];
		static char shown[65536];
		(void)snprintf(expected, sizeof(expected), "  \"%s\": %s", cases[i].key, cases[i].json);
		for (int way = 0; way < 4; way++) {
			enum rk_status status;
			if (way == 3) {
				(void)snprintf(text, sizeof(text), "{\"%s\": %s}", cases[i].key, cases[i].json);
				status = load_config(text, "", "");
			} else {
				(void)snprintf(text, sizeof(text), "%s%s%s",
					       way < 2 ? cases[i].flag : cases[i].variable, way == 0 ? " " : "=",
					       cases[i].value);
				status = way < 2 ? load(text, "") : load("", text);
			}
			cr_assert_eq(status, RK_OK, "%s: %s", text, error.message);
			(void)rk_settings_write(&settings, shown, sizeof(shown));
			char *line = strstr(shown, expected);
			cr_assert_not_null(line, "%s not in %s", expected, shown);
			cr_assert(line[strlen(expected)] == ',' || line[strlen(expected)] == '\n');
		}
	}
}

Test(settings, what_is_printed_is_a_config_file_that_says_the_same)
{
	static char shown[65536], again[65536];
	cr_assert_eq(load("--drain-delay 0.1 --listen [::1]:0 --admin off --max-body-bytes 64KiB", ""), RK_OK);
	(void)rk_settings_write(&settings, shown, sizeof(shown));
	cr_assert_not_null(strstr(shown, "\"drain_delay\": 0.1,"));
	cr_assert_not_null(strstr(shown, "\"drain_timeout\": 20,"), "%s", shown);
	cr_assert_not_null(json_kept(shown, strlen(shown)));
	rk_settings_default(&settings);
	cr_assert_eq(rk_settings_merge_file(&settings, "shown", rk_bytes_of(shown), &error), RK_OK, "%s",
		     error.message);
	(void)rk_settings_write(&settings, again, sizeof(again));
	cr_assert_str_eq(again, shown);
}

Test(settings, sizes_have_suffixes)
{
	static const struct {
		const char *text;
		size_t bytes;
	} cases[] = {{"4096", 4096}, {"4096B", 4096}, {"1KiB", 1024}, {"64MiB", 64 << 20}, {"1MiB", 1 << 20}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(rk_settings_set(&settings, "here", "max_body_bytes", cases[i].text, &error), RK_OK);
		cr_assert_eq(settings.max_body_bytes, cases[i].bytes);
	}
	cr_assert_eq(load_config("{\"max_body_bytes\":\"2MiB\"}", "", ""), RK_OK);
	cr_assert_eq(settings.max_body_bytes, 2 << 20);
}

Test(settings, values_out_of_form_or_range_are_refused)
{
	static const struct {
		const char *key, *value;
	} cases[] = {
		{"models", ""},
		{"default_model", "a/b"},
		{"default_model", "a b"},
		{"listen", "off"},
		{"listen", "8080"},
		{"admin", ""},
		{"workers", "0"},
		{"workers", "257"},
		{"workers", "-1"},
		{"workers", "+1"},
		{"workers", " 1"},
		{"workers", "1.5"},
		{"workers", "1e2"},
		{"workers", "0x10"},
		{"workers", ""},
		{"workers", "4x"},
		{"workers", "99999999999999999999"},
		{"budget_ms", "0"},
		{"budget_ms", "60001"},
		{"max_body_bytes", "1023"},
		{"max_body_bytes", "64MiBx"},
		{"max_body_bytes", "65MiB"},
		{"max_body_bytes", "1kb"},
		{"max_body_bytes", "1 MiB"},
		{"max_body_bytes", "17179869185GiB"},
		{"max_body_bytes", "-1"},
		{"idle_timeout", "0"},
		{"idle_timeout", "3601"},
		{"drain_delay", "-0.1"},
		{"drain_delay", "3600.5"},
		{"drain_delay", "nan"},
		{"drain_delay", "inf"},
		{"drain_delay", "0x1"},
		{"drain_delay", ""},
		{"drain_delay", " 1"},
		{"drain_delay", "1s"},
		{"drain_delay", "1e999"},
		{"cpu", "AVX2"},
		{"cpu", "avx"},
		{"cpu", ""},
		{"cpu", "auto|scalar"},
		{"cpu", "sse"},
		{"log_level", "warning"},
		{"access_log_sample", "1.01"},
		{"access_log_sample", "-1"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rk_settings before;
		char start[128];
		rk_settings_default(&settings);
		before = settings;
		cr_assert_eq(rk_settings_set(&settings, "environment", cases[i].key, cases[i].value, &error),
			     RK_INVALID, "%s=%s", cases[i].key, cases[i].value);
		(void)snprintf(start, sizeof(start), "environment: %s: ", cases[i].key);
		cr_assert_eq(strncmp(error.message, start, strlen(start)), 0, "%s", error.message);
		cr_assert_gt(strlen(error.message), strlen(start));
		cr_assert_eq(memcmp(&before, &settings, sizeof(before)), 0, "nothing is set");
	}
}

Test(settings, a_refusal_shows_the_value_on_one_line)
{
	static const struct {
		const char *key, *value, *end;
	} cases[] = {
		{"max_body_bytes", "4MB", "bytes (also as KiB, MiB, GiB), found \"4MB\""},
		{"drain_delay", "5s", "expected a number from 0 to 3600 (s), found \"5s\""},
		{"cpu", "sse", "expected one of auto|scalar|avx2|avx512|amx, found \"sse\""},
		{"listen", "off", "expected host:port, [v6]:port or unix:/path, found \"off\""},
		{"listen", "h:70000", "expected a port from 0 to 65535 after the last colon, found \"h:70000\""},
		{"default_model", "a\n\"b\xff", "expected 1 to 64 of A-Z a-z 0-9 . _ -, found \"a\\n\\\"b\\ufffd\""},
		{"default_model", "0123456789012345678901234567890123456789012345678901234567890123456789",
		 "expected a name of 0 to 64 bytes, found "
		 "\"0123456789012345678901234567890123456789012345678901234567890123\"… of 70 bytes"},
		{"log_ids", "yes", "expected true or false, found \"yes\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(rk_settings_set(&settings, "here", cases[i].key, cases[i].value, &error), RK_INVALID);
		size_t n = strlen(error.message), n_end = strlen(cases[i].end);
		cr_assert(n >= n_end && strcmp(error.message + n - n_end, cases[i].end) == 0, "%s", error.message);
	}
}

Test(settings, the_file_must_be_an_object_of_known_keys_with_the_right_types)
{
	static const struct {
		const char *text, *message; /* what follows the file's name */
	} cases[] = {
		{"{\"worker\":1}", ": worker: no such setting"},
		{"{\"drain-delay\":1}", ": drain-delay: no such setting"},
		{"{\"workers\":\"4\"}", ": workers: expected a whole number, found a string"},
		{"{\"workers\":4.0}",
		 ": workers: expected a whole number, found a number with a fraction or an exponent"},
		{"{\"workers\":null}", ": workers: expected a whole number, found null"},
		{"{\"workers\":0}", ": workers: expected a whole number from 1 to 256 (threads), found \"0\""},
		{"{\"drain_delay\":\"5\"}", ": drain_delay: expected a number, found a string"},
		{"{\"models\":5}", ": models: expected a string, found an integer"},
		{"{\"cpu\":true}", ": cpu: expected a string, found a boolean"},
		{"{\"listen\":[\"h:1\"]}", ": listen: expected a string, found an array"},
		{"{\"max_body_bytes\":1.5}", ": max_body_bytes: expected a whole number or a string, found a number "
					     "with a fraction or an exponent"},
		{"[]", ": expected an object, found an array"},
		{"", ": line "},
		{"{\"workers\":1,\"workers\":2}", ": line 1: malformed JSON"},
		{"{\n\"workers\":}", ": line 2: malformed JSON"},
		{"{} x", ": line 1: malformed JSON"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_neq(load_config(cases[i].text, "", ""), RK_OK, "%s", cases[i].text);
		cr_assert_eq(strncmp(error.message, "/tmp/rankd-settings-", 20), 0, "%s", error.message);
		const char *rest = strchr(error.message, ':');
		cr_assert_not_null(rest);
		cr_assert_eq(strncmp(rest, cases[i].message, strlen(cases[i].message)), 0, "%s", error.message);
	}
	cr_assert_eq(load("--config /nowhere/rankd.json", ""), RK_IO);
	cr_assert_eq(strncmp(error.message, "/nowhere/rankd.json: cannot open", 32), 0);
	cr_assert_eq(load("--config /tmp", ""), RK_IO);
}

Test(settings, the_command_line_is_checked)
{
	static const struct {
		const char *words, *message;
	} cases[] = {
		{"--wrokers 4", "command line: --wrokers: no such setting"},
		{"--workers", "command line: --workers: needs a value"},
		{"--workers --cpu auto", "command line: --workers: needs a value"},
		{"--workers= --cpu auto",
		 "command line: workers: expected a whole number from 1 to 256 (threads), found \"\""},
		{"--drain_delay 5", "command line: --drain_delay: no such setting"},
		{"serve", "command line: serve: expected a flag that begins with --"},
		{"-w 4", "command line: -w: expected a flag that begins with --"},
		{"--", "command line: --: expected a flag that begins with --"},
		{"--=5", "command line: --=5: expected a flag that begins with --"},
		{"--config", "command line: --config: needs a value"},
		{"--print-config=yes", "command line: --print-config: takes no value"},
		{"--help=yes", "command line: --help: takes no value"},
		{"--help --nonsense", "command line: --nonsense: no such setting"},
		{"--workers 300",
		 "command line: workers: expected a whole number from 1 to 256 (threads), found \"300\""},
		{"--workers -1",
		 "command line: workers: expected a whole number from 1 to 256 (threads), found \"-1\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(load(cases[i].words, ""), RK_INVALID, "%s", cases[i].words);
		cr_assert_str_eq(error.message, cases[i].message);
	}
	cr_assert_eq(load("--workers 3 --workers 5", ""), RK_OK);
	cr_assert_eq(settings.workers, 5, "the last one holds");
}

Test(settings, the_environment_is_checked)
{
	static const char *const unknown[] = {"RANKD_WORKER=1", "RANKD_=1", "RANKD_workers=1", "RANKD_CONFIG=x",
					      "RANKD_DRAIN-DELAY=5"};
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		char expected[128];
		cr_assert_eq(load("", unknown[i]), RK_INVALID, "%s", unknown[i]);
		(void)snprintf(expected, sizeof(expected), "environment: %.*s: no such setting",
			       (int)strcspn(unknown[i], "="), unknown[i]);
		cr_assert_str_eq(error.message, expected);
	}
	cr_assert_eq(load("", "RANKD_WORKERS=many"), RK_INVALID);
	cr_assert_str_eq(error.message,
			 "environment: workers: expected a whole number from 1 to 256 (threads), found \"many\"");
	cr_assert_eq(load("", "RANK_WORKERS=many XRANKD_WORKERS=many rankd_workers=many"), RK_OK);
}

Test(settings, what_kubernetes_puts_into_the_environment_is_no_mistake)
{
	cr_assert_eq(load("", "RANKD_SERVICE_HOST=10.0.0.1 RANKD_SERVICE_PORT=80 RANKD_SERVICE_PORT_HTTP=80 "
			      "RANKD_PORT=tcp://10.0.0.1:80 RANKD_PORT_80_TCP_ADDR=10.0.0.1 "
			      "RANKD_ADMIN_PORT_8081_TCP_PROTO=tcp RANKD_ADMIN_SERVICE_HOST=10.0.0.2"),
		     RK_OK, "%s", error.message);
}

Test(settings, other_wishes)
{
	cr_assert_eq(load("--print-config", ""), RK_OK);
	cr_assert_eq(request, RK_SETTINGS_PRINT_CONFIG);
	cr_assert_eq(load("--help --print-config", ""), RK_OK);
	cr_assert_eq(request, RK_SETTINGS_HELP);
	cr_assert_eq(load("-h", ""), RK_OK);
	cr_assert_eq(request, RK_SETTINGS_HELP);
}

Test(settings, help_shows_every_flag)
{
	static char help[16384];
	size_t size = rk_settings_write_help(help, sizeof(help));
	cr_assert_eq(size, strlen(help));
#define HELP_HAS(name, kind, fallback, low, high, unit, text) cr_assert_not_null(strstr(help, text));
	RK_SETTING_TABLE(HELP_HAS)
	cr_assert_not_null(strstr(help, "  --max-body-bytes bytes "));
	cr_assert_not_null(strstr(help, "(default 50; 1 to 60000 ms)"));
}
